"""From the lake into a folder: which slices, their tables, their images, and that it is whole.

medwh_export.json       what the folder holds; written last
posts.jsonl …           five tables, as JSON lines or as Parquet
images/<channel>/…      the images, as they are named in the lake
"""

import json
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from medwh_assets.errors import ExportError, PermanentError
from medwh_assets.exports.json_lines import JsonLines
from medwh_assets.exports.parquet import Parquet
from medwh_assets.exports.tables import TableFormat, Tables
from medwh_assets.lake import paths
from medwh_assets.lake.disk import write_whole
from medwh_assets.lake.records import Manifest, Post
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice, channel_name

FORMAT: Final = 1
MARKER: Final = "medwh_export.json"

# An import reads no line longer than 8 MB; as a string in JSON, a text may be twice as long.
_MAX_ENTRY_BYTES: Final = 4 * 2**20 - 1024
_REPLACED = re.compile(r"([0-9]{1,19})\.[0-9a-f]{8}\.jpg")


@dataclass(slots=True)
class ExportSummary:
    """What an export holds.

    Attributes:
        slices: slices that could be read.
        posts: their posts.
        images: image files, replaced ones too.
        bytes: size of all files.
        unreadable: slices and other things of the lake that were left out, and why.
    """

    slices: int = 0
    posts: int = 0
    images: int = 0
    bytes: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def export_lake(
    lake: Lake,
    out: Path,
    *,
    first: date | None = None,
    last: date | None = None,
    channels: Sequence[str] = (),
    table_format: TableFormat = "jsonl",
    images: bool = True,
    progress: Callable[[str, int], None],
) -> ExportSummary:
    """Write slices of the lake into a new folder, which is there whole or not at all.

    A slice that cannot be read is reported, and the others go on. The same lake gives the same
    files. With a range, the quarantine's entries are those of the images of the range's posts.

    Args:
        lake: where from.
        out: the folder; it may be there if it is empty.
        first: the first day, or None for all from the beginning.
        last: the last day, or None for all to the end.
        channels: the channels, or none for all.
        table_format: how the tables are written.
        images: whether image files are copied too.
        progress: called with the channel and the number of posts or images just dealt with.

    Raises:
        ChannelNameError: a channel's name is none.
        ExportError: the range holds nothing, or the folder cannot be written.
        LakeBusyError: another process holds a channel's lock.
    """
    chosen = sorted({channel_name(channel) for channel in channels})
    pieces = _pieces(lake, first, last, chosen)
    with _whole(lake, out) as folder:
        kinds = {"jsonl": JsonLines, "parquet": Parquet}
        with closing(kinds[table_format](folder)) as tables:
            export = _Export(lake, folder, tables, progress)
            for piece in pieces:
                export.take(piece, images=images, entries=not (first is None and last is None))
            if first is None and last is None:
                export.take_quarantine(chosen)
        export.finish(table_format)
    return export.summary


def _pieces(
    lake: Lake, first: date | None, last: date | None, channels: Sequence[str]
) -> list[Slice]:
    there = lake.slices()
    if not there:
        raise ExportError(f"the lake {lake.url} holds no slices yet; nothing was written")
    found = [
        piece
        for piece in there
        if (not channels or piece.channel in channels)
        and (first is None or piece.date >= first)
        and (last is None or piece.date <= last)
    ]
    if not found:
        days = [piece.date for piece in there if not channels or piece.channel in channels]
        what = f"it has {min(days)} to {max(days)} of them" if days else "it has none of them"
        raise ExportError(
            f"the lake holds no slice from {first or 'its first day'} to {last or 'its last day'} of "
            f"{', '.join(channels) or 'any channel'}: {what}; nothing was written"
            + ("" if days else f". Its channels are {', '.join(lake.channels())}")
        )
    return found


@contextmanager
def _whole(lake: Lake, out: Path) -> Generator[Path]:
    """Give a temporary folder beside the wanted one that becomes it, or goes."""
    out = out.resolve()
    temporary = out.parent / f".{out.name}.tmp-{secrets.token_hex(4)}"
    made: list[Path] = []
    try:
        _check(lake, out)
        made += [folder for folder in out.parents if not folder.exists()]
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(out)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise ExportError(
                f"{out} cannot be written ({error.strerror or error}); nothing was left there"
            ) from error
        raise


def _check(lake: Lake, out: Path) -> None:
    if lake.root is not None and out.is_relative_to(lake.root):
        raise ExportError(f"{out} lies in the lake; export to a folder outside it")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} is there already; name a new folder or an empty one")
    if out.is_mount():
        raise ExportError(f"{out} is where a file system is mounted; name a new folder inside it")


