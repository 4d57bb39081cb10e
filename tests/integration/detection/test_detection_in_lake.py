"""Detection of a lake's slices with a real model: second runs, kills, hostile pictures."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import ImageError
from medwh_assets.lake.images import image_facts
from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import Content, Media, Observation
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Outcome
from medwh_assets.settings import DetectionSettings
from medwh_assets.slices import Slice
from medwh_assets.telegram.reading import SourceDirectory, read_images
from tests.hostile_images import BAD, GOOD, LARGE

ROOT = Path(__file__).parents[3]
DRAWINGS = ROOT / "data" / "sample" / "recording" / "images"
SETTINGS = DetectionSettings(
    weights=ROOT / "data" / "demo_weights" / "medwh_demo_drawings.pt", image_size=256
)
KILLED = -9
FIRST = date(2025, 3, 1)


def add(lake: Lake, day: int, images: Mapping[int, bytes]) -> Slice:
    """Put a day of posts with pictures into a lake, as an import would."""
    piece = Slice("demo_shop", FIRST + timedelta(days=day))
    at = datetime(piece.date.year, piece.date.month, piece.date.day, tzinfo=UTC)
    posts = [
        post_from_reading(
            content=Content(media=Media(kind="photo")),
            observation=Observation(observed_at=at, views=1, forwards=0, replies=0),
            source="test", id=number, channel=piece.channel, date=at, date_authority="telegram",
        )
        for number in images
    ]  # fmt: skip
    lake.merge_readings(piece, [SliceReading(piece, "test", at, True, tuple(posts))])
    for number, content in images.items():
        lake.keep_image(piece.channel, number, content)
    return piece


def counted(outcomes: Iterable[Outcome], name: str) -> int:
    ends = list(outcomes)
    assert all(isinstance(end, Done) for end in ends), ends
    return sum(int(end.counts[name]) for end in ends if isinstance(end, Done))


def drawings() -> list[bytes]:
    found: list[bytes] = []
    for path in sorted(DRAWINGS.glob("*.jpg")):
        try:
            image_facts(path.read_bytes())
        except ImageError:
            continue
        found.append(path.read_bytes())
    return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def detector(cache_folder: Path) -> YoloDetector:
    return YoloDetector(SETTINGS, cache_folder, workers=2)


class Unwilling(YoloDetector):
    """Looks at nothing."""

    def detect_many(self, images: Any) -> Any:
        raise AssertionError("a picture is looked at again")


def test_a_second_run_looks_at_nothing_and_writes_the_same(
    lake: Lake, detector: YoloDetector, cache_folder: Path
) -> None:
    pieces = [add(lake, day, {10 * day + 1: image}) for day, image in enumerate(drawings()[:8])]
    list(read_images(lake, SourceDirectory([]), pieces))
    assert counted(detect_in_lake(lake, detector, pieces), "inferred") == 8
    before = {piece: lake.file_sha256("yolo_detections", piece) for piece in pieces}

    other_engine = SETTINGS.model_copy(update={"engine": "torch"})
    for settings in (SETTINGS, other_engine):
        again = Unwilling(settings, cache_folder)
        assert counted(detect_in_lake(lake, again, pieces), "reused") == 8
        assert {p: lake.file_sha256("yolo_detections", p) for p in pieces} == before

    asked = SETTINGS.model_copy(update={"engine": "torch", "same_engine": True})
    outcomes = detect_in_lake(lake, YoloDetector(asked, cache_folder), pieces)
    assert counted(outcomes, "inferred") == 8
    assert all("-torch_" in row.model for piece in pieces for row in lake.detections(piece))


def test_kill_9_loses_no_more_than_the_pictures_in_flight(
    lake: Lake, tmp_path: Path, detector: YoloDetector, cache_folder: Path
) -> None:
    images = drawings()
    numbered = dict(enumerate(images, start=1))
    pieces = [add(lake, 0, numbered)]
    list(read_images(lake, SourceDirectory([]), pieces))
    detector.detect(images[0])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "PYTHONPATH": str(ROOT),
    }

    killed = subprocess.run(
        [
            sys.executable, str(Path(__file__).with_name("killed_detection.py")), str(lake.root),
            str(cache_folder), "12",
        ],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert killed.returncode == KILLED, killed.stderr
    kept = len(list(lake.root.glob("yolo_cache/*/*/[0-9a-f]*.json")))
    assert kept >= 12
    assert lake.detections(pieces[0]) == []
    assert counted(detect_in_lake(lake, detector, pieces), "inferred") == len(set(images)) - kept
    assert len(lake.detections(pieces[0])) == len(images)


# Pillow warns of broken EXIF data and goes on.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_of_a_slice_of_hostile_pictures_every_good_one_is_looked_at_and_the_others_have_a_reason(
    lake: Lake, detector: YoloDetector
) -> None:
    made: list[tuple[str, Callable[[], bytes], str]] = [
        *((name, make, "") for name, make in {**GOOD, **LARGE}.items()),
        *((name, make, reason) for name, (make, reason) in BAD.items()),
    ]
    contents = [make() for _, make, _ in made]
    piece = add(lake, 0, dict(enumerate(contents, start=1)))

    assert counted(read_images(lake, SourceDirectory([]), [piece]), "quarantined") == len(BAD)
    [outcome] = detect_in_lake(lake, detector, [piece])

    assert isinstance(outcome, Done)
    good = len(GOOD) + len(LARGE)
    assert (outcome.counts["images"], outcome.counts["failed"]) == (good, 0)
    reasons = {row.message_id: row.reason for row in lake.images(piece) if row.reason}
    assert reasons == {
        number: reason for number, (_, _, reason) in enumerate(made, start=1) if reason
    }
    assert {row.status for row in lake.detections(piece)} == {"ok"}
    assert all(len(row.perceptual_hash or "") == 16 for row in lake.detections(piece))
    assert len(lake.quarantined()) == len(BAD)


_MEMORY = """
import sys, threading
from pathlib import Path
import psutil
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.settings import DetectionSettings
from tests.hostile_images import BAD, GOOD, LARGE

def now():
    return psutil.Process().memory_info().rss / 2**20

settings = DetectionSettings(weights=Path(sys.argv[1]), image_size=256)
detector = YoloDetector(settings, Path(sys.argv[2]), workers=2)
detector.detect(GOOD["an ordinary JPEG"]())
for name, make in {**GOOD, **LARGE, **{kind: make for kind, (make, _) in BAD.items()}}.items():
    content = make()
    before, over, most = now(), threading.Event(), [0.0]
    def watch():
        while not over.wait(0.001):
            most[0] = max(most[0], now() - before)
    thread = threading.Thread(target=watch)
    thread.start()
    for _ in detector.detect_many([(1, content)]):
        pass
    over.set()
    thread.join()
    print(f"{most[0]:.0f} {name}")
"""


def test_no_picture_takes_300_mb_above_the_loaded_model(tmp_path: Path, cache_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _MEMORY, str(SETTINGS.weights), str(cache_folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    took = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert len(took) == len(GOOD) + len(LARGE) + len(BAD)
    assert [(megabytes, name) for megabytes, name in took if int(megabytes) > 300] == []
