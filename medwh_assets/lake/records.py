"""What stands in the lake's files: typed, versioned records, one a line.

A `Post` is the sum of every reading of it: `merge` adds readings, nothing here forgets one. All
times are UTC, all sizes bytes, all box and image measures pixels. Records are immutable; their
field order is the key order of the files.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    JsonValue,
    TypeAdapter,
)
from pydantic_core.core_schema import any_schema

SCHEMA_VERSION = 1

# Ids, counters and sizes: what PostgreSQL's bigint holds.
MAX_INT = 2**63 - 1
# Parsed from JSON or made of JSON values: proving that again costs a tenth of a read or an import.
_Json = Annotated[JsonValue, GetPydanticSchema(lambda _source, _handler: any_schema())]
Count = Annotated[int, Field(ge=0, le=MAX_INT)]
Identifier = Annotated[int, Field(ge=-MAX_INT, le=MAX_INT)]


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
# `date` is the name of a field below.
Day = date


def _is_none(value: object) -> bool:
    return value is None


# Levels of lists and objects in what a source said: pydantic reads 190 and writes 250.
MAX_DEPTH = 100

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def mend(text: str) -> tuple[str, int]:
    """Replace what neither UTF-8 nor PostgreSQL can hold (NUL, lone surrogates) by U+FFFD.

    Returns:
        The text, and how many characters were replaced.
    """
    # Neither is printable, and most texts are: asking that costs a twentieth.
    return (text, 0) if text.isprintable() else _UNSTORABLE.subn("�", text)


def mend_json(value: JsonValue) -> tuple[JsonValue, int]:
    """Make a parsed JSON value storable: `mend` every string, keys included.

    Python also parses `NaN` and `Infinity`, which no JSON and no PostgreSQL holds: not a number is
    null, an infinity becomes its name. Neither is counted, because no character is lost.
    """
    if isinstance(value, str):
        return mend(value)
    if isinstance(value, float) and not math.isfinite(value):
        return (None if math.isnan(value) else str(value)), 0
    if isinstance(value, list):
        pairs = [mend_json(item) for item in value]
        return [item for item, _ in pairs], sum(count for _, count in pairs)
    if isinstance(value, dict):
        mended: dict[str, JsonValue] = {}
        total = 0
        for key, item in value.items():
            new_key, in_key = mend(key)
            while in_key and (new_key in mended or new_key in value):
                new_key += "\ufffd"
            mended[new_key], in_item = mend_json(item)
            total += in_key + in_item
        return mended, total
    return value, 0


def clip(value: JsonValue, levels: int = MAX_DEPTH) -> JsonValue:
    """Replace what is nested deeper than some levels by `…`, for showing."""
    if isinstance(value, list):
        return [clip(item, levels - 1) for item in value] if levels else "…"
    if isinstance(value, dict):
        return {key: clip(item, levels - 1) for key, item in value.items()} if levels else "…"
    return value


def too_deep(value: JsonValue, levels: int = MAX_DEPTH) -> bool:
    """Whether a value is nested deeper than some levels."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(too_deep(item, levels - 1) for item in value)


def canonical(value: Any) -> str:
    """JSON in its one spelling: keys sorted, no spaces, characters as they are."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


class Record(BaseModel):
    """Base of all records: immutable, no unknown fields, strings as sent (nothing stripped)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(Record):
    """A formatted part of a text. Offset and length count UTF-16 code units, as Telegram does."""

    type: str
    offset: Count
    length: Count
    value: str | None = None


class Reaction(Record):
    """How many readers answered a post with one emoji."""

    emoji: str
    count: Count


class Forward(Record):
    """Where a forwarded post came from, as far as Telegram says."""

    channel_id: Identifier | None = None
    channel: str | None = None
    name: str | None = None
    message_id: Identifier | None = None
    date: Moment | None = None


MediaKind = Literal[
    "photo", "document", "video", "animation", "audio", "voice", "sticker",
    "webpage", "poll", "location", "contact", "other",
]  # fmt: skip


class Media(Record):
    """What a post carries besides text: described, never embedded."""

    kind: MediaKind
    mime_type: str | None = None
    size_bytes: Count | None = None
    file_name: str | None = None
    width: Count | None = None
    height: Count | None = None
    photo_id: Identifier | None = None

    @property
    def is_image(self) -> bool:
        """A photo, or a document that Telegram calls an image."""
        return self.kind == "photo" or (
            self.kind == "document" and (self.mime_type or "").startswith("image/")
        )


class Observation(Record):
    """One read of one post at one logical time: its counters, or that it was not there.

    `observed_at` is null where a source does not say when it read. A null counter means that the
    source had none, which is not zero.
    """

    observed_at: Moment | None = None
    present: bool = True
    views: Count | None = None
    forwards: Count | None = None
    replies: Count | None = None
    reactions: tuple[Reaction, ...] | None = None


class Content(Record):
    """What an author can change about a post."""

    text: str | None = None
    entities: tuple[Entity, ...] | None = None
    media: Media | None = None
    edit_date: Moment | None = None


class Version(Content):
    """A distinct content of a post, and the span of logical times at which it was read."""

    first_observed_at: Moment | None = None
    last_observed_at: Moment | None = None


DateAuthority = Literal["telegram", "offset", "naive"]
PostKind = Literal["message", "service"]


