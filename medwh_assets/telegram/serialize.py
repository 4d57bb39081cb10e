"""A message as Telethon holds it, as a post: the same post that a dump of the message gives."""

import base64
from datetime import datetime
from typing import Any, cast

from pydantic import JsonValue

from medwh_assets.lake.records import Post, mend
from medwh_assets.lake.telethon_message import keys_of, post_of_message

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
    record = {name: value for name, value in _plain_fields(message).items() if value is not None}
    return post_of_message(record, channel=channel, source=SOURCE, observed_at=observed_at)


def raw_of(message: Any) -> JsonValue:
    """Return one of Telethon's messages as plain values, without the keys to its files."""
    return _plain_fields(message)


def _plain_fields(message: Any) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", _plain(message.to_dict()))


def _plain(value: Any) -> JsonValue:
    """Return what Telethon's own `to_json` would write, storable and `without_keys`, in one pass."""
    # Most of a message's hundred values are as they are; a call for each would double the cost.
    kind = cast("object", type(value))
    if kind is str:
        return mend(value)[0]
    if kind is dict:
        fields = cast("dict[str, Any]", value)
        left_out = keys_of(fields.get("_"))
        return {
            name: item if type(item) in _AS_THEY_ARE else _plain(item)
            for name, item in fields.items()
            if name not in left_out
        }
    if kind is list:
        return [_plain(item) for item in cast("list[Any]", value)]
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if kind is bytes:
        return base64.b64encode(value).decode("ascii")
    return mend(repr(value))[0]
