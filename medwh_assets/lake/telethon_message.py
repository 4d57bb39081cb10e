"""A message of Telegram's, in the fields that Telethon's `to_dict` gives it, as a post.

The live source and the import of dumps meet here, so that one message gives one post whichever way
it came. Plain JSON values only: times are ISO 8601 texts, bytes base64.

What the post does not say word for word stays in `extra`, so the media and the header of a forward
do. Left out is what says nothing about the post:

- flags that are not set (null, false or an empty list), because Telegram sends nothing there;
- keys to files that are the reader's own and change from read to read (access hashes, references),
  and previews of a few hundred bytes;
- who answered, reacted or voted last and how far the reader has read: each read would say it anew, while
  the counters themselves stand in the observations.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import JsonValue

from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.records import (
    MAX_INT,
    Content,
    DateAuthority,
    Entity,
    Forward,
    Media,
    MediaKind,
    Observation,
    Post,
    Reaction,
)

UNREADABLE_DATE = "the date cannot be read; one that can: 2024-01-31T10:00:00+00:00"
CLASSES = ("Message", "MessageService", "MessageEmpty")

# Fields that the post holds as they are.
_SAID = frozenset(("_", "id", "date", "message", "views", "forwards", "grouped_id"))
# Fields of Message and MessageService that are flags or optional lists in Telegram's schema.
_FLAGS = frozenset(
    (
        "edit_hide", "entities", "from_scheduled", "invert_media", "legacy", "media_unread",
        "mentioned", "noforwards", "offline", "out", "paid_suggested_post_stars",
        "paid_suggested_post_ton", "pinned", "post", "reactions_are_possible",
        "restriction_reason", "silent", "video_processing_pending",
    )
)  # fmt: skip
# Keys to a file and previews of it, and who voted last, wherever they stand.
_KEYS = frozenset(("access_hash", "file_reference", "recent_voters"))
_KEYS_AND_PREVIEW = _KEYS | {"bytes"}
_PREVIEWS = frozenset(("PhotoStrippedSize", "PhotoPathSize"))
# What changes in `replies` and `reactions` with every answer and every reader.
_PASSING = frozenset(
    ("replies", "replies_pts", "recent_repliers", "max_id", "read_max_id")
)  # fmt: skip
_ENTITY_VALUES = {
    "MessageEntityTextUrl": "url",
    "MessageEntityMentionName": "user_id",
    "MessageEntityPre": "language",
    "MessageEntityCustomEmoji": "document_id",
}
_MEDIA: dict[str, MediaKind] = {
    "MessageMediaWebPage": "webpage",
    "MessageMediaPoll": "poll",
    "MessageMediaGeo": "location",
    "MessageMediaGeoLive": "location",
    "MessageMediaVenue": "location",
    "MessageMediaContact": "contact",
}
# The first that a document has names it: an animation is a video too.
_DOCUMENTS: dict[str, MediaKind] = {
    "DocumentAttributeSticker": "sticker",
    "DocumentAttributeAnimated": "animation",
    "DocumentAttributeVideo": "video",
    "DocumentAttributeAudio": "audio",
}
# A time in whole seconds is below this until the year 5138; pandas writes milliseconds.
_MILLISECONDS = 10**11

Fields = Mapping[str, JsonValue]


class MessageError(ValueError):
    """The fields are no post; the message is the reason, in words."""


def is_message(raw: object) -> bool:
    """Whether a value is a message as Telethon's `to_dict` gives it."""
    return isinstance(raw, dict) and raw.get("_") in CLASSES


def channel_id_of(raw: JsonValue) -> int | None:
    """Return the bare id of the channel or supergroup that a message stands in."""
    if not isinstance(raw, dict):
        return None
    # Telethon called it `to_id` before version 1.17.
    return _peer_channel(raw.get("peer_id") or raw.get("to_id"))


