"""The field names under which scripts have written the same things, and how to read each.

Pure functions from one foreign record to one post. A value that cannot be what its field says is an
error for the whole record: it goes to the quarantine with the reason, it is never guessed.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import JsonValue

from medwh_assets.imports.found import Found, RecordError, sound
from medwh_assets.imports.media_repr import media_from_repr
from medwh_assets.imports.misdecoded import looks_misdecoded
from medwh_assets.lake.merge import merge, post_from_reading
from medwh_assets.lake.records import (
    MAX_INT,
    Content,
    DateAuthority,
    Media,
    MediaKind,
    Observation,
    Post,
)
from medwh_assets.lake.telethon_message import UNREADABLE_DATE

# `id` may be the number of a row in a script's own table.
ID = ("message_id", "msg_id", "messageId", "id")
DATE = (
    "date", "message_date", "date_utc", "timestamp", "datetime", "post_date", "posted_at",
    "published_at",
)  # fmt: skip
TEXT = ("message", "text", "message_text", "content", "caption")
VIEWS = ("views", "view_count", "views_count")
FORWARDS = ("forwards", "forward_count", "forwards_count")
REPLIES = ("replies", "reply_count", "replies_count")
EDITED = ("edit_date", "edited_at", "edited")
GROUPED = ("grouped_id",)
REPLY_TO = ("reply_to_msg_id", "reply_to_message_id", "reply_to")
SCRAPED = ("scraped_at", "scrape_date", "scraped_date", "collected_at", "extracted_at")
CHANNEL = ("channel_username", "channel", "channel_name", "username")
TITLE = ("channel_title", "channel_name")
IMAGE_PATH = ("image_path", "photo_path", "media_path", "media_file", "image")
_SENDER = ("channel_id", "sender_id", "chat_id")

_KIND_WORDS: dict[str, MediaKind] = {
    "photo": "photo", "image": "photo", "messagemediaphoto": "photo",
    "video": "video", "document": "document", "file": "document", "messagemediadocument": "document",
    "webpage": "webpage", "messagemediawebpage": "webpage", "poll": "poll", "messagemediapoll": "poll",
    "audio": "audio", "voice": "voice", "sticker": "sticker", "animation": "animation", "gif": "animation",
}  # fmt: skip

# Telethon writes a channel's id 1234567890 as -1001234567890.
_ID_MARK = 10**12
# A time in whole seconds is below this until the year 5138; pandas writes milliseconds.
_MILLISECONDS = 10**11
_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)(?=\D|$)", re.ASCII)
_REPLY_REPR = re.compile(r"\breply_to_msg_id=([0-9]{1,18})\b")

Record = Mapping[str, JsonValue]


def read_record(
    raw: JsonValue,
    *,
    channel: str,
    source: str,
    file_observed_at: datetime | None,
    spelling: str | None = None,
) -> Found:
    """Turn one foreign record into a post.

    Args:
        raw: the record as parsed from JSON.
        channel: the channel's name in the lake.
        source: the kind of source, for the record's `sources`.
        file_observed_at: logical time of the read if the record itself gives none.
        spelling: the channel's username as the file spells it, kept if the record has none.

    Raises:
        RecordError: the record is no post.
        pydantic.ValidationError: a value is out of range.
    """
    record, mended = sound(raw)
    if not isinstance(record, dict):
        raise RecordError("not an object")
    if "schema_version" in record and "observations" in record:
        return Found(_own_post(record, channel), mended=mended)
    used: set[str] = set()

    message_id = _whole(_take(record, ID, used), "id")
    if message_id is None:
        raise RecordError("no message id")
    date, authority = _date(_take(record, DATE, used))
    scraped = _take(record, SCRAPED, used)
    observed_at = file_observed_at if scraped in (None, "") else _moment(scraped)[0]
    text = _take(record, TEXT, used)
    if text is not None and not isinstance(text, str):
        raise RecordError("the text is no string")
    views = _counter(record, VIEWS, used)
    forwards = _counter(record, FORWARDS, used)
    replies = _counter(record, REPLIES, used)
    edit_date = _edited(record, used)
    grouped_id = _whole(_take(record, GROUPED, used), "grouped_id")
    # What these fields hold word for word need not stand twice; all the rest is kept.
    extra: dict[str, JsonValue] = {
        key: value for key, value in record.items() if key not in used and value is not None
    }
    if spelling is not None and not extra.get("channel_username"):
        extra["channel_username"] = spelling
    post = post_from_reading(
        content=Content(text=text, media=_media(record), edit_date=edit_date),
        observation=Observation(
            observed_at=observed_at, views=views, forwards=forwards, replies=replies
        ),
        source=source,
        extra=extra,
        id=message_id,
        channel=channel,
        date=date,
        date_authority=authority,
        grouped_id=grouped_id,
        reply_to=_reply_to(record),
        channel_id=_channel_id(record),
    )
    return Found(
        post,
        image_path=first_text(record, IMAGE_PATH),
        mended=mended,
        misdecoded=text is not None and looks_misdecoded(text),
    )


def _own_post(record: dict[str, JsonValue], channel: str) -> Post:
    """Take a post of another medwh's lake as it stands there: it says all that ours would."""
    post = Post.model_validate(record)
    if post.channel != channel:
        raise RecordError(f"a post of channel {post.channel}")
    return merge(post, post)


