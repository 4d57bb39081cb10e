"""Which days of a live channel are read: the decisions, and what they know from the lake."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from medwh_assets.lake.records import Manifest
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How far back a daily run reads.

    Attributes:
        refresh_days: days before today that every run reads again, at least yesterday.
        deep_refresh_days: days before today that one run a week reads again; 0 for none.
        start_date: nothing before it is read.
    """

    refresh_days: int
    deep_refresh_days: int
    start_date: date


@dataclass(frozen=True, slots=True)
class ReadSoFar:
    """How far a live channel has been read.

    Attributes:
        whole_until: the newest day that was read whole, None if there is none.
        deep_on: when the oldest day of the deeper walk was read last, None if it never was.
    """

    whole_until: date | None = None
    deep_on: date | None = None


def first_day(today: date, settings: WindowSettings, so_far: ReadSoFar) -> date:
    """Return the first day that a daily run reads of a live channel; the last one is yesterday.

    After an outage that is the first day that was missed. Once a week it lies further back, for late
    edits: on Monday, or on the first day after it that has a run.
    """
    yesterday = today - timedelta(days=1)
    first = min(yesterday, today - timedelta(days=settings.refresh_days))
    if so_far.whole_until is not None:
        first = min(first, so_far.whole_until + timedelta(days=1))
    monday = today - timedelta(days=today.weekday())
    # A channel that is new in the settings has no walk to make up for: it waits for Monday.
    due = today == monday if so_far.deep_on is None else so_far.deep_on < monday
    if due and settings.deep_refresh_days:
        first = min(first, today - timedelta(days=settings.deep_refresh_days))
    return max(first, min(settings.start_date, yesterday))


def read_so_far(lake: Lake, channel: str, today: date, settings: WindowSettings) -> ReadSoFar:
    """Look up in the lake how far a channel has been read."""
    deep_on: date | None = None
    for back in range(settings.deep_refresh_days, settings.refresh_days, -1):
        manifest = lake.manifest(Slice(channel, today - timedelta(days=back)))
        if manifest is not None:
            deep_on = _read_on(manifest)
            break
    day, whole_until = today - timedelta(days=1), None
    while whole_until is None and day >= settings.start_date:
        manifest = lake.manifest(Slice(channel, day))
        if manifest is not None and manifest.status == "complete":
            whole_until = day
        day -= timedelta(days=1)
    return ReadSoFar(whole_until, deep_on)


def daily_window(
    lake: Lake, channels: Iterable[str], today: date, settings: WindowSettings
) -> list[Slice]:
    """Return the slices that a daily run reads of live channels, oldest first in each."""
    found: list[Slice] = []
    for channel in channels:
        first = first_day(today, settings, read_so_far(lake, channel, today, settings))
        found += [Slice(channel, first + timedelta(days=n)) for n in range((today - first).days)]
    return found


def still_to_read(lake: Lake, asked: Iterable[Slice], daily: Collection[Slice]) -> list[Slice]:
    """Return which of the slices that are asked for of live channels cost a request.

    A backfill that was cut off goes on where it stood: what was read whole is not read again, but
    for what a daily run reads again too.
    """
    kept: list[Slice] = []
    for piece in asked:
        manifest = None if piece in daily else lake.manifest(piece)
        if manifest is None or manifest.status != "complete":
            kept.append(piece)
    return kept


def _read_on(manifest: Manifest) -> date | None:
    """Return the day of the last read whose time is known."""
    times = [read.observed_at for read in manifest.reads if read.observed_at is not None]
    return max(times).date() if times else None
