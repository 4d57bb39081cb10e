"""What a model saw on an image, kept in the lake: once per distinct image and model.

The results of several models live side by side. A slice's rows are made from them, so a cache that
is lost costs time and nothing else.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import filelock
from pydantic import BaseModel, ConfigDict, ValidationError

from medwh_assets.errors import LakeBusyError, LakePathError
from medwh_assets.lake.records import Box

# Writes a file so that it is there whole or not at all, making its folder if need be.
WholeWriter = Callable[[Path, bytes], None]

_LOCK_TIMEOUT_SECONDS: Final = 120
_FINGERPRINT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class _Entry(BaseModel):
    """A cache file. Fields that a later version adds are ignored by this one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    model: str
    image_sha256: str
    boxes: tuple[Box, ...]


class DetectionCache:
    """Boxes by model fingerprint and image hash, in the lake's `yolo_cache` folder."""

    def __init__(self, lake_root: Path, write_whole: WholeWriter) -> None:
        """Remember the place; nothing is created before the first write.

        Args:
            lake_root: the lake's root folder.
            write_whole: the lake's way of writing a file.
        """
        self._folder = lake_root / "yolo_cache"
        self._write_whole = write_whole

    def get(self, fingerprint: str, sha256: str) -> tuple[Box, ...] | None:
        """Return what a model saw on an image, or None if it has not seen it.

        An entry that cannot be read, or that speaks of another image, counts as absent.

        Raises:
            LakePathError: fingerprint or hash is none, so no file may be named after it.
        """
        try:
            entry = _Entry.model_validate_json(self._path(fingerprint, sha256).read_bytes())
        except (OSError, ValidationError):
            return None
        return entry.boxes if (entry.model, entry.image_sha256) == (fingerprint, sha256) else None

    def put(self, fingerprint: str, sha256: str, boxes: tuple[Box, ...]) -> None:
        """Keep what a model saw on an image.

        Raises:
            LakePathError: fingerprint or hash is none, so no file may be named after it.
            LakeBusyError: another process held the cache's lock for two minutes.
        """
        path = self._path(fingerprint, sha256)
        entry = _Entry(model=fingerprint, image_sha256=sha256, boxes=boxes)
        content = entry.model_dump_json().encode() + b"\n"
        self._folder.mkdir(parents=True, exist_ok=True)
        # Two channels may post the same image, so two processes may write the same entry.
        lock = filelock.FileLock(self._folder / ".lock", timeout=_LOCK_TIMEOUT_SECONDS)
        try:
            with lock:
                self._write_whole(path, content)
        except filelock.Timeout as error:
            raise LakeBusyError(
                f"another process has held {lock.lock_file} for {_LOCK_TIMEOUT_SECONDS} s; "
                "wait for it or stop it, then run again"
            ) from error

    def _path(self, fingerprint: str, sha256: str) -> Path:
        if not _FINGERPRINT.fullmatch(fingerprint) or not _SHA256.fullmatch(sha256):
            raise LakePathError(f"not a model and an image hash: {fingerprint!r}, {sha256!r}")
        return self._folder / fingerprint / sha256[:2] / f"{sha256}.json"