def first_text(record: Record, names: tuple[str, ...]) -> str | None:
    """Return the first non-empty string among some fields of a record."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _take(record: Record, names: tuple[str, ...], used: set[str]) -> JsonValue:
    """Return the first field that says something, else an empty one; note it as used."""
    empty: str | None = None
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            used.add(name)
            return value
        if value == "":
            empty = empty or name
    if empty is None:
        return None
    used.add(empty)
    return ""


def _whole(value: JsonValue, name: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise RecordError(f"{name} is no whole number")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}(\.0)?", value.strip(), re.ASCII):
        return int(value.strip().removesuffix(".0"))
    if isinstance(value, int):
        return value
    raise RecordError(f"{name} is no whole number")


def _counter(record: Record, names: tuple[str, ...], used: set[str]) -> int | None:
    """Return a count; one that is no number (`1.2K`) is unknown, and stays in `extra`."""
    name = next((name for name in names if record.get(name) is not None), None)
    if name is None:
        return None
    value = record[name]
    # Telethon's own shape; what else it says stays in `extra`.
    inner = value.get(name) if isinstance(value, dict) else value
    try:
        count = _whole(inner, name)
    except RecordError:
        return None
    if inner is value:
        used.add(name)
    return count


def _edited(record: Record, used: set[str]) -> datetime | None:
    """Return the time of the last edit; a mere yes or no stays in `extra`."""
    name = next((name for name in EDITED if record.get(name) not in (None, "", True, False)), None)
    if name is None:
        return None
    used.add(name)
    return _moment(record[name])[0]


def _date(value: JsonValue) -> tuple[datetime, DateAuthority]:
    if value is None or value == "":
        raise RecordError("no date")
    return _moment(value)


def _moment(value: JsonValue) -> tuple[datetime, DateAuthority]:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return datetime.fromtimestamp(seconds, tz=UTC), "telegram"
        if isinstance(value, str) and re.fullmatch(r"\d{9,13}", value.strip(), re.ASCII):
            seconds = int(value) / 1000 if int(value) >= _MILLISECONDS else int(value)
            return datetime.fromtimestamp(seconds, tz=UTC), "telegram"
        if isinstance(value, str):
            named = re.sub(r"\s*(?:UTC|Z)$", "+00:00", value.strip())
            named = re.sub(r"\s+(?=[+-][0-9:]{4,6}$)", "", named)
            if "/" in named:
                named = _SLASHES.sub(r"\1-\2-\3", named)
            parsed = datetime.fromisoformat(named)
            if parsed.tzinfo is None:
                return parsed.replace(tzinfo=UTC), "naive"
            return parsed.astimezone(UTC), "offset"
    except (ValueError, OverflowError, OSError):
        pass
    raise RecordError(UNREADABLE_DATE)


def _reply_to(record: Record) -> int | None:
    """Return the id of the post that this one answers, if any of the fields is or holds one."""
    for name in REPLY_TO:
        value = record.get(name)
        if value is None:
            continue
        if isinstance(value, dict):
            value = value.get("reply_to_msg_id")
        if isinstance(value, str) and (found := _REPLY_REPR.search(value)) is not None:
            value = found[1]
        # Whatever else it is stays in `extra`, so it is no reason to refuse the post.
        with suppress(RecordError):
            message_id = _whole(value, name)
            if message_id is not None and 0 < message_id <= MAX_INT:
                return message_id
    return None


def _channel_id(record: Record) -> int | None:
    """Return the channel's own id; a negative one carries Telegram's mark, ten to the twelfth."""
    for name in _SENDER:
        value = record.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            if -MAX_INT <= value < -_ID_MARK:
                return -value - _ID_MARK
            if name == "channel_id" and 0 < value <= MAX_INT:
                return value
    return None


def _media(record: Record) -> Media | None:
    media = record.get("media")
    if isinstance(media, str) and (described := media_from_repr(media)) is not None:
        return described
    # Telethon's `to_dict` names the class of an object so.
    name = media.get("_") if isinstance(media, dict) else media
    word = first_text(record, ("media_type", "file_type")) or (
        name if isinstance(name, str) else None
    )
    if word and (kind := _KIND_WORDS.get(word.strip().lower())) is not None:
        return Media(kind=kind)
    if record.get("has_photo") is True or record.get("has_image") is True:
        return Media(kind="photo")
    if record.get("has_media") is True or media is True or isinstance(media, dict):
        path = first_text(record, IMAGE_PATH) or ""
        return Media(kind="photo" if re.search(r"\.(jpe?g|png|webp)$", path, re.I) else "other")
    return None
