"""What was seen of the lake's files when they were last looked at, and the journal of what was new.

Plain values and a port: the warehouse keeps them, the sensor on the lake decides by them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from medwh_assets.lake.listing import FileKind
from medwh_assets.slices import Slice

FileKey = tuple[FileKind, Slice]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as it was looked at last.

    Attributes:
        stamp: of the listing then.
        sha256: of its content, None if it could not be read.
    """

    stamp: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that was looked at just now.

    Attributes:
        key: which.
        stamp: of the listing.
        sha256: of its content, None if it cannot be read.
        records: how many records it holds, None if nobody knows.
        is_new: whether no run has brought this content.
    """

    key: FileKey
    stamp: str
    sha256: str | None
    records: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry of the journal: content that no run has brought."""

    seen_id: int
    key: FileKey
    sha256: str
    records: int | None


class LakeJournal(Protocol):
    """Who keeps what was seen. The warehouse implements this."""

    def known(self) -> Mapping[FileKey, KnownFile]:
        """Return every file that was ever looked at and is still there."""
        ...

    def keep(self, seen: Sequence[SeenFile], gone: Sequence[FileKey]) -> None:
        """Keep what was looked at, note what of it is new, and forget what is gone; all or nothing."""
        ...

    def newest(self) -> int:
        """Return the id of the newest entry, 0 without one."""
        ...

    def after(self, seen_id: int, most: int) -> list[Seen]:
        """Return at most so many entries after an id, in order."""
        ...
