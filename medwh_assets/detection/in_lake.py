"""Detections of the lake's slices: which images go in, which file comes out. No Dagster."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from medwh_assets.detection.run_summary import RunSummary
from medwh_assets.detection.slices import SliceDetections, detect_slices
from medwh_assets.errors import MedwhError
from medwh_assets.lake.detection_cache import DetectionCache
from medwh_assets.lake.images import MAX_BYTES
from medwh_assets.lake.ports import Detector
from medwh_assets.lake.records import ImageRecord
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Outcome, each_slice
from medwh_assets.slices import Slice


def made_from(images_sha256: str, model: str) -> str:
    """Name what detections are made from: these image records, seen by this model."""
    return hashlib.sha256(f"{images_sha256} {model}".encode()).hexdigest()


# Made from nothing that can be there: the slice stays due, and is tried again by the next run.
UNFINISHED = ""


def detect_in_lake(lake: Lake, detector: Detector, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Write the detection records of slices whose image records lie in the lake.

    A slice without image records is done with none; one whose records cannot be read fails alone.
    What is to be told of the run as a whole stands on the last slice that is done.

    Raises:
        WeightsError: the model cannot be loaded.
        SettingError: the engine that is asked for is not there.
    """
    cache = DetectionCache(lake.files)
    summary = RunSummary()
    ends: list[Outcome] = []
    last: Done | None = None

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
        content = lake.read(path, most=MAX_BYTES)
        if content is None:
            raise FileNotFoundError(path)
        return content

    for found in detect_slices(with_images(), read_bytes, detector, cache):
        summary.add(found.records, found.counts)
        for outcome in each_slice([found.key[0]], lambda _, f=found: _write(lake, detector, f)):
            if isinstance(outcome, Failed):
                yield outcome
                continue
            if last is not None:
                yield last
            last = outcome
    if last is not None:
        yield replace(last, of_run=summary.told(detector, read_bytes), line=summary.line(detector))
    yield from ends


def _write(
    lake: Lake, detector: Detector, found: SliceDetections[tuple[Slice, str]]
) -> dict[str, int | float | str]:
    piece, images_sha256 = found.key
    counts = found.counts
    whole = not counts.failed
    lake.write_detections(
        piece, found.records, made_from(images_sha256, detector.model) if whole else UNFINISHED
    )
    return {
        "images": counts.images,
        "distinct_images": counts.distinct,
        "inferred": counts.inferred,
        "reused": counts.reused,
        "failed": counts.failed,
        "boxes": counts.boxes,
        "model": detector.model,
    }
