"""What a reader finds in a file, whatever the file's shape: a post, no post, or a gap."""

import json
from dataclasses import dataclass

from pydantic import JsonValue

from medwh_assets.lake.records import MAX_DEPTH, Post, mend_json, too_deep

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


class RecordError(ValueError):
    """A record is no post; the message is the reason for the quarantine."""


@dataclass(frozen=True, slots=True)
class Found:
    """A post as one foreign record told it.

    Attributes:
        post: made from this record alone.
        image_path: where the record says its image lies, as written.
        mended: characters that no database can hold and that were replaced.
        misdecoded: whether the text looks like UTF-8 that was read as another encoding.
    """

    post: Post
    image_path: str | None = None
    mended: int = 0
    misdecoded: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no post.

    Attributes:
        channel: the channel it would belong to, if that is known.
        reason: why it is none, in words, without its content.
        raw: the record as it was read.
    """

    channel: str | None
    reason: str
    raw: JsonValue


@dataclass(frozen=True, slots=True)
class Unread:
    """A stretch of a file that holds no records; what stands around it was read."""

    reason: str


def sound(raw: JsonValue) -> tuple[JsonValue, int]:
    """Make a parsed record storable, as `mend_json` does, at a tenth of the cost where it is so already.

    Returns:
        The record, and how many characters were replaced.

    Raises:
        RecordError: the record is nested too deep.
    """
    try:
        text = _ENCODE(raw)
        text.encode()
        if text.count("{") + text.count("[") <= MAX_DEPTH and "\\u0000" not in text:
            return raw, 0
    except (ValueError, RecursionError):
        # NaN, a lone surrogate, an integer of more than 4,300 digits, or thousands of levels.
        pass
    if too_deep(raw):
        raise RecordError(f"nested deeper than {MAX_DEPTH} levels")
    return mend_json(raw)
