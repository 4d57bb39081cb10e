"""The reading of what `medwh export` wrote: slices as they stood in the exported lake.

An export is as foreign as any other file by the time it comes back: every record is checked, every
size bounded, and a file is only looked for where an export has it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError

from medwh_assets.errors import ChannelNameError, ImportShapeError
from medwh_assets.imports.found import Found, RecordError, Refused, Unread, sound
from medwh_assets.lake.merge import merge
from medwh_assets.lake.records import (
    DetectionRecord,
    FileFacts,
    ImageRecord,
    Manifest,
    Post,
    canonical,
    to_lines,
    too_deep,
)
from medwh_assets.lake.slice_files import first_reason
from medwh_assets.slices import Slice, channel_name

MARKER: Final = "medwh_export.json"
SOURCE: Final = "medwh_export"
FORMAT: Final = 1

_MAX_MARKER_BYTES: Final = 2**20
_MAX_LINE_BYTES: Final = 8 * 2**20
# Ours hold 8 MB of text; a larger one may be meant to fill the memory.
_MAX_ROW_GROUP_BYTES: Final = 64 * 2**20
# What is held of one slice at a time.
_SLICE_BYTES: Final = 32 * 2**20
# How much of a line that is no JSON is kept in the quarantine.
_SHOWN_CHARACTERS: Final = 10_000

# What JSON can spell and the lake cannot hold; the usual line has none of it.
_UNSOUND = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|NaN|Infinity")

Name = Literal["posts", "slices", "images", "detections", "quarantine"]
Refuse = Callable[[str, Refused | Unread], None]
T = TypeVar("T")
R = TypeVar("R", ImageRecord, DetectionRecord)


class ExportFacts(BaseModel):
    """What an export says of itself."""

    format: int
    channels: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    posts: int = Field(default=0, ge=0)
    slices: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    table_format: Literal["jsonl", "parquet"]


@dataclass(frozen=True, slots=True)
class ExportedSlice:
    """What an export holds of one slice.

    Attributes:
        piece: the slice.
        found: its posts.
        manifest: its passport, if there is one.
        images: its image rows.
        detections: its detection rows.
        intact: whether the posts are, byte for byte, those that the manifest speaks of.
    """

    piece: Slice
    found: tuple[Found, ...]
    manifest: Manifest | None
    images: tuple[ImageRecord, ...]
    detections: tuple[DetectionRecord, ...]
    intact: bool


# -- looking --------------------------------------------------------------------------------------


def is_export(folder: Path) -> bool:
    """Whether a folder is what `medwh export` wrote, to its end."""
    return plain_file(folder, MARKER) is not None


def look(folder: Path) -> ExportFacts:
    """Return what an export says of itself; its tables are not read yet.

    Raises:
        ImportShapeError: it says nothing that can be understood, or needs what is not installed.
    """
    file = plain_file(folder, MARKER)
    if file is None:
        raise ImportShapeError(f"{folder} is no export of medwh: it has no {MARKER}")
    try:
        with file.open("rb") as stream:
            facts = ExportFacts.model_validate_json(stream.read(_MAX_MARKER_BYTES))
    except (ValidationError, OSError) as error:
        reason = first_reason(error) if isinstance(error, ValidationError) else error.strerror
        raise ImportShapeError(
            f"{file} cannot be read ({reason}); export again, or delete it to import the posts alone"
        ) from error
    if facts.format != FORMAT:
        raise ImportShapeError(
            f"{folder} is an export of format {facts.format}, and this medwh reads {FORMAT}; "
            "import it with the medwh that wrote it or a newer one"
        )
    if facts.table_format == "parquet":
        _parquet()
    return facts


# -- reading --------------------------------------------------------------------------------------


def slices(folder: Path, refuse: Refuse) -> Iterator[ExportedSlice]:
    """Read an export slice by slice; memory stays flat.

    Sorted as it was written, it gives every slice once. In any other order a slice may come in
    parts, which are then not intact.

    Args:
        folder: the export.
        refuse: told the file and what of it could not be read.

    Raises:
        ImportShapeError: it is no export.
    """
    files = ExportFiles(folder, look(folder))
    streams: list[Iterator[tuple[Slice, list[Any]]]] = [
        _grouped(_found(files, refuse)),
        _grouped(_manifests(files, refuse)),
        _grouped(_rows(files, "images", ImageRecord, refuse)),
        _grouped(_rows(files, "detections", DetectionRecord, refuse)),
    ]
    for piece, (found, manifests, images, detections) in _joined(streams):
        manifest: Manifest | None = manifests[0] if manifests else None
        content = to_lines(one.post for one in found)
        intact = manifest is not None and speaks_of(manifest.messages, content)
        yield ExportedSlice(
            piece=piece,
            # What the manifest vouches for was derived once; that takes half of the time.
            found=tuple(found if intact else map(_derived, found)),
            manifest=manifest,
            images=tuple(images),
            detections=tuple(detections),
            intact=intact,
        )


def _derived(one: Found) -> Found:
    """Let a post's readings decide on its current state, whatever it says of that."""
    return replace(one, post=merge(one.post, one.post))


