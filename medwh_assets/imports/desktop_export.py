"""A message of Telegram Desktop's `result.json` and the chat that it stands in, as a post.

The export knows no views, forwards, replies, albums or usernames: they stay unknown, never zero.
It writes times twice, as seconds and in the local time of the machine that exported; the seconds
count. Nothing is dropped: what the post does not say word for word stays in `extra`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from medwh_assets.imports.found import Found, RecordError, sound
from medwh_assets.imports.misdecoded import looks_misdecoded
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
    PostKind,
    Reaction,
    mend,
)
from medwh_assets.lake.telethon_message import UNREADABLE_DATE

PUBLIC_TYPES = frozenset(("public_channel", "public_supergroup"))
CHAT_TYPES = PUBLIC_TYPES | {
    "bot_chat", "personal_chat", "private_channel", "private_group", "private_supergroup",
    "replies", "saved_messages", "verify_codes",
}  # fmt: skip

# None of these is a word that a post would have for anything else, as `replies` is.
_CLOSED_TYPES = CHAT_TYPES - PUBLIC_TYPES - {"replies"}

_OF_MESSAGES = frozenset(("date_unixtime", "text_entities", "from_id"))
# Fields that the post holds as they are.
_SAID = frozenset(("id", "type", "date_unixtime"))
# What scripts call what they have scraped.
_OTHER_TYPES = ("channel", "supergroup", "megagroup", "gigagroup", "group")

# Telegram Desktop's names of formats that MTProto calls otherwise.
_FORMATS = {"link": "url", "text_link": "text_url", "strikethrough": "strike"}
_FORMAT_VALUES = {
    "text_link": "href",
    "mention_name": "user_id",
    "pre": "language",
    "custom_emoji": "document_id",
}
_FILES: dict[str, MediaKind] = {
    "sticker": "sticker",
    "video_message": "video",
    "voice_message": "voice",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}
_CONTENTS: dict[str, MediaKind] = {
    "poll": "poll",
    "location_information": "location",
    "place_name": "location",
    "contact_information": "contact",
    "game_title": "other",
    "invoice_information": "other",
    "giveaway_information": "other",
    "giveaway_results": "other",
    "paid_stars_amount": "other",
    "todo_list": "other",
}
# Exports of 2018 give posts that were never edited the date of the epoch, local time.
_EPOCH_YEAR = 1970

Fields = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Chat:
    """What stands around the messages of one chat.

    Attributes:
        channel_id: the channel's own id, without a mark.
        title: its name as shown; saved messages have none.
        type: one of `CHAT_TYPES`, or whatever the export says.
    """

    channel_id: int | None
    title: str | None
    type: str


def chat_of(fields: Fields) -> Chat:
    """Read what stands beside the `messages` of a chat."""
    title, kind = fields.get("name"), fields.get("type")
    return Chat(
        channel_id=_number(fields.get("id")) or None,
        # Each of the messages will hold it.
        title=mend(title)[0] if isinstance(title, str) else None,
        type=kind if isinstance(kind, str) else "unknown",
    )


def is_export_chat(fields: Fields) -> bool:
    """Whether an object with messages is a chat of an export, also of a type that is not known.

    Telegram Desktop always writes a type (null where it knows none itself) and an id. So do scripts,
    whose words for a type are others.
    """
    if "type" not in fields:
        return False
    kind = fields["type"]
    if isinstance(kind, str) and (kind in CHAT_TYPES or kind.startswith(("private_", "public_"))):
        return True
    return kind not in _OTHER_TYPES and _number(fields.get("id")) is not None


def is_public(fields: Fields) -> bool:
    """Whether a chat is open to everybody; only such may be read beyond its type."""
    kind = fields.get("type")
    return isinstance(kind, str) and kind in PUBLIC_TYPES


def is_message(raw: JsonValue) -> bool:
    """Whether a value is a message of an export: without its chat nobody knows whether it is public.

    Damage may have changed one of its names.
    """
    if not isinstance(raw, dict) or raw.keys().isdisjoint(_OF_MESSAGES):
        return False
    return raw.get("type") in ("message", "service") or len(_OF_MESSAGES & raw.keys()) > 1


def holds_messages(raw: JsonValue, levels: int = 4) -> bool:
    """Whether messages of an export lie within a value, or are it."""
    if is_message(raw) or not levels:
        return is_message(raw)
    inner = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    return any(holds_messages(value, levels - 1) for value in inner)


def is_closed(fields: Fields) -> bool:
    """Whether an object calls itself a chat that is not public, under whatever key.

    Damage may have changed the name of `type`, or of the list that makes an object a chat.
    """
    return any(isinstance(value, str) and value in _CLOSED_TYPES for value in fields.values())


def read_message(
    raw: JsonValue, chat: Chat, *, channel: str, source: str, observed_at: datetime | None
) -> Found:
    """Turn one message of an export into a post.

    Args:
        raw: the message as parsed from JSON.
        chat: where it stands.
        channel: the channel's name in the lake.
        source: the kind of source, for the post's `sources`.
        observed_at: logical time of the export, if it is known.

    Raises:
        RecordError: the message is no post.
        pydantic.ValidationError: a value is out of range.
    """
    record, mended = sound(raw)
    if not isinstance(record, dict):
        raise RecordError("not an object")
    kind = _kind(record)
    date, authority = _date(record)
    extra = _around(record, chat)
    if authority != "telegram":
        del extra["date"]
    itself = None if chat.channel_id is None else f"channel{chat.channel_id}"
    if itself is not None and extra.get("from_id") == itself:
        del extra["from_id"]
    # The new picture of a channel, which a service message may have, is none of a product.
    text, entities, media, image_path = None, None, None, None
    if kind == "message":
        text, entities = _text(extra)
        media, image_path = _media(record, extra)
    post = post_from_reading(
        content=Content(
            text=text, entities=entities, media=media, edit_date=_edit_date(record, extra)
        ),
        observation=Observation(observed_at=observed_at, reactions=_reactions(extra)),
        source=source,
        id=_message_id(record),
        channel=channel,
        date=date,
        date_authority=authority,
        kind=kind,
        reply_to=_reply_to(extra, itself),
        forwarded_from=_forward(record, extra),
        channel_id=chat.channel_id,
        extra=extra,
    )
    return Found(
        post,
        image_path=image_path,
        mended=mended,
        misdecoded=text is not None and looks_misdecoded(text),
    )


def _kind(record: Fields) -> PostKind:
    kind = record.get("type", "message")
    if kind == "unsupported":
        raise RecordError("unsupported: Telegram Desktop has not exported its content")
    if kind == "message":
        return "message"
    if kind == "service":
        return "service"
    raise RecordError("an unknown type of message")


def _message_id(record: Fields) -> int:
    message_id = record.get("id")
    if message_id is None:
        raise RecordError("no message id")
    if type(message_id) is not int:
        raise RecordError("id is no whole number")
    if message_id < 0:
        # Such ids are shifted by a thousand million, so that they meet no id of the supergroup.
        raise RecordError("from before the group became a supergroup")
    return message_id


def _around(record: Fields, chat: Chat) -> dict[str, JsonValue]:
    """Return the fields that are nowhere in a post, with what the chat says of each message."""
    extra: dict[str, JsonValue] = {
        key: value for key, value in record.items() if value is not None and key not in _SAID
    }
    if chat.title is not None:
        extra["channel_title"] = chat.title
        if extra.get("from") == chat.title:
            del extra["from"]
    extra["channel_type"] = chat.type
    if record.get("type") == "service":
        for name in ("text", "text_entities"):
            if not extra.get(name):
                extra.pop(name, None)
    return extra


def _number(value: JsonValue) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_INT else None


def _no_file(value: str) -> bool:
    """Whether a sentence stands in place of a path: `(File not included. …)`."""
    return value.startswith("(")


# -- times -----------------------------------------------------------------------------------------


def _date(record: Fields) -> tuple[datetime, DateAuthority]:
    seconds = record.get("date_unixtime")
    if seconds is not None:
        return _from_seconds(seconds), "telegram"
    date = record.get("date")
    if date is None or date == "":
        raise RecordError("no date")
    return _from_words(date)


def _edit_date(record: Fields, extra: dict[str, JsonValue]) -> datetime | None:
    seconds, words = record.get("edited_unixtime"), record.get("edited")
    if seconds is not None:
        name, moment = "edited_unixtime", _from_seconds(seconds)
    elif words is not None and words != "":
        name, moment = "edited", _from_words(words)[0]
    else:
        return None
    if moment.year <= _EPOCH_YEAR:
        return None
    del extra[name]
    return moment


def _from_seconds(value: JsonValue) -> datetime:
    try:
        if type(value) is int or (
            isinstance(value, str) and re.fullmatch(r"\d{1,12}", value, re.ASCII)
        ):
            return datetime.fromtimestamp(int(value), tz=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise RecordError(UNREADABLE_DATE)


def _from_words(value: JsonValue) -> tuple[datetime, DateAuthority]:
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is None:
                return parsed.replace(tzinfo=UTC), "naive"
            return parsed.astimezone(UTC), "offset"
    except (ValueError, OverflowError):
        pass
    raise RecordError(UNREADABLE_DATE)


# -- fields: each takes away from `extra` what the post then says word for word --------------------


def _text(extra: dict[str, JsonValue]) -> tuple[str | None, tuple[Entity, ...] | None]:
    """Return the text and its formats, which stand in one list of its parts."""
    text, parts = extra.get("text"), extra.get("text_entities")
    if text is not None and not isinstance(text, str | list):
        raise RecordError("the text is no string")
    if not isinstance(parts, list) or not parts:
        # Exports older than 2022 have no second list.
        if parts == []:
            del extra["text_entities"]
        if not isinstance(text, list):
            extra.pop("text", None)
            return text, None if text is None else ()
        plain, entities, complete = _formatted(text)
        if complete:
            del extra["text"]
        return plain, entities
    plain, entities, complete = _formatted(parts)
    if complete:
        del extra["text_entities"]
    if text == plain or (isinstance(text, list) and _formatted(text)[0] == plain):
        del extra["text"]
    return plain, entities


def _formatted(parts: list[JsonValue]) -> tuple[str, tuple[Entity, ...], bool]:
    """Join the parts of a text.

    Returns:
        The text, its formats, and whether they say all that the parts do.
    """
    words: list[str] = []
    entities: list[Entity] = []
    offset = 0
    complete = True
    for part in parts:
        word = part.get("text") if isinstance(part, dict) else part
        if not isinstance(word, str):
            raise RecordError("a part of the text is no string")
        # Telegram counts in UTF-16.
        length = len(word) if word.isascii() else len(word.encode("utf-16-le")) // 2
        if isinstance(part, dict) and part.get("type") != "plain":
            name = part.get("type")
            kind = name if isinstance(name, str) else "unknown"
            key = _FORMAT_VALUES.get(kind, "")
            value = _format_value(part.get(key))
            entities.append(
                Entity(
                    type=_FORMATS.get(kind, kind),
                    offset=offset,
                    length=length,
                    value=value,
                )
            )
            complete = complete and len(part) == (2 if value is None else 3)
        words.append(word)
        offset += length
    return "".join(words), tuple(entities), complete


def _format_value(value: JsonValue) -> str | None:
    if isinstance(value, str):
        return None if _no_file(value) else value
    return str(value) if type(value) is int else None


def _reactions(extra: dict[str, JsonValue]) -> tuple[Reaction, ...] | None:
    reactions = extra.get("reactions")
    if not isinstance(reactions, list):
        return None
    found: list[Reaction] = []
    complete = True
    for item in reactions:
        emoji = _emoji(item) if isinstance(item, dict) else None
        count = _number(item.get("count")) if isinstance(item, dict) else None
        if not isinstance(item, dict) or emoji is None or count is None:
            return None
        found.append(Reaction(emoji=emoji, count=count))
        complete = complete and len(item) == (2 if emoji == "paid" else 3)
    if complete:
        del extra["reactions"]
    return tuple(found)


def _emoji(reaction: Fields) -> str | None:
    kind = reaction.get("type")
    if kind == "emoji":
        emoji = reaction.get("emoji")
        return emoji if isinstance(emoji, str) else None
    if kind == "custom_emoji":
        document = _format_value(reaction.get("document_id"))
        return "custom" if document is None else f"custom:{document}"
    return "paid" if kind == "paid" else None


def _reply_to(extra: dict[str, JsonValue], itself: str | None) -> int | None:
    """Return the id of the answered post of this chat; an answer to another's stays in `extra`."""
    message_id = _number(extra.get("reply_to_message_id"))
    if not message_id or extra.get("reply_to_peer_id", itself) != itself:
        return None
    del extra["reply_to_message_id"]
    extra.pop("reply_to_peer_id", None)
    return message_id


