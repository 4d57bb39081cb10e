"""Where dbt's manifest comes from: parsed once per state of the project, kept under the state folder.

dagster-dbt's own preparation parses at every start of a run and asks dbt's hub for packages; here
the manifest is parsed when the project's files have changed, and never needs a network.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import filelock

from medwh_assets.errors import SettingError

_PARSED = {".sql", ".yml", ".yaml", ".csv", ".md"}
_SAYING = _PARSED - {".md"}


def dbt_executable() -> str:
    """Return the tethered dbt beside the running Python, not whichever dbt PATH finds first.

    Raises:
        SettingError: dbt is not installed there.
    """
    executable = Path(sys.executable).with_name("medwh-dbt")
    if not executable.exists():
        raise SettingError(f"{executable} is missing: install medwh into this environment again")
    return str(executable)


def project_digest(project: Path) -> str:
    """Return a hash over every file that dbt parses, names included."""
    return _digest(project, [file for file in project.rglob("*") if file.suffix in _PARSED])


def models_sha256(project: Path) -> str:
    """Return a hash over every file that says what stands in the marts: models, seeds and macros."""
    files = [project / "dbt_project.yml"]
    for folder in ("models", "seeds", "macros"):
        files += [file for file in (project / folder).rglob("*") if file.suffix in _SAYING]
    return _digest(project, files)


def _digest(project: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for name in sorted(file.relative_to(project).as_posix() for file in files):
        if "target" not in name.split("/"):
            digest.update(name.encode() + b"\0")
            digest.update((project / name).read_bytes() + b"\0")
    return digest.hexdigest()


def ensure_manifest(project: Path, target: Path) -> Path:
    """Return the path of a manifest that fits the project as it stands; parse only if needed.

    Args:
        project: folder of the dbt project.
        target: folder for dbt's artefacts, made if absent.

    Raises:
        SettingError: dbt cannot parse the project; the message ends with dbt's own.
    """
    manifest, stamp = target / "manifest.json", target / "manifest.digest"
    digest = project_digest(project)
    if _fits(manifest, stamp, digest):
        return manifest
    target.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(target / ".lock"):
        if not _fits(manifest, stamp, digest):
            _parse(project, target)
            stamp.write_text(digest)
    return manifest


def _fits(manifest: Path, stamp: Path, digest: str) -> bool:
    return manifest.exists() and stamp.exists() and stamp.read_text() == digest


def _parse(project: Path, target: Path) -> None:
    finished = subprocess.run(
        [
            dbt_executable(),
            "--no-use-colors",
            "parse",
            "--project-dir",
            str(project),
            "--profiles-dir",
            str(project),
        ],
        env={
            **os.environ,
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise SettingError(
            f"dbt cannot parse {project}:\n{finished.stdout[-4000:]}{finished.stderr[-2000:]}"
        )
