"""What appears in the lake by any way: noticed once per content, and reported as materialized.

The listing is compared with what was seen last; what has another stamp is hashed, at most so many
files a tick. Content that a run has brought stands in its materialization, so it is no news; what is
being written by a run at this moment is left for a later tick. News goes to a journal in the
warehouse, whose ids are the sensor's cursor.

What channels say of themselves has no partition, and so no materialization of its own: it is news
until it is loaded, and loading it is asked for.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import dagster as dg

from medwh_assets import keys
from medwh_assets.automation.following import FOLLOWING_PRIORITY
from medwh_assets.errors import CorruptSliceError, LakeBusyError
from medwh_assets.lake.channels import facts_sha256, observations
from medwh_assets.lake.journal import (
    FileKey,
    KnownFile,
    LakeJournal,
    Seen,
    SeenFile,
)
from medwh_assets.lake.listing import FileKind, LakeFile
from medwh_assets.lake.paths import Layer
from medwh_assets.lake.records import FileFacts
from medwh_assets.lake.store import Lake
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key, slice_of
from medwh_assets.slice_asset import CONTENT
from medwh_assets.slices import DayRun, Slice

SENSOR_NAME = "lake_sensor"
# 1,000 files are read in less than a second from a disk; 300 events take 3 s to write.
MOST_READ: Final = 1000
MOST_REPORTED: Final = 300
# A sensor has 60 s for all that it does; files that come without a manifest are written anew.
SECONDS_FOR_READING: Final = 20.0
_SECONDS_FOR_A_LOCK = 1

_LAYERS: Final[dict[FileKind, Layer]] = {
    "messages": "telegram_messages",
    "images": "telegram_images",
    "detections": "yolo_detections",
}
ASSETS: Final[dict[FileKind, dg.AssetKey]] = {
    "messages": keys.LAKE_MESSAGES,
    "images": keys.LAKE_IMAGES,
    "detections": keys.LAKE_DETECTIONS,
}

# Returns the content that the last materialization of these slices told of, where it did.
Reported = Callable[[FileKind, Collection[Slice]], Mapping[Slice, str]]


@dataclass(frozen=True, slots=True)
class AtWork:
    """What a run is working on: some channels on some days.

    Attributes:
        channels: which; None for all.
        first: the first day.
        last: the last day.
    """

    channels: frozenset[str] | None
    first: date
    last: date

    def covers(self, piece: Slice) -> bool:
        """Whether a slice is among them."""
        return self.concerns(piece.channel) and self.first <= piece.date <= self.last

    def concerns(self, channel: str) -> bool:
        """Whether slices of a channel are among them."""
        return self.channels is None or channel in self.channels


def at_work(
    tags: Mapping[str, str], config: Mapping[str, Any], order: Sequence[str]
) -> list[AtWork]:
    """Return which slices a run works on.

    Args:
        tags: the run's.
        config: the run's configuration, which names slices before its tags do.
        order: the channels, as Dagster orders them.
    """
    ops: Mapping[str, Any] = config.get("ops", {})
    named = {text for op in ops.values() for text in op.get("config", {}).get("slices", ())}
    if named:
        runs = [DayRun.parse(text) for text in named]
        return [AtWork(frozenset({run.channel}), run.first, run.last) for run in runs]
    first = tags.get(RANGE_START) or tags.get("dagster/partition")
    last = tags.get(RANGE_END) or first
    if first is None or last is None:
        return []
    start, end = slice_of(first), slice_of(last)
    channels = None
    if {start.channel, end.channel} <= set(order):
        low, high = sorted((order.index(start.channel), order.index(end.channel)))
        channels = frozenset(order[low : high + 1])
    elif start.channel == end.channel:
        channels = frozenset({start.channel})
    return [AtWork(channels, start.date, end.date)]


def changed(
    listing: Iterable[LakeFile],
    known: Mapping[FileKey, KnownFile],
    first: date,
    last: date,
) -> tuple[list[tuple[FileKey, str]], list[FileKey]]:
    """Return which files have another stamp than when they were looked at, and which are gone.

    Args:
        listing: the lake as it is.
        known: the lake as it was.
        first: slices before this day have no partition and are left alone.
        last: and so are those after this one.
    """
    found: list[tuple[FileKey, str]] = []
    there: set[FileKey] = set()
    for file in listing:
        # What a channel says of itself has no partition, and bears the day on which it was read.
        if file.kind != "channels" and not first <= file.slice.date <= last:
            continue
        key: FileKey = (file.kind, file.slice)
        there.add(key)
        before = known.get(key)
        if before is None or before.stamp != file.stamp:
            found.append((key, file.stamp))
    return found, [key for key in known if key not in there]


def judged(
    looked_at: Iterable[SeenFile],
    known: Mapping[FileKey, KnownFile],
    reported: Mapping[FileKey, str],
) -> list[SeenFile]:
    """Say of each file whether its content is new: neither known nor told of by a run."""
    return [
        SeenFile(
            one.key,
            one.stamp,
            one.sha256,
            one.records,
            one.sha256 is not None
            and one.sha256 != reported.get(one.key)
            and not (one.key in known and known[one.key].sha256 == one.sha256),
        )
        for one in looked_at
    ]


def begin_after(cursor: str | None, newest: int) -> int:
    """Return the id after which to read; a journal that begins anew is read from its beginning."""
    last = int(cursor) if cursor and cursor.isdecimal() else 0
    return last if last <= newest else 0


@dataclass(slots=True)
class Scan:
    """How a look at the lake went.

    Attributes:
        looked_at: how many files were read.
        new: how many of them hold content that no run has brought.
        waiting: how many have changed and were left for a later tick.
        unreadable: slices that cannot be read, and why.
    """

    looked_at: int = 0
    new: int = 0
    waiting: int = 0
    unreadable: dict[Slice, str] = field(default_factory=dict[Slice, str])


class LakeWatch:
    """Looks at the lake and keeps in the journal what is new.

    Args:
        lake: the lake.
        journal: keeps what was seen.
        loaded_facts: returns the content of every day of channel facts as loaded last.
    """

    def __init__(
        self, lake: Lake, journal: LakeJournal, loaded_facts: Callable[[], Mapping[Slice, str]]
    ) -> None:
        """Remember the parts."""
        self._lake = lake
        self.journal = journal
        self.loaded_facts = loaded_facts

    def scan(
        self,
        reported: Reported,
        busy: Callable[[], Sequence[AtWork]],
        *,
        today: date,
        most: int = MOST_READ,
        seconds: float = SECONDS_FOR_READING,
    ) -> Scan:
        """Look at what has changed, at most at so many files and for so long, and keep it.

        Args:
            reported: what runs and earlier ticks have told of.
            busy: what runs are working on when it is asked; that is left for a later tick.
            today: the last day that has a partition.
            most: how many files are read.
            seconds: for how long.
        """
        until = time.monotonic() + seconds
        known = self.journal.known()
        found, gone = changed(self._lake.listing(), known, self._lake.start_date, today)
        result = Scan()
        looked_at: list[SeenFile] = []
        at_first = busy() if found else ()
        locked: set[str] = set()
        for key, stamp in found:
            over = len(looked_at) >= most or time.monotonic() >= until
            if over or key[1].channel in locked or _is_busy(key, at_first):
                result.waiting += 1
                continue
            seen = self._look(key, stamp, result)
            if seen is None:
                # An import holds the channel, for all of its slices.
                locked.add(key[1].channel)
                result.waiting += 1
            else:
                looked_at.append(seen)
        # Asked after the files were read: a run that wrote them before has reported them, or works.
        at_last = busy() if looked_at else ()
        quiet = [one for one in looked_at if not _is_busy(one.key, at_last)]
        result.waiting += len(looked_at) - len(quiet)
        seen_now = judged(quiet, known, _told((one.key for one in quiet), reported))
        self.journal.keep(seen_now, gone)
        result.looked_at = len(quiet)
        result.new = sum(one.is_new for one in seen_now)
        return result

    def _look(self, key: FileKey, stamp: str, result: Scan) -> SeenFile | None:
        kind, piece = key
        try:
            if kind == "channels":
                records = len(observations(self._lake, piece))
                sha256 = facts_sha256(self._lake, piece)
                return SeenFile(key, stamp, sha256, records, is_new=False)
            # What fits no manifest was put there by a copy: its posts are brought into order first.
            facts, sha256 = self._facts(kind, piece)
            if kind == "messages" and sha256 is not None and facts is None:
                with self._lake.lock(piece.channel, timeout=_SECONDS_FOR_A_LOCK):
                    self._lake.settle(piece)
                facts, sha256 = self._facts(kind, piece)
        except CorruptSliceError as error:
            result.unreadable[piece] = str(error)
            return SeenFile(key, stamp, None, None, is_new=False)
        except LakeBusyError:
            return None
        return SeenFile(key, stamp, sha256, facts.records if facts else None, is_new=False)

    def _facts(self, kind: FileKind, piece: Slice) -> tuple[FileFacts | None, str | None]:
        """Return what the manifest says of a file, if it fits, and the hash of the file."""
        sha256 = self._lake.file_sha256(_LAYERS[kind], piece)
        manifest = self._lake.manifest(piece)
        facts: FileFacts | None = getattr(manifest, kind) if manifest else None
        return (facts if facts is not None and facts.sha256 == sha256 else None), sha256


def _told(files: Iterable[FileKey], reported: Reported) -> dict[FileKey, str]:
    slices: dict[FileKind, set[Slice]] = {}
    for kind, piece in files:
        slices.setdefault(kind, set()).add(piece)
    return {
        (kind, piece): sha256
        for kind, pieces in slices.items()
        for piece, sha256 in reported(kind, pieces).items()
    }


def _is_busy(key: FileKey, work: Iterable[AtWork]) -> bool:
    kind, piece = key
    if kind == "channels":
        # A run that reads last year's days of a channel says what the channel is today.
        return any(one.concerns(piece.channel) for one in work)
    return any(one.covers(piece) for one in work)


def events_of(seen: Iterable[Seen]) -> list[dg.AssetMaterialization]:
    """Return what is reported of entries of the journal; channel facts are no slices."""
    return [
        dg.AssetMaterialization(
            ASSETS[one.key[0]],
            partition=partition_key(one.key[1]),
            description="Found in the lake; no run has brought it.",
            metadata={
                CONTENT: one.sha256,
                **({} if one.records is None else {"dagster/partition_row_count": one.records}),
            },
        )
        for one in seen
        if one.key[0] in ASSETS
    ]


def load_of_facts(seen: Iterable[Seen]) -> list[dg.RunRequest]:
    """Return the run that loads what is new of channel facts: all that is due, in one."""
    newest = max((one.seen_id for one in seen if one.key[0] == "channels"), default=None)
    if newest is None:
        return []
    return [
        dg.RunRequest(
            run_key=f"channel facts {newest}",
            asset_selection=[keys.RAW_CHANNELS],
            tags=FOLLOWING_PRIORITY,
        )
    ]


def lake_sensor(make: Callable[[], LakeWatch]) -> dg.SensorDefinition:
    """Return the sensor that notices what appears in the lake.

    Args:
        make: opens the lake and its journal.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        target=dg.AssetSelection.assets(*ASSETS.values(), keys.RAW_CHANNELS),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Notices slices that come into the lake by an import, a copy or another machine, adds "
            "their channels, and reports them as materialized. What is made from them follows."
        ),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        watch = make()
        instance = context.instance

        def reported(kind: FileKind, slices: Collection[Slice]) -> Mapping[Slice, str]:
            if kind == "channels":
                return watch.loaded_facts()
            return contents_reported(instance, kind, slices)

        scan = watch.scan(
            reported,
            lambda: work_in_progress(instance),
            today=datetime.now(UTC).date(),
        )
        for piece, why in scan.unreadable.items():
            context.log.warning(f"{piece}: {why}")
        newest = watch.journal.newest()
        after = begin_after(context.cursor, newest)
        entries = watch.journal.after(after, MOST_REPORTED) if after < newest else []
        fresh = _untold(entries, reported)
        slices = [one for one in fresh if one.key[0] in ASSETS]
        channels = list(dict.fromkeys(one.key[1].channel for one in slices))
        known = CHANNELS.get_partition_keys(dynamic_partitions_store=instance)
        absent = [channel for channel in channels if channel not in known]
        cursor = str(entries[-1].seen_id if entries else after)
        if not fresh:
            return dg.SensorResult(skip_reason=_nothing(scan), cursor=cursor)
        named = sorted({one.key[1].channel for one in fresh})
        context.log.info(f"{len(fresh)} files of {', '.join(named)} came into the lake")
        return dg.SensorResult(
            run_requests=load_of_facts(fresh),
            asset_events=events_of(slices),
            dynamic_partitions_requests=[CHANNELS.build_add_request(absent)] if absent else [],
            cursor=cursor,
        )

    return sensor


