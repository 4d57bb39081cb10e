"""Looking at a dump before anything is written: its files, shapes, channels, chats and images."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import JsonValue

from medwh_assets.errors import ChannelNameError, ImportShapeError
from medwh_assets.imports import medwh_export, telethon_dump
from medwh_assets.imports.archive import Unpacked
from medwh_assets.imports.desktop_export import PUBLIC_TYPES, Chat, chat_of, is_export_chat
from medwh_assets.imports.dump_file import Form, events, form_of
from medwh_assets.imports.json_stream import Broken, Closed, Opened, Record
from medwh_assets.imports.pictures import Pictures
from medwh_assets.imports.spellings import CHANNEL, CHANNEL_ALONE, ID, first_text
from medwh_assets.slices import channel_name

Shape = Literal["scraped_lake", "desktop_export", "telethon_dump", "csv_dump"]

_POSTS_FOLDER = "telegram_messages"
_DESKTOP_FILE = "result.json"
_DAY = re.compile(r"(?:(?:Chat|Data)Export_)?(\d{4}-\d\d-\d\d)(?: ?\(\d+\))?")
# Names of files that say what they hold and not of which channel.
_PLAIN_STEM = re.compile(
    r"(?:all|raw|scraped|telegram|tg|output|full|new)?_?(?:channels?|chats?|data|dump|export|history|"
    r"messages?|output|posts?|raw|results?|telegram|updates)(?:_(?:all|data|messages|posts|raw))?[\d_]*",
    re.IGNORECASE,
)
_MAX_CHANNELS = 10_000
# What every Telegram Desktop export holds many of, whatever damage did to the rest.
_OF_EXPORTS = re.compile(
    rb'"(?:date_unixtime|text_entities|personal_information|personal_chat|saved_messages)"'
)
_LONGEST_OF_EXPORTS = 24
_CHANGED = (
    "not read: the archive is damaged, so private chats could no longer be told apart; "
    "download it again, or unpack it yourself and import the folder"
)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a dump was unpacked from: the archive's name without suffixes, and what came out."""

    name: str
    content: Unpacked


@dataclass(frozen=True, slots=True)
class FoundChat:
    """A chat of a Telegram Desktop export.

    Attributes:
        chat: what the export says of it; of a chat that is not public only its type.
        posts: how many there are.
        channel: its channel in the lake, or None if it is left out.
    """

    chat: Chat
    posts: int
    channel: str | None


@dataclass(slots=True)
class SourceFile:
    """A file of posts.

    Attributes:
        path: where it lies.
        relative: the same below the dump's root, with `/`.
        form: how it is written.
        channel: the channel that its name or folder gives.
        sure: whether that goes for all of its records, whatever they say.
        observed_at: the folder's day as a logical time: its last second, as that day's posts were
            seen.
        shapes: how many records of which shape it holds.
        channels: what its records call their channels.
        chats: the chats of a Telegram Desktop export, in the file's order.
        envelopes: what objects around lists of posts say of them, in the file's order.
        problems: why stretches of it cannot be read.
        withheld: why nothing of it may be read, if so.
    """

    path: Path
    relative: str
    form: Form
    channel: str | None
    sure: bool
    observed_at: datetime | None
    shapes: Counter[Shape] = field(default_factory=Counter[Shape])
    channels: set[str] = field(default_factory=set[str])
    chats: list[FoundChat] = field(default_factory=list[FoundChat])
    envelopes: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    problems: list[str] = field(default_factory=list[str])
    withheld: str | None = None

    @property
    def records(self) -> int:
        """How many records it holds, of whatever kind."""
        return self.shapes.total()

    @property
    def mixed(self) -> bool:
        """Whether it speaks of several channels, and so is named after none of them."""
        return len(self.channels) > 1


