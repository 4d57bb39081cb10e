"""dbt in this process: it is imported and the project parsed once, not 4 s at every call."""

import os
from pathlib import Path

import pytest

from medwh_assets.dbt.resource import options_of
from medwh_assets.warehouse.connection import Database
from medwh_dbt import PROJECT_DIR


def dbt_environment(database: Database, target: Path) -> dict[str, str]:
    """Return what `medwh_dbt/profiles.yml` reads, and where dbt's own files go."""
    return {
        "MEDWH_DBT_HOST": database.host,
        "MEDWH_DBT_PORT": str(database.port),
        "MEDWH_DBT_DB": database.name,
        "MEDWH_DBT_USER": database.user,
        "MEDWH_DBT_PASSWORD": "",
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }


class DbtCommand:
    """The project on one database, whose name dbt writes into what it parses."""

    def __init__(self, database: Database, target: Path) -> None:
        from dbt.cli.main import dbtRunner

        self._runner = dbtRunner
        self._environment = dbt_environment(database, target)
        self._manifest = None
        self._manifest = self._call("parse")

    def described_columns(self) -> dict[str, list[str]]:
        """Return the columns that the project describes, by table."""
        return {
            f"{node.schema}.{node.name}": sorted(node.columns)
            for node in self._manifest.nodes.values()
            if node.resource_type in ("model", "seed")
        }

    def run(self, build_id: int | None = None, *arguments: str) -> None:
        """Run the models.

        Raises:
            BuildFailed: a model failed.
        """
        self._call("run", *arguments, build_id=build_id)

    def test(self, select: str) -> None:
        """Run the data tests of a selection.

        Raises:
            BuildFailed: a test failed.
        """
        self._call("test", "--select", select)

    def rebuild(self) -> None:
        """Make every seed and model anew."""
        self._call("build", "--full-refresh", "--resource-types", "seed model")

    def _call(self, command: str, *arguments: str, build_id: int | None = None):
        folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setitem(os.environ, name, value)
            if build_id is not None:
                patch.setitem(os.environ, "PGOPTIONS", options_of(build_id))
            outcome = self._runner(manifest=self._manifest).invoke(
                ["--quiet", "--log-level-file", "none", command, *folders, *arguments]
            )
        if outcome.exception:
            raise outcome.exception
        if not outcome.success:
            raise BuildFailed(
                "; ".join(f"{one.node.name}: {one.message}" for one in outcome.result)
            )
        return outcome.result


class BuildFailed(Exception):
    """A model could not be built."""
