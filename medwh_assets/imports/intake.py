"""From a surveyed dump into the lake: posts onto their days, images beside them, a summary.

Everything is read first and merged then, so that all that a dump says of a post decides its day.
Duplicates merge; what is no post goes to the quarantine with its reason; the same dump again changes
no byte. A dump may be larger than memory: posts wait on disk in between.
"""

import hashlib
import posixpath
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.medwh_export import look
from medwh_assets.imports.medwh_restore import restore
from medwh_assets.imports.pictures import MAX_BYTES, is_image_path
from medwh_assets.imports.reading import NAMELESS, Bounds, Shaped, read_file
from medwh_assets.imports.spool import Batch, Gathered, Spool, spool
from medwh_assets.imports.survey import SourceFile, Survey
from medwh_assets.lake.paths import image_file
from medwh_assets.lake.store import ImportCounts, Lake, larger_image
from medwh_assets.slices import Slice

# Refused records of one file and one reason that share an entry of the quarantine.
_REFUSED_TOGETHER = 1_000
_PROBLEMS_LISTED = 3


class Watcher(Protocol):
    """Who is shown an import as it goes by."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        ...

    def advance(self, number: int = 1) -> None:
        """This much more of it is done."""
        ...


@dataclass(slots=True)
class ChannelSummary:
    """What an import did to one channel; see `README.md` for the words."""

    files: int = 0
    records: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    mended: int = 0
    misdecoded: int = 0
    quarantined: Counter[str] = field(default_factory=Counter[str])
    images: int = 0
    images_absent: int = 0
    images_unmatched: int = 0
    first: date | None = None
    last: date | None = None

    def spans(self, days: Iterable[date]) -> None:
        """Take in more days."""
        known = [*days, *filter(None, (self.first, self.last))]
        self.first, self.last = min(known, default=None), max(known, default=None)


@dataclass(slots=True)
class ImportSummary:
    """What an import did.

    Attributes:
        channels: by channel.
        unreadable: files, stretches of files and slices that were left out, and why.
        quarantined: records of no channel, by reason.
        images_unmatched: images that belong to no channel of the dump.
    """

    channels: dict[str, ChannelSummary] = field(default_factory=dict[str, ChannelSummary])
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    quarantined: Counter[str] = field(default_factory=Counter[str])
    images_unmatched: int = 0

    def channel(self, name: str) -> ChannelSummary:
        """Return a channel's part, made if it is not there yet."""
        return self.channels.setdefault(name, ChannelSummary())


def import_dump(lake: Lake, found: Survey, *, now: datetime, watcher: Watcher) -> ImportSummary:
    """Bring what a survey found into the lake.

    Args:
        lake: where to.
        found: what `survey` returned.
        now: posts dated more than a day after this are quarantined as misdated.
        watcher: is shown how far it is.

    Raises:
        LakeBusyError: another process holds a channel's lock.
        SpoolError: there is no room for what waits on disk.
    """
    summary = ImportSummary()
    bounds = Bounds(lake.start_date, now)
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for folder in found.exports:
        _restore(lake, found, folder, now, summary, watcher)
    with spool() as waiting:
        watcher.stage("reading", sum(file.records for file in found.files))
        for file in found.files:
            _read(lake, found, file, bounds, waiting, folders, summary, watcher)
        waiting.seal()
        channels = waiting.channels()
        watcher.stage("writing", sum(channels.values()))
        images = _Images(lake, found, folders, alone=len(channels) == 1, summary=summary)
        for channel in channels:
            with lake.intake(channel) as intake:
                for batch in waiting.batches(channel):
                    counts = intake.merge([one.post for one in batch.posts], batch.reads)
                    _count(summary, channel, batch, counts)
                    images.take(channel, batch.posts, counts)
                    watcher.advance(len(batch.posts))
        images.count_unmatched()
    return summary


class _Refusals:
    """Refused records of one file, gathered so that a bad file is a few entries and not thousands."""

    def __init__(self, lake: Lake, relative: str) -> None:
        self._lake = lake
        self._relative = relative
        self._waiting: defaultdict[tuple[str, str], list[JsonValue]] = defaultdict(list)

    def add(self, refused: Refused) -> None:
        key = (refused.channel or "unknown", refused.reason)
        self._waiting[key].append(refused.raw)
        if len(self._waiting[key]) >= _REFUSED_TOGETHER:
            self._write(*key, self._waiting.pop(key))

    def write(self) -> None:
        for key, records in self._waiting.items():
            self._write(*key, records)

    def _write(self, channel: str, reason: str, records: list[JsonValue]) -> None:
        what: dict[str, JsonValue] = (
            {"record": records[0]} if len(records) == 1 else {"records": records}
        )
        self._lake.quarantine("posts", channel, reason, {"file": self._relative, **what})


