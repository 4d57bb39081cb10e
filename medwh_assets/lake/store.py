"""The lake: slices of posts, their rows and images, and everything that may be done to them.

A write is whole, and data comes before its manifest, so a slice whose manifest does not fit its
data was cut off in between and is simply worked on again. On a disk there is one lock per channel
rather than per slice: a post may move between two slices of its channel. It is held for
milliseconds a slice, by an import for all of the channel's. On an object store each write is on
condition of what was read, and only what spans several slices holds the channel's lease too.

Every file name comes from `paths`. Nothing here knows what a source or a stage is for.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Self

from medwh_assets.errors import CorruptSliceError
from medwh_assets.lake import paths
from medwh_assets.lake.files import Files
from medwh_assets.lake.homecoming import Homecoming, Known, MergeCounts, Reads, SliceWriter
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import (
    DetectionRecord,
    FileFacts,
    ImageRecord,
    Post,
    PostLine,
    Read,
    to_lines,
)
from medwh_assets.lake.roots import files_at
from medwh_assets.lake.slice_files import BadRecord, lock_name, misplaced
from medwh_assets.settings import LakeSettings
from medwh_assets.slices import Slice


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


class Intake:
    """One channel's imports into the lake, a batch at a time; made by `Lake.intake`.

    Posts of one id belong into one batch: all that is known of a post decides its day.
    """

    def __init__(
        self,
        bring_home: Callable[[str, Sequence[Post | PostLine], Reads, Known], Homecoming],
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
        done = self._bring_home(self._channel, list(posts), reads, self._known)
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


class Lake(SliceWriter):
    """A lake of slices below one root.

    Args:
        root: a folder, a URL, or the files themselves; nothing is opened before the first use.
        start_date: posts before this day are refused.

    Raises:
        SettingError: the root is no place for a lake, or its package is missing.
    """

    def __init__(self, root: str | Path | Files, start_date: date = date(2018, 1, 1)) -> None:
        """Remember the root; nothing is created before the first write."""
        files = files_at(str(root)) if isinstance(root, str | Path) else root
        super().__init__(files, start_date)

    @classmethod
    def of(cls, settings: LakeSettings) -> Self:
        """Return the lake that the settings mean."""
        return cls(settings.lake, settings.start_date)

    # -- slices -----------------------------------------------------------------------------

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
            if (reason := misplaced(post, piece)) is not None:
                raise ValueError(f"{piece}: the source gave {reason}")
        reads = [
            Read(
                source=reading.source,
                observed_at=reading.observed_at,
                status="complete" if reading.complete else "partial",
            )
            for reading in readings
        ]
        near = [Slice(piece.channel, piece.date + timedelta(days=days)) for days in (-1, 0, 1)]
        done = self.undisturbed(
            piece.channel,
            lambda lake: lake._bring_home(
                piece.channel, posts, {piece.date: reads}, lake.days_of_ids(near)
            ),
            several=True,
        )
        if piece.date in done.failed:
            raise done.failed[piece.date]
        return done.counts[piece.date]

    @contextmanager
    def intake(self, channel: str) -> Generator[Intake]:
        """Hold a channel's lock while an import brings its posts in, as many as there may be.

        Raises:
            LakeBusyError: another process holds the channel's lock.
        """

        def bring_home(
            of: str, posts: Sequence[Post | PostLine], reads: Reads, known: Known
        ) -> Homecoming:
            return self.undisturbed(
                of, lambda lake: lake._bring_home(of, posts, reads, known), several=True
            )

        with self.lock(channel):
            known = {
                message_id: tuple(days) for message_id, days in self.post_days(channel).items()
            }
            yield Intake(bring_home, channel, known)

    def settle(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        """Bring a slice that lies in the lake into order, as an import or a copy left it.

        Bad records go to the quarantine, and the manifest is made to fit.

        Raises:
            CorruptSliceError: the file is no JSON array; it is left as it is.
            LakeBusyError: another process holds the channel's lock.
        """
        return self.undisturbed(piece.channel, lambda lake: lake._settle(piece))

    def _settle(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        manifest = self.manifest(piece)
        posts, bad = self._sound(piece)
        if posts or bad or self.exists(paths.slice_file("telegram_messages", piece)):
            self._write_posts(piece, manifest, posts)
        return posts, bad

    def forget_images(self, piece: Slice) -> None:
        """Take back what the manifest says of a slice's images, because one is about to change."""
        self.undisturbed(piece.channel, lambda lake: lake._forget_images(piece))

    def _forget_images(self, piece: Slice) -> None:
        manifest = self.manifest(piece)
        if manifest is not None and manifest.images is not None:
            self._write_manifest(manifest.model_copy(update={"images": None}))

    def forget_rows(self, piece: Slice) -> None:
        """Take back a slice's image and detection rows, and what the manifest says of them."""
        self.undisturbed(piece.channel, lambda lake: lake._forget_rows(piece))

    def _forget_rows(self, piece: Slice) -> None:
        manifest = self.manifest(piece)
        if manifest is not None and (manifest.images or manifest.detections):
            self._write_manifest(manifest.model_copy(update={"images": None, "detections": None}))
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

        def written(lake: Lake) -> None:
            manifest = lake.manifest(piece)
            if manifest is None:
                raise CorruptSliceError(
                    f"{piece}: no manifest; materialize lake/telegram_messages for this slice first"
                )
            lake.write(paths.slice_file(layer, piece), content)
            field = "images" if layer == "telegram_images" else "detections"
            lake._write_manifest(manifest.model_copy(update={field: facts}))

        self.undisturbed(piece.channel, written)
        return facts

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
            twin: path inside the lake of a file known to hold the same bytes; it is hard-linked on
                a disk, copied inside the store elsewhere.
        """
        self.undisturbed(channel, lambda lake: lake._keep_image(channel, message_id, content, twin))
        return str(paths.image_file(channel, message_id))

    def _keep_image(self, channel: str, message_id: int, content: bytes, twin: str | None) -> None:
        name = paths.image_file(channel, message_id)
        present = self.read(name)
        if present == content:
            return
        if present is None:
            self._place_image(name, content, twin)
            return
        winner = larger_image(present, content)
        loser = present if winner is content else content
        other = paths.replaced_image_file(channel, message_id, hashlib.sha256(loser).hexdigest())
        if loser:
            self.write(other, loser)
        if winner is content:
            self._place_image(name, content, twin)

    def _place_image(self, name: PurePosixPath, content: bytes, twin: str | None) -> None:
        if twin is not None and self.read(twin) == content:
            self._files.copy(paths.inside(twin), name, content)
        else:
            self._files.write(name, content)

    # -- whole channels ---------------------------------------------------------------------

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
            for image in self._below(f"images/{old}"):
                message_id, _, _ = image.stem.partition(".")
                if image.suffix == ".jpg" and message_id.isdigit():
                    content = self.read(image)
                    self.keep_image(new, int(message_id), content or b"", twin=str(image))
            for kind, channel, name in self.entries():
                if channel == old:
                    content = self.read(paths.quarantine_file(kind, old, name))
                    self.write(paths.quarantine_file(kind, new, name), content or b"")
            self.remove_channels([old])

    def remove_channels(self, channels: Sequence[str]) -> int:
        """Remove everything of some channels; return how many image files there were.

        The manifests go last: a removal that is cut off can be seen and repeated.
        """
        images = 0
        for channel in channels:
            with self.lock(channel):
                mine = [piece for piece in self.slices() if piece.channel == channel]
                for file in self._below(f"images/{channel}"):
                    images += self.delete(file)
                for kind in self._files.folders("quarantine"):
                    for file in self._below(f"quarantine/{kind}/{channel}"):
                        self.delete(file)
                for layer in paths.LAYERS:
                    for piece in mine:
                        self.delete(paths.slice_file(layer, piece))
            self._files.forget_lock(lock_name(channel))
        return images

    def _below(self, folder: str) -> list[PurePosixPath]:
        return [found.path for found in self._files.find(folder)]

    # -- the whole lake ---------------------------------------------------------------------

    def sweep(self) -> int:
        """Remove temporary files that killed writers left behind; return how many."""
        return self._files.sweep()

    def check(self) -> None:
        """Find out whether the lake can be written.

        Raises:
            SettingError: it cannot, and what to set.
            LakeUnreachableError: its store does not answer.
        """
        self._files.check()


def larger_image(left: bytes, right: bytes) -> bytes:
    """Return the better of two files of one name: an image, the larger, that with the greater hash."""
    return max(left, right, key=_worth)


def _worth(content: bytes) -> tuple[bool, int, bytes]:
    image = content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    )
    return image, len(content), hashlib.sha256(content).digest()
