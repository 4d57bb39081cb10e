"""Posts come home: each is merged into the slice of its best date, data first, manifest after.

A slice whose manifest does not fit its data was cut off in between and is simply worked on again.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pydantic import JsonValue

from medwh_assets.errors import CorruptSliceError, DateBeforeStartError, PermanentError
from medwh_assets.lake import paths
from medwh_assets.lake.files import Files
from medwh_assets.lake.merge import absence, merge, merge_posts, without_absences
from medwh_assets.lake.records import (
    FileFacts,
    Manifest,
    Post,
    PostLine,
    Read,
    ReadStatus,
    clip,
    joined,
    to_lines,
)
from medwh_assets.lake.slice_files import BadRecord, SliceFiles
from medwh_assets.slices import Slice

_WRITERS = 8
# An entry of the quarantine is for people to read, and an export carries it in one line.
MAX_ENTRY_BYTES = 3 * 2**20
_ENTRY_BEGINNING = 2**19
_STATUS_RANK: dict[ReadStatus, int] = {"imported": 0, "partial": 1, "complete": 2}

Reads = Mapping[date, Collection[Read]]
Known = Mapping[int, Collection[date]]


@dataclass(frozen=True, slots=True)
class MergeCounts:
    """What a merge did to one slice; `quarantined` counts records of its file that are no posts."""

    new: int
    changed: int
    unchanged: int
    posts: int
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did to one channel.

    Attributes:
        new: posts that the lake did not have.
        changed: posts that it had and now knows more of, or keeps on another day.
        unchanged: posts of which it knew all that.
        days: the day on which each of these posts lives now.
        failed: days whose slice cannot be read, and why; their posts were left out.
    """

    new: int
    changed: int
    unchanged: int
    days: Mapping[int, date]
    failed: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class MergedSlice:
    """What a slice's files will hold: its lines, and for the manifest its reads and old facts."""

    counts: MergeCounts
    content: bytes
    manifest: Manifest | None
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class Homecoming:
    """What became of posts: counts by day, the day of each, and days that cannot be read."""

    counts: dict[date, MergeCounts]
    homes: dict[int, date]
    failed: dict[date, CorruptSliceError]


