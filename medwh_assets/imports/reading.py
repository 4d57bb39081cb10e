"""From a surveyed file to posts: which channel a record belongs to, and who reads its shape."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import JsonValue, ValidationError

from medwh_assets.imports import desktop_export, telethon_dump
from medwh_assets.imports.dump_file import events
from medwh_assets.imports.found import Found, RecordError, Refused, Unread
from medwh_assets.imports.json_stream import Broken, Closed, Opened, Record
from medwh_assets.imports.spellings import CHANNEL, CHANNEL_ALONE, SCRAPED, TITLE, read_record
from medwh_assets.imports.spool import ImageName
from medwh_assets.imports.survey import FoundChat, Shape, SourceFile, Survey, record_channel
from medwh_assets.lake.records import Post
from medwh_assets.lake.store import first_reason

NAMELESS = "names no channel"

# What an object around a list of posts may say about each of them.
_OF_EACH = {*CHANNEL, *TITLE, *SCRAPED, "channel_id"}
# More than this around a list of posts is kept with the first of them only.
_SMALL = 1_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Days that posts may have: not before the first partition, not after tomorrow."""

    first: date
    now: datetime

    def check(self, post: Post) -> None:
        """Refuse a post that lies outside.

        Raises:
            RecordError: it does.
        """
        if post.day < self.first:
            raise RecordError(f"older than MEDWH_START_DATE ({self.first})")
        if post.date > self.now + timedelta(days=1):
            raise RecordError("dated in the future")


@dataclass(frozen=True, slots=True)
class Shaped:
    """A post, the shape that it came in, and where its image lies."""

    found: Found
    shape: Shape
    image: ImageName | None


def read_file(
    survey: Survey, file: SourceFile, bounds: Bounds
) -> Iterator[Shaped | Refused | Unread]:
    """Read every record of a file."""
    if file.withheld is not None:
        yield Unread(file.withheld)
        return
    chats = iter(file.chats)
    envelopes = iter(file.envelopes)
    chat: FoundChat | None = None
    envelope = _Envelope({})
    for event in events(file.path, file.form):
        if isinstance(event, Record):
            yield _read(survey, file, event.value, chat, envelope, bounds)
        elif isinstance(event, Opened):
            chat = next(chats, None) if desktop_export.is_export_chat(event.fields) else None
            envelope = _Envelope(next(envelopes, event.fields))
        elif isinstance(event, Closed):
            chat, envelope = None, _Envelope({})
        elif isinstance(event, Broken):
            yield Unread(event.reason)
        else:
            yield Refused(file.channel, event.reason, event.raw)


class _Envelope:
    """What an object says of all the posts that it holds."""

    def __init__(self, fields: dict[str, JsonValue]) -> None:
        self._each = {key: value for key, value in fields.items() if key in _OF_EACH}
        rest: JsonValue = {key: value for key, value in fields.items() if key not in _OF_EACH}
        self._once: dict[str, JsonValue] = {}
        if rest and len(str(rest)) <= _SMALL:
            self._each["envelope"] = rest
        elif rest:
            self._once["envelope"] = rest
        self.usernames = _usernames(fields.get("chats"))

    def around(self, raw: JsonValue) -> JsonValue:
        """Return a record with what goes for it too."""
        if not isinstance(raw, dict):
            return raw
        around = {**self._each, **self._once, **raw} if self._each or self._once else raw
        self._once = {}
        return around


def _usernames(chats: JsonValue) -> dict[int, str]:
    """Read the channels that Telegram's answers bring along with their messages."""
    found: dict[int, str] = {}
    for chat in chats if isinstance(chats, list) else ():
        if isinstance(chat, dict) and isinstance(channel_id := chat.get("id"), int):
            channel = record_channel(chat, ("username",))
            if channel is not None:
                found[channel_id] = channel
    return found


def _read(
    survey: Survey,
    file: SourceFile,
    raw: JsonValue,
    chat: FoundChat | None,
    envelope: _Envelope,
    bounds: Bounds,
) -> Shaped | Refused:
    channel: str | None = None
    try:
        if chat is not None:
            channel = chat.channel
            return _desktop(file, raw, chat, bounds)
        if telethon_dump.is_dump(raw):
            channel = _channel_of_dump(survey, file, raw, envelope)
            if channel is None:
                return Refused(None, NAMELESS, raw)
            found = telethon_dump.read_message(
                raw, channel=channel, source="telethon_dump", observed_at=file.observed_at
            )
            return _checked(found, "telethon_dump", bounds)
        raw = envelope.around(raw)
        channel = _channel(file, raw)
        if channel is None:
            return Refused(None, NAMELESS, raw)
        shape: Shape = "csv_dump" if file.form == "csv" else "scraped_lake"
        found = read_record(
            raw,
            channel=channel,
            source=shape,
            file_observed_at=file.observed_at,
            spelling=file.path.stem if channel == file.path.stem.lower() else None,
        )
        return _checked(found, shape, bounds)
    except (RecordError, ValidationError) as error:
        return Refused(channel, first_reason(error), raw)


def _checked(found: Found, shape: Shape, bounds: Bounds) -> Shaped:
    bounds.check(found.post)
    return Shaped(found, shape, ImageName(found.image_path) if found.image_path else None)


def _desktop(file: SourceFile, raw: JsonValue, chat: FoundChat, bounds: Bounds) -> Shaped:
    if chat.channel is None:
        raise RecordError("of a chat that is not public")
    found = desktop_export.read_message(
        raw, chat.chat, channel=chat.channel, source="desktop_export", observed_at=file.observed_at
    )
    bounds.check(found.post)
    image: ImageName | None = None
    if found.image_path:
        # Chats number their photos alike, so a photo is where its export says and nowhere else.
        beside = posixpath.join(posixpath.dirname(file.relative), found.image_path)
        image = ImageName(posixpath.normpath(beside), exact=True)
    return Shaped(found, "desktop_export", image)


def _channel(file: SourceFile, raw: JsonValue) -> str | None:
    """Return a record's channel: what it says itself, unless the file's name says it for all."""
    explicit = record_channel(raw, ("channel_username",))
    if explicit is not None:
        return explicit
    if file.mixed:
        return record_channel(raw)
    if file.sure and file.channel is not None:
        return file.channel
    return record_channel(raw, CHANNEL_ALONE) or file.channel or record_channel(raw)


def _channel_of_dump(
    survey: Survey, file: SourceFile, raw: JsonValue, envelope: _Envelope
) -> str | None:
    channel_id = telethon_dump.channel_id_of(raw)
    explicit = record_channel(raw, ("channel_username",))
    if channel_id is None:
        return explicit or file.channel
    return (
        survey.named.get(str(channel_id))
        or explicit
        or envelope.usernames.get(channel_id)
        or file.channel
        or survey.known.get(channel_id)
        or f"c{channel_id}"
    )
