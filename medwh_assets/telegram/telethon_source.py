"""Live channels: `MessageSource` over one Telegram account, for one run."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from medwh_assets.errors import (
    AccountError,
    ChannelNotFoundError,
    ChannelPrivateError,
    CoolingDownError,
    CredentialsError,
    MedwhError,
    SourceBusyError,
    SourceUnreachableError,
    UndeliveredImageError,
)
from medwh_assets.lake.ports import (
    AccountState,
    BadPost,
    ChannelFacts,
    ChannelStatus,
    KnownPeer,
    Realm,
    SliceReading,
)
from medwh_assets.lake.records import Post
from medwh_assets.lake.slice_files import first_reason
from medwh_assets.lake.telethon_message import MessageError
from medwh_assets.settings import LiveSettings, TelegramSettings
from medwh_assets.slices import DayRun
from medwh_assets.telegram.client import (
    Credentials,
    Patience,
    RealmPauseError,
    ServerTroubleError,
    TelegramClient,
    refusal_text,
)
from medwh_assets.telegram.clock import Clock, SystemClock
from medwh_assets.telegram.login import credentials, find_session
from medwh_assets.telegram.loop import LoopThread
from medwh_assets.telegram.meanwhile import Meanwhile
from medwh_assets.telegram.pacing import Countdown, Effort, Pacer
from medwh_assets.telegram.photos import Place, Places, fetch, place_of
from medwh_assets.telegram.refusals import is_about_one_request, meaning
from medwh_assets.telegram.serialize import SOURCE, post_of, raw_of
from medwh_assets.telegram.walk import PAGE, Offset, Stretch, by_day, day_start, walk

# More connections per data centre earn flood waits, and once a ban.
_AT_A_TIME: Final = 2
_OLD_REFERENCE: Final = frozenset(
    (
        "FILE_REFERENCE_EXPIRED", "FILE_REFERENCE_INVALID", "FILE_REFERENCE_EMPTY",
        "FILEREF_UPGRADE_NEEDED",
    )
)  # fmt: skip
# Pictures fetched before they are asked for.
_AHEAD: Final = 4
# Whoever asks for more pages in a second leaves no time between them for pictures.
_LEISURELY: Final = 10.0
# Telegram numbers posts with 31 bits.
_LAST_ID: Final = 2**31 - 1
# Nothing about one channel: asking for the next would be told the same.
_ABOUT_THE_ACCOUNT = (AccountError, CredentialsError, SourceBusyError)


class _PauseError(CoolingDownError):
    """A pause that the account's memory holds already."""


