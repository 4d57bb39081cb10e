"""What models saw on images, kept in the lake: once per distinct image and model.

The results of several models live side by side, `yolo_cache/<fingerprint>/<aa>/<sha256>.json`. A
slice's rows are made from them, so a cache that is lost costs time and nothing else. It stands on
the lake's floor because detection writes it and the warehouse asks it when a detection was made.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from medwh_assets.errors import CorruptSliceError, LakePathError
from medwh_assets.lake.files import Files
from medwh_assets.lake.ports import Sight
from medwh_assets.lake.records import Box

_FOLDER: Final = "yolo_cache"
_FINGERPRINT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PERCEPTUAL_HASH: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class KeptSight:
    """A sight, whose it is, and when it was had.

    Attributes:
        fingerprint: what saw it: the model, and the engine that ran it.
        sight: what was seen.
        made_at: when, by the clock of the machine that looked.
    """

    fingerprint: str
    sight: Sight
    made_at: datetime


class _Entry(BaseModel):
    """A cache file. Fields that a later version adds are ignored by this one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[2] = 2
    model: str
    image_sha256: str
    perceptual_hash: str
    made_at: AwareDatetime
    boxes: tuple[Box, ...]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class DetectionCache:
    """Sights by model fingerprint and image hash, in the lake's `yolo_cache` folder."""

    def __init__(self, files: Files, now: Callable[[], datetime] = _now) -> None:
        """Remember the place; nothing is created before the first write.

        Args:
            files: the lake's.
            now: the clock.
        """
        self._files = files
        self._now = now
        self._fingerprints: dict[str, list[str]] = {}

    def find(self, model: str, sha256: str) -> KeptSight | None:
        """Return what a model saw on an image, whatever engine ran it, or None if it has not yet.

        Of several engines' sights the newest is returned.

        Args:
            model: a fingerprint, or what stands in it before the engine.
            sha256: the image's hash.

        Raises:
            LakePathError: model or hash is none, so no file may be named after it.
        """
        found = (self.get(fingerprint, sha256) for fingerprint in self._of_model(model))
        return max(
            (kept for kept in found if kept is not None),
            key=lambda kept: (kept.made_at, kept.fingerprint),
            default=None,
        )

    def get(self, fingerprint: str, sha256: str) -> KeptSight | None:
        """Return what was seen on an image under exactly this fingerprint, or None.

        An entry that cannot be read, or that speaks of another image, counts as absent.

        Raises:
            LakePathError: fingerprint or hash is none, so no file may be named after it.
        """
        try:
            content = self._files.read(_path(fingerprint, sha256))
            entry = None if content is None else _Entry.model_validate_json(content)
        except (OSError, CorruptSliceError, ValidationError):
            return None
        if entry is None:
            return None
        if (entry.model, entry.image_sha256) != (fingerprint, sha256):
            return None
        if not _PERCEPTUAL_HASH.fullmatch(entry.perceptual_hash):
            return None
        return KeptSight(fingerprint, Sight(entry.boxes, entry.perceptual_hash), entry.made_at)

    def made_at(self, fingerprint: str, sha256: str) -> datetime | None:
        """Return when something was seen, or None where nobody knows, as for imported rows."""
        try:
            kept = self.get(fingerprint, sha256)
        except LakePathError:
            return None
        return None if kept is None else kept.made_at

    def put(self, fingerprint: str, sha256: str, sight: Sight) -> KeptSight:
        """Keep what was seen on an image.

        Raises:
            LakePathError: fingerprint or hash is none, so no file may be named after it.
            LakeBusyError: another process held the cache's lock for two minutes.
        """
        path = _path(fingerprint, sha256)
        kept = KeptSight(fingerprint, sight, self._now())
        entry = _Entry(
            model=fingerprint,
            image_sha256=sha256,
            perceptual_hash=sight.perceptual_hash,
            made_at=kept.made_at,
            boxes=sight.boxes,
        )
        # Two channels may post the same image, so two processes may write the same entry.
        self._files.put(path, entry.model_dump_json().encode() + b"\n")
        for model, fingerprints in self._fingerprints.items():
            if _is_of(fingerprint, model) and fingerprint not in fingerprints:
                fingerprints.append(fingerprint)
        return kept

    def _of_model(self, model: str) -> list[str]:
        """Return the fingerprints that the folder holds of a model; it is listed once."""
        if not _FINGERPRINT.fullmatch(model):
            raise LakePathError(f"not a model: {model!r}")
        if model not in self._fingerprints:
            names = filter(_FINGERPRINT.fullmatch, self._files.folders(_FOLDER))
            self._fingerprints[model] = [name for name in names if _is_of(name, model)]
        return self._fingerprints[model]


def _path(fingerprint: str, sha256: str) -> PurePosixPath:
    if not _FINGERPRINT.fullmatch(fingerprint) or not _SHA256.fullmatch(sha256):
        raise LakePathError(f"not a model and an image hash: {fingerprint!r}, {sha256!r}")
    return PurePosixPath(_FOLDER, fingerprint, sha256[:2], f"{sha256}.json")


def _is_of(fingerprint: str, model: str) -> bool:
    return fingerprint == model or fingerprint.startswith(f"{model}-")