@dataclass(frozen=True, slots=True)
class Survey:
    """What a path holds, before anything is written.

    Attributes:
        root: the folder below which images are looked up.
        pictures: the images.
        named: channels that `--chat` gives to chats, by title or id.
        known: channels of the lake, by Telegram's own id.
        archive: what it was unpacked from.
        files: the files of posts.
        exports: folders that `medwh export` wrote.
        passed_over: files that could hold posts and do not.
    """

    root: Path
    pictures: Pictures
    named: Mapping[str, str]
    known: Mapping[int, str]
    archive: Archive | None = None
    files: tuple[SourceFile, ...] = ()
    exports: tuple[Path, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def chats_left_out(self) -> Counter[str]:
        """Chats that are not public, by type."""
        return Counter(
            found.chat.type for file in self.files for found in file.chats if found.channel is None
        )


def survey(
    path: Path,
    *,
    chats: Mapping[str, str] | None = None,
    known: Mapping[int, str] | None = None,
    lake: Path | None = None,
    archive: Archive | None = None,
) -> Survey:
    """Look for files of posts and for images below a path.

    Args:
        path: a file or a folder.
        chats: channel names for chats (by title or id) and for files (by stem) that have none.
        known: channels that the lake knows by Telegram's own id.
        lake: the lake's root, which is no part of a dump.
        archive: what the path was unpacked from.

    Raises:
        ImportShapeError: the path is not there, or holds no posts, or `chats` does not fit.
    """
    path = path.resolve()
    if not path.exists():
        raise ImportShapeError(f"{path} does not exist")
    named = {name.strip(): channel_name(channel) for name, channel in (chats or {}).items()}
    root = _root_of(path)
    pictures = Pictures(root)
    texts: list[str] = []
    everything = list(_files(root, lake))
    exports = [root / t for t in everything if PurePosixPath(t).name == medwh_export.MARKER]
    exports = [file.parent for file in exports if path in (file, root) or path == file.parent]
    for relative in everything:
        file = root / relative
        if any(file.is_relative_to(folder) for folder in exports):
            continue
        pictures.add(relative)
        if path in (file, root) or file.is_relative_to(path):
            texts.append(relative)
    found = Survey(root, pictures, named, known or {}, archive)
    files: list[SourceFile] = []
    passed_over: list[str] = []
    for relative in _likely(texts, root, path):
        file = _look(found, relative)
        if file is None:
            continue
        kept = file.sure or file.withheld is not None or file.path == path
        if kept or file.chats or any(file.shapes.values()):
            files.append(file)
        else:
            passed_over.append(relative)
    if not files and not exports:
        if lake is not None and path.is_relative_to(lake):
            raise ImportShapeError(
                f"{path} is the lake itself; its slices are already there, "
                "run `medwh run` to work on them"
            )
        raise ImportShapeError(_NOTHING.format(path=path))
    _check_names(named, files)
    return replace(
        found, files=tuple(files), exports=tuple(exports), passed_over=tuple(passed_over)
    )


_NOTHING = (
    "{path} holds no posts. medwh imports: a Telegram Desktop export (result.json), CSV with at least "
    "an id and a date column, Telethon messages as JSON or JSON lines, scraped lakes "
    "(telegram_messages/<date>/<channel>.json), what `medwh export` wrote, and zip or tar archives of these"
)


def _root_of(path: Path) -> Path:
    """Return the lake that posts belong to, so that their images are found."""
    for folder in (path, path.parent) if path.is_dir() else path.parents:
        if folder.name == _POSTS_FOLDER:
            return folder.parent
    return path if path.is_dir() else path.parent


def _files(root: Path, lake: Path | None) -> Iterator[str]:
    """Yield every file below a root, but for hidden ones and links that lead out of it."""
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        if lake is not None and here.is_relative_to(lake):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = here / name
            if name.startswith(".") or not file.is_file():
                continue
            if not file.is_symlink() or file.resolve().is_relative_to(root):
                yield file.relative_to(root).as_posix()


def _likely(texts: list[str], root: Path, path: Path) -> list[str]:
    """Where a lake keeps its posts every file is meant to hold some; other JSON beside it is not."""
    posts = [t for t in texts if _in_posts_folder(t) and Path(t).suffix.lower() != ".csv"]
    if posts and not path.is_file():
        return posts + [t for t in texts if t not in set(posts) and Path(t).name == _DESKTOP_FILE]
    return [t for t in texts if root / t == path] if path.is_file() else texts


def _in_posts_folder(relative: str) -> bool:
    return _POSTS_FOLDER in relative.split("/")[:-1]


def _look(found: Survey, relative: str) -> SourceFile | None:
    """Read a file through once; None if it is no file of records at all."""
    path = found.root / relative
    sure = _in_posts_folder(relative)
    form = form_of(path) or ("json" if sure else None)
    if form is None:
        return None
    stem = path.stem
    channel = _as_channel(stem) if sure else _guess(relative, found.root)
    if stem in found.named:
        channel, sure = found.named[stem], True
    file = SourceFile(path, relative, form, channel, sure, _observed_at(found, path))
    if found.archive is not None and found.archive.content.problem and _may_be_export(path):
        file.withheld = _CHANGED
        return file
    looking: Chat | None = None
    posts = 0
    for event in events(path, form):
        if isinstance(event, Record):
            if looking is None:
                _note(file, event.value)
            else:
                posts += 1
                file.shapes["desktop_export"] += 1
        elif isinstance(event, Opened):
            posts = 0
            looking = chat_of(event.fields) if is_export_chat(event.fields) else None
        elif isinstance(event, Closed):
            if looking is not None:
                file.chats.append(FoundChat(looking, posts, _channel_of(looking, found)))
            file.envelopes.append(event.fields if looking is None else {})
            looking = None
        elif isinstance(event, Broken):
            file.problems.append(event.reason)
        else:
            file.shapes["csv_dump"] += 1
    if looking is not None:
        file.chats.append(FoundChat(looking, posts, _channel_of(looking, found)))
    return file


def _may_be_export(path: Path) -> bool:
    """Whether a file is, or was before it was damaged, a Telegram Desktop export.

    Packed bytes that are damaged unpack as copies of others: the word that makes a chat public may
    then stand in a private one, and nothing tells.
    """
    if path.name == _DESKTOP_FILE:
        return True
    with path.open("rb") as stream:
        tail = b""
        while piece := stream.read(2**20):
            if _OF_EXPORTS.search(tail + piece):
                return True
            tail = piece[-_LONGEST_OF_EXPORTS:]
    return False


def _note(file: SourceFile, raw: JsonValue) -> None:
    if telethon_dump.is_dump(raw):
        file.shapes["telethon_dump"] += 1
    elif file.sure or (isinstance(raw, dict) and any(name in raw for name in ID)):
        file.shapes["csv_dump" if file.form == "csv" else "scraped_lake"] += 1
    if len(file.channels) < _MAX_CHANNELS:
        channel = record_channel(raw, CHANNEL_ALONE)
        if channel is not None:
            file.channels.add(channel)


def record_channel(raw: JsonValue, names: tuple[str, ...] = CHANNEL) -> str | None:
    """Return the first channel among some fields of a record."""
    if not isinstance(raw, dict):
        return None
    for name in names:
        text = first_text(raw, (name,))
        if text is not None and (channel := _as_channel(text)) is not None:
            return channel
    return None


@lru_cache(maxsize=4096)
def _as_channel(text: str) -> str | None:
    try:
        return channel_name(text)
    except ChannelNameError:
        return None


def _guess(relative: str, root: Path) -> str | None:
    """Return the channel that a file's name gives, or else the nearest folder's."""
    *folders, name = relative.split("/")
    stem = name.rpartition(".")[0]
    # One file a message: `<channel>/<id>.json`, also where the channel's folder itself was given.
    parts = [root.name, *folders] if stem.isdigit() else [*folders, stem]
    for part in reversed(parts):
        if not _PLAIN_STEM.fullmatch(part) and (channel := _as_channel(part)) is not None:
            return channel
    return None


def _observed_at(found: Survey, path: Path) -> datetime | None:
    names = [folder.name for folder in path.parents]
    if found.archive is not None:
        # What lies above the folder that it was unpacked into says nothing; the archive's name may.
        depth = len(path.relative_to(found.root).parts) - 1
        names = [*names[:depth], found.archive.name]
    for name in names:
        if day := _DAY.fullmatch(name):
            with suppress(ValueError):
                return datetime.combine(date.fromisoformat(day[1]), time(23, 59, 59), tzinfo=UTC)
    return None


def _channel_of(chat: Chat, found: Survey) -> str | None:
    """Return the channel of a public chat: as asked for, as the lake knows it, or by its id."""
    if chat.type not in PUBLIC_TYPES:
        return None
    asked = found.named.get(str(chat.channel_id)) or found.named.get((chat.title or "").strip())
    known = found.known.get(chat.channel_id) if chat.channel_id is not None else None
    if asked and known and asked != known:
        raise ImportShapeError(
            f"the lake already holds the chat with the id {chat.channel_id} as {known}, so it cannot "
            f"come in as {asked} too: leave its --chat out"
        )
    if asked or known:
        return asked or known
    return f"c{chat.channel_id}" if chat.channel_id is not None else None


def _check_names(named: Mapping[str, str], files: list[SourceFile]) -> None:
    """Refuse names for chats that are not there: a typing error would make a channel of its own."""
    chats = [found.chat for file in files for found in file.chats if found.channel]
    there = {str(chat.channel_id) for chat in chats} | {
        (chat.title or "").strip() for chat in chats
    }
    there |= {file.path.stem for file in files}
    for name in named:
        if name in there or any(file.shapes["telethon_dump"] for file in files):
            continue
        listed = ", ".join(f"{chat.title!r} ({chat.channel_id})" for chat in chats[:20]) or "none"
        raise ImportShapeError(
            f"--chat {name!r}: no public chat has that name or id. Public chats there: {listed}"
        )
