"""What lies in the lake, file by file, at the price of listing it: nothing is opened.

Whoever looks for what has changed compares stamps first and reads only where one differs.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

from medwh_assets.errors import ChannelNameError
from medwh_assets.slices import Slice

FileKind = Literal["messages", "images", "detections", "channels"]

_FOLDERS: Final[dict[FileKind, str]] = {
    "messages": "telegram_messages",
    "images": "telegram_images",
    "detections": "yolo_detections",
    "channels": "channels",
}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True, order=True)
class LakeFile:
    """A data file of a slice.

    Attributes:
        path: where it lies, relative to the lake.
        slice: the channel and the day that its place says.
        kind: posts, image records, detection records, or what the channel said of itself.
        stamp: differs once the file has been written anew; equal stamps mean an untouched file.
    """

    path: str
    slice: Slice
    kind: FileKind
    stamp: str


def listed(root: Path) -> Iterator[LakeFile]:
    """List the data files of all slices, each kind sorted by day; foreign names are none of them.

    A stamp is made of the time of the last write in nanoseconds, and the size in bytes.
    """
    for kind, folder in _FOLDERS.items():
        for day in sorted(_names(root / folder)):
            if _DAY.fullmatch(day):
                yield from _of_day(root, kind, f"{folder}/{day}", day)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted, and of thousands
    except (FileNotFoundError, NotADirectoryError):
        return []


def _of_day(root: Path, kind: FileKind, folder: str, day: str) -> Iterator[LakeFile]:
    found: list[LakeFile] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / folder) as entries:
        for entry in entries:
            channel, dot, ending = entry.name.partition(".")
            # What is no date or no channel is nobody's slice; a file may go while it is looked at.
            with suppress(ValueError, ChannelNameError, FileNotFoundError):
                if dot and ending == "json" and entry.is_file():
                    piece = Slice(channel, date.fromisoformat(day))
                    facts = entry.stat()
                    stamp = f"{facts.st_mtime_ns}-{facts.st_size}"
                    found.append(LakeFile(f"{folder}/{entry.name}", piece, kind, stamp))
    yield from sorted(found)
