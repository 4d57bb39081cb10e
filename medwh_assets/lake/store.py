"""The lake on disk: whole writes under a channel's lock, manifests, listing, quarantine.

A write is whole: temporary name in the same folder, fsync, rename, fsync of the folder. Data comes
before its manifest, so a slice whose manifest does not fit its data was cut off in between and is
simply worked on again. One lock per channel rather than per slice: a post may move between two
slices of its channel. It is held for milliseconds a slice, by an import for all of the channel's.

Every file name comes from `paths`. Nothing here knows what a source or a stage is for.
"""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from typing import Self

import filelock
from pydantic import JsonValue, TypeAdapter, ValidationError
from upath import UPath

from medwh_assets.errors import (
    ChannelNameError,
    CorruptSliceError,
    DateBeforeStartError,
    LakeBusyError,
    LakePathError,
    SettingError,
)
from medwh_assets.lake import paths
from medwh_assets.lake.listing import LakeFile, listed
from medwh_assets.lake.merge import absence, merge, merge_posts, without_absences
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import (
    DETECTIONS,
    IMAGES,
    POSTS,
    DetectionRecord,
    FileFacts,
    ImageRecord,
    Manifest,
    Post,
    PostLine,
    R,
    Read,
    ReadStatus,
    canonical,
    clip,
    joined,
    to_lines,
)
from medwh_assets.settings import LakeSettings
from medwh_assets.slices import Slice, channel_name

LOCK_TIMEOUT_SECONDS = 120
_WRITERS = 8
_MAX_FOLDERS = 10_000
# An entry of the quarantine is for people to read, and an export carries it in one line.
MAX_ENTRY_BYTES = 3 * 2**20
_ENTRY_BEGINNING = 2**19
# Slices in which a channel's id is looked for: a few early ones may come from a source without it.
_SLICES_FOR_AN_ID = 20
_STATUS_RANK: dict[ReadStatus, int] = {"imported": 0, "partial": 1, "complete": 2}
_POST = TypeAdapter(Post)
# How `to_lines` begins a post's line; only looked for in files whose hash says that we wrote them.
_OWN_LINE = re.compile(rb'^\{"schema_version":1,"id":([0-9]+),', re.MULTILINE)

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
class _MergedSlice:
    """What a slice's files will hold: its lines, and for the manifest its reads and old facts."""

    counts: MergeCounts
    content: bytes
    manifest: Manifest | None
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class _Homecoming:
    counts: dict[date, MergeCounts]
    homes: dict[int, date]
    failed: dict[date, CorruptSliceError]


