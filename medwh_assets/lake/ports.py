"""The outside world as the rooms see it: protocols, and the plain values that cross them.

They speak of posts and images, so they stand on the lake's floor beside the records. The live and
the recorded source, the detector and their hand-written fakes all fit these shapes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from medwh_assets.lake.records import Box, Post
from medwh_assets.slices import DayRun, Slice


@dataclass(frozen=True, slots=True)
class SliceReading:
    """One read of one slice by one source.

    Attributes:
        slice: the channel and day that were asked for.
        source: the kind of source, such as `recorded`.
        observed_at: the read's logical time, or null where the source does not say.
        complete: whether the read covers the whole day, so that absence means something.
        posts: the posts of that day, each made from this reading alone.
    """

    slice: Slice
    source: str
    observed_at: datetime | None
    complete: bool
    posts: tuple[Post, ...]


class MessageSource(Protocol):
    """Where a channel's posts come from."""

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
            SourceUnreachableError: the source did not answer.
        """
        ...


class Detector(Protocol):
    """What is seen on an image."""

    @property
    def fingerprint(self) -> str:
        """Name of the model, weights hash and options: equal fingerprints give equal boxes."""
        ...

    def detect(self, image: bytes) -> tuple[Box, ...]:
        """Return the boxes found on one encoded image, best first.

        Raises:
            ImageError: the bytes are no safe, whole image.
        """
        ...
