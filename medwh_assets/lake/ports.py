"""The outside world as the rooms see it: protocols, and the plain values that cross them.

They speak of posts and images, so they stand on the lake's floor beside the records. The live and
the recorded source, the detector and their hand-written fakes all fit these shapes.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import date as Day
from typing import Literal, Protocol, TypeVar

from pydantic import JsonValue

from medwh_assets.errors import ImageError
from medwh_assets.lake.records import Box, Post
from medwh_assets.slices import DayRun, Slice


@dataclass(frozen=True, slots=True)
class BadPost:
    """What a source gave as a post and is none.

    Attributes:
        id: its number in the channel.
        date: when it was sent, with a time zone.
        reason: one line for people.
        raw: what the source gave.
    """

    id: int
    date: datetime
    reason: str
    raw: JsonValue

    @property
    def day(self) -> Day:
        """The UTC day on which it was sent."""
        return self.date.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class SliceReading:
    """One read of one slice by one source.

    Attributes:
        slice: the channel and day that were asked for.
        source: the kind of source, such as `recorded`.
        observed_at: the read's logical time, or null where the source does not say.
        complete: whether the read covers the whole day, so that absence means something.
        posts: the posts of that day, each made from this reading alone; perhaps, as the lake knows
            it, one that is gone and of which this reading tells why.
        bad: what stood among them and is no post; then the reading is not complete.
    """

    slice: Slice
    source: str
    observed_at: datetime | None
    complete: bool
    posts: tuple[Post, ...]
    bad: tuple[BadPost, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What a channel says about itself, as one read saw it.

    Attributes:
        channel: the channel's name in the lake.
        channel_id: its bare id, which outlives every rename.
        title: the name that readers see.
        about: the description, or null where there is none.
        subscribers: how many have subscribed, or null where Telegram does not tell.
        username: its username at that time, spelled as the owner does, or null without one.
        observed_at: the read's logical time.
    """

    channel: str
    channel_id: int
    title: str
    about: str | None
    subscribers: int | None
    username: str | None
    observed_at: datetime


class PhotoMemory(Protocol):
    """Where in the lake the photos lie that some run has fetched."""

    def photo(self, photo_id: int) -> str | None:
        """Return the lake path under which some run has kept a photo, or None."""
        ...

    def remember_photo(self, photo_id: int, path: str) -> None:
        """Keep where in the lake a photo lies."""
        ...


class ImagesMeanwhile(Protocol):
    """Fetches images while posts are read. All calls come from the thread that reads."""

    def want(self, posts: Sequence[Post]) -> None:
        """Hear whose images will be wanted when the posts are read; some are fetched before."""
        ...

    def arrived(self) -> Sequence[tuple[Post, bytes]]:
        """Return what has come since the last call."""
        ...

    def end(self, *, wait_for_last: bool) -> Sequence[tuple[Post, bytes]]:
        """Begin no more and return what has come; what is on its way may be waited for."""
        ...


class MessageSource(Protocol):
    """Where a channel's posts come from."""

    @property
    def photos(self) -> PhotoMemory | None:
        """What earlier runs have fetched, or None where fetching costs nothing."""
        ...

    @property
    def meanwhile(self) -> ImagesMeanwhile | None:
        """Who fetches images while posts are read, or None where that would gain nothing."""
        ...

    def channels(self) -> frozenset[str]:
        """Return the channels that this source can read."""
        ...

    def read(self, run: DayRun) -> Iterator[SliceReading]:
        """Walk a contiguous run of one channel's days once, in ascending order.

        Yields every reading of every slice of the run that the source has; a day that it never
        read yields nothing, a day read and empty yields a reading without posts.

        Raises:
            SourceUnreachableError: the source did not answer; nothing may be concluded.
            CorruptSliceError: what the source holds cannot be read.
        """
        ...

    def image(self, post: Post) -> bytes | None:
        """Return the bytes of a post's image as the source holds them, or None if it has none.

        Raises:
            UndeliveredImageError: the source did not hand this one over, or only in part.
            ImageError: it is none that could be handed over.
            SourceUnreachableError: the source did not answer.
        """
        ...

    def expect(self, posts: Sequence[Post]) -> None:
        """Hear whose images will be asked for next, in this order, and perhaps fetch them ahead."""
        ...

    def facts(self, channel: str) -> ChannelFacts | None:
        """Return what the channel says about itself now, or None from a source that knows nothing.

        Raises:
            SourceUnreachableError: the source did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """How one account addresses one channel; another account has another access hash.

    Attributes:
        channel_id: the channel's bare id.
        access_hash: what proves that the account has seen the channel.
        username: the channel's username when it was last seen, or empty.
    """

    channel_id: int
    access_hash: int = field(repr=False)
    username: str


ChannelStatus = Literal[
    "ok", "empty", "renamed", "not_found", "private", "banned", "flood", "unreachable"
]

Realm = Literal["all", "names", "files"]
"""What a pause is about: everything, or no more than looking names up or fetching files."""


class AccountState(PhotoMemory, Protocol):
    """What is remembered about one Telegram account from run to run."""

    def operation(self) -> AbstractContextManager[None]:
        """Hold the account: one operation at a time, over all runs and processes.

        Raises:
            SourceBusyError: another operation went on for longer than the wait.
        """
        ...

    def owner(self) -> int | None:
        """Return the account's own id, or None if this session was never asked for it."""
        ...

    def belongs_to(self, user_id: int) -> None:
        """Keep whose session this is, so that another session of the account remembers the same.

        Raises:
            SourceBusyError: another session of the account was in an operation for longer than the
                wait.
        """
        ...

    def peer(self, channel: str) -> KnownPeer | None:
        """Return how a channel is addressed, or None if its name was never resolved."""
        ...

    def remember_peer(self, channel: str, peer: KnownPeer) -> None:
        """Keep how a channel is addressed."""
        ...

    def forget_peer(self, channel: str) -> None:
        """Drop an address that Telegram no longer accepts."""
        ...

    def cooldown(self, realm: Realm = "all") -> datetime | None:
        """Return until when nothing of a realm may be asked, or None; it may be past.

        A pause of everything is asked for by its own name: it is not one of the others too.
        """
        ...

    def cool_down(self, until: datetime, why: str, realm: Realm = "all") -> None:
        """Let nothing of a realm be asked until then."""
        ...

    def note(self, channel: str, status: ChannelStatus, detail: str, at: datetime) -> None:
        """Keep how the last attempt on a channel ended.

        Args:
            channel: the channel's name in the lake.
            status: the outcome.
            detail: one line for people, empty where there is nothing to say.
            at: the run's logical time.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """What looking at an image told.

    Attributes:
        boxes: the things seen, best first.
        perceptual_hash: 64 bits as 16 hexadecimal characters; pictures that look alike differ in
            few of them.
    """

    boxes: tuple[Box, ...]
    perceptual_hash: str


K = TypeVar("K")


class Detector(Protocol):
    """Who looks at images."""

    @property
    def model(self) -> str:
        """What counts as having seen an image: fingerprints that are this, or this and an engine."""
        ...

    @property
    def fingerprint(self) -> str:
        """The model, and the engine that runs it: equal fingerprints give equal boxes.

        Raises:
            WeightsError: the model cannot be loaded.
        """
        ...

    @property
    def engine(self) -> str:
        """What runs the model, in words."""
        ...

    def detect_many(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        """Yield every image's key, in any order, with what was seen or with why nothing was.

        Raises:
            WeightsError: the model cannot be loaded.
        """
        ...