def _restore(
    lake: Lake,
    found: Survey,
    folder: Path,
    now: datetime,
    summary: ImportSummary,
    watcher: Watcher,
) -> None:
    facts = look(folder)
    place = folder.relative_to(found.root).as_posix()
    refusals: dict[str, _Refusals] = {}

    def refuse(file: str, what: Refused | Unread) -> None:
        relative = posixpath.normpath(posixpath.join(place, file))
        if isinstance(what, Unread):
            summary.unreadable.append((relative, what.reason))
            return
        refusals.setdefault(relative, _Refusals(lake, relative)).add(what)
        if what.channel is None:
            summary.quarantined[what.reason] += 1
            return
        mine = summary.channel(what.channel)
        mine.records += 1
        mine.quarantined[what.reason] += 1

    watcher.stage("restoring", facts.posts + facts.images)
    restored = restore(lake, folder, now=now, refuse=refuse, advance=watcher.advance)
    for waiting in refusals.values():
        waiting.write()
    for channel, one in restored.items():
        mine = summary.channel(channel)
        mine.files += 1
        mine.records += one.posts
        mine.new += one.new
        mine.changed += one.changed
        mine.unchanged += one.unchanged
        mine.duplicates += one.duplicates
        mine.mended += one.mended
        mine.images += one.images
        mine.images_unmatched += one.images_unmatched
        mine.quarantined += one.quarantined
        mine.spans(filter(None, (one.first, one.last)))
        summary.unreadable += [(f"{channel}|{day}", why) for day, why in one.failed.items()]


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
    refusals = _Refusals(lake, file.relative)
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
    _report(lake, file, problems, nameless, summary)


def _report(
    lake: Lake, file: SourceFile, problems: Sequence[str], nameless: int, summary: ImportSummary
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
        reason = (
            f"{nameless:,} records name no channel, and neither does the file: "
            f"add --chat {shlex.quote(file.path.stem)}=<channel>"
        )
        summary.unreadable.append((file.relative, reason))
    if not file.records and not problems:
        summary.unreadable.append((file.relative, "holds no posts"))


def _count(summary: ImportSummary, channel: str, batch: Batch, counts: ImportCounts) -> None:
    mine = summary.channel(channel)
    mine.new += counts.new
    mine.changed += counts.changed
    mine.unchanged += counts.unchanged
    mine.duplicates += batch.readings - len(batch.posts)
    summary.unreadable += [(f"{channel}|{day}", reason) for day, reason in counts.failed.items()]
    mine.spans(counts.days.values())


class _Images:
    """Brings the images of imported posts into the lake."""

    def __init__(
        self,
        lake: Lake,
        found: Survey,
        folders: defaultdict[str, set[str]],
        *,
        alone: bool,
        summary: ImportSummary,
    ) -> None:
        self._lake = lake
        self._root = found.root
        self._pictures = found.pictures
        self._folders = folders
        self._alone = alone
        self._summary = summary
        self._matched: set[str] = set()
        # Where in the lake an image lies, by its hash: the same again is a link to it.
        self._twins: dict[str, str] = {}

    def take(self, channel: str, batch: Sequence[Gathered], counts: ImportCounts) -> None:
        """Keep the images of posts that were merged."""
        mine = self._summary.channel(channel)
        for one in batch:
            if not self._pictures.paths and not one.images:
                continue
            day = counts.days.get(one.post.id)
            if day is None:
                continue
            files = self._pictures.of(one.post.id, self._folders[channel], one.images, self._alone)
            self._matched.update(files)
            if not files:
                mine.images_absent += any(is_image_path(name.path) for name in one.images)
            for file in files:
                reason = self._keep(Slice(channel, day), one.post.id, file)
                if reason is None:
                    mine.images += 1
                    continue
                mine.quarantined[reason] += 1
                raw: JsonValue = {"file": file}
                self._lake.quarantine("images", channel, reason, raw, name=str(one.post.id))

    def _keep(self, piece: Slice, message_id: int, file: str) -> str | None:
        """Keep an image as it is, whatever it holds; say why it was left out, if it was."""
        path = self._root / file
        try:
            if path.stat().st_size > MAX_BYTES:
                return f"image larger than {MAX_BYTES // 2**20} MB"
            content = path.read_bytes()
        except OSError as error:
            return f"image cannot be opened ({error.strerror})"
        present = self._lake.read(image_file(piece.channel, message_id))
        if present is None or larger_image(present, content) != present:
            self._lake.forget_images(piece)
        sha256 = hashlib.sha256(content).hexdigest()
        twin = self._twins.get(sha256)
        kept = self._lake.keep_image(piece.channel, message_id, content, twin=twin)
        self._twins.setdefault(sha256, kept)
        return None

    def count_unmatched(self) -> None:
        """Count the images that no post of the dump took, by channel where a folder names it."""
        left = self._pictures.paths - self._matched
        for (channel, _), paths in self._pictures.by_id.items():
            if channel in self._summary.channels:
                mine = left.intersection(paths)
                self._summary.channels[channel].images_unmatched += len(mine)
                left -= mine
        self._summary.images_unmatched = len(left)
