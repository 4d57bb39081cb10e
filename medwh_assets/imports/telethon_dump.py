"""A Telethon message as `message.to_dict()` gives it, live or written down as JSON, as a post.

Written down it comes in two spellings: `to_json` has bytes as base64 and ISO 8601 times, a script's
`json.dumps(…, default=str)` has bytes as Python's repr and a space in the times. Both are read, and
what they say becomes a post in `lake.telethon_message`, where live reading meets it.
"""

import base64
import json
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from medwh_assets.imports.found import Found, RecordError, sound
from medwh_assets.imports.misdecoded import looks_misdecoded
from medwh_assets.imports.spellings import IMAGE_PATH, SCRAPED, first_text
from medwh_assets.lake.telethon_message import (
    MessageError,
    moment_of,
    post_of_message,
    without_keys,
)


def read_message(
    raw: JsonValue | dict[str, Any],
    *,
    channel: str,
    source: str,
    observed_at: datetime | None,
) -> Found:
    """Turn one message into a post.

    Args:
        raw: `message.to_dict()` itself, with times and bytes, or what JSON makes of it.
        channel: the channel's name in the lake.
        source: the kind of source, for the post's `sources`.
        observed_at: logical time of the read if the message itself gives none.

    Raises:
        RecordError: the message is no post.
        pydantic.ValidationError: a value is out of range.
    """
    if isinstance(raw, dict) and isinstance(raw.get("date"), datetime):
        raw = _plain(raw)
    record, mended = sound(raw)
    if not isinstance(record, dict):
        raise RecordError("no message of Telethon's")
    said = {name: without_keys(value) for name, value in record.items() if name not in SCRAPED}
    try:
        scraped = next((record[n] for n in SCRAPED if record.get(n) not in (None, "")), None)
        post = post_of_message(
            said,
            channel=channel,
            source=source,
            observed_at=observed_at if scraped is None else moment_of(scraped)[0],
        )
    except MessageError as error:
        raise RecordError(str(error)) from error
    return Found(
        post,
        image_path=first_text(record, IMAGE_PATH),
        mended=mended,
        misdecoded=post.text is not None and looks_misdecoded(post.text),
    )


def _plain(message: dict[str, Any]) -> JsonValue:
    """Return what Telethon's own `to_json` would write."""
    return json.loads(json.dumps(message, default=_as_to_json))


def _as_to_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return repr(value)