class Intake:
    """One channel's imports into the lake, a batch at a time; made by `Lake.intake`.

    Posts of one id belong into one batch: all that is known of a post decides its day.
    """

    def __init__(
        self,
        bring_home: Callable[[str, Iterable[Post | PostLine], Reads, Known], _Homecoming],
        channel: str,
        known: dict[int, tuple[date, ...]],
    ) -> None:
        """Remember what the lake holds of the channel."""
        self._bring_home = bring_home
        self._channel = channel
        self._known = known

    def days_of(self, ids: Iterable[int]) -> set[date]:
        """Return the days on which the lake keeps posts of these ids now."""
        return {day for message_id in ids for day in self._known.get(message_id, ())}

    def merge(self, posts: Iterable[Post | PostLine], reads: Reads) -> ImportCounts:
        """Merge posts, each on the day of its best date, and note the reads that they come from.

        Every day of a read has a slice afterwards, even if a better date keeps its posts elsewhere;
        nothing at all writes nothing. So imports may come in any order. A slice that lies in the
        lake and cannot be read is left as it is, and its posts are not merged.

        Args:
            posts: posts made from one reading each; an id may come several times, but not one that
                comes as a line.
            reads: for the manifests, by day.

        Raises:
            DateBeforeStartError: a post lies before `MEDWH_START_DATE`; nothing was written.
        """
        done = self._bring_home(self._channel, posts, reads, self._known)
        new = len(done.homes.keys() - self._known.keys())
        # What is new in a slice and not new in the channel has moved.
        changed = sum(one.new + one.changed for one in done.counts.values()) - new
        self._known.update((message_id, (day,)) for message_id, day in done.homes.items())
        return ImportCounts(
            new=new,
            changed=changed,
            unchanged=len(done.homes) - new - changed,
            days=done.homes,
            failed={day: str(error) for day, error in done.failed.items()},
        )


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record of a lake file that is no post, and why."""

    reason: str
    raw: JsonValue


class Lake:
    """A lake of slices below one root.

    Args:
        root: a folder or a filesystem URL; only local ones can be written today.
        start_date: posts before this day are refused.

    Raises:
        SettingError: the root is on a file system that cannot be written yet.
    """

    def __init__(self, root: str | Path, start_date: date = date(2018, 1, 1)) -> None:
        """Remember the root; nothing is created before the first write."""
        self.url = str(root)
        upath = UPath(root)
        if upath.protocol not in ("", "file"):
            raise SettingError(
                f"MEDWH_LAKE is {self.url!r}: only local folders can be written yet; "
                "set it to a folder"
            )
        self.root = Path(upath.path).resolve()
        self.start_date = start_date
        # Folders that are known to lie in the lake.
        self._folders: set[Path] = set()

    @classmethod
    def of(cls, settings: LakeSettings) -> Self:
        """Return the lake that the settings mean."""
        return cls(settings.lake, settings.start_date)

    # -- files ------------------------------------------------------------------------------

    def path(self, relative: str | os.PathLike[str]) -> Path:
        """Return the absolute path of something inside the lake.

        Raises:
            LakePathError: the path, or a link on its way, leaves the lake.
        """
        full = self.root / paths.inside(os.fspath(relative))
        # A folder is looked at once: an import asks for some files in each of thousands.
        if full.parent not in self._folders or full.is_symlink():
            if not full.resolve().is_relative_to(self.root):
                raise LakePathError(f"{relative!r} leads out of the lake")
            if len(self._folders) >= _MAX_FOLDERS:
                self._folders.clear()
            self._folders.add(full.parent)
        return full

    def read(self, relative: str | os.PathLike[str]) -> bytes | None:
        """Return a file's bytes, or None if it is not there.

        Raises:
            CorruptSliceError: a folder has that name.
        """
        try:
            return self.path(relative).read_bytes()
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise CorruptSliceError(
                f"{self.path(relative)} is a folder where a file belongs; remove it, then run again"
            ) from error

    def write(self, relative: str | os.PathLike[str], content: bytes) -> bool:
        """Write a file whole, unless it holds these bytes already; say whether it was written."""
        if self.read(relative) == content:
            return False
        write_whole(self.path(relative), content)
        return True

    def delete(self, relative: str | os.PathLike[str]) -> bool:
        """Remove a file and the folders that it leaves empty; say whether it was there."""
        path = self.path(relative)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        for folder in path.parents:
            if folder == self.root:
                break
            try:
                folder.rmdir()
            except OSError:
                break
        return True

    @contextmanager
    def lock(self, channel: str, timeout: float | None = None) -> Generator[None]:
        """Hold a channel's lock, across threads and processes; its holder may ask for it again.

        A killed holder's lock is free at once.

        Args:
            channel: whose.
            timeout: seconds that it is waited for; two minutes unless told.

        Raises:
            LakeBusyError: another process held it all the while.
        """
        timeout = LOCK_TIMEOUT_SECONDS if timeout is None else timeout
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(
            folder / f"{channel_name(channel)}.lock",
            is_singleton=True,
        )
        try:
            lock.acquire(timeout=timeout)
        except filelock.Timeout as error:
            raise LakeBusyError(
                f"{channel}: another process has held the lock {lock.lock_file} for "
                f"{timeout:.0f} s; wait for it or stop it, then run again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def is_busy(self, channel: str) -> bool:
        """Whether another process holds a channel's lock at this moment."""
        try:
            with self.lock(channel, timeout=0):
                return False
        except LakeBusyError:
            return True

    # -- reading a slice --------------------------------------------------------------------

    def manifest(self, piece: Slice) -> Manifest | None:
        """Return a slice's manifest; one that cannot be read counts as absent and is made anew."""
        content = self.read(paths.slice_file("slices", piece))
        if content is None:
            return None
        try:
            return Manifest.model_validate_json(content)
        except ValidationError:
            return None

    def posts(self, piece: Slice) -> list[Post]:
        """Return a slice's posts, sorted by id; none if the slice is not there.

        Raises:
            CorruptSliceError: the file is there and holds anything else than posts.
        """
        posts, bad = self.examine(piece)
        if bad:
            raise CorruptSliceError(
                f"{piece}: {len(bad)} of {len(posts) + len(bad)} records in "
                f"{paths.slice_file('telegram_messages', piece)} are no posts ({bad[0].reason}); "
                "materialize lake/telegram_messages for this slice to quarantine them"
            )
        return posts

    def examine(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        """Return a slice's posts, and apart from them the records that are none.

        Raises:
            CorruptSliceError: the file is no JSON array.
        """
        name = paths.slice_file("telegram_messages", piece)
        content = self.read(name)
        if content is None:
            return [], []
        with suppress(ValidationError):
            posts = POSTS.validate_json(content)
            if all(_misplaced(post, piece) is None for post in posts):
                # A file written by hand may repeat an id or be in another order.
                return merge_posts(posts), []
        try:
            records: JsonValue = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise CorruptSliceError(
                f"{piece}: {name} is no JSON ({error}); restore or delete the file, then run again"
            ) from error
        if not isinstance(records, list):
            raise CorruptSliceError(
                f"{piece}: {name} is no JSON array; restore or delete it, then run again"
            )
        return self._sort_out(records, piece)

    def _sort_out(
        self, records: list[JsonValue], piece: Slice
    ) -> tuple[list[Post], list[BadRecord]]:
        posts: list[Post] = []
        bad: list[BadRecord] = []
        for raw in records:
            try:
                post = _POST.validate_json(canonical(raw))
            except (ValueError, RecursionError) as error:
                bad.append(BadRecord(first_reason(error), raw))
                continue
            reason = _misplaced(post, piece)
            if reason is None:
                posts.append(post)
            else:
                bad.append(BadRecord(reason, raw))
        return merge_posts(posts), bad

    def images(self, piece: Slice) -> list[ImageRecord]:
        """Return a slice's image records, sorted by message id.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        return self._rows(piece, "telegram_images", IMAGES)

    def detections(self, piece: Slice) -> list[DetectionRecord]:
        """Return a slice's detection records, sorted by message id.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        return self._rows(piece, "yolo_detections", DETECTIONS)

    def _rows(self, piece: Slice, layer: paths.Layer, adapter: TypeAdapter[list[R]]) -> list[R]:
        name = paths.slice_file(layer, piece)
        content = self.read(name)
        if content is None:
            return []
        try:
            return adapter.validate_json(content)
        except ValidationError as error:
            raise CorruptSliceError(
                f"{piece}: {name} cannot be read ({first_reason(error)}); delete it, then run again"
            ) from error

    def file_sha256(self, layer: paths.Layer, piece: Slice) -> str | None:
        """Return the hash of a slice's data file as it lies there now, or None."""
        content = self.read(paths.slice_file(layer, piece))
        return None if content is None else hashlib.sha256(content).hexdigest()

    # -- writing a slice --------------------------------------------------------------------

    def merge_readings(self, piece: Slice, readings: Sequence[SliceReading]) -> MergeCounts:
        """Merge readings of one slice into the lake; nothing that was read is ever removed.

        Posts that a complete reading does not hold, and that were seen before it, get an absence at
        its logical time. A post that stands on a neighbouring day, where a source without a time
        zone had put it, moves to the day of its best date.

        Raises:
            CorruptSliceError: the slice's file cannot be read; it is left as it is.
            DateBeforeStartError: the slice lies before `MEDWH_START_DATE`.
            LakeBusyError: another process holds the channel's lock.
            ValueError: a reading holds a post of another slice.
        """
        if not readings:
            return MergeCounts(0, 0, 0, 0)
        posts = [post for reading in readings for post in reading.posts]
        for post in posts:
            if (reason := _misplaced(post, piece)) is not None:
                raise ValueError(f"{piece}: the source gave {reason}")
        reads = [
            Read(
                source=reading.source,
                observed_at=reading.observed_at,
                status="complete" if reading.complete else "partial",
            )
            for reading in readings
        ]
        with self.lock(piece.channel):
            near = [piece.date + timedelta(days=days) for days in (-1, 0, 1)]
            known = self._days_of_ids(Slice(piece.channel, day) for day in near)
            done = self._bring_home(piece.channel, posts, {piece.date: reads}, known)
        if piece.date in done.failed:
            raise done.failed[piece.date]
        return done.counts[piece.date]

    @contextmanager
    def intake(self, channel: str) -> Generator[Intake]:
        """Hold a channel's lock while an import brings its posts in, as many as there may be.

        Raises:
            LakeBusyError: another process holds the channel's lock.
        """
        with self.lock(channel):
            known = {
                message_id: tuple(days) for message_id, days in self.post_days(channel).items()
            }
            yield Intake(self._bring_home, channel, known)

    def settle(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        """Bring a slice that lies in the lake into order, as an import or a copy left it.

        Bad records go to the quarantine, and the manifest is made to fit.

        Raises:
            CorruptSliceError: the file is no JSON array; it is left as it is.
            LakeBusyError: another process holds the channel's lock.
        """
        with self.lock(piece.channel):
            posts, bad = self._sound(piece)
            if posts or bad or self.read(paths.slice_file("telegram_messages", piece)) is not None:
                self._write_posts(piece, posts, [])
        return posts, bad

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
    ) -> _Homecoming:
        """Write posts to the days of their best dates, then take them out of where else they stand.

        A cut in between leaves a post in two slices, never in none, and the next merge mends that.
        """
        coming, lines = self._homes(channel, posts, known)
        days = sorted({*coming, *lines, *reads})
        if days:
            self._check_start(Slice(channel, days[0]))
        done = _Homecoming({}, {}, {})
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
            kept = [post for post in self._sound(Slice(channel, day))[0] if post.id not in ids]
            self._write_posts(Slice(channel, day), kept, ())
        return done

    def rename_channel(self, old: str, new: str) -> None:
        """Give all that the lake holds of a channel to another name, merged with what that has.

        What was made from posts and images is made anew by the next run. May be cut off at any
        time and called again.

        Raises:
            LakeBusyError: another process holds one of the channels.
        """
        # In one order, or two renames could wait for each other.
        with self.lock(min(old, new)), self.intake(new) as intake:
            for piece in [piece for piece in self.slices() if piece.channel == old]:
                manifest = self.manifest(piece)
                posts = [post.model_copy(update={"channel": new}) for post in self._sound(piece)[0]]
                intake.merge(posts, {piece.date: manifest.reads if manifest else ()})
                self.forget_rows(Slice(new, piece.date))
            for file in sorted((self.root / "images" / old).glob("*.jpg")):
                message_id, _, _ = file.stem.partition(".")
                if message_id.isdigit():
                    name = file.relative_to(self.root)
                    content = self.read(name)
                    self.keep_image(new, int(message_id), content or b"", twin=str(name))
            for file in sorted((self.root / "quarantine").glob(f"*/{old}/*.json")):
                target = paths.quarantine_file(file.parts[-3], new, file.stem)
                self.write(target, self.read(file.relative_to(self.root)) or b"")
            self.remove_channels([old])

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
                    there[day] = {p.id: p for p in self.examine(Slice(channel, day))[0]}
                home = merge(home, without_absences(there[day][post.id]))
            coming[home.day].append(home)
        return coming, lines

    def _merged(
        self,
        piece: Slice,
        posts: Sequence[Post],
        lines: Sequence[PostLine],
        reads: Collection[Read],
    ) -> _MergedSlice:
        """Work out what a slice will hold; lines that meet no other reading are not even parsed."""
        manifest = self.manifest(piece)
        united = _reads(manifest, reads)
        own = self._own_lines(piece, manifest)
        if own is not None and not posts:
            lines = [one for one in lines if own.get(one.id) != one.content]
            known = any(one.id in own for one in lines)
            # A complete read makes posts missing that it did not hold.
            complete = any(read.status == "complete" for read in united)
            same = not lines and manifest is not None and manifest.reads == united
            if same or not (known or complete):
                after = {**own, **{one.id: one.content for one in lines}}
                counts = MergeCounts(len(lines), 0, len(own), len(after))
                return _MergedSlice(counts, joined(after.items()), manifest, united)
        before, bad = self._sound(piece)
        merged = merge_posts([*before, *posts, *(one.post() for one in lines)])
        merged = _with_absences(merged, united)
        return _MergedSlice(_compare(before, merged, len(bad)), to_lines(merged), manifest, united)

    def _own_lines(self, piece: Slice, manifest: Manifest | None) -> dict[int, bytes] | None:
        """Return the lines of a slice's file, if they are as they were written; none if it is new."""
        content = self.read(paths.slice_file("telegram_messages", piece))
        if content is None and (manifest is None or manifest.messages is None):
            return {}
        if content is None or manifest is None or manifest.messages is None:
            return None
        if hashlib.sha256(content).hexdigest() != manifest.messages.sha256:
            return None
        ids = [int(message_id) for message_id in _OWN_LINE.findall(content)]
        rows = content.removeprefix(b"[\n").removesuffix(b"\n]\n").split(b",\n") if ids else []
        if not len(ids) == len(rows) == manifest.messages.records:
            return None
        return dict(zip(ids, rows, strict=True))

    def forget_images(self, piece: Slice) -> None:
        """Take back what the manifest says of a slice's images, because one is about to change."""
        with self.lock(piece.channel):
            manifest = self.manifest(piece)
            if manifest is not None and manifest.images is not None:
                self._write_manifest(manifest.model_copy(update={"images": None}))

    def forget_rows(self, piece: Slice) -> None:
        """Take back a slice's image and detection rows, and what the manifest says of them."""
        with self.lock(piece.channel):
            manifest = self.manifest(piece)
            if manifest is not None and (manifest.images or manifest.detections):
                self._write_manifest(
                    manifest.model_copy(update={"images": None, "detections": None})
                )
            self.delete(paths.slice_file("telegram_images", piece))
            self.delete(paths.slice_file("yolo_detections", piece))

    def write_images(self, piece: Slice, rows: Sequence[ImageRecord], made_from: str) -> FileFacts:
        """Write a slice's image records, then its manifest."""
        return self._write_rows(piece, "telegram_images", to_lines(rows), len(rows), made_from)

    def write_detections(
        self, piece: Slice, rows: Sequence[DetectionRecord], made_from: str
    ) -> FileFacts:
        """Write a slice's detection records, then its manifest."""
        return self._write_rows(piece, "yolo_detections", to_lines(rows), len(rows), made_from)

    def _write_rows(
        self, piece: Slice, layer: paths.Layer, content: bytes, records: int, made_from: str
    ) -> FileFacts:
        facts = FileFacts(
            records=records, sha256=hashlib.sha256(content).hexdigest(), made_from=made_from
        )
        with self.lock(piece.channel):
            manifest = self.manifest(piece)
            if manifest is None:
                raise CorruptSliceError(
                    f"{piece}: no manifest; materialize lake/telegram_messages for this slice first"
                )
            self.write(paths.slice_file(layer, piece), content)
            field = "images" if layer == "telegram_images" else "detections"
            self._write_manifest(manifest.model_copy(update={field: facts}))
        return facts

    def _check_start(self, piece: Slice) -> None:
        if piece.date < self.start_date:
            raise DateBeforeStartError(
                f"{piece}: older than MEDWH_START_DATE ({self.start_date}); "
                "set it to an earlier day to keep it"
            )

    def _write_posts(self, piece: Slice, posts: Sequence[Post], reads: Collection[Read]) -> None:
        self._check_start(piece)
        manifest = self.manifest(piece)
        united = _reads(manifest, reads)
        posts = _with_absences(posts, united)
        counts = MergeCounts(0, 0, len(posts), len(posts))
        self._write_slice(piece, _MergedSlice(counts, to_lines(posts), manifest, united))

    def _write_slice(self, piece: Slice, merged: _MergedSlice) -> None:
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

    # -- images -----------------------------------------------------------------------------

    def keep_image(
        self, channel: str, message_id: int, content: bytes, *, twin: str | None = None
    ) -> str:
        """Keep a post's image under its message id and return its path inside the lake.

        Where another image has that name already, `larger_image` takes it and the other stays as
        `<id>.<sha8>.jpg`: the same images end in the same files in any order.

        Args:
            channel: the post's channel.
            message_id: the post's id.
            content: the file as the source holds it, even an empty or a broken one.
            twin: path inside the lake of a file known to hold the same bytes; it is hard-linked.
        """
        name = paths.image_file(channel, message_id)
        with self.lock(channel):
            present = self.read(name)
            if present == content:
                return str(name)
            if present is None:
                self._place_image(name, content, twin)
                return str(name)
            winner = larger_image(present, content)
            loser = present if winner is content else content
            other = paths.replaced_image_file(
                channel, message_id, hashlib.sha256(loser).hexdigest()
            )
            if loser:
                self.write(other, loser)
            if winner is content:
                self._place_image(name, content, twin)
        return str(name)

    def _place_image(self, name: os.PathLike[str], content: bytes, twin: str | None) -> None:
        target = self.path(name)
        if twin is not None and self.read(twin) == content:
            temporary = _temporary(target)
            try:
                temporary.unlink(missing_ok=True)
                temporary.hardlink_to(self.path(twin))
                temporary.replace(target)
            except OSError:
                # A file system without hard links, or one inode's links used up: a copy will do.
                temporary.unlink(missing_ok=True)
            else:
                return
        write_whole(target, content)

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
        with self.lock(channel):
            self.write(
                paths.quarantine_file(
                    kind, channel, name or hashlib.sha256(content).hexdigest()[:16]
                ),
                content,
            )

    def release(self, kind: str, channel: str, name: str) -> bool:
        """Take an entry out of the quarantine again; say whether there was one."""
        with self.lock(channel):
            return self.delete(paths.quarantine_file(kind, channel, name))

    def quarantined(self) -> list[tuple[str, str, str, str]]:
        """List the quarantine: kind, channel, name and reason, sorted."""
        found: list[tuple[str, str, str, str]] = []
        for file in sorted((self.root / "quarantine").glob("*/*/*.json")):
            try:
                reason = str(json.loads(file.read_bytes())["reason"])
            except (ValueError, KeyError, TypeError):
                reason = "unreadable entry"
            found.append((file.parts[-3], file.parts[-2], file.stem, reason))
        return found

    # -- listing ----------------------------------------------------------------------------

    def listing(self) -> Iterator[LakeFile]:
        """List the data files of all slices with their stamps, without opening one."""
        return listed(self.root)

    def slices(self) -> list[Slice]:
        """List the slices that have posts or a manifest, sorted; foreign names are not slices."""
        found: set[Slice] = set()
        for layer in ("telegram_messages", "slices"):
            for file in (self.root / layer).glob("*/*.json"):
                with suppress(ValueError, ChannelNameError):
                    if re.fullmatch(r"\d{4}-\d\d-\d\d", file.parent.name):
                        found.add(Slice(file.stem, date.fromisoformat(file.parent.name)))
        return sorted(found)

    def channels(self) -> list[str]:
        """List the channels that have slices, sorted."""
        return sorted({piece.channel for piece in self.slices()})

    def post_days(self, channel: str) -> dict[int, set[date]]:
        """Map every post id of a channel to the days of the slices that hold it."""
        return self._days_of_ids(piece for piece in self.slices() if piece.channel == channel)

    def _days_of_ids(self, slices: Iterable[Slice]) -> dict[int, set[date]]:
        days: defaultdict[int, set[date]] = defaultdict(set)
        for piece in slices:
            # A slice that cannot be read costs only itself.
            with suppress(CorruptSliceError):
                for message_id in self.ids(piece):
                    days[message_id].add(piece.date)
        return days

    def ids(self, piece: Slice) -> Set[int]:
        """Return the ids of a slice's posts, without reading the posts where that is safe.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        own = self._own_lines(piece, self.manifest(piece))
        return {post.id for post in self.examine(piece)[0]} if own is None else own.keys()

    def channel_ids(self) -> dict[int, str]:
        """Map Telegram's own channel ids to channels, as far as the newest slices tell them."""
        newest: defaultdict[str, list[Slice]] = defaultdict(list)
        for piece in self.slices():
            newest[piece.channel].append(piece)
        found: dict[int, str] = {}
        for channel, pieces in newest.items():
            for piece in reversed(pieces[-_SLICES_FOR_AN_ID:]):
                with suppress(CorruptSliceError):
                    ids = [post.channel_id for post in self.examine(piece)[0] if post.channel_id]
                    if ids:
                        found.setdefault(ids[0], channel)
                        break
        return found

    def sweep(self) -> int:
        """Remove temporary files that killed writers left behind; return how many."""
        removed = 0
        for channel in [lock.stem for lock in (self.root / ".locks").glob("*.lock")]:
            with self.lock(channel):
                for pattern in (
                    f"*/*/.{channel}.json.tmp",
                    f"images/{channel}/.*.tmp",
                    f"quarantine/*/{channel}/.*.tmp",
                ):
                    for file in list(self.root.glob(pattern)):
                        file.unlink(missing_ok=True)
                        removed += 1
        return removed

    def remove_channels(self, channels: Sequence[str]) -> int:
        """Remove everything of some channels; return how many image files there were.

        The manifests go last: a removal that is cut off can be seen and repeated.
        """
        images = 0
        for channel in channels:
            with self.lock(channel):
                mine = [piece for piece in self.slices() if piece.channel == channel]
                for pattern in (f"images/{channel}/*", f"quarantine/*/{channel}/*"):
                    for file in sorted(self.root.glob(pattern)):
                        images += self.delete(file.relative_to(self.root)) and pattern[0] == "i"
                for layer in paths.LAYERS:
                    for piece in mine:
                        self.delete(paths.slice_file(layer, piece))
            (self.root / ".locks" / f"{channel_name(channel)}.lock").unlink(missing_ok=True)
        return images


def _misplaced(post: Post, piece: Slice) -> str | None:
    if post.channel != piece.channel:
        return f"a post of channel {post.channel}"
    if post.day != piece.date:
        return f"a post of {post.day}"
    return None


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


def larger_image(left: bytes, right: bytes) -> bytes:
    """Return the better of two files of one name: an image, the larger, that with the greater hash."""
    return max(left, right, key=_worth)


def _worth(content: bytes) -> tuple[bool, int, bytes]:
    image = content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    )
    return image, len(content), hashlib.sha256(content).digest()


def first_reason(error: ValueError | RecursionError) -> str:
    """Say in one line what is wrong with a record: field and reason, never its content."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def write_whole(path: Path, content: bytes) -> None:
    """Write a local file so that it is there whole or not at all, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    # A file of that name may be a hard link of another image: never write through it.
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        # A full disk should not be kept full by what did not fit on it.
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
