"""A throw-away server for the API's tests: they stop it, freeze it and start it again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from fastapi.testclient import TestClient

from medwh_api.main import create_app
from medwh_assets.warehouse.server import EmbeddedServer
from tests.integration.api.api_marts import Marts
from tests.integration.api.service import Service, start_service


@pytest.fixture(scope="session")
def _api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path_factory.mktemp("api"), durable=False)
    server.ensure()
    Marts(server, "api_marts").build()
    yield server
    server.stop()


@pytest.fixture
def marts(_api_server: EmbeddedServer) -> Marts:
    """The marts of `posts.sql`, for tests that change nothing in them."""
    _api_server.ensure()
    return Marts(_api_server, "api_marts")


@pytest.fixture
def own_marts(marts: Marts) -> Iterator[Marts]:
    """A copy of them, for tests that do."""
    admin = Marts(marts.server, "postgres")
    admin.run("drop database if exists api_marts_copy with (force)")
    # A connection that an earlier test's API still holds would keep the database from being copied.
    admin.run("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'api_marts'")
    admin.run("create database api_marts_copy template api_marts")
    yield Marts(marts.server, "api_marts_copy")


@pytest.fixture
def client(marts: Marts) -> Iterator[TestClient]:
    """A client of an API on the marts."""
    with TestClient(create_app(marts.settings())) as client:
        yield client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start the service with nothing but the settings given; it is ended after the test."""
    started: list[Service] = []

    def start(*arguments: str, output: TextIO | None = None, **settings: object) -> Service:
        started.append(start_service(tmp_path, *arguments, output=output, **settings))
        return started[-1]

    yield start
    for service in started:
        with service:  # closes its pipe
            service.kill()
