"""An export's tables as Parquet: typed columns for whoever analyses them, and the whole record.

Only the column `record` (of the quarantine: `content`) counts when an export comes back; the others
repeat what it says. pyarrow is imported when the first table is opened.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from medwh_assets.errors import ExportError
from medwh_assets.lake.records import Box, DetectionRecord, ImageRecord, Manifest, Post
from medwh_assets.slices import Slice

# A row group is held in memory while it is filled, and again while it is read.
_GROUP_ROWS: Final = 20_000
_GROUP_CHARACTERS: Final = 8 * 2**20

_POSTS: Final = {
    "channel": "string", "message_id": "int64", "date": "moment", "date_authority": "string",
    "kind": "string", "edit_date": "moment", "text": "string", "views": "int64",
    "forwards": "int64", "replies": "int64", "grouped_id": "int64", "reply_to": "int64",
    "forwarded_from_channel": "string", "forwarded_from_name": "string", "media_kind": "string",
    "media_mime_type": "string", "photo_id": "int64", "missing_since": "moment",
    "record": "string",
}  # fmt: skip
_SLICES: Final = {
    "channel": "string", "date": "date32", "status": "string", "reads": "int64", "posts": "int64",
    "record": "string",
}  # fmt: skip
_IMAGES: Final = {
    "channel": "string", "date": "date32", "message_id": "int64", "photo_id": "int64",
    "status": "string", "reason": "string", "path": "string", "sha256": "string", "type": "string",
    "bytes": "int64", "width": "int64", "height": "int64", "record": "string",
}  # fmt: skip
_DETECTIONS: Final = {
    "channel": "string", "date": "date32", "message_id": "int64", "image_sha256": "string",
    "image_type": "string", "image_bytes": "int64", "image_width": "int64",
    "image_height": "int64", "perceptual_hash": "string",
    "model": "string", "status": "string", "reason": "string", "box": "int64",
    "detected_class": "string", "confidence": "float64", "x": "float64", "y": "float64",
    "width": "float64", "height": "float64", "record": "string",
}  # fmt: skip
_QUARANTINE: Final = {
    "kind": "string", "channel": "string", "name": "string", "reason": "string",
    "content": "string",
}  # fmt: skip


class Parquet:
    """Writes `posts.parquet`, `slices.parquet`, `images.parquet`, `detections.parquet`, `quarantine.parquet`.

    Args:
        folder: where to.

    Raises:
        ExportError: pyarrow is not installed.
    """

    def __init__(self, folder: Path) -> None:
        """Create the files."""
        self._posts = _Table(folder / "posts.parquet", _POSTS)
        self._slices = _Table(folder / "slices.parquet", _SLICES)
        self._images = _Table(folder / "images.parquet", _IMAGES)
        self._detections = _Table(folder / "detections.parquet", _DETECTIONS)
        self._quarantine = _Table(folder / "quarantine.parquet", _QUARANTINE)

    def post(self, post: Post) -> None:
        """Write a post."""
        origin, media = post.forwarded_from, post.media
        self._posts.add(
            channel=post.channel,
            message_id=post.id,
            date=post.date,
            date_authority=post.date_authority,
            kind=post.kind,
            edit_date=post.edit_date,
            text=post.text,
            views=post.views,
            forwards=post.forwards,
            replies=post.replies,
            grouped_id=post.grouped_id,
            reply_to=post.reply_to,
            forwarded_from_channel=origin.channel if origin else None,
            forwarded_from_name=origin.name if origin else None,
            media_kind=media.kind if media else None,
            media_mime_type=media.mime_type if media else None,
            photo_id=media.photo_id if media else None,
            missing_since=post.missing_since,
            record=post.model_dump_json(),
        )

    def manifest(self, manifest: Manifest) -> None:
        """Write a slice's manifest."""
        self._slices.add(
            channel=manifest.channel,
            date=manifest.date,
            status=manifest.status,
            reads=len(manifest.reads),
            posts=manifest.messages.records if manifest.messages else None,
            record=manifest.model_dump_json(),
        )

    def image(self, piece: Slice, record: ImageRecord) -> None:
        """Write what is known of a post's image."""
        known = record.model_dump(exclude={"schema_version", "tried_on"})
        self._images.add(
            channel=piece.channel, date=piece.date, **known, record=record.model_dump_json()
        )

    def detection(self, piece: Slice, record: DetectionRecord) -> None:
        """Write what was seen on a post's image: a row for each box, or one without a box.

        The first row of a record holds all of it.
        """
        known = record.model_dump(exclude={"schema_version", "image_path", "boxes"})
        whole = record.model_dump_json()
        boxes: list[dict[str, Any]] = [
            {"box": number, **box.model_dump()} for number, box in enumerate(record.boxes)
        ]
        for number, box in enumerate(boxes or [dict.fromkeys(("box", *Box.model_fields))]):
            self._detections.add(
                channel=piece.channel,
                date=piece.date,
                **known,
                **box,
                record=None if number else whole,
            )

    def quarantined(self, kind: str, channel: str, name: str, content: str) -> None:
        """Write an entry of the quarantine, its file's text as it is."""
        self._quarantine.add(
            kind=kind, channel=channel, name=name, reason=_reason(content), content=content
        )

    def close(self) -> None:
        """Finish the files."""
        for table in (
            self._posts,
            self._slices,
            self._images,
            self._detections,
            self._quarantine,
        ):
            table.close()


def _reason(content: str) -> str | None:
    try:
        return str(json.loads(content)["reason"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class _Table:
    """One file, a row group at a time."""

    def __init__(self, file: Path, columns: Mapping[str, str]) -> None:
        self._pa = _pyarrow("pyarrow")
        types = {"moment": self._pa.timestamp("us", tz="UTC")}
        self._schema = self._pa.schema(
            [
                (name, types.get(kind) or self._pa.type_for_alias(kind))
                for name, kind in columns.items()
            ]
        )
        # With checksums a flipped byte is noticed when the file is read again.
        self._writer = _pyarrow("pyarrow.parquet").ParquetWriter(
            file, self._schema, compression="zstd", write_page_checksum=True
        )
        self._waiting: defaultdict[str, list[Any]] = defaultdict(list)
        self._rows = 0
        self._characters = 0

    def add(self, **row: Any) -> None:
        for name, value in row.items():
            self._waiting[name].append(value)
            if isinstance(value, str):
                self._characters += len(value)
        self._rows += 1
        if self._rows >= _GROUP_ROWS or self._characters >= _GROUP_CHARACTERS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._pa.table(dict(self._waiting), schema=self._schema))
        self._waiting.clear()
        self._rows = self._characters = 0


def _pyarrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ExportError(
            "Parquet needs pyarrow: pip install 'medwh[parquet]', or export with --format jsonl"
        ) from error
