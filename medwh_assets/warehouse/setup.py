"""Make the databases, roles, schemas and tables that the warehouse needs; change nothing twice.

Every step first looks whether it is needed, so a login role without special rights can run this
where an administrator has done the rest, and a set-up of what is set up takes milliseconds and no
locks. The SQL itself stands in `sql/`.
"""

from collections.abc import Mapping
from hashlib import sha256

from psycopg import sql
from pydantic import SecretStr

from medwh_assets.errors import MedwhError, PrivilegeError, SettingError
from medwh_assets.warehouse.connection import Connection, Database, database_errors
from medwh_assets.warehouse.masking import fill_in_versions
from medwh_assets.warehouse.statements import statement

# Any fixed number of ours: processes that set up at once take turns.
_LOCK = 7_305_811_966_014_402


def set_up(database: Database, *, api_password: SecretStr | None = None) -> None:
    """Make the warehouse's databases, roles, schemas, tables and rights, as far as missing.

    Args:
        database: the warehouse; Dagster's own database is made beside it.
        api_password: what medwh_api shall log in with; None leaves it as it is.

    Raises:
        PrivilegeError: the login role lacks a right; the message is the SQL for an administrator.
        SettingError: the login is refused, or the database is not UTF-8.
        DatabaseUnreachableError: the server does not answer.
    """
    try:
        with database_errors():
            _make_databases_and_roles(database)
            with database.connect() as connection:
                _require_utf8(connection, database)
                _grant_databases(connection, database)
                _make_schemas(connection)
                if api_password is not None and not _logs_in(database, api_password):
                    _set_api_password(connection, api_password)
    except PrivilegeError as problem:
        raise PrivilegeError(
            f"-- {database.user} may not set up medwh ({problem.__cause__ or problem}).\n"
            + administrator_sql(database)
        ) from problem


def administrator_sql(database: Database) -> str:
    """Return what an administrator runs with psql where the login role lacks the rights."""
    identifiers = {
        "login": sql.Identifier(database.user),
        "warehouse": sql.Identifier(database.name),
        "dagster": sql.Identifier(database.dagster.name),
    }
    parts = {
        "roles": statement("setup/roles.sql").format(**identifiers),
        "grants": statement("setup/database_grants.sql").format(**identifiers),
        "login_text": sql.Literal(database.user),
        "warehouse_text": sql.Literal(database.name),
        "dagster_text": sql.Literal(database.dagster.name),
        # These two stand in a comment, which a line break would end.
        "host": sql.Literal(" ".join(database.host.split())),
        "port": sql.Literal(database.port),
    }
    return statement("setup/administrator.psql").format(**identifiers, **parts).as_string()


def _make_databases_and_roles(database: Database) -> None:
    """Do what concerns the whole server, from the database that every server has."""
    try:
        connection = database.connect(name="postgres")
    except SettingError:
        # A hosted server may keep us out of there: then the warehouse itself must exist.
        connection = database.connect()
    with connection:
        _take_turns(connection)
        names = [database.name, database.dagster.name]
        missing = connection.execute(statement("setup/missing_databases.sql"), {"names": names})
        for (name,) in missing.fetchall():
            create = statement("setup/create_database.sql").format(database=sql.Identifier(name))
            connection.execute(create)
        if not _is_true(connection, "setup/roles_are_complete.sql"):
            connection.execute(
                statement("setup/roles.sql").format(login=sql.Identifier(database.user))
            )


def _require_utf8(connection: Connection, database: Database) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SettingError(
            f"database {database.name} has encoding {encoding}, which cannot hold Amharic: create "
            "it with ENCODING 'UTF8' TEMPLATE template0, or name another by POSTGRES_DB"
        )


def _grant_databases(connection: Connection, database: Database) -> None:
    names = {"warehouse": database.name, "dagster": database.dagster.name}
    if _is_true(connection, "setup/database_grants_are_complete.sql", names):
        return
    _take_turns(connection)
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    connection.execute(statement("setup/database_grants.sql").format(**identifiers))
    # PostgreSQL only warns where a right is not ours to give or take.
    if not _is_true(connection, "setup/database_grants_are_complete.sql", names):
        raise PrivilegeError(f"{database.user} does not own {database.name} and its rights")


def _make_schemas(connection: Connection) -> None:
    text = statement("setup/schemas.sql")
    mark = f"What runs, what is late, what depends on the clock. Set-up {_fingerprint(text)}"
    if _is_true(connection, "setup/extension_is_missing.sql"):
        _take_turns(connection)
        connection.execute(statement("setup/extension.sql"))
    if _is_true(connection, "setup/schemas_are_complete.sql", {"mark": mark}):
        return
    _take_turns(connection)
    with connection.transaction():
        connection.execute(text)
        fill_in_versions(connection)
        connection.execute(statement("setup/mark_schemas.sql").format(mark=sql.Literal(mark)))


def _set_api_password(connection: Connection, password: SecretStr) -> None:
    """Store the password's SCRAM verifier: the server and its log never see the password."""
    verifier = connection.pgconn.encrypt_password(
        password.get_secret_value().encode(), b"medwh_api", b"scram-sha-256"
    ).decode()
    _take_turns(connection)
    connection.execute(statement("setup/api_password.sql").format(verifier=sql.Literal(verifier)))


def _logs_in(database: Database, password: SecretStr) -> bool:
    """Say whether medwh_api has this password already, so that it need not be set."""
    api = Database(database.host, database.port, database.name, "medwh_api", password)
    try:
        with api.connect() as connection:
            return connection.pgconn.used_password
    except MedwhError:
        return False


def _take_turns(connection: Connection) -> None:
    """Wait for others who set up this database; the lock goes with the connection."""
    connection.execute(statement("setup/take_turns.sql"), {"lock": _LOCK})


def _is_true(connection: Connection, name: str, values: Mapping[str, str] | None = None) -> bool:
    row = connection.execute(statement(name), values).fetchone()
    return bool(row and row[0])


def _fingerprint(text: sql.SQL) -> str:
    return sha256(text.as_string().encode()).hexdigest()[:16]