class SliceWriter(SliceFiles):
    """Writes posts, manifests and the quarantine; when, and what for, stands in `store`.

    Args:
        files: where they lie.
        start_date: posts before this day are refused.
    """

    def __init__(self, files: Files, start_date: date) -> None:
        """Remember the place; nothing is created before the first write."""
        super().__init__(files)
        self.start_date = start_date

    def write(self, relative: str | os.PathLike[str], content: bytes) -> bool:
        """Write a file whole, unless it holds these bytes already; say whether it was written."""
        path = paths.inside(os.fspath(relative))
        return self._files.undisturbed(lambda files: files.write(path, content), None)

    def delete(self, relative: str | os.PathLike[str]) -> bool:
        """Remove a file and the folders that it leaves empty; say whether it was there."""
        return self._files.delete(paths.inside(os.fspath(relative)))

    def _sound(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        """Examine a slice that is about to be written, and save its bad records from being lost."""
        posts, bad = self.examine(piece)
        for record in bad:
            self.quarantine("posts", piece.channel, record.reason, record.raw)
        return posts, bad

    def _bring_home(
        self,
        channel: str,
        posts: Iterable[Post | PostLine],
        reads: Reads,
        known: Known,
    ) -> Homecoming:
        """Write posts to the days of their best dates, then take them out of where else they stand.

        To be done undisturbed, and the same when it is repeated. A cut in between leaves a post in
        two slices, never in none, and the next merge mends that.
        """
        coming, lines = self._homes(channel, posts, known)
        days = sorted({*coming, *lines, *reads})
        if days:
            self._check_start(Slice(channel, days[0]))
        done = Homecoming({}, {}, {})
        # A disk takes many writes at once as fast as one; parsing and merging go on meanwhile.
        with ThreadPoolExecutor(_WRITERS if len(days) > 1 else 1) as writers:
            writes: list[Future[object]] = []
            for day in days:
                piece = Slice(channel, day)
                try:
                    merged = self._merged(piece, coming[day], lines[day], reads.get(day, ()))
                except CorruptSliceError as error:
                    done.failed[day] = error
                    continue
                done.counts[day] = merged.counts
                done.homes.update((one.id, day) for one in (*coming[day], *lines[day]))
                writes.append(writers.submit(self._write_slice, piece, merged))
            for write in writes:
                write.result()
        leaving: defaultdict[date, set[int]] = defaultdict(set)
        for message_id, home_day in done.homes.items():
            for day in set(known.get(message_id, ())) - {home_day}:
                leaving[day].add(message_id)
        for day, ids in leaving.items():
            piece = Slice(channel, day)
            manifest = self.manifest(piece)
            kept = [post for post in self._sound(piece)[0] if post.id not in ids]
            self._write_posts(piece, manifest, kept)
        return done

    def _homes(
        self, channel: str, posts: Iterable[Post | PostLine], known: Known
    ) -> tuple[defaultdict[date, list[Post]], defaultdict[date, list[PostLine]]]:
        """Find the day of each post, merged with what stands on other days if it does."""
        lines: defaultdict[date, list[PostLine]] = defaultdict(list)
        coming: defaultdict[date, list[Post]] = defaultdict(list)
        there: dict[date, dict[int, Post]] = {}
        met: list[Post] = []
        for one in posts:
            if isinstance(one, PostLine) and {one.day}.issuperset(known.get(one.id, ())):
                lines[one.day].append(one)
            else:
                met.append(one.post() if isinstance(one, PostLine) else one)
        for post in merge_posts(met):
            home = post
            for day in set(known.get(post.id, ())) - {post.day}:
                if day not in there:
                    # First, as in all undisturbed work.
                    self.manifest(Slice(channel, day))
                    there[day] = {p.id: p for p in self.examine(Slice(channel, day))[0]}
                if (other := there[day].get(post.id)) is not None:
                    home = merge(home, without_absences(other))
            coming[home.day].append(home)
        return coming, lines

    def _merged(
        self,
        piece: Slice,
        posts: Sequence[Post],
        lines: Sequence[PostLine],
        reads: Collection[Read],
    ) -> MergedSlice:
        """Work out what a slice will hold; lines that meet no other reading are not even parsed."""
        manifest = self.manifest(piece)
        united = _reads(manifest, reads)
        own = self.own_lines(piece, manifest)
        if own is not None and not posts:
            lines = [one for one in lines if own.get(one.id) != one.content]
            known = any(one.id in own for one in lines)
            # A complete read makes posts missing that it did not hold.
            complete = any(read.status == "complete" for read in united)
            same = not lines and manifest is not None and manifest.reads == united
            if same or not (known or complete):
                after = {**own, **{one.id: one.content for one in lines}}
                counts = MergeCounts(len(lines), 0, len(own), len(after))
                return MergedSlice(counts, joined(after.items()), manifest, united)
        before, bad = self._sound(piece)
        merged = merge_posts([*before, *posts, *(one.post() for one in lines)])
        merged = _with_absences(merged, united)
        return MergedSlice(_compare(before, merged, len(bad)), to_lines(merged), manifest, united)

    def _check_start(self, piece: Slice) -> None:
        if piece.date < self.start_date:
            raise DateBeforeStartError(
                f"{piece}: older than MEDWH_START_DATE ({self.start_date}); "
                "set it to an earlier day to keep it"
            )

    def _write_posts(self, piece: Slice, manifest: Manifest | None, posts: Sequence[Post]) -> None:
        """Write what is left of a slice; the manifest is what was read before its posts."""
        self._check_start(piece)
        united = _reads(manifest, ())
        posts = _with_absences(posts, united)
        counts = MergeCounts(0, 0, len(posts), len(posts))
        self._write_slice(piece, MergedSlice(counts, to_lines(posts), manifest, united))

    def _write_slice(self, piece: Slice, merged: MergedSlice) -> None:
        self.write(paths.slice_file("telegram_messages", piece), merged.content)
        statuses: list[ReadStatus] = ["imported", *(read.status for read in merged.reads)]
        self._write_manifest(
            Manifest(
                channel=piece.channel,
                date=piece.date,
                status=max(statuses, key=_STATUS_RANK.__getitem__),
                reads=merged.reads,
                messages=FileFacts(
                    records=merged.counts.posts,
                    sha256=hashlib.sha256(merged.content).hexdigest(),
                ),
                images=merged.manifest.images if merged.manifest else None,
                detections=merged.manifest.detections if merged.manifest else None,
            )
        )

    def _write_manifest(self, manifest: Manifest) -> None:
        content = manifest.model_dump_json(indent=1).encode() + b"\n"
        self.write(paths.slice_file("slices", Slice(manifest.channel, manifest.date)), content)

    # -- quarantine -------------------------------------------------------------------------

    def quarantine(
        self, kind: str, channel: str, reason: str, raw: JsonValue, name: str = ""
    ) -> None:
        """Keep what could not be taken in, with the reason; the same thing twice is one entry.

        Of what is too long to be looked at the beginning is kept.
        """
        content = _entry(reason, clip(raw))
        if len(content) > MAX_ENTRY_BYTES:
            content = _entry(reason, content[:_ENTRY_BEGINNING].decode(errors="replace") + " …")
        file = paths.quarantine_file(
            kind, channel, name or hashlib.sha256(content).hexdigest()[:16]
        )
        self.undisturbed(channel, lambda lake: lake.write(file, content))

    def release(self, kind: str, channel: str, name: str) -> bool:
        """Take an entry out of the quarantine again; say whether there was one."""
        file = paths.quarantine_file(kind, channel, name)
        return self.undisturbed(channel, lambda lake: lake.delete(file))

    def quarantined(self) -> list[tuple[str, str, str, str]]:
        """List the quarantine: kind, channel, name and reason, sorted."""
        found: list[tuple[str, str, str, str]] = []
        for kind, channel, name in self.entries():
            try:
                content = self.read(paths.quarantine_file(kind, channel, name))
                reason = str(json.loads(content or b"")["reason"])
            except (ValueError, KeyError, TypeError, PermanentError):
                reason = "unreadable entry"
            found.append((kind, channel, name, reason))
        return found

    def entries(self) -> list[tuple[str, str, str]]:
        """List the quarantine without opening it: kind, channel and name, sorted."""
        paths_found = (found.path for found in self._files.find("quarantine"))
        return sorted(
            (path.parts[1], path.parts[2], path.stem)
            for path in paths_found
            if len(path.parts) == 4 and path.suffix == ".json"
        )


def _reads(manifest: Manifest | None, more: Collection[Read]) -> tuple[Read, ...]:
    """Unite the reads that a slice had with new ones."""
    reads = (*(manifest.reads if manifest else ()), *more)
    by_time = {(str(r.observed_at or ""), r.source, _STATUS_RANK[r.status]): r for r in reads}
    return tuple(by_time[key] for key in sorted(by_time))


def _with_absences(posts: Sequence[Post], reads: Sequence[Read]) -> list[Post]:
    whole = [read.observed_at for read in reads if read.status == "complete" and read.observed_at]
    return [reduce(absence, whole, post) for post in posts]


def _compare(before: Sequence[Post], after: Sequence[Post], quarantined: int) -> MergeCounts:
    known = {post.id: post for post in before}
    new = sum(post.id not in known for post in after)
    changed = sum(post.id in known and known[post.id] != post for post in after)
    return MergeCounts(new, changed, len(after) - new - changed, len(after), quarantined)


def _entry(reason: str, raw: JsonValue) -> bytes:
    record = {"reason": reason, "raw": raw}
    return json.dumps(record, ensure_ascii=True, sort_keys=True, indent=1).encode() + b"\n"
