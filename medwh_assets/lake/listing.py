"""What lies in the lake, file by file, at the price of listing it: nothing is opened.

Whoever looks for what has changed compares stamps first and reads only where one differs.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final, Literal

from medwh_assets.errors import ChannelNameError
from medwh_assets.lake.files import Files
from medwh_assets.slices import Slice, channel_name

FileKind = Literal["messages", "images", "detections", "channels"]

_FOLDERS: Final[dict[FileKind, str]] = {
    "messages": "telegram_messages",
    "images": "telegram_images",
    "detections": "yolo_detections",
    "channels": "channels",
}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
# As `paths` names pictures, those that were replaced too.
_PICTURE: Final = re.compile(r"([0-9]{1,18})(?:\.[0-9a-f]{8})?\.jpg")


@dataclass(frozen=True, slots=True, order=True)
class LakeFile:
    """A data file of a slice.

    Attributes:
        path: where it lies, relative to the lake.
        slice: the channel and the day that its place says.
        kind: posts, image records, detection records, or what the channel said of itself.
        stamp: differs once the file has been written anew with other content.
    """

    path: str
    slice: Slice
    kind: FileKind
    stamp: str


def listed(files: Files) -> Iterator[LakeFile]:
    """List the data files of all slices, each kind sorted by day; foreign names are none of them."""
    for kind, folder in _FOLDERS.items():
        for found in files.find(folder, stamped=True):
            if (piece := slice_of(found.path)) is not None:
                yield LakeFile(str(found.path), piece, kind, found.stamp)


def pictures_listed(files: Files) -> Iterator[tuple[str, int]]:
    """List the files of pictures, channel by channel, by channel and message id.

    A picture that was replaced counts by itself; foreign names are none of them.
    """
    for folder in files.folders("images"):
        with suppress(ChannelNameError):
            channel = channel_name(folder)
            for found in files.find(f"images/{folder}") if channel == folder else ():
                name = _PICTURE.fullmatch("/".join(found.path.parts[2:]))
                if name is not None:
                    yield channel, int(name[1])


def slice_of(path: PurePosixPath) -> Slice | None:
    """Return the slice that `<layer>/YYYY-MM-DD/<channel>.json` is named after, if it is one's."""
    if len(path.parts) == 3 and path.suffix == ".json" and _DAY.fullmatch(path.parts[1]):
        with suppress(ValueError, ChannelNameError):
            return Slice(path.stem, date.fromisoformat(path.parts[1]))
    return None


def slices_below(files: Files, *folders: str) -> list[Slice]:
    """List the slices that have a file below some folders, sorted."""
    found = {slice_of(one.path) for folder in folders for one in files.find(folder)}
    return sorted(piece for piece in found if piece is not None)
