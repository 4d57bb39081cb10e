"""A real PostgreSQL server for the session, and a fresh warehouse in it for every test.

`postgres_server` is an embedded server of the tests' own, `database` a warehouse that is set up and
empty; `database_environment` holds the settings that lead a command to it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql

from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import set_up


@pytest.fixture(scope="session")
def postgres_binaries() -> Path | None:
    """The server that the tests are to run on, if one was chosen."""
    chosen = os.environ.get("MEDWH_PG_BIN")
    return Path(chosen) if chosen else None


@pytest.fixture(scope="session")
def postgres_server(postgres_binaries: Path | None) -> Iterator[EmbeddedServer]:
    """A running server that does not wait for the disk, in a folder with a short path."""
    state = Path(tempfile.mkdtemp(prefix="medwh-", dir="/tmp"))
    server = EmbeddedServer(state, binaries=postgres_binaries, durable=False)
    server.ensure()
    yield server
    server.stop()
    shutil.rmtree(state)


@pytest.fixture(scope="session")
def empty_server(postgres_server: EmbeddedServer) -> Database:
    """The place of a warehouse that was never set up; nobody creates it."""
    return Database(
        str(postgres_server.socket_folder), postgres_server.port, "postgres", postgres_server.user
    )


@pytest.fixture(scope="session")
def template(empty_server: Database) -> Database:
    """A warehouse that is set up and empty, to be copied; nobody stays connected to it."""
    warehouse = empty_server.on("medwh_template")
    set_up(warehouse)
    return warehouse


@pytest.fixture
def database(empty_server: Database, template: Database) -> Iterator[Database]:
    """A fresh warehouse, set up, with Dagster's database beside it; dropped after the test."""
    yield from _fresh_database(empty_server, template)


@pytest.fixture
def second_database(empty_server: Database, template: Database) -> Iterator[Database]:
    """Another fresh warehouse, for tests that compare two."""
    yield from _fresh_database(empty_server, template)


def _fresh_database(empty_server: Database, template: Database) -> Iterator[Database]:
    fresh = empty_server.on(f"t_{uuid4().hex[:12]}")
    with empty_server.connect() as connection:
        names = {"fresh": sql.Identifier(fresh.name), "template": sql.Identifier(template.name)}
        connection.execute(sql.SQL("create database {fresh} template {template}").format(**names))
    set_up(fresh)
    yield fresh
    drop(fresh)


@pytest.fixture
def unmade_database(empty_server: Database) -> Iterator[Database]:
    """The place of a warehouse that nobody has made yet; dropped after the test, if one did."""
    place = empty_server.on(f"t_{uuid4().hex[:12]}")
    yield place
    drop(place)


@pytest.fixture
def database_environment(database: Database) -> dict[str, str]:
    """The settings that lead a command of its own process to the test's warehouse."""
    return {
        "POSTGRES_HOST": database.host,
        "POSTGRES_PORT": str(database.port),
        "POSTGRES_DB": database.name,
        "POSTGRES_USER": database.user,
    }


def drop(warehouse: Database) -> None:
    """Remove a warehouse and Dagster's database beside it, whoever is connected."""
    with warehouse.connect(name="postgres") as connection:
        for name in (warehouse.name, warehouse.dagster.name):
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )
