"""What an export brings back into the lake: an empty one is then what the exported one was.

Posts are merged like any others, with the reads of the export's manifests in place of new ones. What
was made from posts and images (their rows) comes along where it fits what then lies in the lake; else
the next run makes it.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.image_intake import ImageKeeper, Lying
from medwh_assets.imports.medwh_export import (
    SOURCE,
    ExportedSlice,
    ExportFiles,
    Refuse,
    json_object,
    lake_channel,
    look,
    plain_file,
    slices,
    speaks_of,
    tell,
)
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.lake.merge import merge
from medwh_assets.lake.paths import Layer, image_file, quarantine_file, slice_file
from medwh_assets.lake.records import DETECTIONS, IMAGES, Manifest, Post, Read, to_lines
from medwh_assets.lake.store import ImportCounts, Intake, Lake
from medwh_assets.slices import Slice

_BATCH_POSTS: Final = 5_000
_BATCH_SLICES: Final = 500

_IMAGE = re.compile(r"([0-9]{1,19})\.jpg")
_REPLACED = re.compile(r"([0-9]{1,19})\.([0-9a-f]{8})\.jpg")
_ENTRY_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


def restore(
    lake: Lake,
    folder: Path,
    *,
    now: datetime,
    refuse: Refuse,
    advance: Callable[[int], None],
    summary: ImportSummary,
) -> None:
    """Bring an export into the lake: an empty one is then what the exported one was.

    In a lake that holds something already it is a merge: nothing is lost, the order of imports does
    not matter, the same again changes nothing.

    Args:
        lake: where to.
        folder: the export.
        now: posts dated more than a day after this are refused.
        refuse: told the file and what of it could not be taken in.
        advance: told how many posts or images have just been dealt with.
        summary: counts what it brought; what is refused is not counted here.

    Raises:
        ImportShapeError: it is no export.
        LakeBusyError: another process holds a channel's lock.
    """
    work = _Restore(lake, folder, now, refuse, advance, summary)
    for channel, pieces in groupby(slices(folder, refuse), key=lambda one: one.piece.channel):
        work.channel(channel, pieces)
    work.count()
    work.quarantine()


class _Restore:
    """The restoring of one export."""

    def __init__(
        self,
        lake: Lake,
        folder: Path,
        now: datetime,
        refuse: Refuse,
        advance: Callable[[int], None],
        summary: ImportSummary,
    ) -> None:
        self._summary = summary
        self._lake = lake
        self._folder = folder
        self._latest = now + timedelta(days=1)
        self._refuse = refuse
        self._advance = advance
        self._files = ExportFiles(folder, look(folder))
        self._channels: set[str] = set()
        self._matched: Counter[str] = Counter()
        self._keeper = ImageKeeper(lake, lake.forget_rows)

    # -- slices --

    def channel(self, channel: str, pieces: Iterable[ExportedSlice]) -> None:
        """Restore slices of one channel, some at a time."""
        replaced = _replaced(self._folder, channel)
        self._channels.add(channel)
        with self._lake.intake(channel) as intake:
            for batch in _batches(self._within_bounds(one) for one in pieces):
                before = {piece: self._lake.manifest(piece) for piece in _touched(batch, intake)}
                counts = intake.merge([p for one in batch for p in _posts_of(one)], _reads(batch))
                self._count(channel, batch, counts)
                for piece, known in before.items():
                    self._forget_stale_rows(piece, known)
                for one in batch:
                    lying = self._take_images(one, counts, replaced)
                    self._take_rows(one, lying, fresh=before[one.piece] is None)

    def _within_bounds(self, one: ExportedSlice) -> ExportedSlice:
        """Refuse what no lake of these settings holds."""
        reason = None
        if one.piece.date < self._lake.start_date:
            reason = f"older than MEDWH_START_DATE ({self._lake.start_date})"
        elif one.piece.date > self._latest.date():
            reason = "dated in the future"
        if reason is None:
            return one
        file = self._files.name("posts")
        for found in one.found:
            raw: JsonValue = found.post.model_dump(mode="json")
            self._refuse(file, Refused(one.piece.channel, reason, raw))
        return ExportedSlice(one.piece, (), None, (), (), intact=False)

    def _count(self, channel: str, batch: Sequence[ExportedSlice], counts: ImportCounts) -> None:
        found = [found for one in batch for found in one.found]
        mine = self._summary.channel(channel)
        mine.records += len(found)
        mine.mended += sum(one.mended for one in found)
        posts = len({one.post.id for one in found})
        self._summary.merged(channel, counts, readings=len(found), posts=posts)
        self._advance(len(found))

    def _forget_stale_rows(self, piece: Slice, known: Manifest | None) -> None:
        """Drop what was made from other posts, so that imports may come in any order."""
        manifest = self._lake.manifest(piece)
        if known is not None and manifest is not None and manifest.messages != known.messages:
            self._lake.forget_rows(piece)

    # -- images --

    def _take_images(
        self, one: ExportedSlice, counts: ImportCounts, replaced: dict[int, list[str]]
    ) -> dict[int, Lying]:
        """Keep the images of posts that were merged; say what lies under their names then."""
        lying: dict[int, Lying] = {}
        channel = one.piece.channel
        if not (self._folder / "images" / channel).is_dir():
            return lying
        for message_id in [found.post.id for found in one.found]:
            day = counts.days.get(message_id)
            if day is None:
                continue
            name = str(image_file(channel, message_id))
            others = [f"images/{channel}/{other}" for other in replaced.get(message_id, ())]
            for relative in (name, *others):
                file = plain_file(self._folder, relative)
                if file is None:
                    continue
                self._matched[channel] += 1
                self._advance(1)
                match = _REPLACED.fullmatch(file.name)
                begins = match[2] if match else ""
                kept = self._keeper.keep(Slice(channel, day), message_id, file, begins=begins)
                if isinstance(kept, str):
                    self._summary.channel(channel).quarantined[kept] += 1
                    self._keeper.quarantine(channel, message_id, kept, relative)
                    continue
                self._summary.channel(channel).images += 1
                if relative == name or message_id in lying:
                    lying[message_id] = kept
        return lying

    def count(self) -> None:
        """Count the export for each of its channels, and the images that no post of it took."""
        for channel in self._channels:
            self._summary.channel(channel).files += 1
        images = self._folder / "images"
        for channel in sorted(filter(lake_channel, _names(images))):
            files = sum(
                bool(_IMAGE.fullmatch(name) or _REPLACED.fullmatch(name))
                for name in _names(images / channel)
            )
            if files > self._matched[channel]:
                left = files - self._matched[channel]
                self._summary.channel(channel).images_unmatched += left

    # -- rows --

    def _take_rows(self, one: ExportedSlice, lying: dict[int, Lying], *, fresh: bool) -> None:
        """Write what was made from posts and images, if these are the ones that it was made from."""
        manifest = self._lake.manifest(one.piece)
        given = one.manifest
        if (
            given is None
            or manifest is None
            or not one.intact
            or manifest.messages != given.messages
            or self._lake.file_sha256("telegram_messages", one.piece)
            != (given.messages.sha256 if given.messages else None)
        ):
            return
        images, detections = to_lines(one.images), to_lines(one.detections)
        if given.images is not None:
            if not (
                speaks_of(given.images, images)
                and _readable(images, IMAGES)
                and self._images_lie_so(one, lying)
                and _rank(given) > _rank(manifest)
            ):
                return
            if manifest.images is not None:
                self._lake.forget_rows(one.piece)
            made_from = given.images.made_from or ""
            self._lake.write_images(one.piece, one.images, made_from)
        elif not fresh:
            return
        elif one.images:
            self._leave_rows(one.piece, "telegram_images", images, IMAGES)
        if not _readable(detections, DETECTIONS):
            return
        if given.detections is not None and speaks_of(given.detections, detections):
            made_from = given.detections.made_from or ""
            self._lake.write_detections(one.piece, one.detections, made_from)
        elif one.detections and fresh and given.detections is None:
            self._leave_rows(one.piece, "yolo_detections", detections, DETECTIONS)

    def _leave_rows(self, piece: Slice, layer: Layer, content: bytes, adapter: Any) -> None:
        """Write rows that no manifest speaks of, as they lay in the exported lake."""
        if _readable(content, adapter):
            with self._lake.lock(piece.channel):
                self._lake.write(slice_file(layer, piece), content)

    def _images_lie_so(self, one: ExportedSlice, lying: dict[int, Lying]) -> bool:
        """Whether a slice's image rows say what came with the export and lies in the lake."""
        rows = {row.message_id: row for row in one.images}
        ids = {found.post.id for found in one.found}
        if len(rows) != len(one.images) or not rows.keys() <= ids:
            return False
        for message_id in ids:
            row = rows.get(message_id)
            name = image_file(one.piece.channel, message_id)
            if row is None or row.path is None:
                if message_id in lying or self._lake.exists(name):
                    return False
            else:
                file = lying.get(message_id)
                if file is None or row.path != str(name) or row.bytes != file.bytes:
                    return False
                if row.sha256 not in (None, file.sha256):
                    return False
        return True

    # -- quarantine --

    def quarantine(self) -> None:
        """Restore the quarantine."""
        bad: Counter[str] = Counter()
        for entry in self._files.objects("quarantine"):
            if isinstance(entry, Unread):
                bad[entry.reason] += 1
            elif not self._take_entry(entry):
                bad["no entry of the quarantine"] += 1
        tell(self._files.name("quarantine"), bad, self._refuse)

    def _take_entry(self, entry: dict[str, JsonValue]) -> bool:
        kind, name, text = (entry.get(key) for key in ("kind", "name", "content"))
        channel = lake_channel(entry.get("channel"))
        if not (isinstance(kind, str) and isinstance(name, str) and isinstance(text, str)):
            return False
        if channel is None or not (_ENTRY_NAME.fullmatch(kind) and _ENTRY_NAME.fullmatch(name)):
            return False
        content = json_object(text)
        if isinstance(content, Unread) or content.keys() != {"reason", "raw"}:
            return False
        reason = content["reason"]
        if not isinstance(reason, str):
            return False
        present = self._lake.read(quarantine_file(kind, channel, name))
        # Two exports may say different things under one name; which of them stays is no matter of
        # their order.
        if present is None or present.decode("utf-8", "replace") < text:
            self._lake.quarantine(kind, channel, reason, content["raw"], name=name)
        return True


