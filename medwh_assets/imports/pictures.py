"""Which image of a dump belongs to which post: by the path that a record names, or by its name.

Scripts name an image after its message, in any nesting below a folder named after the channel:
`images/CheMed123/17.jpg`, `2025-07-11/CheMed123/photos/17.jpg`, `photos/@CheMed123_17.jpg`.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from medwh_assets.errors import ChannelNameError
from medwh_assets.imports.spool import ImageName
from medwh_assets.slices import channel_name

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MAX_BYTES = 50 * 2**20

# Names of folders and beginnings of names that are no channel, though they could be one.
_PLAIN_WORDS = {
    "images", "photos", "media", "files", "chats", "pictures", "telegram_images", "data", "raw",
    "image", "photo", "file", "picture", "pic", "img", "msg", "message",
}  # fmt: skip
_BY_ID = re.compile(r"(?:@?(?P<channel>[A-Za-z][A-Za-z0-9_]*)_)?(?P<id>[0-9]{1,18})")
# Telegram Desktop's small copies of what lies beside them.
_THUMBNAIL = re.compile(r"_thumb(?:@[0-9-]+)?\.[a-z]+$", re.IGNORECASE)
# Linux and macOS open no longer path; a record's is looked up once for each of its parts.
_MAX_PATH = 4096


@dataclass(slots=True)
class Pictures:
    """The images below a root.

    Attributes:
        root: the folder that all paths are relative to.
        paths: every image, but for thumbnails.
        by_id: images named by a message id, by the channel that a folder or the name gives; those
            that give none stand under the empty name.
    """

    root: Path
    paths: set[str] = field(default_factory=set[str])
    by_id: defaultdict[tuple[str, int], list[str]] = field(
        default_factory=lambda: defaultdict[tuple[str, int], list[str]](list)
    )

    def add(self, path: str) -> None:
        """Take a file in, if its name is that of an image."""
        if Path(path).suffix.lower() not in SUFFIXES or _THUMBNAIL.search(path):
            return
        self.paths.add(path)
        *folders, name = path.split("/")
        found = _BY_ID.fullmatch(name.rpartition(".")[0])
        if found is None:
            return
        message_id = int(found["id"])
        by_name = _channel(found["channel"]) if found["channel"] else None
        channels = {by_name} if by_name else {c for f in folders if (c := _channel(f)) is not None}
        for channel in channels or {""}:
            self.by_id[channel, message_id].append(path)

    def of(
        self, message_id: int, folders: Collection[str], named: Iterable[ImageName], alone: bool
    ) -> list[str]:
        """Find a post's images: what its records name, or else what bears its id.

        Args:
            message_id: the post's id.
            folders: names under which the channel's images may lie.
            named: where its records say they lie.
            alone: whether the dump holds one channel only, to which nameless folders then belong.
        """
        found = [path for name in sorted(named, key=str) if (path := self._named(name))]
        if not found and not any(name.exact for name in named):
            for folder in (*sorted(folders), *([""] if alone else [])):
                found += self.by_id.get((folder, message_id), ())
        return list(dict.fromkeys(found))

    def _named(self, name: ImageName) -> str | None:
        """Return the longest tail of a path that there is below the root."""
        if len(name.path) > _MAX_PATH:
            return None
        if name.exact:
            return name.path if name.path in self.paths else None
        parts = [
            part for part in name.path.replace("\\", "/").split("/") if part not in ("", ".", "..")
        ]
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((tail for tail in tails if tail in self.paths), None)


def is_image_path(named: str) -> bool:
    """Whether a path that a record names is one of an image."""
    return Path(named).suffix.lower() in SUFFIXES


@lru_cache(maxsize=4096)
def _channel(folder: str) -> str | None:
    if folder.lower() in _PLAIN_WORDS:
        return None
    try:
        return channel_name(folder)
    except ChannelNameError:
        return None