def _grouped(keyed: Iterator[tuple[Slice, int, T]]) -> Iterator[tuple[Slice, list[T]]]:
    """Gather what follows each other of one slice, as much as there is room for."""
    piece: Slice | None = None
    group: list[T] = []
    held = 0
    for key, size, value in keyed:
        if piece is not None and (key != piece or held + size > _SLICE_BYTES):
            yield piece, group
            group, held = [], 0
        piece = key
        group.append(value)
        held += size
    if piece is not None:
        yield piece, group


def _joined(
    streams: Sequence[Iterator[tuple[Slice, list[Any]]]],
) -> Iterator[tuple[Slice, list[list[Any]]]]:
    """Walk sorted streams side by side."""
    heads = [next(stream, None) for stream in streams]
    while there := [head[0] for head in heads if head is not None]:
        piece = min(there)
        groups: list[list[Any]] = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == piece:
                groups.append(head[1])
                heads[place] = next(streams[place], None)
            else:
                groups.append([])
        yield piece, groups


def _found(files: "ExportFiles", refuse: Refuse) -> Iterator[tuple[Slice, int, Found]]:
    for record in files.records("posts"):
        if isinstance(record, Unread):
            refuse(files.name("posts"), record)
            continue
        item = _post(record)
        if isinstance(item, Found):
            yield Slice(item.post.channel, item.post.day), len(record), item
        else:
            refuse(files.name("posts"), item)


def _post(record: bytes) -> Found | Refused:
    try:
        mended = 0
        if _UNSOUND.search(record):
            raw, mended = sound(json.loads(record))
            post = Post.model_validate(raw)
        else:
            post = Post.model_validate_json(record)
        if any(too_deep(list(values)) for values in post.extra.values()):
            raise RecordError("nested too deep")
        # Numbers that no JSON holds, such as 1e999, raise a ValueError.
        canonical(post.extra)
        Slice(post.channel, post.day)
        return Found(post, mended=mended)
    except ChannelNameError:
        return _refused(record, "not a channel's name")
    except (ValueError, OverflowError, RecursionError) as error:
        return _refused(
            record, first_reason(error) if isinstance(error, ValueError) else "too deep"
        )


def _refused(record: bytes, reason: str) -> Refused:
    try:
        raw: JsonValue = json.loads(record)
    except (ValueError, RecursionError):
        raw = record.decode("utf-8", "replace")[:_SHOWN_CHARACTERS]
    channel = raw.get("channel") if isinstance(raw, dict) else None
    return Refused(lake_channel(channel), reason, raw)


def lake_channel(name: object) -> str | None:
    """Return a name that is a channel's as the lake spells it, else None."""
    if isinstance(name, str):
        with suppress(ChannelNameError):
            return name if channel_name(name) == name else None
    return None


def _manifests(files: "ExportFiles", refuse: Refuse) -> Iterator[tuple[Slice, int, Manifest]]:
    bad: Counter[str] = Counter()
    for record in files.records("slices"):
        if isinstance(record, Unread):
            bad[record.reason] += 1
            continue
        try:
            raw, _ = sound(json.loads(record))
            manifest = Manifest.model_validate(raw)
            piece = Slice(manifest.channel, manifest.date)
        except (ValueError, OverflowError, RecursionError, ChannelNameError):
            bad["no manifest of a slice"] += 1
            continue
        yield piece, len(record), manifest
    tell(files.name("slices"), bad, refuse)


def _rows(
    files: "ExportFiles", table: Name, model: type[R], refuse: Refuse
) -> Iterator[tuple[Slice, int, R]]:
    bad: Counter[str] = Counter()
    for row in files.objects(table):
        if isinstance(row, Unread):
            bad[row.reason] += 1
            continue
        try:
            channel, day = str(row.pop("channel", "")), str(row.pop("date", ""))
            piece = Slice(channel, date.fromisoformat(day))
            record = model.model_validate(sound(row)[0])
        except (ValueError, OverflowError, RecursionError, ChannelNameError):
            bad["no record of an image"] += 1
            continue
        yield piece, len(record.model_dump_json()), record
    tell(files.name(table), bad, refuse)


def tell(file: str, bad: Counter[str], refuse: Refuse) -> None:
    """Report what need not be kept, because it can be made again: how often, not what."""
    for reason, times in sorted(bad.items()):
        refuse(file, Unread(f"{reason} ({times:,} times)" if times > 1 else reason))