class Post(Record):
    """One post of one channel: its current state, and every reading that led to it.

    The current fields are derived from `versions` and `observations` by `lake.merge`, so a post
    made by hand should go through `lake.merge.post_from_reading`.
    """

    schema_version: Literal[1] = 1
    id: Annotated[int, Field(ge=1, le=MAX_INT)]
    channel: str
    date: Moment
    date_authority: DateAuthority
    kind: PostKind = "message"
    edit_date: Moment | None = None
    text: str | None = None
    entities: tuple[Entity, ...] | None = None
    views: Count | None = None
    forwards: Count | None = None
    replies: Count | None = None
    reactions: tuple[Reaction, ...] | None = None
    grouped_id: Identifier | None = None
    reply_to: Identifier | None = None
    forwarded_from: Forward | None = None
    media: Media | None = None
    channel_id: Identifier | None = None
    sources: tuple[str, ...] = ()
    missing_since: Moment | None = None
    observations: tuple[Observation, ...] = ()
    versions: tuple[Version, ...] = ()
    extra: dict[str, tuple[_Json, ...]] = Field(default_factory=dict)

    @property
    def day(self) -> Day:
        """The UTC day whose slice holds the post."""
        return self.date.date()


@dataclass(frozen=True, slots=True)
class PostLine:
    """A sound post as its line of a lake file, which only has to be parsed if it meets another."""

    id: int
    day: Day
    content: bytes

    def post(self) -> Post:
        """Parse the line."""
        return Post.model_validate_json(self.content)


ImageStatus = Literal["ok", "quarantined", "missing"]


class ImageRecord(Record):
    """One image of one post: where it lies, what it is, or why it is not there.

    `path` is relative to the lake's root. `missing` means that the post has a picture which no
    source has delivered; `quarantined` that a file is there but is no safe, whole image. `tried_on`
    names the days on which a source was asked for it in vain, where that may change.
    """

    schema_version: Literal[1] = 1
    message_id: Annotated[int, Field(ge=1, le=MAX_INT)]
    photo_id: Identifier | None = None
    path: str | None = None
    sha256: str | None = None
    bytes: Count | None = None
    width: Count | None = None
    height: Count | None = None
    type: str | None = None
    status: ImageStatus
    reason: str | None = None
    # Left out where it says nothing, so that older files keep their bytes.
    tried_on: Annotated[tuple[Day, ...] | None, Field(exclude_if=_is_none)] = None


class Box(Record):
    """One thing seen on an image: top-left corner, width and height in pixels of the image."""

    detected_class: str
    confidence: float
    x: float
    y: float
    width: float
    height: float


DetectionStatus = Literal["ok", "failed"]


class DetectionRecord(Record):
    """What one model saw on one post's image; an image without boxes has a row too.

    `perceptual_hash` is 64 bits as 16 hexadecimal characters: pictures that look alike differ in
    few of them. It is made of the picture alone, so it is the same whatever the model; null where
    the picture could not be looked at.
    """

    schema_version: Literal[1] = 1
    message_id: Annotated[int, Field(ge=1, le=MAX_INT)]
    image_sha256: str
    image_path: str
    image_type: str | None = None
    image_bytes: Count | None = None
    image_width: Count
    image_height: Count
    perceptual_hash: str | None = None
    model: str
    status: DetectionStatus = "ok"
    reason: str | None = None
    boxes: tuple[Box, ...] = ()


ReadStatus = Literal["complete", "partial", "imported"]


class Read(Record):
    """A source was asked for a slice: at which logical time, and whether that covered the day."""

    source: str
    observed_at: Moment | None = None
    status: ReadStatus


class FileFacts(Record):
    """One data file of a slice: its number of records, its hash, the hash of what it is made from."""

    records: Count
    sha256: str
    made_from: str | None = None


class Manifest(Record):
    """A slice's passport, written after its data.

    Attributes:
        status: `complete` (read whole), `partial` (read before the day was over) or `imported`
            (what an import happened to hold). Only `complete` counts as read.
        reads: every read of the slice, so that a day that was read and empty can be told from one
            that was never read.
        messages: the posts' file; absent while the slice holds none.
        images: the images' file, made from the posts' hash.
        detections: the detections' file, made from the images' hash and the model.
    """

    schema_version: Literal[1] = 1
    channel: str
    date: date
    status: ReadStatus
    reads: tuple[Read, ...] = ()
    messages: FileFacts | None = None
    images: FileFacts | None = None
    detections: FileFacts | None = None


R = TypeVar("R", Post, ImageRecord, DetectionRecord)


def to_lines(records: Iterable[R]) -> bytes:
    """Serialise records as a lake file: a JSON array, one record a line, sorted by message id."""
    return joined((_message_id(record), line(record)) for record in records)


def joined(lines: Iterable[tuple[int, bytes]]) -> bytes:
    """Make a lake file of lines that `line` wrote, given with their message ids."""
    rows = sorted(lines)
    return b"[\n" + b",\n".join(row for _, row in rows) + b"\n]\n" if rows else b"[]\n"


def _message_id(record: Post | ImageRecord | DetectionRecord) -> int:
    return record.id if isinstance(record, Post) else record.message_id


def line(record: Record) -> bytes:
    """Serialise one record as its line of a lake file, without the line's end."""
    return record.model_dump_json().encode("utf-8")


POSTS = TypeAdapter(list[Post])
IMAGES = TypeAdapter(list[ImageRecord])
DETECTIONS = TypeAdapter(list[DetectionRecord])
