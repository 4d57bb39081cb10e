import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from medwh_assets.detection import slices
from medwh_assets.detection.slices import SliceDetections, detect_slices
from medwh_assets.errors import ImageError, WeightsError
from medwh_assets.lake.detection_cache import KeptSight
from medwh_assets.lake.ports import Detector, Sight
from medwh_assets.lake.records import Box, ImageRecord

K = TypeVar("K")


def box(name: str, confidence: float = 0.9) -> Box:
    return Box(detected_class=name, confidence=confidence, x=1, y=2, width=3, height=4)


def look_alike(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()[:16]


class FakeDetector:
    """Sees on an image the words that its bytes are made of; answers in reverse order."""

    engine = "a fake"

    def __init__(self, model: str = "fake-1", engine: str = "fast") -> None:
        self.model = model
        self.fingerprint = f"{model}-{engine}"
        self.looked_at: list[bytes] = []

    def detect(self, image: bytes) -> Sight:
        self.looked_at.append(image)
        if image.startswith(b"bad"):
            raise ImageError("truncated JPEG")
        return Sight(tuple(box(word) for word in image.decode().split()), look_alike(image))

    def detect_many(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        for key, image in reversed(list(images)):
            try:
                yield key, self.detect(image)
            except ImageError as error:
                yield key, error


class MemoryCache:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Sight] = {}

    def find(self, model: str, sha256: str) -> KeptSight | None:
        for (fingerprint, image), sight in self.entries.items():
            if image == sha256 and fingerprint.startswith(model):
                return KeptSight(fingerprint, sight, datetime(2025, 4, 1, tzinfo=UTC))
        return None

    def put(self, fingerprint: str, sha256: str, sight: Sight) -> KeptSight:
        self.entries[fingerprint, sha256] = sight
        return KeptSight(fingerprint, sight, datetime(2025, 4, 1, tzinfo=UTC))


class Files(dict[str, bytes]):
    """The lake's images by path."""

    def read(self, path: str) -> bytes:
        try:
            return self[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def add(self, message_id: int, content: bytes, channel: str = "shop") -> ImageRecord:
        path = f"images/{channel}/{message_id}.jpg"
        self[path] = content
        return ImageRecord(
            message_id=message_id,
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            width=640,
            height=480,
            type="jpeg",
            status="ok",
        )


def detect_slice(
    images: list[ImageRecord],
    read: Callable[[str], bytes],
    detector: Detector,
    cache: MemoryCache,
) -> SliceDetections[None]:
    [done] = detect_slices([(None, images)], read, detector, cache)
    return done


@pytest.fixture
def files() -> Files:
    return Files()


def test_every_image_has_one_row_in_the_order_of_messages(files: Files) -> None:
    images = [files.add(9, b"bottle cup"), files.add(3, b""), files.add(5, b"person")]

    done = detect_slice(images, files.read, FakeDetector(), MemoryCache())

    assert [(r.message_id, [b.detected_class for b in r.boxes]) for r in done.records] == [
        (3, []),
        (5, ["person"]),
        (9, ["bottle", "cup"]),
    ]
    assert {(r.status, r.reason, r.model) for r in done.records} == {("ok", None, "fake-1-fast")}
    assert (done.records[0].image_width, done.records[0].image_height) == (640, 480)
    assert done.records[0].perceptual_hash == look_alike(b"")
    assert done.counts == slices.DetectionCounts(
        images=3, distinct=3, inferred=3, reused=0, failed=0, boxes=3
    )


def test_images_of_equal_content_are_looked_at_once(files: Files) -> None:
    images = [files.add(1, b"bottle"), files.add(2, b"bottle"), files.add(3, b"cup")]
    detector = FakeDetector()

    done = detect_slice(images, files.read, detector, MemoryCache())

    assert sorted(detector.looked_at) == [b"bottle", b"cup"]
    assert [len(r.boxes) for r in done.records] == [1, 1, 1]
    assert (done.counts.distinct, done.counts.inferred, done.counts.boxes) == (2, 2, 3)


def test_a_second_run_looks_at_nothing(files: Files) -> None:
    images = [files.add(1, b"bottle"), files.add(2, b"")]
    cache = MemoryCache()
    first = detect_slice(images, files.read, FakeDetector(), cache)

    detector = FakeDetector()
    second = detect_slice(images, Files().read, detector, cache)

    assert detector.looked_at == []
    assert second.records == first.records
    assert (second.counts.inferred, second.counts.reused) == (0, 2)


def test_another_model_looks_again(files: Files) -> None:
    images = [files.add(1, b"bottle")]
    cache = MemoryCache()
    detect_slice(images, files.read, FakeDetector("one"), cache)

    done = detect_slice(images, files.read, FakeDetector("two"), cache)

    assert done.counts.inferred == 1
    assert len(cache.entries) == 2


def test_another_engine_of_the_same_model_does_not_look_again(files: Files) -> None:
    images = [files.add(1, b"bottle")]
    cache = MemoryCache()
    detect_slice(images, files.read, FakeDetector("one", "fast"), cache)

    images.append(files.add(2, b"cup"))
    done = detect_slice(images, files.read, FakeDetector("one", "slow"), cache)

    assert (done.counts.inferred, done.counts.reused) == (1, 1)
    assert [record.model for record in done.records] == ["one-fast", "one-slow"]


def test_an_image_that_fails_stops_no_other_and_is_not_cached(files: Files) -> None:
    images = [files.add(1, b"bottle"), files.add(2, b"bad"), files.add(3, b"cup")]
    cache = MemoryCache()

    done = detect_slice(images, files.read, FakeDetector(), cache)

    assert [r.status for r in done.records] == ["ok", "failed", "ok"]
    bad = done.records[1]
    assert (bad.reason, bad.boxes, bad.perceptual_hash) == ("truncated JPEG", (), None)
    assert bad.model == "fake-1"
    assert (done.counts.inferred, done.counts.failed, len(cache.entries)) == (2, 1, 2)


def test_an_image_that_cannot_be_read_stops_no_other(files: Files) -> None:
    images = [files.add(1, b"bottle"), files.add(2, b"cup")]
    del files["images/shop/2.jpg"]

    done = detect_slice(images, files.read, FakeDetector(), MemoryCache())

    assert [(r.status, r.reason) for r in done.records] == [
        ("ok", None),
        ("failed", "cannot be read: FileNotFoundError"),
    ]


def test_a_lost_file_is_made_up_for_by_another_of_the_same_content(files: Files) -> None:
    images = [files.add(1, b"bottle"), files.add(2, b"bottle")]
    del files["images/shop/1.jpg"]

    done = detect_slice(images, files.read, FakeDetector(), MemoryCache())

    assert [r.status for r in done.records] == ["ok", "ok"]


def test_a_file_that_has_changed_is_not_taken_for_the_recorded_one(files: Files) -> None:
    images = [files.add(1, b"bottle")]
    files["images/shop/1.jpg"] = b"cup"
    cache = MemoryCache()

    done = detect_slice(images, files.read, FakeDetector(), cache)

    assert done.records[0].status == "failed"
    assert "has changed" in (done.records[0].reason or "")
    assert cache.entries == {}


def test_images_that_are_not_there_or_no_images_have_no_row(files: Files) -> None:
    images = [
        files.add(1, b"bottle"),
        ImageRecord(message_id=2, status="missing", reason="no source has delivered it"),
        ImageRecord(message_id=3, path="images/shop/3.jpg", status="quarantined", reason="empty"),
    ]

    done = detect_slice(images, files.read, FakeDetector(), MemoryCache())

    assert [r.message_id for r in done.records] == [1]


def test_a_slice_without_images_has_no_rows_and_wakes_no_model() -> None:
    done = detect_slice([], Files().read, FakeDetector(), MemoryCache())

    assert done.records == ()
    assert done.counts.images == 0


def test_slices_come_in_their_order_with_their_keys(files: Files) -> None:
    work: list[tuple[str, list[ImageRecord]]] = [
        ("monday", [files.add(1, b"bottle")]),
        ("tuesday", []),
        ("wednesday", [files.add(2, b"cup")]),
    ]

    done = list(detect_slices(work, files.read, FakeDetector(), MemoryCache()))

    assert [(d.key, len(d.records)) for d in done] == [
        ("monday", 1),
        ("tuesday", 0),
        ("wednesday", 1),
    ]


def test_an_image_posted_on_two_days_is_looked_at_once(files: Files) -> None:
    work = [(1, [files.add(1, b"bottle")]), (2, [files.add(2, b"bottle")])]
    detector = FakeDetector()

    first, second = detect_slices(work, files.read, detector, MemoryCache())

    assert detector.looked_at == [b"bottle"]
    assert (first.counts.inferred, first.counts.reused) == (1, 0)
    assert (second.counts.inferred, second.counts.reused) == (0, 1)


def test_many_slices_are_worked_on_in_batches_without_losing_one(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_BATCH_IMAGES", 4)
    monkeypatch.setattr(slices, "_BATCH_SLICES", 3)
    work = [
        (day, [files.add(10 * day + n, f"thing{(day + n) % 5}".encode()) for n in range(day % 4)])
        for day in range(30)
    ]
    detector = FakeDetector()

    done = list(detect_slices(work, files.read, detector, MemoryCache()))

    assert [d.key for d in done] == list(range(30))
    assert [d.counts.images for d in done] == [day % 4 for day in range(30)]
    assert len(detector.looked_at) == 5
    assert sum(d.counts.inferred for d in done) == 5


def test_results_are_cached_before_the_next_image_is_done(files: Files) -> None:
    cache = MemoryCache()

    class Interrupted(FakeDetector):
        def detect_many(
            self, images: Iterable[tuple[K, bytes]]
        ) -> Iterator[tuple[K, Sight | ImageError]]:
            for number, answer in enumerate(super().detect_many(images)):
                if number == 2:
                    raise KeyboardInterrupt
                yield answer

    images = [files.add(n, f"thing{n}".encode()) for n in range(1, 6)]
    with pytest.raises(KeyboardInterrupt):
        detect_slice(images, files.read, Interrupted(), cache)

    assert len(cache.entries) == 2


def test_a_model_that_cannot_be_loaded_is_no_failure_of_an_image(files: Files) -> None:
    class Broken(FakeDetector):
        def detect(self, image: bytes) -> Sight:
            raise WeightsError("no weights")

    with pytest.raises(WeightsError):
        detect_slice([files.add(1, b"bottle")], files.read, Broken(), MemoryCache())
