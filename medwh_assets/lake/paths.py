"""Where things lie in the lake. Pure: nothing here touches a file system.

Every path is relative to the lake's root and built from a `Slice` or a checked channel name, so no
name that came from outside can leave the lake.
"""

from pathlib import PurePosixPath
from typing import Literal

from medwh_assets.errors import LakePathError
from medwh_assets.slices import Slice, channel_name

Layer = Literal["telegram_messages", "telegram_images", "yolo_detections", "slices"]
LAYERS: tuple[Layer, ...] = ("telegram_messages", "telegram_images", "yolo_detections", "slices")


def slice_file(layer: Layer, piece: Slice) -> PurePosixPath:
    """`<layer>/YYYY-MM-DD/<channel>.json`."""
    return PurePosixPath(layer, piece.date.isoformat(), f"{piece.channel}.json")


def image_file(channel: str, message_id: int) -> PurePosixPath:
    """`images/<channel>/<message_id>.jpg`: a name, not a type."""
    return PurePosixPath("images", channel_name(channel), f"{int(message_id)}.jpg")


def replaced_image_file(channel: str, message_id: int, sha256: str) -> PurePosixPath:
    """`images/<channel>/<message_id>.<sha8>.jpg`: one of several pictures that a post has had.

    Which of them it shows now is said by its image record, not by the name.
    """
    return PurePosixPath("images", channel_name(channel), f"{int(message_id)}.{sha256[:8]}.jpg")


def quarantine_file(kind: str, channel: str, name: str) -> PurePosixPath:
    """`quarantine/<kind>/<channel>/<name>.json`.

    Raises:
        LakePathError: kind or name holds anything but letters, digits, `-`, `_` and `.`.
    """
    for part in (kind, name):
        if not part.strip(".") or not all(
            c.isascii() and (c.isalnum() or c in "-_.") for c in part
        ):
            raise LakePathError(f"not a name for the quarantine: {part!r}")
    return PurePosixPath("quarantine", kind, channel_name(channel), f"{name}.json")


def inside(relative: str) -> PurePosixPath:
    """Check a path that a record or a source named.

    Raises:
        LakePathError: the path is absolute, climbs, or holds a NUL or a backslash.
    """
    path = PurePosixPath(relative)
    if (
        not relative
        or path.is_absolute()
        or ".." in path.parts
        or "\0" in relative
        or "\\" in relative
    ):
        raise LakePathError(f"not a path inside the lake: {relative!r}")
    return path
