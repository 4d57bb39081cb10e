"""A slice: one channel on one UTC day, the unit of everything before dbt.

Also the only place that decides what a channel may be called. No Dagster, no paths, no I/O.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from medwh_assets.errors import ChannelNameError

# Telegram's own rule for usernames (ASCII): a letter, 2 to 31 more of letters, digits and single
# underscores, not ending in one. `c<channel_id>` is medwh's name for a channel without a username.
_USERNAME = re.compile(r"^[a-z](?:(?!__)[a-z0-9_]){1,30}[a-z0-9]$")


def channel_name(spelling: str) -> str:
    """Return a channel's name in the lake, in keys and in partitions: its lower-cased username.

    Accepts `@Name`, `t.me/Name` and `https://t.me/Name` too.

    Raises:
        ChannelNameError: the spelling is no Telegram username.
    """
    bare = re.sub(
        r"^(?:https?://)?(?:www\.)?t(?:elegram)?\.me/(?:s/)?", "", spelling.strip(), flags=re.I
    )
    name = bare.removeprefix("@").rstrip("/").lower()
    if not name.isascii() or not _USERNAME.fullmatch(name):
        raise ChannelNameError(
            f"{spelling!r} is no Telegram username: 3 to 32 of a-z, 0-9 and single underscores, "
            "starting with a letter and not ending with an underscore"
        )
    return name


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """One channel on one UTC day.

    Attributes:
        channel: the channel's lower-cased username, as `channel_name` returns it.
        date: the posts' own UTC date, not the date on which they were read.
    """

    channel: str
    date: date

    def __post_init__(self) -> None:
        if channel_name(self.channel) != self.channel:
            raise ChannelNameError(f"a slice's channel is lower case: {self.channel!r}")

    def __str__(self) -> str:
        return f"{self.channel}|{self.date.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> "Slice":
        """Read `channel|YYYY-MM-DD`, the inverse of `str`.

        Raises:
            ChannelNameError: the first part is no channel.
            ValueError: the second part is no date.
        """
        channel, _, day = text.partition("|")
        return cls(channel, date.fromisoformat(day))


@dataclass(frozen=True, slots=True)
class DayRun:
    """A contiguous run of one channel's days, both ends included."""

    channel: str
    first: date
    last: date

    def __str__(self) -> str:
        return f"{Slice(self.channel, self.first)}..{self.last.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> "DayRun":
        """Read `channel|YYYY-MM-DD..YYYY-MM-DD`, or a single slice as a run of one day.

        Raises:
            ChannelNameError: the first part is no channel.
            ValueError: another part is no date.
        """
        start, _, last = text.partition("..")
        first = Slice.parse(start)
        return cls(first.channel, first.date, date.fromisoformat(last) if last else first.date)

    def slices(self) -> Iterator[Slice]:
        """Yield the run's slices in ascending order."""
        for offset in range((self.last - self.first).days + 1):
            yield Slice(self.channel, self.first + timedelta(days=offset))


def day_runs(slices: Iterable[Slice]) -> list[DayRun]:
    """Group slices into contiguous runs per channel: a source walks each run once."""
    runs: list[DayRun] = []
    for piece in sorted(set(slices)):
        last = runs[-1] if runs else None
        if last and last.channel == piece.channel and last.last + timedelta(days=1) == piece.date:
            runs[-1] = DayRun(last.channel, last.first, piece.date)
        else:
            runs.append(DayRun(piece.channel, piece.date, piece.date))
    return runs