def _touched(batch: Sequence[ExportedSlice], intake: Intake) -> set[Slice]:
    """Return a batch's slices, and those from which one of its posts may move."""
    channel = batch[0].piece.channel
    ids = [found.post.id for one in batch for found in one.found]
    return {one.piece for one in batch} | {Slice(channel, day) for day in intake.days_of(ids)}


def _batches(pieces: Iterable[ExportedSlice]) -> Iterator[list[ExportedSlice]]:
    batch: list[ExportedSlice] = []
    held = 0
    for one in pieces:
        batch.append(one)
        held += len(one.found)
        if held >= _BATCH_POSTS or len(batch) >= _BATCH_SLICES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _reads(batch: Sequence[ExportedSlice]) -> dict[date, set[Read]]:
    """Return the reads that the posts come from, by day.

    A complete read says of every post whether it was there. An export that lacks some of them says
    nothing of those, so it was no complete one.
    """
    reads = {one.piece.date: set[Read]() for one in batch if one.found or one.manifest is not None}
    for one in batch:
        if one.manifest is not None:
            reads[one.piece.date].update(
                read
                if one.intact or read.status != "complete"
                else read.model_copy(update={"status": "partial"})
                for read in one.manifest.reads
            )
        elif one.found:
            reads[one.piece.date].update(
                Read(source=SOURCE, observed_at=seen.observed_at, status="imported")
                for found in one.found
                for seen in found.post.observations
                if seen.present
            )
    return reads


