"""The only client of a run: asks Telegram with patience, politely, and never for ever.

Telethon's own retries are switched off, because they loop without a pause against a server that
drops a request each time, wait for ever for an answer that never comes, and sleep unseen. Here
every answer has a time limit, a broken connection is made anew a few times with pauses, and a flood
wait is a decision of `pacing`.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from medwh_assets.errors import (
    CoolingDownError,
    ImageError,
    MedwhError,
    SourceUnreachableError,
)
from medwh_assets.lake.ports import Realm
from medwh_assets.telegram.clock import Clock, SystemClock
from medwh_assets.telegram.pacing import CoolDown, Countdown, Effort, Pacer, after_flood, next_tick
from medwh_assets.telegram.refusals import forgotten_key

T = TypeVar("T")
E = TypeVar("E", bound=MedwhError)
_LOG = logging.getLogger(__name__)

# What is left of a wait by rounding.
_NOTHING_S: Final = 1e-3
# A part of a file: two at a time arrive in time where 200 kbit/s are to be had.
PART_BYTES: Final = 128 * 1024
_EVERYTHING: Final = "all"
_FILES: Final = "files"
_PAUSED: Final[dict[Realm, str]] = {
    "all": "Telegram asks for a pause",
    "names": "Telegram asks for a pause of looking names up",
    "files": "Telegram asks for a pause of pictures",
}


class ServerTroubleError(SourceUnreachableError):
    """Telegram answers, but this one request only with an error of its own."""


class RealmPauseError(CoolingDownError):
    """Telegram asks for a long pause, of one kind of requests alone."""

    def __init__(self, message: str, until: datetime, realm: Realm) -> None:
        """Remember which kind."""
        super().__init__(message, until)
        self.realm: Realm = realm


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an application and an account show to Telegram."""

    api_id: int
    api_hash: SecretStr
    session: SecretStr


@dataclass(frozen=True, slots=True)
class Patience:
    """When the server counts as gone: 3 × (11 + 2) + 1 + 3 + (11 + 2) = 56 seconds by default.

    The last term is a probe: whether nothing is answered any more, or only this request is not.

    Attributes:
        answer: seconds for one answer, connecting included.
        goodbye: seconds for closing a connection.
        pauses: seconds before each new attempt; there is one attempt more than pauses.
        lost: seconds for which everything fails at once after the server was found gone, so that
            thirty channels do not wait for it one after another.
    """

    answer: float = 11.0
    goodbye: float = 2.0
    pauses: tuple[float, ...] = (1.0, 3.0)
    lost: float = 60.0


def _no_countdown(_left: float, _why: str) -> None:
    pass


