"""What is remembered about a Telegram account between runs, in the warehouse's schema `ops`.

One operation at a time is a turn in PostgreSQL, not a file lock: a session that two machines use at
once is lost for good (Telegram answers AUTH_KEY_DUPLICATED), and the database is the one place that
all machines of a deployment share. The turn belongs to a connection, so a killed holder gives it up.
What may be asked of Telegram, and how, stands in the `telegram` room.
"""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from medwh_assets.errors import DatabaseUnreachableError, SourceBusyError
from medwh_assets.lake.ports import ChannelStatus, KnownPeer, Realm
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection, database_errors
from medwh_assets.warehouse.from_lake import Connector
from medwh_assets.warehouse.statements import statement

# A page of history takes a second, so a channel's year in another run is waited out.
PATIENCE_SECONDS = 600
LOGGER = logging.getLogger("medwh.telegram")


@dataclass(frozen=True, slots=True)
class ChannelNote:
    """How the last attempt on a live channel ended.

    Attributes:
        channel: the channel's name in the lake.
        status: the outcome.
        detail: one line for people.
        at: the logical time of that attempt.
        last_ok_at: the logical time at which the channel was last read, None if never.
    """

    channel: str
    status: ChannelStatus
    detail: str
    at: datetime
    last_ok_at: datetime | None


