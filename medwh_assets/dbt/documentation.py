"""The warehouse's documentation: dbt's page of every table and column, as one file.

The page holds everything it shows, and neither writing nor reading it needs a network.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from medwh_assets.dbt.project import dbt_executable
from medwh_assets.errors import SettingError

PAGE = "index.html"


def write_documentation(
    project: Path, connection: Mapping[str, str], target: Path, folder: Path
) -> Path:
    """Write the page, whole or not at all, and return where it lies.

    Columns' types and tables' sizes come from the database, so build the marts first; what is not
    built is described without them.

    Args:
        project: folder of the dbt project.
        connection: values of the variables that its profile names.
        target: folder for dbt's artefacts.
        folder: where the page goes, as `index.html`; made if absent.

    Raises:
        SettingError: dbt cannot describe the project; the message ends with dbt's own.
    """
    artefacts = target / "documentation"
    finished = subprocess.run(
        [
            *(dbt_executable(), "--no-use-colors", "docs", "generate", "--static"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
        ],
        env={
            **os.environ,
            **connection,
            "DBT_TARGET_PATH": str(artefacts),
            "DBT_LOG_PATH": str(artefacts / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise SettingError(
            f"dbt cannot describe {project}:\n{finished.stdout[-4000:]}{finished.stderr[-2000:]}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{PAGE}.{os.getpid()}"
    unfinished.write_bytes((artefacts / "static_index.html").read_bytes())
    return unfinished.replace(folder / PAGE)
