"""Detections of the lake's slices: which images go in, which file comes out. No Dagster."""

import hashlib
from collections.abc import Iterator, Sequence

from medwh_assets.detection.cache import DetectionCache
from medwh_assets.detection.slices import ManyDetector, SliceDetections, detect_slices
from medwh_assets.errors import MedwhError
from medwh_assets.lake.records import ImageRecord
from medwh_assets.lake.store import Lake, write_whole
from medwh_assets.outcomes import Done, Failed, Outcome, each_slice
from medwh_assets.slices import Slice


def made_from(images_sha256: str, model: str) -> str:
    """Name what detections are made from: these image records, seen by this model."""
    return hashlib.sha256(f"{images_sha256} {model}".encode()).hexdigest()


def detect_in_lake(
    lake: Lake, detector: ManyDetector, slices: Sequence[Slice]
) -> Iterator[Outcome]:
    """Write the detection records of slices whose image records lie in the lake.

    A slice without image records is done with none; one whose records cannot be read fails alone.

    Raises:
        WeightsError: the model cannot be loaded.
    """
    cache = DetectionCache(lake.root, write_whole)
    ends: list[Outcome] = []

    def with_images() -> Iterator[tuple[tuple[Slice, str], Sequence[ImageRecord]]]:
        for piece in slices:
            try:
                images_sha256 = lake.file_sha256("telegram_images", piece)
                records = lake.images(piece)
            except (MedwhError, OSError) as error:
                ends.append(Failed(piece, error))
                continue
            if images_sha256 is None:
                ends.append(Done(piece, {"images": 0, "boxes": 0}))
            else:
                yield (piece, images_sha256), records

    def read_bytes(path: str) -> bytes:
        return lake.path(path).read_bytes()

    for found in detect_slices(with_images(), read_bytes, detector, cache):
        yield from each_slice([found.key[0]], lambda _, found=found: _write(lake, detector, found))
    yield from ends


def _write(
    lake: Lake, detector: ManyDetector, found: SliceDetections[tuple[Slice, str]]
) -> dict[str, int | float | str]:
    piece, images_sha256 = found.key
    lake.write_detections(piece, found.records, made_from(images_sha256, detector.fingerprint))
    counts = found.counts
    return {
        "images": counts.images,
        "distinct_images": counts.distinct,
        "inferred": counts.inferred,
        "reused": counts.reused,
        "failed": counts.failed,
        "boxes": counts.boxes,
        "model": detector.fingerprint,
    }