class TelegramClient:
    """Asks Telegram. Made, used and closed inside one event loop.

    Args:
        credentials: application and session.
        pacer: how fast histories are asked for.
        effort: where requests and waits are counted.
        on_wait: told while the run waits for Telegram.
        clock: the time.
        patience: when the server counts as gone.
    """

    def __init__(
        self,
        credentials: Credentials,
        pacer: Pacer,
        *,
        effort: Effort | None = None,
        on_wait: Countdown = _no_countdown,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Remember what is needed; nothing is connected yet."""
        self._credentials = credentials
        self._pacer = pacer
        self._effort = effort or Effort()
        self._on_wait = on_wait
        self._clock: Clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._pausing: dict[Realm, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._paused_until: dict[Realm, float] = defaultdict(float)
        self._gone: dict[str, tuple[float, MedwhError]] = {}

    async def ask(self, request: Any, *, realm: Realm = _EVERYTHING) -> Any:
        """Send one request and return Telegram's answer.

        Args:
            request: one of Telethon's request objects.
            realm: the kind of request; a pause of one kind stops no other, one of all stops each.

        Raises:
            AccountError: the session's key is unknown.
            CoolingDownError: Telegram asks for a pause that is too long for the run.
            ServerTroubleError: it answers this request with an error of its own each time.
            SourceUnreachableError: it did not answer.
            telethon.errors.RPCError: it refused, see `refusals`.
        """

        async def once(client: Any) -> Any:
            await self._pause_is_over(realm)
            await self._clock.sleep(self._pacer.reserve(self._clock.seconds()))
            await self._pause_is_over(realm)
            self._effort.requests += 1
            async with asyncio.timeout(self._patience.answer):
                return await client(request)

        return await self._persist(once, realm=realm)

    async def download(
        self, location: Any, *, dc_id: int, size: int, most: int, in_passing: bool = False
    ) -> bytes:
        """Fetch a file from the data centre where it lies; a cut continues where it was.

        Args:
            location: one of Telethon's `Input…FileLocation` objects.
            dc_id: the data centre; if it says that the file has moved, it is followed once.
            size: the file's size in bytes, as Telegram says.
            most: bytes after which the rest is not fetched.
            in_passing: give up at the first trouble, and leave the connection to whoever waits for
                something else on it.

        Raises:
            ImageError: the file lies nowhere that could be asked.
            RealmPauseError: Telegram asks for a pause of files that is too long for the run.
            AccountError, CoolingDownError, ServerTroubleError, SourceUnreachableError, RPCError: as
                `ask` does.
        """
        from telethon import errors
        from telethon.tl import functions, types

        content = bytearray()
        lies_in = [dc_id]

        async def rest(client: Any) -> bytes:
            while len(content) < min(size, most):
                request = functions.upload.GetFileRequest(location, len(content), PART_BYTES)
                if in_passing:
                    self._raise_if_paused(_FILES)
                await self._pause_is_over(_FILES)
                self._effort.requests += 1
                try:
                    async with (
                        asyncio.timeout(self._patience.answer),
                        _sender(client, lies_in[-1]) as sender,
                    ):
                        part = await client._call(sender, request)
                except errors.FileMigrateError as error:
                    if len(lies_in) > 1:
                        raise ImageError("each data centre says that it lies in another") from error
                    lies_in.append(error.new_dc)
                    continue
                if not isinstance(part, types.upload.File):
                    raise ImageError("Telegram keeps it where it cannot be fetched from")
                content.extend(part.bytes)
                if len(part.bytes) < PART_BYTES:
                    break
            return bytes(content)

        return await self._persist(rest, realm=_FILES, dc_id=dc_id, patient=not in_passing)

    async def close(self) -> None:
        """Say goodbye, and be done within a moment whatever the server does."""
        await self._hang_up()

    # -- persistence ------------------------------------------------------------------------------

    async def _persist(
        self,
        attempt: Callable[[Any], Awaitable[T]],
        *,
        realm: Realm = _EVERYTHING,
        dc_id: int | None = None,
        patient: bool = True,
    ) -> T:
        from telethon import errors

        passing = (
            errors.ServerError,
            errors.TimedOutError,
            errors.RpcCallFailError,
            errors.RpcMcgetFailError,
            errors.InterdcCallErrorError,
            errors.InterdcCallRichErrorError,
        )
        broken = (
            OSError,
            EOFError,
            TimeoutError,
            errors.InvalidBufferError,
            errors.InvalidChecksumError,
            errors.SecurityError,
            errors.BadMessageError,
        )
        self._raise_if_gone(_EVERYTHING, realm, _centre(dc_id))
        pauses = iter(self._patience.pauses)
        waited = 0.0
        while True:
            client: Any = None
            refused = False
            try:
                client = await self._connected() if patient else self._present()
                return await attempt(client)
            except errors.AuthKeyNotFound as error:
                raise self._lost(forgotten_key(), seconds=float("inf")) from error
            except (errors.FloodWaitError, errors.FloodPremiumWaitError) as error:
                waited = self._sit_out(float(error.seconds), waited, name_of_request(error), realm)
                if not patient:
                    self._raise_if_paused(realm)
                continue
            except passing as error:
                refused = True
                why = f"Telegram has trouble of its own ({error.message})"
            except broken as error:
                why = f"no answer from Telegram ({type(error).__name__})"
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Telethon cancels what still waits for an answer when it gives up a connection.
                why = f"the connection broke off ({type(error).__name__})"
            if not patient:
                raise (ServerTroubleError if refused else SourceUnreachableError)(why)
            if not refused:
                await self._hang_up(client)
            pause = next(pauses, None)
            if pause is None:
                times = f"{why}, {len(self._patience.pauses) + 1} times in a row"
                if refused:
                    raise ServerTroubleError(f"{times}: try again later")
                raise await self._unanswered(times, dc_id, connected=client is not None)
            await self._clock.sleep(pause)

    async def _unanswered(
        self, times: str, dc_id: int | None, *, connected: bool
    ) -> SourceUnreachableError:
        """Find out whether the server is gone or leaves only one request without an answer."""
        gone = SourceUnreachableError(
            f"{times}: see whether this machine reaches the internet, and try again later"
        )
        if not connected or not await self._probe():
            return self._lost(gone)
        if dc_id is not None and not await self._probe(dc_id):
            return self._lost(gone, _centre(dc_id))
        return SourceUnreachableError(f"{times}, though it answers others: try again later")

    async def _probe(self, dc_id: int | None = None) -> bool:
        """Connect anew, which asks for the server's settings, and say whether it answered."""
        try:
            client = await self._connected()
            if dc_id is not None and dc_id != client.session.dc_id:
                async with asyncio.timeout(self._patience.answer):
                    sender = await client._borrow_exported_sender(dc_id)
                    await client._return_exported_sender(sender)
        except Exception as error:  # noqa: BLE001 - whatever it is, it did not answer
            _LOG.debug("while probing: %s", type(error).__name__)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
        else:
            return True
        await self._hang_up()
        return False

    def _lost(self, error: E, realm: str = _EVERYTHING, seconds: float | None = None) -> E:
        """Let everything in a realm fail at once for a while: asking could only make it worse."""
        self._gone[realm] = (self._clock.seconds() + (seconds or self._patience.lost), error)
        return error

    def _raise_if_gone(self, *realms: str) -> None:
        for realm in realms:
            until, error = self._gone.get(realm, (0.0, None))
            if error is not None and self._clock.seconds() < until:
                raise error

    def _sit_out(self, asked: float, waited: float, what: str, realm: Realm) -> float:
        """Let no request of a realm go out for so long, or give up; overlapping pauses count once.

        Returns:
            How long the request that was answered so has waited by then.
        """
        now = self._clock.seconds()
        running = max(0.0, self._paused_until[realm] - now)
        decision = after_flood(asked, waited, self._clock.now())
        if isinstance(decision, CoolDown):
            why = (
                f"Telegram asked for a pause of {asked:,.0f} s ({what}): "
                f"the rest is read after {decision.until:%Y-%m-%d %H:%M} UTC"
            )
            if realm == _EVERYTHING:
                raise self._lost(CoolingDownError(why, decision.until), realm, seconds=asked)
            raise self._lost(RealmPauseError(why, decision.until, realm), realm, seconds=asked)
        more = max(0.0, decision.seconds - running)
        self._paused_until[realm] = now + running + more
        self._effort.seconds_waited += more
        return waited + decision.seconds

    def _raise_if_paused(self, realm: Realm) -> None:
        if self._clock.seconds() < max(self._paused_until[_EVERYTHING], self._paused_until[realm]):
            raise SourceUnreachableError(f"{_PAUSED[realm]}: try again later")

    async def _pause_is_over(self, realm: Realm) -> None:
        """Wait until such a request may go out again."""
        for paused in dict.fromkeys((_EVERYTHING, realm)):
            await self._count_down(paused)

    async def _count_down(self, realm: Realm) -> None:
        """Wait for the end of a realm's pause; who comes first counts the seconds down."""
        if self._clock.seconds() >= self._paused_until[realm]:
            return
        why = _PAUSED[realm]
        async with self._pausing[realm]:
            told = False
            while (left := self._paused_until[realm] - self._clock.seconds()) > _NOTHING_S:
                told = True
                left = round(left, 3)
                self._on_wait(left, why)
                await self._clock.sleep(next_tick(left))
            if told:
                self._on_wait(0.0, why)

    # -- connection -------------------------------------------------------------------------------

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                client = make_client(self._credentials)
                self._client = client
                async with asyncio.timeout(self._patience.answer):
                    await client.connect()
            return self._client

    def _present(self) -> Any:
        """Return the connection that is there, without making one.

        Raises:
            ConnectionError: there is none at the moment.
        """
        if self._client is None or self._connecting.locked():
            raise ConnectionError
        return self._client

    async def _hang_up(self, client: Any = None) -> None:
        """Give up the connection, if it is still the one that broke."""
        held = self._client
        if held is None or (client is not None and client is not held):
            return
        self._client = None
        try:
            async with asyncio.timeout(self._patience.goodbye):
                await held.disconnect()
        except Exception as error:  # noqa: BLE001 - whatever it is, this connection is given up
            _LOG.debug("while hanging up: %s", type(error).__name__)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise


@asynccontextmanager
async def _sender(client: Any, dc_id: int) -> AsyncGenerator[Any]:
    """Use a connection to one data centre; it is made where it is not there yet.

    Raises:
        ImageError: Telegram names no such data centre.
    """
    if dc_id == client.session.dc_id:
        yield client._sender
        return
    try:
        await client._get_dc(dc_id)
    except ValueError as error:
        raise ImageError(f"it lies in data centre {dc_id}, which Telegram does not name") from error
    sender = await client._borrow_exported_sender(dc_id)
    try:
        yield sender
    finally:
        # A connection that was given up meanwhile has forgotten all its senders.
        with suppress(KeyError):
            await client._return_exported_sender(sender)


def _centre(dc_id: int | None) -> str:
    return _EVERYTHING if dc_id is None else f"data centre {dc_id}"


def name_of_request(error: Any) -> str:
    """Return the name of the request that was refused, without what Telethon wraps around it.

    Args:
        error: Telethon's `RPCError`.
    """
    request = error.request
    while hasattr(request, "query"):
        request = request.query
    return type(request).__name__.removesuffix("Request")


def make_client(credentials: Credentials, *, updates: bool = False) -> Any:
    """Make a Telethon client that leaves all decisions to its caller.

    Args:
        credentials: application and session; the session may be empty for a first login.
        updates: whether it hears what happens, such as that somebody has scanned a QR code.
    """
    import telethon
    from telethon.network import MTProtoSender
    from telethon.sessions import StringSession
    from telethon.tl import functions
    from telethon.tl.alltlobjects import LAYER

    # Without a handler Python would print its warnings on top of the progress display.
    logger = logging.getLogger("telethon")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())

    class Client(telethon.TelegramClient):
        async def _create_exported_sender(self, dc_id: int) -> Any:
            # Telethon's own reconnects without a pause, whatever the client does, and leaves the
            # connection open for ever when anything after the first step goes wrong.
            me: Any = self
            dc = await me._get_dc(dc_id)
            sender: Any = MTProtoSender(None, loggers=me._log, auto_reconnect=False)
            try:
                connection = me._connection(
                    dc.ip_address, dc.port, dc.id,
                    loggers=me._log, proxy=me._proxy, local_addr=me._local_addr,
                )  # fmt: skip
                await sender.connect(connection)
                auth = await me(functions.auth.ExportAuthorizationRequest(dc_id))
                hello = me._init_request
                hello.query = functions.auth.ImportAuthorizationRequest(auth.id, auth.bytes)
                await sender.send(functions.InvokeWithLayerRequest(LAYER, hello))
            except BaseException:
                await sender.disconnect()
                raise
            return sender

    return Client(
        StringSession(credentials.session.get_secret_value()),
        credentials.api_id,
        credentials.api_hash.get_secret_value(),
        timeout=10,
        request_retries=0,
        # A first login makes a key. One in 256 begins with a zero, which Telethon drops and refuses.
        connection_retries=0 if credentials.session.get_secret_value() else 2,
        auto_reconnect=False,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        receive_updates=updates,
    )


def refusal_text(error: Any) -> str:
    """Return Telegram's own text of a refusal, such as `CHANNEL_PRIVATE`.

    Args:
        error: Telethon's `RPCError`; its classes for known texts no longer say theirs.
    """
    from telethon.errors import rpcerrorlist

    known: dict[str, type] = rpcerrorlist.rpc_errors_dict
    for text, kind in known.items():
        if type(error) is kind:
            return text
    return "AUTH_KEY_UNREGISTERED" if error.code == 401 else str(error.message)
