"""From a surveyed dump into the lake: posts onto their days, images beside them, a summary.

Everything is read first and merged then, so that all that a dump says of a post decides its day.
Duplicates merge; what is no post goes to the quarantine with its reason; the same dump again changes
no byte. A dump may be larger than memory: posts wait on disk in between.
"""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from medwh_assets.errors import LakeBusyError
from medwh_assets.imports.chat_names import way_out
from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.image_intake import ImageIntake
from medwh_assets.imports.medwh_export import ExportFacts
from medwh_assets.imports.medwh_restore import restore
from medwh_assets.imports.reading import NAMELESS, Bounds, Shaped, read_file
from medwh_assets.imports.refusals import Refusals
from medwh_assets.imports.spool import Spool, spool
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.imports.survey import SourceFile, Survey
from medwh_assets.lake.store import Lake

_PROBLEMS_LISTED = 3


class Watcher(Protocol):
    """Who is shown an import as it goes by."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        ...

    def advance(self, number: int = 1) -> None:
        """This much more of it is done."""
        ...


def import_dump(
    lake: Lake, found: Survey, *, now: datetime, watcher: Watcher, folder: Path
) -> ImportSummary:
    """Bring what a survey found into the lake.

    A channel that another process is working on is waited for, and left out if that takes too long;
    the others come in.

    Args:
        lake: where to.
        found: what `survey` returned.
        now: posts dated more than a day after this are quarantined as misdated.
        watcher: is shown how far it is.
        folder: for what waits on disk; nothing of it stays.

    Raises:
        LakeBusyError: another process holds a channel that is to be renamed or restored.
        SpoolError: there is no room for what waits on disk.
    """
    summary = ImportSummary()
    bounds = Bounds(lake.start_date, now)
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for old, new in found.renames.items():
        watcher.stage(f"{old} becomes {new}", 0)
        lake.rename_channel(old, new)
    for export, facts in found.exports.items():
        _restore(lake, found, export, facts, now, summary, watcher)
    with spool(folder) as waiting:
        watcher.stage("reading", sum(file.records for file in found.files))
        for file in found.files:
            _read(lake, found, file, bounds, waiting, folders, summary, watcher)
        waiting.seal()
        channels = waiting.channels()
        images = ImageIntake(lake, found, folders, waiting, summary)
        for channel, posts in channels.items():
            if lake.is_busy(channel):
                watcher.stage(f"waiting for {channel}, which another process works on", 0)
            watcher.stage(f"writing {channel}", posts)
            try:
                _merge(lake, channel, waiting, images, summary, watcher)
            except LakeBusyError as error:
                mine = summary.channel(channel)
                mine.left_out += posts - mine.new - mine.changed - mine.unchanged
                summary.unreadable.append((channel, str(error)))
        images.count_unmatched()
    return summary


def _merge(
    lake: Lake,
    channel: str,
    waiting: Spool,
    images: ImageIntake,
    summary: ImportSummary,
    watcher: Watcher,
) -> None:
    with lake.intake(channel) as intake:
        for batch in waiting.batches(channel):
            counts = intake.merge([one.post for one in batch.posts], batch.reads)
            summary.merged(channel, counts, readings=batch.readings, posts=len(batch.posts))
            images.take(channel, batch.posts, counts)
            watcher.advance(len(batch.posts))


def _restore(
    lake: Lake,
    found: Survey,
    folder: Path,
    facts: ExportFacts,
    now: datetime,
    summary: ImportSummary,
    watcher: Watcher,
) -> None:
    place = folder.relative_to(found.root).as_posix()
    refusals: dict[str, Refusals] = {}

    def refuse(file: str, what: Refused | Unread) -> None:
        relative = posixpath.normpath(posixpath.join(place, file))
        if isinstance(what, Unread):
            summary.unreadable.append((relative, what.reason))
            return
        refusals.setdefault(relative, Refusals(lake, relative)).add(what)
        if what.channel is None:
            summary.quarantined[what.reason] += 1
            return
        mine = summary.channel(what.channel)
        mine.records += 1
        mine.quarantined[what.reason] += 1

    watcher.stage("restoring", facts.posts + facts.images)
    restore(lake, folder, now=now, refuse=refuse, advance=watcher.advance, summary=summary)
    for waiting in refusals.values():
        waiting.write()


def _read(
    lake: Lake,
    found: Survey,
    file: SourceFile,
    bounds: Bounds,
    waiting: Spool,
    folders: defaultdict[str, set[str]],
    summary: ImportSummary,
    watcher: Watcher,
) -> None:
    refusals = Refusals(lake, file.relative)
    problems: list[str] = []
    seen: set[str] = set()
    nameless = 0
    for item in read_file(found, file, bounds):
        if isinstance(item, Unread):
            problems.append(item.reason)
            continue
        watcher.advance()
        if isinstance(item, Shaped):
            channel = item.found.post.channel
            waiting.add(item.found.post, item.shape, item.image)
            mine = summary.channel(channel)
            mine.mended += item.found.mended
            mine.misdecoded += item.found.misdecoded
        else:
            refusals.add(item)
            if item.channel is None:
                summary.quarantined[item.reason] += 1
                nameless += item.reason == NAMELESS
                continue
            channel = item.channel
            mine = summary.channel(channel)
            mine.quarantined[item.reason] += 1
        mine.records += 1
        seen.add(channel)
    refusals.write()
    for channel in seen:
        summary.channel(channel).files += 1
        folders[channel].add(channel)
        if file.channel is not None and len(seen) == 1:
            folders[channel].add(file.channel)
    _report(lake, found, file, problems, nameless, summary)


def _report(
    lake: Lake,
    found: Survey,
    file: SourceFile,
    problems: Sequence[str],
    nameless: int,
    summary: ImportSummary,
) -> None:
    for problem in problems[:_PROBLEMS_LISTED]:
        summary.unreadable.append((file.relative, problem))
    if len(problems) > _PROBLEMS_LISTED:
        more = f"and {len(problems) - _PROBLEMS_LISTED:,} more such places"
        summary.unreadable.append((file.relative, more))
    if problems:
        raw: JsonValue = {"file": file.relative}
        lake.quarantine("files", file.channel or "unknown", problems[0], raw)
    if nameless:
        records = "1 record names" if nameless == 1 else f"{nameless:,} records name"
        reason = "; ".join(filter(None, (f"{records} no channel", way_out(file, found.files))))
        summary.unreadable.append((file.relative, reason))
    if not file.records and not problems and not file.chats:
        summary.unreadable.append((file.relative, "holds no posts"))
