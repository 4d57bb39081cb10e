"""What the warehouse's tests share: connections of a role, posts, and servers to start and stop."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql

from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.server import EmbeddedServer

MakeServer = Callable[..., EmbeddedServer]


@pytest.fixture
def loader(database: Database) -> Iterator[Connection]:
    """A connection in the role that loads."""
    with database.connect("medwh_loader") as connection:
        yield connection


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path, which others may enter."""
    folder = Path(tempfile.mkdtemp(prefix="medwh-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made_data(postgres_binaries: Path | None) -> Iterator[Path]:
    """The data folder of a server that was made once; making one takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="medwh-", dir="/tmp"))
    server = EmbeddedServer(folder, binaries=postgres_binaries, durable=False)
    server.ensure()
    server.stop()
    data = server.status().data
    assert data is not None
    yield data
    shutil.rmtree(folder)


@pytest.fixture
def server(state: Path, made_data: Path, make_server: MakeServer) -> EmbeddedServer:
    """A server with data, not running yet, in the test's state folder."""
    made = make_server(state)
    shutil.copytree(made_data, made.home / made_data.name)
    return made


@pytest.fixture
def make_server(postgres_binaries: Path | None) -> Iterator[MakeServer]:
    """Describe servers in state folders; all are stopped after the test."""
    with ExitStack() as stops:

        def make(state: Path, *, namespaces: bool = True) -> EmbeddedServer:
            server = EmbeddedServer(
                state, binaries=postgres_binaries, durable=False, namespaces=namespaces
            )
            stops.callback(server.stop)
            return server

        yield make


@pytest.fixture
def plain_login(unmade_database: Database) -> Iterator[Database]:
    """A warehouse that nobody has made, as a login sees it that has no special right."""
    login = f"login_{uuid4().hex[:12]}"
    with unmade_database.connect(name="postgres") as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
        yield replace(unmade_database, user=login)
        for name in (unmade_database.name, unmade_database.dagster.name):
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )
        connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(login)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))
