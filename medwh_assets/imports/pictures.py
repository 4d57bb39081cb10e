"""Which image of a dump belongs to which post: by the path that a record names, or by its name.

Scripts name an image after its message, in any nesting below a folder named after the channel:
`images/CheMed123/17.jpg`, `2025-07-11/CheMed123/photos/17.jpg`, `photos/@CheMed123_17.jpg`. Numbers
behind other words (`photo_17.jpg`, `IMG_0017.jpg`) count images and are no ids. What lies beside a
Telegram Desktop export may be of a private chat, so nothing there is ever guessed.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from medwh_assets.errors import ChannelNameError
from medwh_assets.imports.spool import ImageName
from medwh_assets.slices import channel_name

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
EXPORT_FILE = "result.json"

# Folders beside a file of posts in which its images are looked for.
_IMAGE_FOLDERS = {"images", "photos", "media", "files", "pictures"}
# Names of folders and beginnings of names that are no channel, though they could be one.
_PLAIN_WORDS = _IMAGE_FOLDERS | {
    "chats", "telegram_images", "data", "raw",
    "image", "photo", "file", "picture", "pic", "img", "msg", "message",
}  # fmt: skip
_BY_ID = re.compile(r"(?:@?(?P<channel>[A-Za-z][A-Za-z0-9_]*)_)?(?P<id>[0-9]{1,18})")
# Telegram Desktop's small copies of what lies beside them.
_THUMBNAIL = re.compile(r"_thumb(?:@[0-9-]+)?\.[a-z]+$", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_DRIVE = re.compile(r"[A-Za-z]:")
# Linux and macOS open no longer path; a record's is looked up once for each of its parts.
_MAX_PATH = 4096
# Folders that records name, of which is remembered where they may be.
_FOLDERS = 10_000


@dataclass(slots=True)
class Pictures:
    """The images below a root.

    Attributes:
        root: the folder that all paths are relative to.
        walked: whether everything below it was added; else a path is also looked up on the disk.
        paths: the images, but for thumbnails.
        exports: folders that hold a file named like a Telegram Desktop export's.
        links: folders that are links, and so were not looked into.
    """

    root: Path
    walked: bool = True
    paths: set[str] = field(default_factory=set[str])
    exports: set[str] = field(default_factory=set[str])
    links: int = 0
    _names: set[str] = field(default_factory=set[str], repr=False)
    _folders: set[str] = field(default_factory=set[str], repr=False)

    def add(self, path: str) -> None:
        """Take a file in, if its name is that of an image."""
        if posixpath.basename(path) == EXPORT_FILE:
            self.exports.add(posixpath.dirname(path))
        if _is_picture(path):
            self.paths.add(path)
            folder, name = posixpath.split(path)
            self._folders.add(folder)
            self._names.add(name)

    def may_be_there(self, name: str) -> bool:
        """Whether an image of such a name may be in any folder at all."""
        return name in self._names or (not self.walked and is_image_path(name))

    def there(self, path: str) -> bool:
        """Whether there is such an image."""
        if path in self.paths:
            return True
        if self.walked or posixpath.dirname(path) in self._folders:
            return False
        if not _is_picture(path) or path.startswith(".") or "/." in path:
            return False
        try:
            file = self.root / path
            there = file.is_file() and file.resolve().is_relative_to(self.root)
        except (OSError, ValueError):
            return False
        if there:
            self.paths.add(path)
        return there

    def has_folder(self, folder: str) -> bool:
        """Whether there is a folder that images may lie in."""
        if self.walked or folder in self._folders:
            return folder in self._folders
        try:
            return (self.root / folder).is_dir()
        except (OSError, ValueError):
            return False

    def exported(self, folder: str) -> bool:
        """Whether a folder holds a file named like a Telegram Desktop export's."""
        if not self.walked and folder not in self.exports:
            try:
                if (self.root / folder / EXPORT_FILE).is_file():
                    self.exports.add(folder)
            except (OSError, ValueError):
                return False
        return folder in self.exports


@dataclass(slots=True)
class _Claim:
    """What records say of an image.

    Attributes:
        channel: whose records; None if those of several.
        post: the post that names it by another path with the same end; None if several do.
        directory: the folder that this path names; None if there are several.
        guessed: whether any does so.
    """

    channel: str | None
    post: int | None = None
    directory: str | None = None
    guessed: bool = False

    def add(self, channel: str, message_id: int, directory: str | None) -> None:
        if channel != self.channel:
            self.channel = None
        if directory is None:
            return
        if not self.guessed:
            self.post, self.directory, self.guessed = message_id, directory, True
        if message_id != self.post:
            self.post = None
        if directory != self.directory:
            self.directory = None

    @property
    def ambiguous(self) -> bool:
        return self.channel is None or (self.post is None and self.directory is None)


