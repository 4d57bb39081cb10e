"""From a slice's images to its detection rows: every distinct image is looked at once.

Slices are taken in batches, so that worker threads stay busy across slices of a few images each,
and every result goes into the cache the moment it is there.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from medwh_assets.errors import ImageError
from medwh_assets.lake.detection_cache import KeptSight
from medwh_assets.lake.ports import Detector, Sight
from medwh_assets.lake.records import DetectionRecord, ImageRecord

Key = TypeVar("Key")

# A batch ends with a wait for its last image: of 256, that costs two workers under 1 %.
_BATCH_IMAGES: Final = 256
_BATCH_SLICES: Final = 100


class ResultCache(Protocol):
    """What models have seen before."""

    def find(self, model: str, sha256: str) -> KeptSight | None:
        """Return what a model saw on an image, whatever engine ran it, or None."""
        ...

    def put(self, fingerprint: str, sha256: str, sight: Sight) -> KeptSight:
        """Keep what was seen on an image."""
        ...


@dataclass(frozen=True, slots=True)
class DetectionCounts:
    """What detection did for one slice.

    Attributes:
        images: readable images, one row each.
        distinct: different contents among them.
        inferred: contents that the model has looked at for this slice.
        reused: contents whose answer came from the cache or from an earlier slice.
        failed: rows without an answer.
        boxes: boxes in all rows.
    """

    images: int
    distinct: int
    inferred: int
    reused: int
    failed: int
    boxes: int


@dataclass(frozen=True, slots=True)
class SliceDetections(Generic[Key]):
    """A slice's detection rows, by message id, and what they took."""

    key: Key
    records: tuple[DetectionRecord, ...]
    counts: DetectionCounts


def detect_slices(
    slices: Iterable[tuple[Key, Sequence[ImageRecord]]],
    read_bytes: Callable[[str], bytes],
    detector: Detector,
    cache: ResultCache,
) -> Iterator[SliceDetections[Key]]:
    """Make the detection rows of many slices.

    Every image with status `ok` has one row, also where nothing was found. An image that cannot be
    read, has changed since it was recorded or fails in the model has a row with status `failed`
    and the reason; it is not cached, and every other image goes on. Images of equal content are
    looked at once.

    Args:
        slices: each slice's key and image records.
        read_bytes: returns the bytes at an image's path in the lake; raises OSError if it cannot.
        detector: looks at images.
        cache: is asked before the detector and told after it.

    Yields:
        Each slice as soon as its last image is done, in the order of `slices`.

    Raises:
        WeightsError: the model cannot be loaded.
        SettingError: the engine that is asked for is not there.
    """
    for batch in _batches(slices):
        yield from _detect_batch(batch, read_bytes, detector, cache)


def _batches(
    slices: Iterable[tuple[Key, Sequence[ImageRecord]]],
) -> Iterator[list[tuple[Key, Sequence[ImageRecord]]]]:
    batch: list[tuple[Key, Sequence[ImageRecord]]] = []
    images = 0
    for key, records in slices:
        batch.append((key, records))
        images += len(records)
        if images >= _BATCH_IMAGES or len(batch) >= _BATCH_SLICES:
            yield batch
            batch, images = [], 0
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _Seen:
    """A readable image: the record's fields that a detection row needs, known to be there."""

    message_id: int
    sha256: str
    path: str
    type: str | None
    bytes: int | None
    width: int
    height: int


@dataclass(slots=True)
class _Job(Generic[Key]):
    """A slice under way.

    Attributes:
        key: the slice.
        images: its readable images.
        asks_for: contents that no earlier slice has and the cache does not know.
        waits_for: contents without an answer yet.
    """

    key: Key
    images: list[_Seen]
    asks_for: set[str]
    waits_for: set[str]


# What a model saw, or why it saw nothing.
_Answer = KeptSight | str


def _detect_batch(
    batch: Sequence[tuple[Key, Sequence[ImageRecord]]],
    read_bytes: Callable[[str], bytes],
    detector: Detector,
    cache: ResultCache,
) -> Iterator[SliceDetections[Key]]:
    model = detector.model
    answers: dict[str, _Answer] = {}
    paths: dict[str, list[str]] = {}
    jobs: list[_Job[Key]] = []
    for key, records in batch:
        job = _Job(key, _readable(records), set(), set())
        jobs.append(job)
        for image in job.images:
            if image.sha256 in paths:
                paths[image.sha256].append(image.path)
            elif image.sha256 not in answers:
                known = cache.find(model, image.sha256)
                if known is None:
                    paths[image.sha256] = [image.path]
                    job.asks_for.add(image.sha256)
                else:
                    answers[image.sha256] = known
        job.waits_for = {image.sha256 for image in job.images} & paths.keys()

    def contents() -> Iterator[tuple[str, bytes]]:
        for sha256, known_paths in paths.items():
            content = _read_any(sha256, known_paths, read_bytes)
            if isinstance(content, str):
                settle(sha256, content)
            else:
                yield sha256, content

    def settle(sha256: str, answer: _Answer) -> None:
        answers[sha256] = answer
        for job in jobs:
            job.waits_for.discard(sha256)

    if paths:
        for sha256, answer in detector.detect_many(contents()):
            if isinstance(answer, ImageError):
                settle(sha256, str(answer))
            else:
                settle(sha256, cache.put(detector.fingerprint, sha256, answer))
            while jobs and not jobs[0].waits_for:
                yield _rows(jobs.pop(0), answers, model)
    for job in jobs:
        yield _rows(job, answers, model)


def _readable(records: Iterable[ImageRecord]) -> list[_Seen]:
    return [
        _Seen(
            record.message_id,
            record.sha256,
            record.path,
            record.type,
            record.bytes,
            record.width or 0,
            record.height or 0,
        )
        for record in records
        if record.status == "ok" and record.sha256 and record.path
    ]


def _read_any(sha256: str, paths: Sequence[str], read_bytes: Callable[[str], bytes]) -> bytes | str:
    """Return the content from the first path that still has it, else why there is none."""
    reason = ""
    for path in paths:
        try:
            content = read_bytes(path)
        except OSError as error:
            reason = f"cannot be read: {type(error).__name__}"
            continue
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        reason = "has changed since it was recorded; materialize lake/telegram_images again"
    return reason


def _rows(job: _Job[Key], answers: dict[str, _Answer], model: str) -> SliceDetections[Key]:
    records = tuple(
        _row(image, answers[image.sha256], model)
        for image in sorted(job.images, key=lambda image: image.message_id)
    )
    distinct = {image.sha256 for image in job.images}
    answered = {sha256 for sha256 in distinct if not isinstance(answers[sha256], str)}
    counts = DetectionCounts(
        images=len(records),
        distinct=len(distinct),
        inferred=len(answered & job.asks_for),
        reused=len(answered - job.asks_for),
        failed=sum(record.status == "failed" for record in records),
        boxes=sum(len(record.boxes) for record in records),
    )
    return SliceDetections(job.key, records, counts)


def _row(image: _Seen, answer: _Answer, model: str) -> DetectionRecord:
    failed = isinstance(answer, str)
    return DetectionRecord(
        message_id=image.message_id,
        image_sha256=image.sha256,
        image_path=image.path,
        image_type=image.type,
        image_bytes=image.bytes,
        image_width=image.width,
        image_height=image.height,
        perceptual_hash=None if failed else answer.sight.perceptual_hash,
        model=model if failed else answer.fingerprint,
        status="failed" if failed else "ok",
        reason=answer if failed else None,
        boxes=() if failed else answer.sight.boxes,
    )