class _Export:
    """One export under way."""

    def __init__(
        self, lake: Lake, folder: Path, tables: Tables, progress: Callable[[str, int], None]
    ) -> None:
        self.summary = ExportSummary()
        self._lake = lake
        self._folder = folder
        self._tables = tables
        self._progress = progress
        self._channels: list[str] = []
        self._days: set[date] = set()
        # Names of replaced images by message id, of the channel that is under way.
        self._replaced: dict[int, list[str]] = {}

    def take(self, piece: Slice, *, images: bool, entries: bool) -> None:
        """Write a slice, with its images and with its images' entries of the quarantine if asked."""
        if piece.channel not in self._channels:
            self._channels.append(piece.channel)
            self._replaced = self._find_replaced(piece.channel) if images else {}
        # What is read together fits together, whoever else writes at the lake.
        with self._lake.lock(piece.channel):
            try:
                posts = self._lake.posts(piece)
                manifest = self._lake.manifest(piece)
            except (PermanentError, OSError) as error:
                self._leave_out(str(piece), error)
                return
            self._days.add(piece.date)
            self._write(piece, posts, manifest)
            self._write_rows(piece)
            self._progress(piece.channel, len(posts))
            for post in posts:
                if images:
                    self._copy_images(post)
                if entries:
                    self._entry("images", piece.channel, str(post.id))
        self.summary.slices += 1
        self.summary.posts += len(posts)

    def _write(self, piece: Slice, posts: Sequence[Post], manifest: Manifest | None) -> None:
        for post in posts:
            self._tables.post(post)
        if manifest is not None and (manifest.channel, manifest.date) == (
            piece.channel,
            piece.date,
        ):
            self._tables.manifest(manifest)

    def _write_rows(self, piece: Slice) -> None:
        """Write what was made from posts and images; what cannot be read can be made again."""
        try:
            images = self._lake.images(piece)
            detections = self._lake.detections(piece)
        except (PermanentError, OSError) as error:
            self._leave_out(str(piece), error)
            return
        for image in images:
            self._tables.image(piece, image)
        for detection in detections:
            self._tables.detection(piece, detection)

    def _copy_images(self, post: Post) -> None:
        name = paths.image_file(post.channel, post.id)
        others = [name.with_name(other) for other in self._replaced.get(post.id, ())]
        for path in (name, *others):
            content = self._read(path)
            if content is None:
                continue
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            self.summary.images += 1
            self.summary.bytes += len(content)
            self._progress(post.channel, 1)

    def _read(self, path: PurePosixPath) -> bytes | None:
        try:
            return self._lake.read(path)
        except (PermanentError, OSError) as error:
            self._leave_out(str(path), error)
            return None

    def _find_replaced(self, channel: str) -> dict[int, list[str]]:
        found: defaultdict[int, list[str]] = defaultdict(list)
        for file in self._lake.files.find(str(paths.image_file(channel, 1).parent)):
            if (match := _REPLACED.fullmatch(file.path.name)) is not None:
                found[int(match[1])].append(file.path.name)
        return {message_id: sorted(names) for message_id, names in found.items()}

    def take_quarantine(self, channels: Sequence[str]) -> None:
        """Write the quarantine of channels, or all of it, of channels without slices too."""
        for kind, channel, name in self._lake.entries():
            if not channels or channel in channels:
                self._entry(kind, channel, name)

    def _entry(self, kind: str, channel: str, name: str) -> None:
        try:
            path = paths.quarantine_file(kind, channel, name)
        except PermanentError:
            # Not a name that medwh gives, so somebody else's file.
            return
        content = self._read(path)
        if content is None:
            return
        if len(content) > _MAX_ENTRY_BYTES:
            reason = f"larger than {_MAX_ENTRY_BYTES // 10**6} MB"
            self.summary.unreadable.append((str(path), reason))
        else:
            self._tables.quarantined(kind, channel, name, content.decode("utf-8", "replace"))

    def _leave_out(self, what: str, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        self.summary.unreadable.append((what, reason or str(error)))

    def finish(self, table_format: TableFormat) -> None:
        """Say what the folder holds, now that it does."""
        held = {
            "format": FORMAT,
            "channels": self._channels,
            "first": min(self._days).isoformat() if self._days else None,
            "last": max(self._days).isoformat() if self._days else None,
            "posts": self.summary.posts,
            "slices": self.summary.slices,
            "images": self.summary.images,
            "table_format": table_format,
        }
        write_whole(self._folder / MARKER, json.dumps(held, indent=1).encode() + b"\n")
        files = (file for file in self._folder.iterdir() if file.is_file())
        self.summary.bytes += sum(file.stat().st_size for file in files)