class WarehouseAccountState:
    """The memory of one account; `lake.ports.AccountState` in the warehouse.

    Every login makes a new session. Once it is known whose it is, it remembers and waits for its turn
    with the other sessions of the account.

    During an operation all statements go over the connection that holds the turn: if it breaks, the
    turn is lost, and the next statement says so before anything else is asked of Telegram.

    Args:
        warehouse: where the tables are.
        session: a name of the session that tells nothing about it.
        patience_seconds: how long to wait while another run holds the account.
    """

    def __init__(
        self, warehouse: Connector, session: str, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Remember the place; nothing is opened."""
        self._warehouse = warehouse
        self._session = session
        self._user_id: int | None = None
        self._turns: list[str] = []
        self._patience_seconds = patience_seconds
        self._held: Connection | None = None
        self._idle: Connection | None = None

    def close(self) -> None:
        """Close what is kept open between statements; the next one opens it again."""
        if self._idle is not None:
            idle, self._idle = self._idle, None
            idle.close()

    @contextmanager
    def operation(self) -> Generator[None]:
        """Hold the account: one operation at a time, over all runs, processes and machines.

        Raises:
            SourceBusyError: another run held the account for longer than the wait.
            DatabaseUnreachableError: the database does not answer.
            ValueError: this object is inside an operation already.
        """
        if self._held is not None:
            raise ValueError("an operation inside an operation would wait for itself")
        with self._warehouse.connect("medwh_loader") as connection:
            self._held = connection
            try:
                self._take_turn(connection, self._account)
                yield
            finally:
                self._held = None
                turns, self._turns = self._turns, []
                # A broken connection has given its turn up already.
                with suppress(psycopg.Error):
                    for account in turns:
                        connection.execute(statement("account/give_turn.sql"), {"account": account})

    def _take_turn(self, connection: Connection, account: str) -> None:
        me = {"account": account}
        milliseconds = str(max(1, round(self._patience_seconds * 1000)))
        with database_errors():
            connection.execute(statement("account/limit_wait.sql"), {"milliseconds": milliseconds})
            row = connection.execute(statement("account/try_turn.sql"), me).fetchone()
            if row is not None and row[0]:
                self._turns.append(account)
                return
            LOGGER.info("another run reads Telegram with this account; waiting for it")
            try:
                connection.execute(statement("account/take_turn.sql"), me)
            except psycopg.errors.LockNotAvailable as problem:
                raise SourceBusyError(
                    f"another run has been reading Telegram with this account for more than "
                    f"{self._patience_seconds:.0f} s: let it finish or stop it, then run again"
                ) from problem
        self._turns.append(account)

    def owner(self) -> int | None:
        """Return the account's own id, or None if this session was never asked for it."""
        if self._user_id is None:
            with self._connected() as connection:
                values = {"session": self._session}
                row = connection.execute(statement("account/find_owner.sql"), values).fetchone()
            self._user_id = row[0] if row else None
        return self._user_id

    def belongs_to(self, user_id: int) -> None:
        """Keep whose session this is; inside an operation, take the account's turn too.

        Raises:
            SourceBusyError: another session held the account for longer than the wait.
        """
        if self._held is not None and str(user_id) not in self._turns:
            self._take_turn(self._held, str(user_id))
        with self._connected() as connection:
            values = {"session": self._session, "user_id": user_id}
            connection.execute(statement("account/keep_owner.sql"), values)
        self._user_id = user_id

    def peer(self, channel: str) -> KnownPeer | None:
        """Return how a channel is addressed, or None if its name was never resolved."""
        with self._connected() as connection:
            values = {**self._me, "channel": channel}
            row = connection.execute(statement("account/find_peer.sql"), values).fetchone()
        return KnownPeer(*row) if row else None

    def remember_peer(self, channel: str, peer: KnownPeer) -> None:
        """Keep how a channel is addressed."""
        values = {
            **self._me,
            "channel": channel,
            "channel_id": peer.channel_id,
            "access_hash": peer.access_hash,
            "username": peer.username,
        }
        with self._connected() as connection:
            connection.execute(statement("account/remember_peer.sql"), values)

    def forget_peer(self, channel: str) -> None:
        """Drop an address that Telegram no longer accepts."""
        with self._connected() as connection:
            values = {**self._me, "channel": channel}
            connection.execute(statement("account/forget_peer.sql"), values)

    def cooldown(self, realm: Realm = "all") -> datetime | None:
        """Return the end of a realm's last pause that Telegram asked for, past or to come, or None."""
        with self._connected() as connection:
            values = {**self._me, "realm": realm}
            row = connection.execute(statement("account/cooldown.sql"), values).fetchone()
        return row[0] if row else None

    def cool_down(self, until: datetime, why: str, realm: Realm = "all") -> None:
        """Let nothing of a realm be asked until then."""
        with self._connected() as connection:
            values = {**self._me, "realm": realm, "until": until, "reason": why}
            connection.execute(statement("account/cool_down.sql"), values)

    def note(self, channel: str, status: ChannelStatus, detail: str, at: datetime) -> None:
        """Keep how the last attempt on a channel ended."""
        values = {**self._me, "channel": channel, "status": status, "detail": detail, "at": at}
        with self._connected() as connection:
            connection.execute(statement("account/note_channel.sql"), values)

    def photo(self, photo_id: int) -> str | None:
        """Return the lake path under which some run has kept a photo, or None."""
        with self._connected() as connection:
            values = {"photo_id": photo_id}
            row = connection.execute(statement("account/find_photo.sql"), values).fetchone()
        return row[0] if row else None

    def remember_photo(self, photo_id: int, path: str) -> None:
        """Keep where in the lake a photo lies."""
        with self._connected() as connection:
            values = {"photo_id": photo_id, "path": path}
            connection.execute(statement("account/remember_photo.sql"), values)

    def leave(self, slices: Iterable[Slice]) -> None:
        """Keep which slices a run was to read and has not, for whoever runs next."""
        with self._connected() as connection:
            connection.execute(statement("account/leave_rest.sql"), _columns(slices))

    def take_up(self, slices: Iterable[Slice]) -> None:
        """Forget slices that have been read since."""
        with self._connected() as connection:
            connection.execute(statement("account/take_up_rest.sql"), _columns(slices))

    def rest(self) -> list[Slice]:
        """Return what runs have left and nobody has read since, sorted.

        While no names may be looked up, channels that were never found are left out.
        """
        with self._connected() as connection:
            rows = connection.execute(statement("account/rest.sql"), self._me).fetchall()
        return [Slice(channel, day) for channel, day in rows]

    def statuses(self) -> list[ChannelNote]:
        """Return how the last attempt on each channel ended, of any account."""
        with self._connected() as connection:
            rows = connection.execute(statement("account/statuses.sql")).fetchall()
        return [ChannelNote(*row) for row in rows]

    @property
    def _account(self) -> str:
        user_id = self.owner()
        return self._session if user_id is None else str(user_id)

    @property
    def _me(self) -> dict[str, str]:
        return {"account": self._account}

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        if self._held is not None:
            if self._held.closed:
                raise DatabaseUnreachableError(
                    "PostgreSQL broke off, and another run may hold the Telegram account by now: "
                    "what is done is kept; run again"
                )
            with database_errors():
                yield self._held
            return
        if self._idle is None or self._idle.closed:
            self._idle = self._warehouse.connect("medwh_loader")
        with database_errors():
            yield self._idle


def _columns(slices: Iterable[Slice]) -> dict[str, list[object]]:
    pieces = sorted(set(slices))
    return {
        "channels": [piece.channel for piece in pieces],
        "days": [piece.date for piece in pieces],
    }
