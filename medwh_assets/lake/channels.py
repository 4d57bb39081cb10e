"""What channels say about themselves, in the lake: `channels/YYYY-MM-DD/<channel>.json`.

One record a line for every read of the channel on that UTC day, by its logical time. Reading again
at the same logical time adds nothing, and records of any two files of one day may be united in any
order. What a source asks Telegram for stands in the `telegram` room.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from medwh_assets.errors import CorruptSliceError
from medwh_assets.lake.listing import slices_below
from medwh_assets.lake.ports import ChannelFacts
from medwh_assets.lake.records import Count, Identifier, Moment, Record, mend
from medwh_assets.lake.slice_files import first_reason
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice

_FOLDER = "channels"


class ChannelObservation(Record):
    """What one read saw of a channel; the fields are those of `ports.ChannelFacts`."""

    schema_version: Literal[1] = 1
    channel: str
    channel_id: Identifier
    title: str
    about: str | None = None
    subscribers: Count | None = None
    username: str | None = None
    observed_at: Moment


_OBSERVATIONS = TypeAdapter(list[ChannelObservation])


def facts_file(piece: Slice) -> PurePosixPath:
    """`channels/YYYY-MM-DD/<channel>.json`; the date is that of the reads."""
    return PurePosixPath(_FOLDER, piece.date.isoformat(), f"{piece.channel}.json")


def observation(facts: ChannelFacts) -> ChannelObservation:
    """Return the record of what a source saw, with what no database can hold replaced."""
    return ChannelObservation(
        channel=facts.channel,
        channel_id=facts.channel_id,
        title=mend(facts.title)[0],
        about=None if facts.about is None else mend(facts.about)[0],
        subscribers=facts.subscribers,
        username=None if facts.username is None else mend(facts.username)[0],
        observed_at=facts.observed_at,
    )


def united(observations: Iterable[ChannelObservation]) -> list[ChannelObservation]:
    """Return one observation for each channel and logical time, sorted by time.

    Where two differ, which no single run brings about, the one with the greater text stays: the
    result is the same in any order.
    """
    kept: dict[tuple[str, str], ChannelObservation] = {}
    for one in observations:
        key = (one.observed_at.isoformat(), one.channel)
        kept[key] = max(one, kept.get(key, one), key=ChannelObservation.model_dump_json)
    return [kept[key] for key in sorted(kept)]


def keep_facts(lake: Lake, facts: ChannelFacts) -> bool:
    """Merge what a source saw into the lake; say whether that changed anything.

    Raises:
        CorruptSliceError: the day's file is there and cannot be read; it is left as it is.
        LakeBusyError: another process holds the channel's lock.
    """
    seen = observation(facts)
    piece = Slice(seen.channel, seen.observed_at.date())

    def kept(lake: Lake) -> bool:
        merged = united([*observations(lake, piece), seen])
        return lake.write(facts_file(piece), _lines(merged))

    return lake.undisturbed(piece.channel, kept)


def is_observed(lake: Lake, channel: str, observed_at: Moment) -> bool:
    """Whether the lake holds what the channel said at this logical time.

    Raises:
        CorruptSliceError: the day's file is there and cannot be read.
    """
    there = observations(lake, Slice(channel, observed_at.date()))
    return any(one.observed_at == observed_at for one in there)


def observations(lake: Lake, piece: Slice) -> list[ChannelObservation]:
    """Return what was seen of a channel on a day, sorted by time; nothing if no file is there.

    Raises:
        CorruptSliceError: the file is there and cannot be read.
    """
    content = lake.read(facts_file(piece))
    if content is None:
        return []
    try:
        found = _OBSERVATIONS.validate_json(content)
    except ValidationError as error:
        raise CorruptSliceError(
            f"{piece}: {facts_file(piece)} cannot be read ({first_reason(error)}); restore or delete "
            "it, then run again"
        ) from error
    for one in found:
        if (one.channel, one.observed_at.date()) != (piece.channel, piece.date):
            raise CorruptSliceError(
                f"{piece}: {facts_file(piece)} holds a read of {one.channel} at {one.observed_at}; "
                "restore or delete it, then run again"
            )
    return united(found)


def last_observation(lake: Lake, channel: str) -> ChannelObservation | None:
    """Return what was seen last of a channel, or None; files that cannot be read do not count."""
    days = [piece for piece in observed_days(lake) if piece.channel == channel]
    return _last(lake, reversed(days))


def _last(lake: Lake, newest_first: Iterable[Slice]) -> ChannelObservation | None:
    for piece in newest_first:
        with suppress(CorruptSliceError):
            if seen := observations(lake, piece):
                return seen[-1]
    return None


def last_observations(lake: Lake) -> list[ChannelObservation]:
    """Return what was seen last of every channel, those first that were seen first."""
    days: defaultdict[str, list[Slice]] = defaultdict(list)
    for piece in observed_days(lake):
        days[piece.channel].append(piece)
    names = sorted(days, key=lambda name: (days[name][0].date, name))
    return [seen for name in names if (seen := _last(lake, reversed(days[name]))) is not None]


def facts_sha256(lake: Lake, piece: Slice) -> str | None:
    """Return the hash of a day's file as it lies there now, or None."""
    content = lake.read(facts_file(piece))
    return None if content is None else hashlib.sha256(content).hexdigest()


def observed_days(lake: Lake) -> list[Slice]:
    """List the channels and days that have observations, sorted; foreign names are none."""
    return slices_below(lake.files, _FOLDER)


def _lines(observations: Sequence[ChannelObservation]) -> bytes:
    lines = [one.model_dump_json().encode() for one in observations]
    return b"[\n" + b",\n".join(lines) + b"\n]\n"
