"""Which channel a record belongs to, by what it says and by what its file is called. Pure.

A record's own username stands over everything but `--chat`. A title is no username, an id is told
one by `chat_names`, and a file's name counts only where the file speaks of one channel alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import JsonValue

from medwh_assets.errors import ChannelNameError
from medwh_assets.lake.records import MAX_INT
from medwh_assets.lake.telethon_message import channel_id_of
from medwh_assets.slices import channel_name

Origin = Literal["file", "folder", "records", "chat"]

# Names of files and folders that say what they hold and not of which channel.
_PLAIN = re.compile(
    r"(?:all|raw|scraped|telegram|tg|output|full|new)?_?(?:channels?|chats?|data|dump|export|history|"
    r"messages?|output|posts?|raw|results?|telegram|updates)(?:_(?:all|data|messages|posts|raw))?[\d_]*",
    re.IGNORECASE,
)
_PLAIN_LISTS = frozenset(("items", "records", "rows", "list"))
_PLAIN_END = re.compile(r"_(?:messages?|msgs|posts|history|dump|export|data|raw)$", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Telegram's own ids have ten digits; scripts also call the numbers of their own tables so.
_SMALLEST_ID = 100
# Telethon writes a channel's id 1234567890 as -1001234567890.
_ID_MARK = 10**12


class Says(NamedTuple):
    """What a record, or an object around records, says of its channel.

    Attributes:
        username: what is called a channel's username, if it can be one.
        name: what is called a channel or its name, if it can be a username; it may be a title.
        title: how it is shown.
        id: Telegram's own id of it, without a mark.
        by_telegram: whether the id is surely Telegram's.
    """

    username: str | None = None
    name: str | None = None
    title: str | None = None
    id: int | None = None
    by_telegram: bool = False

    def within(self, around: "Says") -> "Says":
        """Return the same with what goes for the whole object around it."""
        if around is NOTHING:
            return self
        return Says(
            self.username or around.username,
            self.name or around.name,
            self.title or around.title,
            self.id or around.id,
            self.by_telegram if self.id else around.by_telegram,
        )


NOTHING = Says()


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file is called.

    Attributes:
        channel: the channel that goes for records that name none.
        origin: what says so: the file's or a folder's name, what all its records call a username,
            or `--chat`.
        sure: whether it stands where the lake's layout has a channel's name.
        mixed: whether the file speaks of several channels, so that its name is worth nothing.
    """

    channel: str | None = None
    origin: Origin | None = None
    sure: bool = False
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What `--chat`, the lake and the dump call channels.

    Attributes:
        asked: by `--chat` and id.
        titles: by `--chat` and title.
        ids: the name of every chat with an id.
    """

    asked: Mapping[int, str] = field(default_factory=dict[int, str])
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    ids: Mapping[int, str] = field(default_factory=dict[int, str])


def channel_of(says: Says, file: FileName, names: Names) -> str | None:
    """Return the channel of a record, or None if nothing tells it."""
    if says.id is not None and says.id in names.asked:
        return names.asked[says.id]
    if says.username is not None:
        return says.username
    if says.title is not None and says.title in names.titles:
        return names.titles[says.title]
    if says.by_telegram and says.id is not None:
        return names.ids.get(says.id)
    given = file.channel if file.origin == "chat" else None
    if file.mixed:
        return says.name or (given if says.title is None and says.id is None else None)
    if file.sure:
        return file.channel
    return says.name or file.channel


def is_mixed(several: Collection[Says]) -> bool:
    """Whether records of a file speak of more than one channel."""
    names = {says.username or says.name for says in several}
    titles = {says.title for says in several if not (says.username or says.name)}
    ids = {says.id for says in several}
    return any(len(found - {None}) > 1 for found in (names, titles, ids))


# -- what a record says ----------------------------------------------------------------------------


def says_of(record: Mapping[str, Any]) -> Says:
    """Read what a script's record says of its channel."""
    get = record.get
    try:
        return _says(
            get("channel_username"), get("channel"), get("channel_name"), get("channel_title"),
            get("channel_id"), get("chat_id"),
        )  # fmt: skip
    except TypeError:
        # Lists and objects, which are no names.
        words = (_text(get(name)) for name in _NAMES)
        return _says(*words, None, None)


def says_of_message(message: dict[str, JsonValue]) -> Says:
    """Read what a Telethon message says of its channel."""
    says = says_of(message)
    channel_id = channel_id_of(message)
    if channel_id is None:
        return says
    return _of_telegram(says, channel_id)


def says_around(fields: Mapping[str, JsonValue]) -> Says:
    """Read what an object around a list of posts says of their channel."""
    says = says_of(fields)
    # Only a post has somebody who wrote it.
    username = says.username or as_channel(_text(fields.get("username")) or "")
    title = says.title or _text(fields.get("title")) or _text(fields.get("name"))
    return says._replace(username=username, title=title)


_NAMES = ("channel_username", "channel", "channel_name", "channel_title")


@lru_cache(maxsize=8192)
def _says(
    username: JsonValue,
    channel: JsonValue,
    name: JsonValue,
    title: JsonValue,
    channel_id: JsonValue,
    chat_id: JsonValue,
) -> Says:
    words = [_text(value) for value in (title, name, channel, username)]
    number = _id(channel_id)
    return Says(
        as_channel(_text(username) or ""),
        as_channel(_text(channel) or "") or as_channel(_text(name) or ""),
        next(filter(None, words), None),
        _id(chat_id, marked=True) if number is None else number,
    )


@lru_cache(maxsize=8192)
def _of_telegram(says: Says, channel_id: int) -> Says:
    return says._replace(id=channel_id, by_telegram=True)


def _text(value: JsonValue) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def _id(value: JsonValue, *, marked: bool = False) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}(?:\.0)?", value.strip(), re.ASCII):
        value = int(value.strip().removesuffix(".0"))
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if -MAX_INT <= value < -_ID_MARK:
        return -value - _ID_MARK
    return value if not marked and is_id(value) else None


def is_id(number: int) -> bool:
    """Whether a number can be Telegram's of a channel; a script's own row numbers begin at 1."""
    return _SMALLEST_ID <= number <= MAX_INT


@lru_cache(maxsize=4096)
def as_channel(text: str) -> str | None:
    """Return a channel's name in the lake, or None if the text can be none."""
    try:
        return channel_name(text)
    except ChannelNameError:
        return None


# -- what a file is called -------------------------------------------------------------------------


def named_by(folders: Sequence[str], stem: str) -> tuple[str | None, Origin | None]:
    """Return the channel that a file's name gives, or else the nearest folder's.

    `<channel>.json`, `<channel>_messages.json`; one file a message or a day: `<channel>/17.json`,
    `<channel>/2025-07-11.json`; and `<channel>/messages.json`.
    """
    if not stem.isdigit() and (channel := _channel(stem)) is not None:
        return channel, "file"
    for folder in reversed(folders):
        if (channel := _channel(folder)) is not None:
            return channel, "folder"
    return None, None


def is_plain(name: str) -> bool:
    """Whether a name says what something holds, and not of which channel."""
    return _PLAIN.fullmatch(name) is not None or name.lower() in _PLAIN_LISTS


def _channel(part: str) -> str | None:
    bare = _PLAIN_END.sub("", part)
    if is_plain(part) or is_plain(bare) or _DAY.fullmatch(part):
        return None
    return as_channel(bare) or as_channel(part)