class TelethonSource:
    """Read channels from Telegram. Made for one run, in one thread; `close` ends it.

    Nothing is connected before the first request. From then on the run holds the account, so that
    no other run asks anything before `close`.

    Args:
        channels: the channels to read, by their names in the lake.
        access: returns application and session, or raises what is missing.
        state: what is remembered of the account.
        observed_at: the run's logical time, the same in every retry.
        requests_per_second: how many requests go out in a second.
        image_pixels: longest side that a fetched picture has at least, where Telegram has one.
        on_wait: told while the run waits for Telegram.
        clock: the time.
        patience: when the server counts as gone.
    """

    def __init__(
        self,
        channels: Iterable[str],
        access: Callable[[], Credentials],
        state: AccountState,
        observed_at: datetime,
        *,
        requests_per_second: float = 1.0,
        image_pixels: int = 800,
        on_wait: Countdown | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Remember what is needed; nothing is asked yet."""
        self._channels = frozenset(channels)
        self._access = access
        self._state = state
        self._observed_at = observed_at
        self._pixels = image_pixels
        self._clock: Clock = clock or SystemClock()
        self._client_options: dict[str, Any] = {"clock": self._clock, "patience": patience}
        if on_wait is not None:
            self._client_options["on_wait"] = on_wait
        self._pacer = Pacer(requests_per_second)
        self.effort = Effort()
        self._open = ExitStack()
        self._loop: LoopThread | None = None
        self._client: TelegramClient | None = None
        self._ended: MedwhError | None = None
        self._ended_as: ChannelStatus | None = None
        self._identities: dict[str, tuple[int, str | None]] = {}
        self._statuses: dict[str, str] = {}
        self._seen: dict[str, tuple[KnownPeer, ChannelFacts]] = {}
        self._timers: dict[str, timedelta] = {}
        self._places = Places()
        self._expected: deque[Post] = deque()
        self._coming: dict[tuple[str, int], Future[bytes | None]] = {}
        self._one_look = asyncio.Lock()
        self._some_at_a_time = asyncio.Semaphore(_AT_A_TIME)
        self._pictures_too = True
        self._meanwhile: Meanwhile | None = None
        if requests_per_second <= _LEISURELY:
            self._meanwhile = Meanwhile(
                self._place_in_passing,
                self._begin_in_passing,
                self._fetch_in_passing,
                self._cool_down,
                self._some_at_a_time,
            )

    # -- what a source does -----------------------------------------------------------------------

    def channels(self) -> frozenset[str]:
        """Return the channels that are read live."""
        return self._channels

    @property
    def photos(self) -> AccountState:
        """What runs remember of the photos they have fetched."""
        return self._state

    @property
    def meanwhile(self) -> Meanwhile | None:
        """Who fetches pictures while posts are read."""
        return self._meanwhile

    def identify(self, channel: str, channel_id: int, username: str | None) -> None:
        """Hear which channel has been read under a name so far: no other is read under it.

        Nor is it read under another name. Of two names that it has in the lake already, that one
        stays which is heard of first.

        Args:
            channel: the channel's name in the lake.
            channel_id: its id.
            username: its username when it was last seen, by which it may be found again.
        """
        self._identities[channel] = (channel_id, username)

    def status(self, channel: str) -> str | None:
        """Return how the last attempt on a channel ended, as the state keeps it."""
        return self._statuses.get(channel)

    def read(self, run: DayRun) -> Generator[SliceReading]:
        """Walk a run's days once, from old to new, and yield each day when it is whole.

        Raises:
            ChannelNotFoundError, ChannelPrivateError, AccountError, CredentialsError,
            CoolingDownError, SourceBusyError, SourceUnreachableError: the days that were not
                yielded were not read.
        """
        with self._outcome(run.channel):
            peer, _ = self._look_up(run.channel)
            self._pictures_too = self._cooling("files") is None
            first, end = day_start(run.first), day_start(run.last) + timedelta(days=1)
            found = 0

            def pages() -> Iterator[Stretch[Post | BadPost]]:
                nonlocal found
                for page in walk(lambda offset: self._page(peer, offset), first, end):
                    own = [message for message in page.messages if first <= message.date < end]
                    found += len(own)
                    yield Stretch([self._post(m, run.channel) for m in own], page.whole)

            yield from by_day(pages(), run, SOURCE, self._observed_at)
        self._note_read(run.channel, found)

    def still_there(self, channel: str, ids: Sequence[int]) -> list[Post | BadPost]:
        """Return those of some posts that Telegram still has, asked for by their ids.

        Raises:
            The same as `read`.
        """
        from telethon.tl import functions, types

        found: list[Post | BadPost] = []
        with self._outcome(channel):
            peer, _ = self._look_up(channel)
            for start in range(0, len(ids), PAGE):
                wanted: list[Any] = [types.InputMessageID(n) for n in ids[start : start + PAGE]]
                request = functions.channels.GetMessagesRequest(_input_channel(peer), wanted)
                messages = _own(self._ask(request), peer)
                found += [self._post(message, channel) for message in messages]
        return found

    def timer(self, channel: str) -> timedelta | None:
        """Return after which time the channel's posts are deleted by themselves, if they are.

        Raises:
            The same as `read`.
        """
        with self._outcome(channel):
            self._look_up(channel)
        return self._timers.get(channel)

    def image(self, post: Post) -> bytes | None:
        """Return the bytes of a post's picture, or None if it has none (any more).

        Raises:
            UndeliveredImageError: Telegram delivers it only in part, or not this one.
            ImageError: it is too large, or lies nowhere that could be asked.
            ChannelNotFoundError, ChannelPrivateError, AccountError, CredentialsError,
            CoolingDownError, SourceBusyError, SourceUnreachableError: it could not be asked.
        """
        if post.media is None or not post.media.is_image or post.id > _LAST_ID:
            return None
        key = (post.channel, post.id)
        with self._outcome(post.channel, "files", begun=key in self._coming):
            if key not in self._coming:
                self._expected = deque(p for p in self._expected if (p.channel, p.id) != key)
                self._begin(post)
            coming = self._coming.pop(key)
            if not (self._cooling() or self._cooling("files")):
                self._fetch_ahead()
            return coming.result()

    def expect(self, posts: Sequence[Post]) -> None:
        """Fetch these posts' pictures ahead, in this order, while others are worked on."""
        self._expected = deque(post for post in posts if post.id <= _LAST_ID)
        wanted = {(post.channel, post.id) for post in posts}
        # What was begun for posts that were given up would take the places of these.
        for key in self._coming.keys() - wanted:
            self._coming.pop(key).cancel()

    def facts(self, channel: str) -> ChannelFacts | None:
        """Return what the channel says about itself, asked once in a run.

        Raises:
            The same as `read`.
        """
        with self._outcome(channel):
            return self._look_up(channel)[1]

    def close(self) -> None:
        """Give the connection and the account back; the source is not used any more."""
        self._expected.clear()
        self._coming.clear()
        self._client = None
        self._open.close()
        self._loop = None

    def __enter__(self) -> "TelethonSource":
        """Return the source."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    # -- outcomes ---------------------------------------------------------------------------------

    @contextmanager
    def _outcome(
        self, channel: str, realm: Realm = "all", *, begun: bool = False
    ) -> Generator[None]:
        """Keep in the state why a channel could not be read, and raise it in our own words.

        What was begun before a cooldown may be finished in it.
        """
        from telethon.errors import RPCError

        try:
            if self._ended is not None:
                raise self._ended
            if not begun:
                self._raise_if_cooling()
                if realm != "all":
                    self._raise_if_cooling(realm)
            yield
        except RPCError as error:
            meant = meaning(refusal_text(error), channel)
            if isinstance(meant.error, _ABOUT_THE_ACCOUNT):
                self._ended, self._ended_as = meant.error, meant.status
            self._note(channel, meant.status, str(meant.error))
            raise meant.error from error
        except MedwhError as error:
            if isinstance(error, CoolingDownError) and not isinstance(error, _PauseError):
                self._cool_down(error)
            status = _status_of(error)
            if isinstance(error, _ABOUT_THE_ACCOUNT) and self._ended is None:
                self._ended, self._ended_as = error, status
            if error is self._ended:
                status = self._ended_as
            if status is not None:
                self._note(channel, status, str(error))
            raise

    def _cooling(self, realm: Realm = "all") -> datetime | None:
        until = self._state.cooldown(realm)
        return until if until is not None and until > self._clock.now() else None

    def _cool_down(self, error: CoolingDownError) -> None:
        realm = error.realm if isinstance(error, RealmPauseError) else "all"
        self._state.cool_down(error.until, str(error), realm)

    def _raise_if_cooling(self, realm: Realm = "all") -> None:
        if (until := self._cooling(realm)) is not None:
            what = "no picture is fetched" if realm == "files" else "nothing is asked"
            raise _PauseError(
                f"Telegram asked for a pause: {what} before {until:%Y-%m-%d %H:%M} UTC", until
            )

    def _note(self, channel: str, status: ChannelStatus, detail: str = "") -> None:
        self._statuses[channel] = f"{status}: {detail}" if detail else status
        self._state.note(channel, status, detail, self._observed_at)

    def _note_read(self, channel: str, posts: int) -> None:
        peer, facts = self._seen[channel]
        if facts.username is not None and facts.username.lower() != channel:
            self._note(channel, "renamed", f"now called {facts.username}")
        elif facts.username is None and peer.username:
            self._note(channel, "renamed", "has no username any more")
        else:
            self._note(channel, "ok" if posts else "empty", f"{posts} posts in the days read")

    # -- asking -----------------------------------------------------------------------------------

    def _connection(self) -> tuple[LoopThread, TelegramClient]:
        if self._client is None or self._loop is None:
            credentials = self._access()
            with ExitStack() as opened:
                opened.enter_context(self._state.operation())
                # Whoever had the turn before may have been asked for a pause.
                self._raise_if_cooling()
                loop = LoopThread("telegram")
                opened.callback(loop.close)

                async def make() -> TelegramClient:
                    return TelegramClient(
                        credentials, self._pacer, effort=self.effort, **self._client_options
                    )

                client = loop.run(make())
                opened.callback(lambda: loop.run(client.close()))
                self._introduce(loop, client)
                self._open = opened.pop_all()
            self._loop, self._client = loop, client
        return self._loop, self._client

    def _introduce(self, loop: LoopThread, client: TelegramClient) -> None:
        """Learn once whose session this is: pauses and addresses are the account's."""
        from telethon.tl import functions, types

        if self._state.owner() is None:
            me = types.InputUserSelf()
            (found,) = loop.run(client.ask(functions.users.GetUsersRequest([me])))
            self._state.belongs_to(found.id)
            self._raise_if_cooling()

    def _ask(self, request: Any, realm: Realm = "all") -> Any:
        loop, client = self._connection()
        return loop.run(client.ask(request, realm=realm))

    def _page(self, peer: KnownPeer, offset: Offset) -> "_Page":
        from telethon.tl import functions

        request = functions.messages.GetHistoryRequest(
            peer=_input_peer(peer),
            offset_id=offset.id,
            offset_date=offset.date,
            add_offset=offset.add,
            limit=PAGE,
            max_id=0,
            min_id=0,
            hash=0,
        )
        loop, client = self._connection()
        return _Page(peer, loop.begin(client.ask(request)))

    def _post(self, message: Any, channel: str) -> Post | BadPost:
        try:
            post = post_of(message, channel=channel, observed_at=self._observed_at)
        except (MessageError, ValidationError) as error:
            return BadPost(message.id, message.date, first_reason(error), raw_of(message))
        if post.media is not None and post.media.is_image:
            self._places.put(channel, post.id, place_of(message, self._pixels))
        return post

    # -- channels ---------------------------------------------------------------------------------

    def _look_up(self, channel: str) -> tuple[KnownPeer, ChannelFacts]:
        """Find a channel by its id where that is known, once in a run; its name only leads there."""
        if channel not in self._seen:
            self._seen[channel] = self._find(channel)
        return self._seen[channel]

    def _find(self, channel: str) -> tuple[KnownPeer, ChannelFacts]:
        from telethon import errors

        wanted, last_name = self._identities.get(channel, (None, None))
        known = self._state.peer(channel)
        if known is not None and wanted in (None, known.channel_id):
            wanted, last_name = known.channel_id, known.username or last_name
            try:
                facts = self._ask_facts(channel, known)
            except errors.ChannelInvalidError:
                # Another account's access hash, or the channel is gone: its name will tell.
                self._state.forget_peer(channel)
            else:
                if facts.username is not None and facts.username != known.username:
                    known = replace(known, username=facts.username)
                    self._state.remember_peer(channel, known)
                self._raise_if_known_otherwise(channel, known.channel_id)
                return known, facts
        peer = self._resolve(channel, wanted, last_name)
        self._raise_if_known_otherwise(channel, peer.channel_id)
        facts = self._ask_facts(channel, peer)
        self._state.remember_peer(channel, peer)
        return peer, facts

    def _raise_if_known_otherwise(self, channel: str, channel_id: int) -> None:
        """Refuse a second name of a channel: its posts would be kept and counted twice."""
        for name, (known_id, _) in self._identities.items():
            if name == channel:
                return
            both_wanted = name in self._channels or channel not in self._identities
            if known_id == channel_id and both_wanted:
                raise ChannelNotFoundError(
                    f"{channel}: this is the channel that is kept as {name}, whatever it is called "
                    f"now; name it {name} in MEDWH_CHANNELS, and take {channel} out"
                )

    def _resolve(self, channel: str, wanted: int | None, last_name: str | None) -> KnownPeer:
        """Find a channel by its last username, else by its name in the lake.

        Args:
            channel: its name in the lake.
            wanted: its id, if anything was ever read under that name; no other channel will do.
            last_name: its username when it was last seen.
        """
        from telethon import errors

        if (until := self._cooling("names")) is not None:
            raise _PauseError(
                f"Telegram asked for a pause: no name is looked up before {until:%Y-%m-%d %H:%M} "
                "UTC; channels that were read before are read",
                until,
            )
        problem: Exception | None = None
        for name in dict.fromkeys(((last_name or channel).lower(), channel)):
            try:
                peer = self._resolve_name(channel, name)
            except (
                errors.UsernameNotOccupiedError,
                errors.UsernameInvalidError,
                ChannelNotFoundError,
            ) as error:
                problem = error
                continue
            if wanted in (None, peer.channel_id):
                return peer
            problem = ChannelNotFoundError(
                f"{channel}: this name belongs to another channel now, which is not mixed with the "
                "one that was read before; what was read stays. Remove the name from "
                "MEDWH_CHANNELS, or name the old channel by its new username"
            )
        assert problem is not None
        raise problem

    def _resolve_name(self, channel: str, name: str) -> KnownPeer:
        from telethon.tl import functions, types

        try:
            answer = self._ask(functions.contacts.ResolveUsernameRequest(username=name), "names")
        except CoolingDownError as error:
            self._state.cool_down(error.until, str(error), "names")
            raise _PauseError(str(error), error.until) from error
        if not isinstance(answer.peer, types.PeerChannel):
            bots = {user.id for user in answer.users if getattr(user, "bot", False)}
            whose = "a bot's" if getattr(answer.peer, "user_id", 0) in bots else "a person's"
            raise ChannelNotFoundError(
                f"{channel}: this name is {whose}, not a channel's; "
                "mend or remove it in MEDWH_CHANNELS"
            )
        for chat in answer.chats:
            if chat.id != answer.peer.channel_id:
                continue
            if isinstance(chat, types.Channel) and chat.access_hash is not None:
                return KnownPeer(chat.id, chat.access_hash, chat.username or name)
        raise meaning("CHANNEL_PRIVATE", channel).error

    def _ask_facts(self, channel: str, peer: KnownPeer) -> ChannelFacts:
        from telethon.tl import functions, types

        answer = self._ask(functions.channels.GetFullChannelRequest(_input_channel(peer)))
        chat = next((chat for chat in answer.chats if chat.id == peer.channel_id), None)
        if not isinstance(chat, types.Channel):
            raise meaning("CHANNEL_PRIVATE", channel).error
        if answer.full_chat.ttl_period:
            self._timers[channel] = timedelta(seconds=answer.full_chat.ttl_period)
        return ChannelFacts(
            channel=channel,
            channel_id=chat.id,
            title=chat.title,
            about=answer.full_chat.about or None,
            subscribers=answer.full_chat.participants_count,
            username=_username(chat, channel),
            observed_at=self._observed_at,
        )

    # -- pictures ---------------------------------------------------------------------------------

    def _fetch_ahead(self) -> None:
        while self._expected and len(self._coming) < _AHEAD:
            self._begin(self._expected.popleft())

    def _begin(self, post: Post) -> None:
        loop, client = self._connection()
        # A run that only fetches pictures need not hear again what the channel says of itself.
        peer = self._state.peer(post.channel) or self._look_up(post.channel)[0]
        coming = [number for channel, number in self._coming if channel == post.channel]
        later = [p.id for p in self._expected if p.channel == post.channel]
        near = [post.id, *coming, *later][:PAGE]
        # One look covers a hundred posts, so those of the next days are looked at in passing.
        after = max(near) + 1
        near += range(after, min(after + PAGE - len(near), _LAST_ID + 1))
        key = (post.channel, post.id)
        self._coming[key] = loop.begin(self._picture(client, peer, key, near))

    async def _picture(
        self, client: TelegramClient, peer: KnownPeer, key: tuple[str, int], near: Sequence[int]
    ) -> bytes | None:
        from telethon.errors import RPCError

        async with self._some_at_a_time:
            place = await self._place(client, peer, key, near)
            if place is None:
                return None
            try:
                return await self._fetch(client, place)
            except RPCError as error:
                if refusal_text(error) not in _OLD_REFERENCE:
                    raise
            # The references of one answer grow old together; the next pictures find fresh ones.
            if self._places.get(key) is place:
                self._places.forget(key[0])
            place = await self._place(client, peer, key, near)
            return None if place is None else await self._fetch(client, place, again=True)

    async def _fetch(self, client: TelegramClient, place: Place, *, again: bool = False) -> bytes:
        """Fetch a picture; what goes wrong with this one file is told as that."""
        from telethon.errors import RPCError

        try:
            return await fetch(client, place, self._observed_at)
        except ServerTroubleError as error:
            told = f"Telegram did not deliver it: {error}"
            raise UndeliveredImageError(told, self._observed_at) from error
        except RPCError as error:
            text = refusal_text(error)
            if not is_about_one_request(text) or (text in _OLD_REFERENCE and not again):
                raise
            raise UndeliveredImageError(f"Telegram refuses it with {text}") from error

    async def _place(
        self, client: TelegramClient, peer: KnownPeer, key: tuple[str, int], near: Sequence[int]
    ) -> Place | None:
        from telethon.tl import functions, types

        async with self._one_look:
            if key not in self._places:
                channel = key[0]
                wanted = [number for number in near if (channel, number) not in self._places]
                answer = await client.ask(
                    functions.channels.GetMessagesRequest(
                        _input_channel(peer), [types.InputMessageID(number) for number in wanted]
                    )
                )
                found = {m.id: m for m in answer.messages if isinstance(m, types.Message)}
                for number in wanted:
                    message = found.get(number)
                    place = None if message is None else place_of(message, self._pixels)
                    self._places.put(channel, number, place)
            return self._places[key]

    # -- pictures while posts are read --------------------------------------------------------------

    def _place_in_passing(self, post: Post) -> Place | None:
        return self._places.get((post.channel, post.id)) if self._pictures_too else None

    def _begin_in_passing(self, work: Coroutine[None, None, bytes]) -> Future[bytes]:
        # Only what the walk has shown is fetched, so there is a connection.
        assert self._loop is not None
        return self._loop.begin(work)

    async def _fetch_in_passing(self, place: Place) -> bytes:
        if self._client is None:
            raise SourceUnreachableError("the run is over")
        return await fetch(self._client, place, self._observed_at, in_passing=True)


def live_source(
    channels: Iterable[str],
    telegram: TelegramSettings,
    live: LiveSettings,
    state_folder: Path,
    state: AccountState,
    observed_at: datetime,
    *,
    on_wait: Countdown | None = None,
) -> TelethonSource | None:
    """Make the source of the live channels from settings, or None if Telegram is not set up.

    Where only a part is set, there is a source: it says what is missing when it is asked.

    Args:
        channels: the channels of `MEDWH_CHANNELS`.
        telegram: application and account.
        live: how channels are read.
        state_folder: where the session is kept if `TELEGRAM_SESSION` is not set.
        state: what is remembered of the account.
        observed_at: the run's logical time.
        on_wait: told while the run waits for Telegram.
    """
    session = find_session(telegram, state_folder)
    if telegram.api_id is None and telegram.api_hash is None and session is None:
        return None
    return TelethonSource(
        channels,
        lambda: credentials(telegram, state_folder),
        state,
        observed_at,
        requests_per_second=live.telegram_requests_per_second,
        image_pixels=live.image_size_pixels,
        on_wait=on_wait,
    )


class _Page:
    """A page of a channel's history that was asked for."""

    def __init__(self, peer: KnownPeer, answer: "Future[Any]") -> None:
        self._peer = peer
        self._answer = answer

    def result(self) -> list[Any]:
        return _own(self._wait(), self._peer)

    def total(self) -> int | None:
        answer = self._wait()
        return getattr(answer, "count", len(answer.messages))

    def older(self) -> int | None:
        answer = self._wait()
        newer = getattr(answer, "offset_id_offset", None)
        return None if newer is None else answer.count - newer

    def cancel(self) -> None:
        self._answer.cancel()

    def _wait(self) -> Any:
        try:
            return self._answer.result()
        except BaseException:
            self._answer.cancel()
            raise


def _own(answer: Any, peer: KnownPeer) -> list[Any]:
    """Return the messages of an answer about one channel.

    Raises:
        SourceUnreachableError: the answer is about another one.
    """
    from telethon.tl import types

    messages = [m for m in answer.messages if not isinstance(m, types.MessageEmpty)]
    for message in messages:
        if getattr(message.peer_id, "channel_id", None) != peer.channel_id:
            raise SourceUnreachableError(
                "Telegram answered with posts of another channel, which are not taken; try again "
                "later"
            )
    return messages


def _status_of(error: MedwhError) -> ChannelStatus | None:
    if isinstance(error, ChannelNotFoundError):
        return "not_found"
    if isinstance(error, ChannelPrivateError):
        return "private"
    if isinstance(error, CoolingDownError):
        return "flood"
    if isinstance(error, AccountError | SourceUnreachableError):
        return "unreachable"
    return None


def _username(chat: Any, channel: str) -> str | None:
    """Return a channel's username, the one that the lake knows if it has several."""
    names = [chat.username] if chat.username else []
    names += [name.username for name in chat.usernames or () if name.active]
    return next((name for name in names if name.lower() == channel), names[0] if names else None)


def _input_peer(peer: KnownPeer) -> Any:
    from telethon.tl import types

    return types.InputPeerChannel(peer.channel_id, peer.access_hash)


def _input_channel(peer: KnownPeer) -> Any:
    from telethon.tl import types

    return types.InputChannel(peer.channel_id, peer.access_hash)
