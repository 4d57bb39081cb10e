"""The images of an import on their way into the lake, each read once and kept as it is."""

import hashlib
import json
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from medwh_assets.imports.pictures import EXPORT_FILE, Matches, is_image_path
from medwh_assets.imports.spool import Gathered, Spool
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.imports.survey import SourceFile, Survey
from medwh_assets.lake.paths import image_file, quarantine_file
from medwh_assets.lake.records import clip
from medwh_assets.lake.store import ImportCounts, Lake, larger_image
from medwh_assets.slices import Slice

MAX_BYTES = 50 * 2**20
# Images that another post may show again, by hash: 100,000 take 25 MB.
_TWINS = 100_000

_AMBIGUOUS = "image is named by other channels or folders too, and lies there once"


@dataclass(frozen=True, slots=True)
class Lying:
    """The image that lies in the lake under a post's name."""

    sha256: str
    bytes: int


class ImageKeeper:
    """Keeps image files in the lake, whatever they hold."""

    def __init__(self, lake: Lake, forget: Callable[[Slice], None]) -> None:
        """Remember where to.

        Args:
            lake: where to.
            forget: takes back what is known of a slice's images, before one of them changes.
        """
        self._lake = lake
        self._forget = forget
        # Where in the lake an image lies, by its hash: the same again is a link to it.
        self._twins: dict[str, str] = {}

    def keep(self, piece: Slice, message_id: int, file: Path, *, begins: str = "") -> Lying | str:
        """Keep an image; return what has its name then, or why it was left out.

        Args:
            piece: the post's slice.
            message_id: the post's id.
            file: the image.
            begins: how the image's hash begins.
        """
        try:
            if file.stat().st_size > MAX_BYTES:
                return f"image larger than {MAX_BYTES // 2**20} MB"
            content = file.read_bytes()
        except OSError as error:
            return f"image cannot be opened ({error.strerror})"
        sha256 = hashlib.sha256(content).hexdigest()
        if not sha256.startswith(begins):
            return "image is not the one that its name tells"
        present = self._lake.read(image_file(piece.channel, message_id))
        if present != content:
            if present is not None and larger_image(present, content) == present:
                self._lake.keep_image(piece.channel, message_id, content)
                return Lying(hashlib.sha256(present).hexdigest(), len(present))
            del present
            self._forget(piece)
            twin = self._twins.get(sha256)
            self._lake.keep_image(piece.channel, message_id, content, twin=twin)
        self._twins.setdefault(sha256, str(image_file(piece.channel, message_id)))
        if len(self._twins) > _TWINS:
            self._twins.pop(next(iter(self._twins)))
        return Lying(sha256, len(content))

    def quarantine(self, channel: str, message_id: int, reason: str, file: str) -> None:
        """Say of a post's image why it was left out; of several, in any order, one entry stays."""
        raw: JsonValue = {"file": file}
        present = self._lake.read(quarantine_file("images", channel, str(message_id)))
        if present is None or _rank(present) < _rank(
            json.dumps({"reason": reason, "raw": clip(raw)})
        ):
            self._lake.quarantine("images", channel, reason, raw, name=str(message_id))


class ImageIntake:
    """Brings the images of imported posts into the lake."""

    def __init__(
        self,
        lake: Lake,
        found: Survey,
        folders: Mapping[str, Collection[str]],
        waiting: Spool,
        summary: ImportSummary,
    ) -> None:
        """Find out which image belongs to which post.

        Args:
            lake: where to.
            found: the dump.
            folders: names under which images may lie, by channel.
            waiting: all of the dump's posts, sealed.
            summary: counts the images.
        """
        self._keeper = ImageKeeper(lake, lake.forget_images)
        self._root = found.root
        self._pictures = found.pictures
        self._summary = summary
        self._matched: set[str] = set()
        channels = waiting.channels()
        exports = {posixpath.dirname(file.relative): False for file in found.files if _other(file)}
        exports |= {posixpath.dirname(file.relative): True for file in found.files if _export(file)}
        self._matches = Matches(
            found.pictures, {channel: folders.get(channel, ()) for channel in channels}, exports
        )
        if found.pictures.paths or not found.pictures.walked:
            for channel, message_id, name in waiting.image_names():
                self._matches.claim(channel, message_id, name)
            self._matches.settle(waiting.count_held)

    def take(self, channel: str, batch: Sequence[Gathered], counts: ImportCounts) -> None:
        """Keep the images of posts that were merged."""
        mine = self._summary.channel(channel)
        for one in batch:
            if not self._pictures.paths and not one.images:
                continue
            message_id = one.post.id
            day = counts.days.get(message_id)
            if day is None:
                continue
            found = self._matches.of(channel, message_id, one.images, by_id=one.by_id)
            self._matched.update(found.paths, found.ambiguous)
            if not found.paths and not found.ambiguous:
                mine.images_absent += any(is_image_path(name.path) for name in one.images)
            for file in found.ambiguous:
                self._leave_out(channel, message_id, _AMBIGUOUS, file)
            for file in found.paths:
                kept = self._keeper.keep(Slice(channel, day), message_id, self._root / file)
                if isinstance(kept, str):
                    self._leave_out(channel, message_id, kept, file)
                else:
                    mine.images += 1

    def _leave_out(self, channel: str, message_id: int, reason: str, file: str) -> None:
        self._summary.channel(channel).quarantined[reason] += 1
        self._keeper.quarantine(channel, message_id, reason, file)

    def count_unmatched(self) -> None:
        """Count the images that no post of the dump took, by channel where their names tell it.

        What lies beside a Telegram Desktop export is not counted: it may be of chats left out.
        """
        left = {
            path
            for path in self._pictures.paths - self._matched
            if not self._matches.in_export(path)
        }
        for (channel, _), paths in self._matches.by_id.items():
            mine = left.intersection(paths)
            if mine:
                self._summary.channel(channel).images_unmatched += len(mine)
                left -= mine
        self._summary.images_unmatched = len(left)


def _export(file: SourceFile) -> bool:
    """Whether a file is, or may be, a Telegram Desktop export."""
    return bool(file.chats or file.withheld or file.shapes["desktop_export"])


def _other(file: SourceFile) -> bool:
    """Whether a file has the name of an export, and is none."""
    return file.path.name == EXPORT_FILE and file.records > 0 and not _export(file)


def _rank(entry: str | bytes) -> str:
    """Order what several imports say of the same image: a choice, but always the same."""
    return json.dumps(json.loads(entry), sort_keys=True)
