"""From a surveyed file to posts: which channel a record belongs to, and who reads its shape."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import JsonValue, ValidationError

from medwh_assets.imports import desktop_export, telethon_dump
from medwh_assets.imports.channel_names import (
    NOTHING,
    channel_of,
    says_around,
    says_of,
    says_of_message,
)
from medwh_assets.imports.dump_file import Fields, events, undecided
from medwh_assets.imports.found import Found, RecordError, Refused, Unread
from medwh_assets.imports.json_stream import Broken, Closed, Opened, Record
from medwh_assets.imports.source_file import CHATLESS, Envelope, FoundChat, Shape, SourceFile
from medwh_assets.imports.spellings import CHANNEL, SCRAPED, TITLE, read_record
from medwh_assets.imports.spool import ImageName
from medwh_assets.imports.survey import Survey
from medwh_assets.lake import telethon_message
from medwh_assets.lake.records import Post
from medwh_assets.lake.slice_files import first_reason

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
    """Read every record of a file that may be read."""
    if file.withheld is not None:
        yield Unread(file.withheld)
        return
    decided = _Decided(file.objects)
    here: FoundChat | _Envelope = _Envelope({})
    without_chat = False
    for event in events(file.path, file.form, decided):
        if isinstance(event, Record):
            if isinstance(here, FoundChat):
                item = _read_message(file, event.value, here, bounds)
            else:
                item = _read(survey, file, event.value, here, bounds)
            if item is not None:
                yield item
            else:
                without_chat = True
        elif isinstance(event, Opened):
            last = decided.last
            here = last if isinstance(last, FoundChat) else _Envelope(last.fields)
        elif isinstance(event, Closed):
            here = _Envelope({})
        elif isinstance(event, Broken):
            yield Unread(event.reason)
        else:
            yield Refused(channel_of(NOTHING, file.name, survey.names), event.reason, event.raw)
    if without_chat:
        yield Unread(CHATLESS)


class _Decided:
    """Lets those objects be read that the survey has found to be public, in the file's order."""

    def __init__(self, objects: list[FoundChat | Envelope]) -> None:
        self._objects = iter(objects)
        self.last: FoundChat | Envelope = _NOT_SEEN

    def __call__(self, fields: Fields, of_account: bool) -> bool:
        self.last = next(self._objects, _NOT_SEEN)
        if isinstance(self.last, FoundChat):
            return self.last.channel is not None and undecided(fields, of_account)
        return undecided(fields, of_account) and not of_account


# What was not there when the file was looked through.
_NOT_SEEN = FoundChat(desktop_export.Chat(None, None, "unknown"), 0)


class _Envelope:
    """What an object says of all the posts that it holds."""

    def __init__(self, fields: dict[str, JsonValue]) -> None:
        self.says = says_around(fields) if fields else NOTHING
        self._each = {key: value for key, value in fields.items() if key in _OF_EACH}
        rest: JsonValue = {key: value for key, value in fields.items() if key not in _OF_EACH}
        self._once: dict[str, JsonValue] = {}
        if rest and len(str(rest)) <= _SMALL:
            self._each["envelope"] = rest
        elif rest:
            self._once["envelope"] = rest

    def around(self, raw: JsonValue) -> JsonValue:
        """Return a record with what goes for it too."""
        if not isinstance(raw, dict):
            return raw
        around = {**self._each, **self._once, **raw} if self._each or self._once else raw
        self._once = {}
        return around


def _read(
    survey: Survey, file: SourceFile, raw: JsonValue, envelope: _Envelope, bounds: Bounds
) -> Shaped | Refused | None:
    """Read a record of a script's; nothing of messages of an export, whose chat nobody knows."""
    if desktop_export.is_message(raw):
        return None
    item = _read_record(survey, file, raw, envelope, bounds)
    if type(item) is Refused and desktop_export.holds_messages(raw):
        return None
    return item


def _read_record(
    survey: Survey, file: SourceFile, raw: JsonValue, envelope: _Envelope, bounds: Bounds
) -> Shaped | Refused:
    if isinstance(raw, dict) and telethon_message.is_message(raw):
        shape: Shape = "telethon_dump"
        says = says_of_message(raw)
    else:
        shape = "csv_dump" if file.form == "csv" else "scraped_lake"
        says = says_of(raw) if isinstance(raw, dict) else NOTHING
    channel = channel_of(says.within(envelope.says), file.name, survey.names)
    if channel is None:
        return Refused(None, NAMELESS, raw)
    try:
        if shape == "telethon_dump":
            found = telethon_dump.read_message(
                raw, channel=channel, source=shape, observed_at=file.observed_at
            )
        else:
            raw = envelope.around(raw)
            found = read_record(
                raw,
                channel=channel,
                source=shape,
                file_observed_at=file.observed_at,
                spelling=file.path.stem if channel == file.path.stem.lower() else None,
            )
        bounds.check(found.post)
    except (RecordError, ValidationError) as error:
        return Refused(channel, first_reason(error), raw)
    return Shaped(found, shape, _image(file, found, exact=False))


def _read_message(
    file: SourceFile, raw: JsonValue, chat: FoundChat, bounds: Bounds
) -> Shaped | Refused | None:
    """Read a message of a chat; nothing of one that is not public."""
    if chat.channel is None:
        return None
    try:
        found = desktop_export.read_message(
            raw,
            chat.chat,
            channel=chat.channel,
            source="desktop_export",
            observed_at=file.observed_at,
        )
        bounds.check(found.post)
    except (RecordError, ValidationError) as error:
        return Refused(chat.channel, first_reason(error), raw)
    return Shaped(found, "desktop_export", _image(file, found, exact=True))


def _image(file: SourceFile, found: Found, *, exact: bool) -> ImageName | None:
    if not found.image_path:
        return None
    return ImageName(found.image_path, posixpath.dirname(file.relative), exact)
