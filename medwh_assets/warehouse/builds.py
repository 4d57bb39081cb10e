"""A build: the set of loads that one dbt run brings into the marts, fixed before it starts.

Loads that commit later belong to the next build. What dbt does with the set stands in its models.
"""

from dataclasses import dataclass

from psycopg import sql

from medwh_assets.errors import BuildLostError
from medwh_assets.verdicts import Unbuilt
from medwh_assets.warehouse.connection import Connection, database_errors
from medwh_assets.warehouse.statements import statement

# Any fixed number of ours, other than set-up's.
_LOCK = 7_305_811_966_014_403


@dataclass(frozen=True, slots=True)
class OpenBuild:
    """A build in progress.

    Attributes:
        build_id: the id under which its loads are fixed.
        full_refresh: whether every model has to be built from nothing.
    """

    build_id: int
    full_refresh: bool


def open_build(connection: Connection, full_refresh: bool, models_sha256: str) -> OpenBuild:
    """Fix the loads that are committed and not yet built.

    Builds take turns: this waits until the build before has finished or its process is dead. The
    turn belongs to the session, so the connection must stay open until `finish_build`; if its
    process dies the turn passes on, and the next build marks the abandoned one as failed.

    Args:
        connection: of role medwh_loader, outside any transaction.
        full_refresh: whether everything is to be built from nothing; it is as well where the
            last build was of other models.
        models_sha256: hash of the models, seeds and macros.

    Raises:
        DatabaseUnreachableError: the connection broke.
    """
    with database_errors():
        connection.execute(statement("builds/take_turn.sql"), {"lock": _LOCK})
        try:
            with connection.transaction():
                connection.execute(statement("builds/fail_abandoned.sql"))
                row = connection.execute(
                    statement("builds/open.sql"),
                    {"full_refresh": full_refresh, "models_sha256": models_sha256},
                ).fetchone()
        except BaseException:
            _give_turn(connection)
            raise
        if row is None:
            raise BuildLostError("the build could not be opened: run again")
        return OpenBuild(int(row[0]), bool(row[1]))


def finish_build(connection: Connection, build_id: int, ok: bool) -> None:
    """Mark a build as done, so that its loads count as built, or as failed; pass the turn on.

    Args:
        connection: the one that opened the build.
        build_id: its id.
        ok: whether every model was built.

    Raises:
        BuildLostError: the build is not running any more: the connection was another one, or broke
            on the way, and another build has begun since.
        DatabaseUnreachableError: the connection broke; the next build takes the loads over.
    """
    with database_errors():
        values = {"build_id": build_id, "status": "done" if ok else "failed"}
        finished = connection.execute(statement("builds/finish.sql"), values).rowcount
        _give_turn(connection)
    if not finished:
        raise BuildLostError(
            f"build {build_id} was taken for dead and is not running any more: run again, its "
            "loads are in the next build"
        )


def unbuilt_loads(connection: Connection) -> int:
    """Count the committed loads that no finished build holds."""
    with database_errors():
        row = connection.execute(statement("builds/count_unbuilt_loads.sql")).fetchone()
        return int(row[0]) if row else 0


def unbuilt(connection: Connection) -> Unbuilt:
    """Return the committed loads that no finished build holds."""
    with database_errors():
        row = connection.execute(statement("builds/unbuilt.sql")).fetchone()
        return Unbuilt(*row) if row else Unbuilt(0, 0, None, None)


def models_changed(connection: Connection, models_sha256: str) -> bool:
    """Whether the marts were built last by models other than these."""
    with database_errors():
        values = {"models_sha256": models_sha256}
        row = connection.execute(statement("builds/models_changed.sql"), values).fetchone()
        return bool(row and row[0])


def count_rows(connection: Connection, schema: str, table: str) -> int:
    """Count the rows of a table that a build has made."""
    with database_errors():
        count = statement("builds/count_rows.sql").format(table=sql.Identifier(schema, table))
        row = connection.execute(count).fetchone()
        return int(row[0]) if row else 0


def _give_turn(connection: Connection) -> None:
    if not connection.closed:
        connection.execute(statement("builds/give_turn.sql"), {"lock": _LOCK})