def post_of_message(
    record: Fields,
    *,
    channel: str,
    source: str,
    observed_at: datetime | None,
) -> Post:
    """Turn one message into a post.

    Args:
        record: the message's fields, storable as `records.mend_json` makes them, `without_keys`.
        channel: the channel's name in the lake.
        source: the kind of source, for the post's `sources`.
        observed_at: logical time of the read.

    Raises:
        MessageError: the message is no post.
        pydantic.ValidationError: a value is out of range.
    """
    if not is_message(record):
        raise MessageError("no message of Telethon's")
    if record["_"] == "MessageEmpty":
        raise MessageError("empty: deleted before it was read")
    message_id = _whole(record.get("id"), "id")
    if message_id is None:
        raise MessageError("no message id")
    date = record.get("date")
    if date is None:
        raise MessageError("no date")
    moment, authority = moment_of(date)
    text = record.get("message")
    if text is not None and not isinstance(text, str):
        raise MessageError("the text is no string")

    extra: dict[str, JsonValue] = {
        key: value
        for key, value in record.items()
        if value is not None and key not in _SAID and (value or key not in _FLAGS)
    }
    channel_id = channel_id_of(dict(record))
    if channel_id is not None and record.get("peer_id") == {
        "_": "PeerChannel",
        "channel_id": channel_id,
    }:
        del extra["peer_id"]
    media = record.get("media")
    return post_from_reading(
        content=Content(
            text=text,
            entities=_entities(extra) if "entities" in extra else _no_entities(record),
            media=_media(media) if isinstance(media, dict) else None,
            edit_date=_edit_date(extra),
        ),
        observation=Observation(
            observed_at=observed_at,
            views=_whole(record.get("views"), "views"),
            forwards=_whole(record.get("forwards"), "forwards"),
            replies=_replies(extra),
            reactions=_reactions(extra),
        ),
        source=source,
        id=message_id,
        channel=channel,
        date=moment,
        date_authority=authority,
        kind="service" if record["_"] == "MessageService" else "message",
        grouped_id=_whole(record.get("grouped_id"), "grouped_id"),
        reply_to=_reply_to(extra, channel_id),
        forwarded_from=_forward(record.get("fwd_from")),
        channel_id=channel_id,
        extra=extra,
    )


def without_keys(value: JsonValue) -> JsonValue:
    """Return a message's plain values without the keys to its files and without previews."""
    if isinstance(value, dict):
        left_out = keys_of(value.get("_"))
        return {
            name: without_keys(item) if isinstance(item, dict | list) else item
            for name, item in value.items()
            if name not in left_out
        }
    if isinstance(value, list):
        return [without_keys(item) for item in value]
    return value


def keys_of(kind: object) -> frozenset[str]:
    """Return the fields that `without_keys` leaves out of an object of some class."""
    return _KEYS_AND_PREVIEW if isinstance(kind, str) and kind in _PREVIEWS else _KEYS


# -- values ----------------------------------------------------------------------------------------


def _whole(value: JsonValue, name: str) -> int | None:
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        return int(value)
    raise MessageError(f"{name} is no whole number")


def _number(value: JsonValue) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_INT else None


def _string(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _objects(value: JsonValue) -> Iterator[Fields]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def moment_of(value: JsonValue) -> tuple[datetime, DateAuthority]:
    """Read a time; only one without an offset leaves a doubt, because Telegram's are all UTC.

    Raises:
        MessageError: it is no time.
    """
    try:
        if isinstance(value, str):
            if re.fullmatch(r"\d{9,10}", value, re.ASCII) is None:
                parsed = datetime.fromisoformat(value)
                if parsed.tzinfo is None:
                    return parsed.replace(tzinfo=UTC), "naive"
                return parsed.astimezone(UTC), "telegram"
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return datetime.fromtimestamp(seconds, tz=UTC), "telegram"
    except (ValueError, OverflowError, OSError):
        pass
    raise MessageError(UNREADABLE_DATE)


def _says_only(value: Fields, *names: str) -> bool:
    """Whether an object says nothing besides its class and some fields."""
    return all(
        item is None or item is False or item == [] or name == "_" or name in names
        for name, item in value.items()
    )


def _peer_channel(peer: JsonValue) -> int | None:
    if isinstance(peer, dict) and peer.get("_") == "PeerChannel":
        return _number(peer.get("channel_id"))
    return None


# -- fields: each takes away from `extra` what the post then says word for word --------------------


def _edit_date(extra: dict[str, JsonValue]) -> datetime | None:
    """Return when the content was edited; a hidden edit is only of reactions and the like."""
    if "edit_date" not in extra:
        return None
    edited = moment_of(extra.pop("edit_date"))[0]
    return None if extra.get("edit_hide") else edited


def _no_entities(record: Fields) -> tuple[Entity, ...] | None:
    return () if record.get("entities") == [] else None


def _entities(extra: dict[str, JsonValue]) -> tuple[Entity, ...] | None:
    items = extra["entities"]
    found: list[Entity] = []
    complete = True
    for item in items if isinstance(items, list) else ():
        name = item.get("_") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str):
            return None
        offset, length = _number(item.get("offset")), _number(item.get("length"))
        if offset is None or length is None:
            return None
        key = _ENTITY_VALUES.get(name, "")
        value = item.get(key)
        known = isinstance(value, str | int) and not isinstance(value, bool)
        found.append(
            Entity(
                type=_entity_type(name),
                offset=offset,
                length=length,
                value=str(value) if known else None,
            )
        )
        complete = complete and _says_only(item, "offset", "length", key if known else "")
    if not isinstance(items, list):
        return None
    if complete:
        del extra["entities"]
    return tuple(found)


@lru_cache(maxsize=64)
def _entity_type(name: str) -> str:
    """`MessageEntityTextUrl` as `text_url`."""
    word = name.removeprefix("MessageEntity")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", word).lower() or "unknown"