@dataclass(frozen=True, slots=True)
class Matched:
    """The images of one post.

    Attributes:
        paths: where they lie.
        ambiguous: those that its records may mean, and those of others just as well.
    """

    paths: list[str]
    ambiguous: list[str]


class Matches:
    """Which image belongs to which post: `claim` for every name, `settle`, and then `of`."""

    def __init__(
        self,
        pictures: Pictures,
        folders: Mapping[str, Collection[str]],
        exports: Mapping[str, bool],
    ) -> None:
        """Remember what there is.

        Args:
            pictures: the images.
            folders: names under which the images of each of the dump's channels may lie.
            exports: folders of which it is known whether they hold a Telegram Desktop export.
        """
        self._pictures = pictures
        self._channels = set(folders)
        self._owners = _owners(folders)
        self._known_exports = exports
        self._export_of: dict[str, str | None] = {}
        self._places: dict[tuple[str, str], list[tuple[str, bool]]] = {}
        self._claims: dict[str, _Claim] = {}
        self.by_id: defaultdict[tuple[str, int], list[str]] = defaultdict(list)

    def claim(self, channel: str, message_id: int, name: ImageName) -> None:
        """Note that a record of a post names an image."""
        if (found := self._named(name)) is not None:
            path, directory = found
            self._claims.setdefault(path, _Claim(channel)).add(channel, message_id, directory)

    def settle(self, holds: Callable[[str, Collection[int]], int]) -> None:
        """Sort the images that no record names by the ids that their own names hold.

        Args:
            holds: tells how many of some ids are posts of a channel.
        """
        bare: defaultdict[str, defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in sorted(self._pictures.paths):
            if path in self._claims or self.in_export(path):
                continue
            folder, name = posixpath.split(path)
            found = _BY_ID.fullmatch(name.rpartition(".")[0])
            if found is None:
                continue
            message_id = int(found["id"])
            folders = [c for part in folder.split("/") if (c := _channel(part)) is not None]
            if found["channel"]:
                owner = self._owners.get(_channel(found["channel"]) or "")
            else:
                owner = next((o for c in reversed(folders) if (o := self._owners.get(c))), None)
                if owner is None and not folders:
                    bare[folder][message_id].append(path)
            if owner is not None:
                self.by_id[owner, message_id].append(path)
        if len(self._channels) != 1:
            return
        (channel,) = self._channels
        for by_id in bare.values():
            # Images that are merely numbered meet an id now and then.
            if 2 * holds(channel, by_id.keys()) > len(by_id):
                for message_id, paths in by_id.items():
                    self.by_id[channel, message_id] += paths

    def of(
        self, channel: str, message_id: int, named: Iterable[ImageName], *, by_id: bool
    ) -> Matched:
        """Find a post's images: what its records name, or else what bears its id.

        Args:
            channel: the post's channel.
            message_id: its id.
            named: where its records say they lie.
            by_id: whether one may bear its id.
        """
        paths: set[str] = set()
        ambiguous: set[str] = set()
        for name in named:
            if (found := self._named(name)) is not None:
                path, directory = found
                claim = self._claims.get(path)
                guess = directory is not None and claim is not None and claim.ambiguous
                (ambiguous if guess else paths).add(path)
        if by_id and not paths and not ambiguous:
            paths.update(self.by_id.get((channel, message_id), ()))
        return Matched(sorted(paths), sorted(ambiguous - paths))

    def in_export(self, path: str) -> bool:
        """Whether an image lies somewhere below a Telegram Desktop export."""
        return self._export(path) is not None

    def _export(self, path: str) -> str | None:
        """Return the nearest folder above an image that holds a Telegram Desktop export."""
        folder = posixpath.dirname(path)
        if folder not in self._export_of:
            known = self._known_exports.get(folder)
            if self._pictures.exported(folder) if known is None else known:
                self._export_of[folder] = folder
            else:
                self._export_of[folder] = self._export(folder) if folder else None
        return self._export_of[folder]

    def _named(self, name: ImageName) -> tuple[str, str | None] | None:
        """Find the image that a record names.

        Returns:
            Its path, and the folder that the record names, if only the path's end is the same.
        """
        for spelling in _spellings(name.path):
            if not self._pictures.may_be_there(posixpath.basename(spelling)):
                continue
            if name.exact:
                # Chats number their photos alike, so one is where its export says and nowhere else.
                path = _within(name.base, spelling)
                if (
                    path is not None
                    and self._pictures.there(path)
                    and self._export(path) == name.base
                ):
                    return path, None
            elif (found := self._looked_up(spelling, name.base)) is not None:
                return found
        return None

    def _looked_up(self, named: str, base: str) -> tuple[str, str | None] | None:
        name = posixpath.basename(named)
        directory = named.removesuffix(name)
        key = (directory, base)
        if key not in self._places:
            if len(self._places) >= _FOLDERS:
                self._places.clear()
            self._places[key] = list(self._places_of(directory, base))
        for place, guessed in self._places[key]:
            path = posixpath.join(place, name)
            if self._is_free(path):
                return path, directory if guessed else None
        return None

    def _places_of(self, directory: str, base: str) -> Iterator[tuple[str, bool]]:
        """Yield the folders that one may mean, and whether only their ends are the same."""
        root = f"{self._pictures.root.as_posix()}/"
        if directory.startswith(root):
            directory, base = directory.removeprefix(root), ""
        if not directory.startswith("/") and not _DRIVE.match(directory):
            place = _within(base, directory)
            if place is not None and self._pictures.has_folder(place):
                yield place, False
        parts = [part for part in directory.split("/") if part not in ("", ".", "..")]
        for start in range(len(parts) + 1):
            tail = "/".join(parts[start:])
            for place in (posixpath.join(base, tail).rstrip("/"), tail) if start else (tail,):
                if self._pictures.has_folder(place):
                    yield place, start > 0

    def _is_free(self, path: str) -> bool:
        return self._pictures.there(path) and not self.in_export(path)


def walked_folders(path: Path, root: Path) -> list[Path]:
    """Return the folders in which images are looked for.

    Args:
        path: what is imported.
        root: the folder that images are relative to: it, or the scraped lake around it.

    Returns:
        The root; if a single file is imported, the folders beside it, and those of its lake, that
        are named after images or its channel. What else lies in its folder need not belong to it.
    """
    if path.is_dir():
        return [root]
    names = {path.stem, path.parent.name} if path.stem.isdigit() else {path.stem}
    channels = {channel for name in names if (channel := _channel(name)) is not None}
    folders = (folder for place in dict.fromkeys((path.parent, root)) for folder in _folders(place))
    return [
        folder
        for folder in folders
        if folder.name.lower() in _IMAGE_FOLDERS or _channel(folder.name) in channels
    ]


def is_image_path(named: str) -> bool:
    """Whether a path that a record names is one of an image."""
    return posixpath.splitext(named)[1].lower() in SUFFIXES


def _is_picture(path: str) -> bool:
    return is_image_path(path) and not _THUMBNAIL.search(path)


def _folders(place: Path) -> Iterator[Path]:
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    yield from (entry for entry in entries if entry.is_dir() and not entry.is_symlink())


def _owners(folders: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Map each name of a folder to the one channel that it means."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for channel, names in folders.items():
        for name in names:
            owners[name].add(channel)
    owners.update((channel, {channel}) for channel in folders)
    return {name: next(iter(several)) for name, several in owners.items() if len(several) == 1}


def _spellings(named: str) -> Iterator[str]:
    """Yield a path as it is meant: with `/`, and also with what a URL escapes."""
    if len(named) > _MAX_PATH:
        return
    path = named
    if (scheme := _SCHEME.match(named)) is not None:
        if scheme[1].lower() != "file":
            return
        # file:///home/x, file://localhost/home/x, file:///C:/x
        path = named[scheme.end() :].removeprefix("localhost")
        if _DRIVE.match(path, 1):
            path = path[1:]
    path = path.replace("\\", "/")
    yield path
    if "%" in path:
        yield unquote(path, errors="replace").replace("\\", "/")


def _within(base: str, path: str) -> str | None:
    """Return where a path leads from a folder, unless it leads out of the root."""
    full = posixpath.normpath(posixpath.join(base, path))
    if full.startswith(("/", "../")) or full == "..":
        return None
    return "" if full == "." else full


@lru_cache(maxsize=4096)
def _channel(folder: str) -> str | None:
    if folder.lower() in _PLAIN_WORDS:
        return None
    try:
        return channel_name(folder)
    except ChannelNameError:
        return None
