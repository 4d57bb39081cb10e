from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from medwh_assets.settings import PostgresSettings
from medwh_assets.warehouse.connection import Database, database_of, embedded_server

SECRET = "p@ss/word:%?&' x"
REMOTE = Database("db.example.org", 5433, "medwh", "o'brien", SecretStr(SECRET))


def settings_of(**values: str) -> PostgresSettings:
    return PostgresSettings.model_validate(values)


def test_a_password_stands_in_no_repr() -> None:
    assert SECRET not in repr(REMOTE)
    assert SECRET not in str(REMOTE.dagster)


def test_a_connection_string_holds_every_part() -> None:
    assert conninfo_to_dict(REMOTE.conninfo) == {
        "host": "db.example.org",
        "port": "5433",
        "dbname": "medwh",
        "user": "o'brien",
        "password": SECRET,
    }


def test_a_connection_string_without_a_password_names_none() -> None:
    assert "password" not in Database("/run/pg", 5432, "medwh", "medwh").conninfo


@pytest.mark.parametrize(
    ("database", "url"),
    [
        (
            Database("/tmp/state/run", 5432, "medwh", "medwh"),
            "postgresql+psycopg2://medwh@/medwh_dagster?host=%2Ftmp%2Fstate%2Frun&port=5432",
        ),
        (
            Database("::1", 5433, "medwh", "me", SecretStr("a b@c")),
            "postgresql+psycopg2://me:a%20b%40c@/medwh_dagster?host=%3A%3A1&port=5433",
        ),
    ],
)
def test_dagster_s_database_has_an_address_for_sqlalchemy(database: Database, url: str) -> None:
    assert database.dagster.sqlalchemy_url == url


def test_no_host_means_the_embedded_server(tmp_path: Path) -> None:
    settings = settings_of(user="analyst", db="posts")
    server = embedded_server(settings, tmp_path)
    assert server is not None
    assert database_of(settings, tmp_path) == Database(
        str(server.socket_folder), 5432, "posts", "analyst"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_host_means_a_server_elsewhere(tmp_path: Path) -> None:
    settings = settings_of(host="db.example.org", port="5433", password=SECRET, user="o'brien")
    assert embedded_server(settings, tmp_path) is None
    assert database_of(settings, tmp_path) == REMOTE


def test_a_deep_state_folder_has_its_socket_elsewhere(tmp_path: Path) -> None:
    server = embedded_server(settings_of(), tmp_path / ("deep" * 30))
    assert server is not None
    assert len(str(server.socket_folder)) < 60