def _replies(extra: dict[str, JsonValue]) -> int | None:
    replies = extra.get("replies")
    if not isinstance(replies, dict):
        extra.pop("replies", None)
        return _whole(replies, "replies")
    if _says_only(replies, *_PASSING):
        del extra["replies"]
    else:
        extra["replies"] = {k: item for k, item in replies.items() if k not in _PASSING}
    return _whole(replies.get("replies"), "replies")


def _reactions(extra: dict[str, JsonValue]) -> tuple[Reaction, ...] | None:
    reactions = extra.get("reactions")
    results = reactions.get("results") if isinstance(reactions, dict) else None
    if not isinstance(reactions, dict) or not isinstance(results, list):
        return None
    found: list[Reaction] = []
    for item in results:
        emoji = _emoji(item.get("reaction")) if isinstance(item, dict) else None
        count = _number(item.get("count")) if isinstance(item, dict) else None
        if not isinstance(item, dict) or emoji is None or count is None:
            return None
        found.append(Reaction(emoji=emoji, count=count))
    del extra["reactions"]
    return tuple(found)


def _emoji(reaction: JsonValue) -> str | None:
    if not isinstance(reaction, dict):
        # The emoji itself, before custom ones came in 2022.
        return _string(reaction)
    name = reaction.get("_")
    if name == "ReactionEmoji":
        return _string(reaction.get("emoticon"))
    if name == "ReactionCustomEmoji":
        document = reaction.get("document_id")
        return f"custom:{document}" if type(document) in (int, str) else None
    return "paid" if name == "ReactionPaid" else None


def _reply_to(extra: dict[str, JsonValue], channel_id: int | None) -> int | None:
    """Return the id of the answered post of this channel; an answer to another's stays in `extra`."""
    header = extra.get("reply_to")
    if not isinstance(header, dict):
        # Until version 1.17 the id stood in the message itself.
        return _positive(extra, "reply_to_msg_id")
    peer = header.get("reply_to_peer_id")
    if peer is not None and (channel_id is None or _peer_channel(peer) != channel_id):
        return None
    message_id = _positive(dict(header), "reply_to_msg_id")
    if message_id is not None and _says_only(header, "reply_to_msg_id"):
        del extra["reply_to"]
    return message_id


def _positive(fields: dict[str, JsonValue], name: str) -> int | None:
    message_id = _number(fields.get(name))
    if not message_id:
        return None
    del fields[name]
    return message_id


def _forward(header: JsonValue) -> Forward | None:
    if not isinstance(header, dict):
        return None
    date: datetime | None = None
    # It stays in `extra` all the same, so it is no reason to refuse the post.
    with suppress(MessageError):
        date = moment_of(header.get("date"))[0]
    origin = _peer_channel(header.get("from_id"))
    return Forward(
        # Until version 1.17 channels had a field of their own.
        channel_id=_number(header.get("channel_id")) if origin is None else origin,
        name=_string(header.get("from_name")),
        message_id=_number(header.get("channel_post")),
        date=date,
    )


# -- media -----------------------------------------------------------------------------------------


def _media(media: Fields) -> Media | None:
    name = media.get("_")
    if name == "MessageMediaEmpty":
        return None
    if name == "MessageMediaPhoto":
        return _photo(media.get("photo"))
    if name == "MessageMediaDocument":
        return _document(media.get("document"))
    return Media(kind=_MEDIA.get(name, "other") if isinstance(name, str) else "other")


def _photo(photo: JsonValue) -> Media:
    fields: Fields = photo if isinstance(photo, dict) else {}
    width, height, size = max(_sizes(fields.get("sizes")), default=(None, None, None))
    return Media(
        kind="photo",
        mime_type="image/jpeg",
        photo_id=_number(fields.get("id")),
        width=width,
        height=height,
        size_bytes=size,
    )


def _sizes(sizes: JsonValue) -> Iterator[tuple[int, int, int]]:
    for size in _objects(sizes):
        width, height = _number(size.get("w")), _number(size.get("h"))
        steps = size.get("sizes")
        numbers = steps if isinstance(steps, list) else [size.get("size")]
        known = [number for number in map(_number, numbers) if number is not None]
        if width is not None and height is not None and known:
            yield width, height, max(known)


def _document(document: JsonValue) -> Media:
    fields: Fields = document if isinstance(document, dict) else {}
    attributes = list(_objects(fields.get("attributes")))
    names = [attribute.get("_") for attribute in attributes]
    kinds: list[MediaKind] = [kind for name, kind in _DOCUMENTS.items() if name in names]
    kind: MediaKind = kinds[0] if kinds else "document"
    if kind == "audio" and any(attribute.get("voice") is True for attribute in attributes):
        kind = "voice"
    return Media(
        kind=kind,
        mime_type=_string(fields.get("mime_type")),
        size_bytes=_number(fields.get("size")),
        file_name=next((s for a in attributes if (s := _string(a.get("file_name")))), None),
        width=next((n for a in attributes if (n := _number(a.get("w"))) is not None), None),
        height=next((n for a in attributes if (n := _number(a.get("h"))) is not None), None),
    )
