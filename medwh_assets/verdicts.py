"""What checks find and say: plain values, and who counts and keeps them.

The warehouse counts, `automation` judges, and neither imports the other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

Severity = Literal["WARN", "ERROR"]
Detail = int | float | str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says.

    Attributes:
        passed: whether all is well.
        description: one line for people.
        severity: how bad it is if not.
        details: numbers by name.
        table: rows behind it, all of the same names.
    """

    passed: bool
    description: str
    severity: Severity = "ERROR"
    details: Mapping[str, Detail] = field(default_factory=dict[str, Detail])
    table: Sequence[Mapping[str, Detail | None]] = ()


@dataclass(frozen=True, slots=True)
class UnequalSlice:
    """A slice that has other counts in one place than in another.

    Attributes:
        channel: the channel.
        date: the day.
        counts: posts by place, None where nobody has counted.
        slices: how many such slices there are in all.
    """

    channel: str
    date: date
    counts: Mapping[str, int | None]
    slices: int


@dataclass(frozen=True, slots=True)
class ChannelFreshness:
    """How late a channel is, as `ops.freshness` says.

    Attributes:
        channel: the channel.
        is_live: whether it is to be read live; an archive has no deadline.
        status: `fresh`, `late`, `overdue` or `archived`.
        last_read_at: the last read that succeeded.
        last_attempt_status: how the last attempt ended.
        newest_message_date: the day of its newest post.
        age_hours: since the last read, or since it became live.
        warn_after_hours: from which age on it is late.
        fail_after_hours: from which age on it is overdue.
    """

    channel: str
    is_live: bool
    status: str
    last_read_at: datetime | None
    last_attempt_status: str | None
    newest_message_date: date | None
    age_hours: float | None
    warn_after_hours: float | None
    fail_after_hours: float | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A verdict as it is kept in `ops.check_results`.

    Attributes:
        asset: the asset's address.
        check_name: the check's name.
        verdict: what it says.
        is_blocking: whether nothing that follows is built while it fails.
    """

    asset: str
    check_name: str
    verdict: Verdict
    is_blocking: bool


class CheckFacts(Protocol):
    """Where the counts come from. The warehouse implements this."""

    def unequal_in_raw(self, most: int) -> list[UnequalSlice]:
        """Return slices of which lake, ledger and `raw` do not say the same."""
        ...

    def waiting_in_lake(self) -> int:
        """Count the slices that lie in the lake otherwise than they were loaded."""
        ...

    def unequal_in_marts(self, most: int) -> list[UnequalSlice] | None:
        """Return built slices of which `raw` and marts do not say the same; None without marts."""
        ...

    def orphans(self) -> list[tuple[str, date, int]]:
        """Return how many pictures of which slices have no post."""
        ...

    def without_post(self, pictures: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return those of pictures, named by channel and message, that have no post."""
        ...

    def drift(self, known: Collection[str], loads: int) -> dict[str, int]:
        """Return what the newest records hold besides what is known, and in how many of them."""
        ...

    def posts(self) -> int:
        """Count the posts in `raw`."""
        ...

    def freshness(self) -> list[ChannelFreshness]:
        """Return how late every channel is."""
        ...

    def set_deadlines(self, deadlines: Mapping[str, tuple[timedelta, timedelta]]) -> None:
        """Keep which channels are live, and after what age each is late and overdue."""
        ...

    def note(self, results: Sequence[Noted]) -> None:
        """Keep how checks ended."""
        ...


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """The loads that no finished build holds.

    Attributes:
        loads: how many.
        newest_load: the id of the newest, 0 without any.
        oldest_at: when the oldest was loaded.
        newest_at: when the newest was.
    """

    loads: int
    newest_load: int
    oldest_at: datetime | None
    newest_at: datetime | None


class MartsLedger(Protocol):
    """What is loaded and not built. The warehouse implements this."""

    def unbuilt(self) -> Unbuilt:
        """Return the loads that no finished build holds."""
        ...

    def models_changed(self, models_sha256: str) -> bool:
        """Whether the marts were built last by models other than these."""
        ...
