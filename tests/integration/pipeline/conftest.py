"""A pipeline in a folder of its own: the `medwh` command as a user runs it, on the tests' server."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from medwh_assets.dbt.project import ensure_manifest
from medwh_assets.definitions import DBT_PROJECT
from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.server import EmbeddedServer
from tests.marts_identity import marts_identity

REPOSITORY = Path(__file__).parents[3]
TIMEOUT_SECONDS = 280


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: its folder, its settings, its database."""

    folder: Path
    environment: dict[str, str]
    database: Database

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def medwh(self, *arguments: str, status: int | None = 0) -> str:
        """Run a command, check its exit status unless it is None, and return what it printed."""
        return self.python("-m", "medwh_assets.cli", *arguments, status=status)

    def python(self, *arguments: str, status: int | None = 0) -> str:
        """Run Python in the pipeline's environment, as `medwh` does."""
        finished = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        said = finished.stdout + finished.stderr
        expected = finished.returncode if status is None else status
        assert finished.returncode == expected, f"status {finished.returncode}:\n{said}"
        return said

    def marts(self) -> dict[str, str]:
        """Return the identity of every mart."""
        with self.database.connect() as connection:
            return marts_identity(connection)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with self.database.connect() as connection:
            return connection.execute(sql.SQL(query), values).fetchall()  # pyright: ignore

    def lake_files(self) -> dict[str, str]:
        """Return the hash of every file in the lake but the locks, by path.

        When a picture was looked at, which the cache tells, is left out.
        """
        found: dict[str, str] = {}
        for file in sorted(self.lake.rglob("*")):
            if file.is_file() and ".lock" not in file.name:
                content = re.sub(rb'"made_at":"[^"]*"', b"", file.read_bytes())
                found[file.relative_to(self.lake).as_posix()] = hashlib.sha256(content).hexdigest()
        return found


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt makes of the project, parsed once for all tests: every state folder gets a copy."""
    target = tmp_path_factory.mktemp("dbt")
    ensure_manifest(DBT_PROJECT, target)
    return target


def settings_of(folder: Path, parsed_project: Path) -> dict[str, str]:
    """Return the environment of a pipeline below a folder, with an embedded server of its own."""
    shutil.copytree(parsed_project, folder / "state" / "dbt")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {
        **kept,
        "MEDWH_STATE": str(folder / "state"),
        "MEDWH_LAKE": str(folder / "lake"),
        "MEDWH_SAMPLE": str(folder / "sample"),
        "COLUMNS": "160",
        "PYTHONPATH": str(REPOSITORY),
    }


@pytest.fixture
def pipeline(
    tmp_path: Path, parsed_project: Path, database: Database, database_environment: dict[str, str]
) -> Pipeline:
    """A fresh pipeline on a fresh warehouse."""
    environment = {**settings_of(tmp_path, parsed_project), **database_environment}
    return Pipeline(tmp_path, environment, database)


@pytest.fixture
def clean_pipeline(tmp_path: Path, parsed_project: Path, second_database: Database) -> Pipeline:
    """Another fresh pipeline, to compare with."""
    folder = tmp_path / "clean"
    database = second_database
    environment = {
        **settings_of(folder, parsed_project),
        "POSTGRES_HOST": database.host,
        "POSTGRES_PORT": str(database.port),
        "POSTGRES_DB": database.name,
        "POSTGRES_USER": database.user,
    }
    return Pipeline(folder, environment, database)


@pytest.fixture(scope="module")
def module_pipeline(parsed_project: Path) -> Iterator[Pipeline]:
    """A pipeline for a whole module, on an embedded server of its own, as a newcomer has it."""
    folder = Path(tempfile.mkdtemp(prefix="medwh-", dir="/tmp"))
    server = EmbeddedServer(folder / "state")
    database = Database(str(server.socket_folder), server.port, "medwh", server.user)
    yield Pipeline(folder, settings_of(folder, parsed_project), database)
    server.stop()
    shutil.rmtree(folder)