def speaks_of(facts: FileFacts | None, content: bytes) -> bool:
    """Whether a manifest's facts are those of a file of this content."""
    return facts is not None and facts.sha256 == hashlib.sha256(content).hexdigest()


class ExportFiles:
    """An export's tables, as JSON lines or as Parquet."""

    def __init__(self, folder: Path, facts: ExportFacts) -> None:
        self._folder = folder
        self._parquet = facts.table_format == "parquet"

    def name(self, table: Name) -> str:
        """Return the name of a table's file."""
        return f"{table}.{'parquet' if self._parquet else 'jsonl'}"

    def records(self, table: Name) -> Iterator[bytes | Unread]:
        """Yield the records of a table of which each names its own channel and day."""
        if not self._parquet:
            yield from self._lines(table)
            return
        for row in self._parquet_rows(table, ("record",)):
            if isinstance(row, Unread):
                yield row
            elif isinstance(record := row["record"], str):
                yield record.encode("utf-8", "replace")
            else:
                yield Unread("a row without its record")

    def objects(self, table: Name) -> Iterator[dict[str, JsonValue] | Unread]:
        """Yield the objects of a table of which each has its channel beside it."""
        if not self._parquet:
            for line in self._lines(table):
                yield line if isinstance(line, Unread) else json_object(line)
        elif table == "quarantine":
            yield from self._parquet_rows(table, ("kind", "channel", "name", "content"))
        else:
            for row in self._parquet_rows(table, ("channel", "date", "record")):
                if isinstance(row, Unread):
                    yield row
                # The first row of several boxes holds all of them.
                elif (record := row["record"]) is not None:
                    read = json_object(str(record))
                    beside: dict[str, JsonValue] = {
                        "channel": str(row["channel"]),
                        "date": str(row["date"]),
                    }
                    yield read if isinstance(read, Unread) else read | beside

    def _lines(self, table: Name) -> Iterator[bytes | Unread]:
        file = plain_file(self._folder, self.name(table))
        if file is None:
            yield Unread("is not there")
            return
        try:
            with file.open("rb") as stream:
                yield from _lines_of(stream)
        except OSError as error:
            yield Unread(f"cannot be read ({error.strerror})")

    def _parquet_rows(
        self, table: Name, columns: tuple[str, ...]
    ) -> Iterator[dict[str, Any] | Unread]:
        file = plain_file(self._folder, self.name(table))
        if file is None:
            yield Unread("is not there")
            return
        try:
            opened = _parquet().ParquetFile(file, page_checksum_verification=True)
            groups: int = opened.num_row_groups
            if not {*columns} <= {*opened.schema_arrow.names}:
                raise ValueError("columns are missing")
        except Exception:  # noqa: BLE001 - pyarrow answers hostile bytes with a dozen types
            yield Unread("is no Parquet file that medwh wrote")
            return
        with opened:
            for group in range(groups):
                try:
                    yield from _parquet_group(opened, group, columns)
                except Exception:  # noqa: BLE001 - as above, and the next group may be good
                    yield Unread(f"row group {group + 1} of {groups} cannot be read")


def _lines_of(stream: BinaryIO) -> Iterator[bytes | Unread]:
    while line := stream.readline(_MAX_LINE_BYTES + 1):
        if len(line) > _MAX_LINE_BYTES:
            yield Unread(f"a line longer than {_MAX_LINE_BYTES // 2**20} MB")
            while not line.endswith(b"\n") and (line := stream.readline(_MAX_LINE_BYTES)):
                pass
        elif line := line.strip():
            yield line


def _parquet_group(
    opened: Any, group: int, columns: tuple[str, ...]
) -> Iterator[dict[str, Any] | Unread]:
    facts = opened.metadata.row_group(group)
    sizes = (facts.column(place).total_uncompressed_size for place in range(facts.num_columns))
    if sum(sizes) > _MAX_ROW_GROUP_BYTES:
        yield Unread(f"row group {group + 1} is larger than {_MAX_ROW_GROUP_BYTES // 2**20} MB")
        return
    for batch in opened.iter_batches(batch_size=1_000, row_groups=[group], columns=[*columns]):
        yield from batch.to_pylist()


def _parquet() -> Any:
    try:
        return import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportShapeError(
            "this export is in Parquet, which needs pyarrow: pip install 'medwh[parquet]'"
        ) from error


def json_object(text: bytes | str) -> dict[str, JsonValue] | Unread:
    """Parse a JSON object."""
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else Unread("no JSON object")


def plain_file(folder: Path, relative: str) -> Path | None:
    """Return a file of an export, unless it is no file or a link leads elsewhere."""
    file = folder / relative
    with suppress(OSError):
        if file.is_file() and file.resolve() == folder.resolve() / relative:
            return file
    return None
