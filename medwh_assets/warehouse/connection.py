"""Where the warehouse's database is, and connections to it in one of medwh's roles."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from pydantic import SecretStr

from medwh_assets.errors import (
    DatabaseUnreachableError,
    PrivilegeError,
    SettingError,
)
from medwh_assets.settings import PostgresSettings
from medwh_assets.warehouse.server import EmbeddedServer

Role = Literal["medwh_loader", "medwh_transformer"]
Connection = psycopg.Connection[TupleRow]

_CONNECT_TIMEOUT_S = 10
# A build's connection is silent while dbt works; routers forget such connections.
_KEEPALIVE_S = 60
# A server that says one of these will let us in later.
_PASSING = ("starting up", "shutting down", "not yet", "recovery", "too many", "slots are")


@dataclass(frozen=True, slots=True)
class Database:
    """One database of one server, and who logs in. A plain value: it holds no connection.

    Attributes:
        host: a server's name, or the folder of its Unix socket.
        port: its port; part of the socket's name.
        name: the database.
        user: the login role.
        password: the login role's password, if it needs one.
    """

    host: str
    port: int
    name: str
    user: str
    password: SecretStr | None = None

    def on(self, name: str) -> "Database":
        """Return another database of the same server."""
        return replace(self, name=name)

    @property
    def dagster(self) -> "Database":
        """Dagster's own storage, beside the warehouse."""
        return self.on(f"{self.name}_dagster")

    @property
    def conninfo(self) -> str:
        """The connection string for libpq. It holds the password."""
        secret = {"password": self.password.get_secret_value()} if self.password else {}
        return make_conninfo(
            host=self.host, port=self.port, dbname=self.name, user=self.user, **secret
        )

    @property
    def sqlalchemy_url(self) -> str:
        """SQLAlchemy's address, for psycopg 2, which dagster-postgres needs. It holds the password.

        A socket's folder goes into the query, where libpq looks for it.
        """
        login = quote(self.user, safe="")
        if self.password:
            login += ":" + quote(self.password.get_secret_value(), safe="")
        place = urlencode({"host": self.host, "port": self.port})
        return f"postgresql+psycopg2://{login}@/{quote(self.name, safe='')}?{place}"

    def connect(self, role: Role | None = None, *, name: str | None = None) -> Connection:
        """Connect, in autocommit mode: every transaction is a `with connection.transaction()`.

        Args:
            role: the role to take on for the whole session; None = the login role itself.
            name: another database of the server.

        Raises:
            DatabaseUnreachableError: the server does not answer.
            SettingError: it answers that this login or database is not there.
            PrivilegeError: the login role may not take on `role`.
        """
        target = self if name is None else self.on(name)
        try:
            connection = psycopg.connect(
                target.conninfo,
                connect_timeout=_CONNECT_TIMEOUT_S,
                keepalives_idle=_KEEPALIVE_S,
                application_name="medwh",
                autocommit=True,
            )
        except psycopg.OperationalError as problem:
            raise _refusal(target, str(problem)) from problem
        if role is None:
            return connection
        try:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        except psycopg.Error as problem:
            connection.close()
            raise PrivilegeError(
                f"{self.user} may not act as {role} in database {target.name}: `medwh doctor` says "
                f"what is missing ({problem.diag.message_primary})"
            ) from problem
        return connection


def embedded_server(
    settings: PostgresSettings, state: Path, *, binaries: Path | None = None
) -> EmbeddedServer | None:
    """Return the embedded server that the settings mean, or None where they name a host."""
    if settings.host is not None:
        return None
    return EmbeddedServer(state, user=settings.user, binaries=binaries)


def database_of(settings: PostgresSettings, state: Path) -> Database:
    """Return the warehouse's database as the settings say. Starts and opens nothing."""
    server = embedded_server(settings, state)
    if server is not None:
        return Database(str(server.socket_folder), server.port, settings.db, settings.user)
    return Database(
        settings.host or "", settings.port, settings.db, settings.user, settings.password
    )


@contextmanager
def database_errors() -> Generator[None]:
    """Translate what the driver raises into errors that say whether to try again.

    Only the server's first line is told: the details of an error may quote a row.

    Raises:
        DatabaseUnreachableError: the connection broke, or the server gave up for now.
        PrivilegeError: the role may not do this.
        SettingError: a table or schema is missing: set-up has not run.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as problem:
        raise PrivilegeError(
            f"{problem.diag.message_primary}: `medwh doctor` prints the SQL for an administrator"
        ) from problem
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as problem:
        raise SettingError(
            f"{problem.diag.message_primary}: the database is not set up; any medwh command that "
            "loads or builds sets it up"
        ) from problem
    except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
        said = problem.diag.message_primary or str(problem).partition("\n")[0]
        raise DatabaseUnreachableError(f"PostgreSQL broke off: {said}") from problem


def _refusal(database: Database, said: str) -> DatabaseUnreachableError | SettingError:
    """Tell a server that is away from one that answers no."""
    where = f"{database.user}@{database.host}:{database.port}/{database.name}"
    reason = said.strip().splitlines()[0] if said.strip() else "no reason given"
    # libpq gives no SQLSTATE for a refused connection, only the server's words.
    if "FATAL" in said and not any(sign in said for sign in _PASSING):
        return SettingError(f"PostgreSQL refuses {where}: {reason}. Check POSTGRES_*")
    return DatabaseUnreachableError(
        f"PostgreSQL does not answer at {where}: {reason}. Start it (`medwh db start` for the "
        "embedded server) or check POSTGRES_HOST and POSTGRES_PORT"
    )