def _forward(record: Fields, extra: dict[str, JsonValue]) -> Forward | None:
    """Return the origin of a forwarded post: a name, or null for one that Telegram hides."""
    if "forwarded_from" not in record:
        return None
    name = record["forwarded_from"]
    if name is None:
        return Forward()
    if not isinstance(name, str):
        return None
    del extra["forwarded_from"]
    return Forward(name=name)


# -- media -----------------------------------------------------------------------------------------


def _media(record: Fields, extra: dict[str, JsonValue]) -> tuple[Media | None, str | None]:
    """Describe the media.

    Returns:
        The media, and where the image lies if it is one and was exported.
    """
    photo, file = record.get("photo"), record.get("file")
    if isinstance(photo, str):
        media = Media(
            kind="photo",
            mime_type="image/jpeg",
            size_bytes=_take_number(extra, "photo_file_size"),
            width=_take_number(extra, "width"),
            height=_take_number(extra, "height"),
        )
        return media, None if _no_file(photo) else photo
    if isinstance(file, str):
        media_type = record.get("media_type")
        media = Media(
            kind=_FILES.get(media_type, "other") if isinstance(media_type, str) else "document",
            mime_type=_take_string(extra, "mime_type"),
            size_bytes=_take_number(extra, "file_size"),
            file_name=_take_string(extra, "file_name"),
            width=_take_number(extra, "width"),
            height=_take_number(extra, "height"),
        )
        return media, file if media.is_image and not _no_file(file) else None
    for name, kind in _CONTENTS.items():
        if name in record:
            return Media(kind=kind), None
    return None, None


def _take_number(extra: dict[str, JsonValue], name: str) -> int | None:
    number = _number(extra.get(name))
    if number is not None:
        del extra[name]
    return number


def _take_string(extra: dict[str, JsonValue], name: str) -> str | None:
    value = extra.get(name)
    if not isinstance(value, str):
        return None
    del extra[name]
    return value