def _posts_of(one: ExportedSlice) -> list[Post]:
    """Return a slice's posts, but for the absences that its complete reads entail.

    The lake finds these again, on the day on which it keeps a post.
    """
    found = [found.post for found in one.found]
    if one.manifest is None or not one.intact:
        return found
    whole = {read.observed_at for read in one.manifest.reads if read.status == "complete"}
    return [_without_absences(post, whole) for post in found]


def _without_absences(post: Post, times: Collection[datetime | None]) -> Post:
    kept = tuple(o for o in post.observations if o.present or o.observed_at not in times)
    if len(kept) == len(post.observations):
        return post
    bare = post.model_copy(update={"observations": kept})
    return merge(bare, bare)


def _rank(manifest: Manifest) -> tuple[bool, str, str, str, str]:
    """Order what two exports made of the same posts and images: a choice, but always the same."""
    images, detections = manifest.images, manifest.detections
    if images is None:
        return False, "", "", "", ""
    current = manifest.messages is not None and images.made_from == manifest.messages.sha256
    seen, model = ("", "") if detections is None else (detections.sha256, detections.made_from)
    return current, images.sha256, images.made_from or "", seen, model or ""


def _readable(content: bytes, adapter: Any) -> bool:
    """Whether rows can be read again once they are written: JSON holds no infinity."""
    try:
        return to_lines(adapter.validate_json(content)) == content
    except ValidationError:
        return False


def _replaced(folder: Path, channel: str) -> dict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for name in _names(folder / "images" / channel):
        if (match := _REPLACED.fullmatch(name)) is not None:
            found[int(match[1])].append(name)
    return {message_id: sorted(names) for message_id, names in found.items()}


def _names(folder: Path) -> Iterator[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name