def _untold(entries: Sequence[Seen], reported: Reported) -> list[Seen]:
    """Leave out what a tick has reported that was cut off before its cursor was kept."""
    told = _told((one.key for one in entries), reported)
    return [one for one in entries if told.get(one.key) != one.sha256]


def _nothing(scan: Scan) -> str:
    said = ["nothing new in the lake"]
    if scan.waiting:
        said.append(f"{scan.waiting} files wait until whoever works on them is done")
    if scan.unreadable:
        said.append(f"{len(scan.unreadable)} cannot be read")
    return "; ".join(said)


def contents_reported(
    instance: dg.DagsterInstance, kind: FileKind, slices: Collection[Slice]
) -> dict[Slice, str]:
    """Return the content that the last materialization of slices told of, where it did."""
    partitions = {str(partition_key(piece)): piece for piece in slices}
    storage_ids = instance.event_log_storage.get_latest_storage_id_by_partition(
        ASSETS[kind], dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions)
    )
    if not storage_ids:
        return {}
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(ASSETS[kind], storage_ids=list(storage_ids.values())),
        limit=len(storage_ids),
    ).records
    found: dict[Slice, str] = {}
    for record in records:
        materialization = record.asset_materialization
        if materialization is not None and materialization.partition in partitions:
            told = materialization.metadata.get(CONTENT)
            if told is not None:
                found[partitions[materialization.partition]] = str(told.value)
    return found


_WORKING = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def work_in_progress(instance: dg.DagsterInstance) -> list[AtWork]:
    """Return what the runs of this moment are working on that write into the lake."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_WORKING))
    order = CHANNELS.get_partition_keys(dynamic_partitions_store=instance) if runs else ()
    found: list[AtWork] = []
    for run in runs:
        if run.asset_selection is None or run.asset_selection & set(ASSETS.values()):
            with suppress(ValueError):
                found += at_work(run.tags, run.run_config, order)
    return found
