"""Detection of the sample's pictures, beside one `model(path)` for each post's picture."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.detection.offline import load_ultralytics
from medwh_assets.detection.yolo import UltralyticsDetector
from medwh_assets.lake.records import ImageRecord
from medwh_assets.lake.store import Lake
from medwh_assets.settings import DetectionSettings, LakeSettings
from medwh_assets.slices import Slice, day_runs
from medwh_assets.telegram.reading import SourceDirectory, read_images, read_slices
from medwh_assets.telegram.recorded_source import RecordedSource
from tests.bench.measured import Measured


def measure(folder: Path) -> Iterator[Measured]:
    """Detect on the bundled sample: all posts' pictures first, then each distinct one."""
    source = RecordedSource(LakeSettings().sample.resolve() / "recording")
    lake = Lake(folder / "lake")
    slices = [piece for run in day_runs(source.days()) for piece in run.slices()]
    for _ in read_slices(lake, SourceDirectory([source]), slices):
        pass
    for _ in read_images(lake, SourceDirectory([source]), slices):
        pass
    images = [image for piece in slices for image in lake.images(piece) if image.status == "ok"]
    distinct = {image.sha256: image for image in images}

    settings = DetectionSettings()
    detector = UltralyticsDetector(settings, folder / "cache")
    detector.detect(lake.path(images[0].path or "").read_bytes())
    plain = _plain(lake, list(distinct.values()), settings, folder)
    seconds = _seconds(lake, detector, slices)
    yield Measured(
        "detection, posts' pictures",
        len(images) / seconds,
        "images/s",
        f"{len(images)} pictures of posts, {len(distinct)} different; simple = model(path) for each",
        plain,
    )
    shutil.rmtree(lake.root / "yolo_cache")
    started = time.perf_counter()
    contents = [
        (i, lake.path(image.path or "").read_bytes()) for i, image in enumerate(distinct.values())
    ]
    for _ in detector.detect_many(contents):
        pass
    yield Measured(
        "detection, different pictures",
        len(distinct) / (time.perf_counter() - started),
        "images/s",
        f"{len(distinct)} pictures, {settings.image_size} pixels",
        plain,
    )


def _seconds(lake: Lake, detector: UltralyticsDetector, slices: list[Slice]) -> float:
    started = time.perf_counter()
    for _ in detect_in_lake(lake, detector, slices):
        pass
    return time.perf_counter() - started


def _plain(
    lake: Lake, images: list[ImageRecord], settings: DetectionSettings, folder: Path
) -> float:
    yolo = load_ultralytics(folder / "cache" / "ultralytics").YOLO(str(settings.weights.resolve()))
    options = {
        "imgsz": settings.image_size,
        "conf": settings.confidence,
        "verbose": False,
        "device": "cpu",
    }
    yolo.predict(str(lake.path(images[0].path or "")), **options)
    started = time.perf_counter()
    for image in images:
        yolo.predict(str(lake.path(image.path or "")), **options)
    return len(images) / (time.perf_counter() - started)
