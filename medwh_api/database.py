"""The database as the API sees it: read-only connections, bounded waits, errors of our own.

The only module that knows psycopg. It needs no database to start, waits for nothing longer than it
says, and turns what psycopg raises into the errors of `medwh_api.errors`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import psycopg
from psycopg import errors as pg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from medwh_api.errors import (
    DatabaseUnreachableError,
    InvalidParameterError,
    QueryTooSlowError,
    WarehouseNotBuiltError,
)
from medwh_api.settings import ApiSettings

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[DictRow]

# Longer than connecting or cancelling takes on a server that answers.
_CLOSE_WAIT_S = 3.0
# psycopg's least. Bounds a connect that a firewall or a frozen server swallows.
_CONNECT_TIMEOUT_S = 2
# What the server's own timeout gets on top, beside the wait for a connection, before the client stops
# waiting. Only a frozen server or a cut network ever needs it.
_MARGIN_S = 0.5

_log = logging.getLogger(__name__)


class QueryRunner(Protocol):
    """Runs one of `medwh_api.queries`."""

    async def fetch(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """Return all rows, values bound by name.

        Raises:
            DatabaseUnreachableError: no answer, or no connection in time.
            WarehouseNotBuiltError: a mart is missing or not readable.
            QueryTooSlowError: longer than the settings allow.
            InvalidParameterError: a value that PostgreSQL refuses.
        """
        ...

    async def fetch_json(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[bytes]:
        """Return all rows as JSON objects, made by PostgreSQL.

        Raises:
            ApiError: as `fetch`.
        """
        ...


class Database:
    """A `QueryRunner` on a pool of connections."""

    def __init__(self, settings: ApiSettings) -> None:
        self._pool = _Pool(
            settings.pool_size, settings.connection_timeout, _connection_arguments(settings)
        )
        self._patience = settings.connection_timeout + settings.query_timeout + _MARGIN_S
        self._given_up: set[asyncio.Task[list[Row]]] = set()
        self._answers = True

    async def fetch(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """See `QueryRunner.fetch`."""
        work = asyncio.create_task(self._translated(query, parameters))
        try:
            await asyncio.wait({work}, timeout=self._patience)
            if not work.done() or work.cancelled():
                raise QueryTooSlowError
            return work.result()
        finally:
            if not work.done():
                # Cancelling sends a cancel request and waits for it (psycopg: up to 10 s on a
                # frozen server), so it ends in the background.
                work.cancel()
                self._given_up.add(work)
                work.add_done_callback(self._forget)

    async def fetch_json(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[bytes]:
        """See `QueryRunner.fetch_json`."""
        # As text: psycopg would parse it, which costs more than making rows here.
        wrapped = b"select to_json(answer)::text as answer from (\n" + query + b"\n) as answer"
        return [row["answer"].encode() for row in await self.fetch(wrapped, parameters)]

    async def close(self) -> None:
        """Close the connections, also those of queries that were given up and still end."""
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=_CLOSE_WAIT_S)
        await self._pool.close()

    def _forget(self, work: asyncio.Task[list[Row]]) -> None:
        self._given_up.discard(work)
        if not work.cancelled():
            work.exception()

    async def _translated(self, query: bytes, parameters: Mapping[str, object] | None) -> list[Row]:
        try:
            rows = await self._retried(query, parameters)
        except pg.QueryCanceled as error:
            raise QueryTooSlowError from error
        except (
            pg.UndefinedTable,
            pg.UndefinedColumn,
            pg.InvalidSchemaName,
            pg.InsufficientPrivilege,
        ) as error:
            _log.warning("marts cannot be read: %s", error)
            raise WarehouseNotBuiltError from error
        except psycopg.DataError as error:
            raise InvalidParameterError(None, "A value is out of the database's range.") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            # Told once, not at every request of an outage.
            if self._answers:
                _log.warning("database unreachable: %s", error or "no connection in time")
                self._answers = False
            raise DatabaseUnreachableError from error
        if not self._answers:
            _log.warning("database answers again")
            self._answers = True
        return rows

    async def _retried(self, query: bytes, parameters: Mapping[str, object] | None) -> list[Row]:
        """Run a query, once more if its connection turns out to have died while it was idle."""
        try:
            return await self._run(query, parameters)
        except _ConnectionDiedError:
            # The server went away and may be back: its other connections died with this one.
            # Reading twice harms nobody.
            await self._pool.close_idle()
        return await self._run(query, parameters)

    async def _run(self, query: bytes, parameters: Mapping[str, object] | None) -> list[Row]:
        async with self._pool.connection() as connection:
            try:
                cursor = await connection.execute(query, parameters)
                return await cursor.fetchall()
            except psycopg.OperationalError as error:
                if connection.closed:
                    raise _ConnectionDiedError(str(error)) from error
                raise


class _ConnectionDiedError(psycopg.OperationalError):
    """The connection was closed under a query."""


class _Pool:
    """At most so many connections, opened when a request needs one and kept for the next.

    Not psycopg_pool: a request that it lets down stays in its queue until a connection comes
    (3.3.3). In an outage that queue grows without end or, with `max_waiting`, fills up for good:
    then the pool refuses everybody and never connects again, long after the database is back.
    """

    def __init__(self, size: int, wait: float, arguments: dict[str, Any]) -> None:
        self._arguments = arguments
        self._wait = wait
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[Connection]] = set()
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        """Lend a connection.

        Raises:
            TimeoutError: there is none in time.
            psycopg.OperationalError: the database is away or refuses us.
        """
        async with asyncio.timeout(self._wait):
            await self._slots.acquire()
            connection = self._idle.pop() if self._idle else await self._open()
        try:
            yield connection
        finally:
            await self._put_back(connection)

    async def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            await self._idle.pop().close()

    async def close(self) -> None:
        """Close the idle connections and those just being opened; lent ones when they come back."""
        self._closed = True
        if self._opening:
            await asyncio.wait(self._opening, timeout=_CLOSE_WAIT_S)
        await self.close_idle()

    async def _open(self) -> Connection:
        opening = asyncio.create_task(Connection.connect(**self._arguments))
        self._opening.add(opening)
        try:
            return await asyncio.shield(opening)
        except BaseException:
            # Where connecting takes longer than a request waits, a later request finds it done.
            opening.add_done_callback(self._keep)
            raise
        finally:
            opening.add_done_callback(self._opening.discard)

    def _keep(self, opening: asyncio.Task[Connection]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._idle.append(opening.result())
        self._slots.release()

    async def _put_back(self, connection: Connection) -> None:
        try:
            if self._closed or connection.info.transaction_status != TransactionStatus.IDLE:
                await connection.close()
            else:
                self._idle.append(connection)
        finally:
            self._slots.release()


@asynccontextmanager
async def open_database(settings: ApiSettings) -> AsyncGenerator[QueryRunner, None]:
    """Lend a database for as long as the application lives; nothing is connected yet."""
    database = Database(settings)
    try:
        yield database
    finally:
        await database.close()


def _connection_arguments(settings: ApiSettings) -> dict[str, Any]:
    # The role is read-only by itself; these hold for any role that someone configures instead.
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{settings.query_timeout * 1000:.0f}",
        "timezone": "UTC",
        # A plan made without the values cannot choose between trigram and time index.
        "plan_cache_mode": "force_custom_plan",
        # Compiling costs more than any of these queries.
        "jit": "off",
    }
    return {
        "host": settings.db_host,
        "port": settings.db_port,
        "dbname": settings.db_name,
        "user": settings.db_user,
        "password": settings.db_password.get_secret_value() if settings.db_password else None,
        "application_name": "medwh_api",
        "connect_timeout": _CONNECT_TIMEOUT_S,
        # A host that vanished without a word: unanswered bytes count as dead after 3 s (TCP only).
        "tcp_user_timeout": 3000,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "autocommit": True,
        "row_factory": dict_row,
    }
