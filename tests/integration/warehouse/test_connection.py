import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql
from pydantic import SecretStr

from medwh_assets.errors import DatabaseUnreachableError, PrivilegeError, SettingError
from medwh_assets.warehouse.connection import Connection, Database, Role, database_errors

ROLES: tuple[Role, ...] = ("medwh_loader", "medwh_transformer")

# dagster-postgres brings SQLAlchemy and psycopg 2, whose types a strict checker cannot follow.
SQLALCHEMY = """
import sys, sqlalchemy
engine = sqlalchemy.create_engine(sys.argv[1])
with engine.connect() as connection:
    print(engine.driver, connection.scalar(sqlalchemy.text("select current_database()")))
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_connection_acts_in_its_role_through_rolled_back_transactions(
    database: Database, role: Role
) -> None:
    with database.connect(role) as connection:
        with pytest.raises(ZeroDivisionError), connection.transaction():
            raise ZeroDivisionError
        row = connection.execute(
            "select current_user, session_user, current_setting('application_name')"
        ).fetchone()
    assert row == (role, database.user, "medwh")


def test_sqlalchemy_reaches_dagster_s_database_through_the_socket(database: Database) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SQLALCHEMY, database.dagster.sqlalchemy_url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.split() == ["psycopg2", database.dagster.name]


def test_a_server_that_is_away_can_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachableError, match="POSTGRES_HOST"):
        Database(str(tmp_path), 5432, "medwh", "medwh").connect()


def test_a_missing_database_and_a_missing_login_are_matters_of_settings(
    database: Database,
) -> None:
    with pytest.raises(SettingError, match="does not exist"):
        database.on("nowhere").connect()
    stranger = Database(database.host, database.port, database.name, "stranger", SecretStr("hush"))
    with pytest.raises(SettingError, match="stranger") as caught:
        stranger.connect()
    assert "hush" not in str(caught.value)


def test_a_login_that_may_not_act_as_the_loader_is_told_so(
    database: Database, plain_login: Database
) -> None:
    with database.connect() as connection:
        grant = sql.SQL("grant connect on database {} to {}").format(
            sql.Identifier(database.name), sql.Identifier(plain_login.user)
        )
        connection.execute(grant)
    with pytest.raises(PrivilegeError, match="may not act as medwh_loader"):
        plain_login.on(database.name).connect("medwh_loader")


def test_a_statement_that_the_server_breaks_off_can_be_tried_again(
    database: Database, loader: Connection
) -> None:
    pid = loader.info.backend_pid
    with database.connect() as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(DatabaseUnreachableError), database_errors():
        loader.execute("select 1")


def test_a_warehouse_that_is_not_set_up_is_named_as_the_reason(database: Database) -> None:
    with database.connect() as connection:
        missing = sql.Identifier(f"missing_{uuid4().hex}")
        with pytest.raises(SettingError, match="not set up"), database_errors():
            connection.execute(sql.SQL("select * from {}").format(missing))
