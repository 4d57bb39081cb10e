"""A message as Telethon holds it, as a post: the same post that a dump of the message gives."""

import base64
from datetime import datetime
from typing import Any, cast

from pydantic import JsonValue

from medwh_assets.lake.records import Post, mend
from medwh_assets.lake.telethon_message import post_of_message, without_keys

SOURCE = "telegram"
_AS_THEY_ARE: frozenset[object] = frozenset((bool, int, float, type(None)))


def post_of(message: Any, *, channel: str, observed_at: datetime) -> Post:
    """Turn one of Telethon's messages into a post.

    Args:
        message: a `Message` or a `MessageService`.
        channel: the channel's name in the lake.
        observed_at: logical time of the read.

    Raises:
        medwh_assets.lake.telethon_message.MessageError: the message is no post.
        pydantic.ValidationError: a value is out of range.
    """
    fields: dict[str, Any] = message.to_dict()
    record = {name: _plain(value) for name, value in fields.items() if value is not None}
    return post_of_message(record, channel=channel, source=SOURCE, observed_at=observed_at)


def raw_of(message: Any) -> JsonValue:
    """Return one of Telethon's messages as plain values, without the keys to its files."""
    return without_keys(_plain(message.to_dict()))


def _plain(value: Any) -> JsonValue:
    """Return what Telethon's own `to_json` would write, storable."""
    # Most of a message's hundred values are these; `isinstance` in a row would cost twice as much.
    kind = cast("object", type(value))
    if kind in _AS_THEY_ARE:
        return value
    if kind is str:
        return mend(value)[0]
    if kind is dict:
        return {name: _plain(item) for name, item in cast("dict[str, Any]", value).items()}
    if kind is list:
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, datetime):
        return value.isoformat()
    if kind is bytes:
        return base64.b64encode(value).decode("ascii")
    return mend(repr(value))[0]
