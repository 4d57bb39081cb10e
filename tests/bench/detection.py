"""Detection, beside one `model(path)` in PyTorch for each post's picture, with the same weights.

Without settings the pictures are made (the shapes and the share of reposts are those of a real
channel) and the weights are an untrained yolov8n. `MEDWH_BENCH_IMAGES` names a folder of pictures of
your own, one file a post's, and `MEDWH_BENCH_WEIGHTS` a .pt file.
"""

import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.detection.offline import load_ultralytics
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import ImageError
from medwh_assets.lake.images import image_facts
from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import Box, Content, ImageRecord, Media, Observation
from medwh_assets.lake.store import Lake
from medwh_assets.settings import DetectionSettings, LakeSettings
from medwh_assets.slices import Slice
from tests.bench.measured import Measured
from tests.hostile_images import BAD, GOOD

# Of a real channel: width, height, and how many of 40 pictures have it.
_SHAPES = {
    (1080, 1080): 7, (554, 554): 6, (960, 1280): 5, (320, 320): 2, (1280, 1280): 2, (1200, 1200): 2,
    (940, 788): 2, (800, 800): 2, (720, 1280): 4, (1280, 960): 4, (600, 800): 4,
}  # fmt: skip
_DISTINCT = 120
_POSTS_EACH = 4
_POSTS_A_DAY = 9
_ROUNDS = 8
_SURE = 0.4
_SAME = 0.9


@dataclass(frozen=True)
class Post:
    """A post's picture on disk."""

    path: Path
    sha256: str


def measure(folder: Path) -> Iterator[Measured]:
    """Look at all posts' pictures, at the different ones, and at hostile ones."""
    weights = _weights(folder)
    settings = DetectionSettings(weights=weights, image_size=640)
    posts = _posts(folder)
    first: dict[str, Post] = {}
    for post in posts:
        first.setdefault(post.sha256, post)
    lakes = _lake(folder / "all", posts), _lake(folder / "distinct", list(first.values()))
    plain = _Plain(weights, settings, folder)
    detector = YoloDetector(settings, folder / "cache")
    with Image.open(posts[0].path):
        detector.detect(posts[0].path.read_bytes())
        plain.look(posts[:1])

    # In turns, so that whatever else the machine does slows all of them.
    seconds, cores = [0.0, 0.0], [0.0, 0.0]
    plain.seconds, plain.cores, plain.images = 0.0, 0.0, 0
    for turn in range(_ROUNDS):
        plain.look(posts[turn::_ROUNDS])
        for number, lake in enumerate(lakes):
            pieces = lake.slices()
            started, used = time.perf_counter(), time.process_time()
            for _ in detect_in_lake(lake, detector, pieces[turn::_ROUNDS]):
                pass
            seconds[number] += time.perf_counter() - started
            cores[number] += time.process_time() - used
    rate = plain.images / plain.seconds
    shown = f"{len(posts)} pictures of posts, {len(first)} different"
    yield Measured(
        "detection, posts' pictures", len(posts) / seconds[0], "images/s",
        f"{shown}, disk to detection file; simple = model(path) for each; {detector.engine}", rate,
    )  # fmt: skip
    yield Measured(
        "detection, different pictures", len(first) / seconds[1], "images/s",
        f"{len(first)} pictures, {1000 * cores[1] / len(first):.0f} ms of a core each; "
        f"simple {1000 * plain.cores / plain.images:.0f} ms", rate,
    )  # fmt: skip

    started, inferred = time.perf_counter(), 0.0
    for lake in lakes:
        for outcome in detect_in_lake(lake, _Unwilling(detector.model), lake.slices()):
            inferred += float(getattr(outcome, "counts", {"inferred": 1})["inferred"])
    yield Measured(
        "detection, the same again", (len(posts) + len(first)) / (time.perf_counter() - started),
        "images/s", f"{inferred:.0f} pictures looked at", rate,
    )  # fmt: skip
    yield from _agreement(lakes[1], plain)
    yield _peak(lakes[1], settings, folder)
    yield from _hostile(detector)


class _Unwilling:
    """A detector that must not be asked."""

    fingerprint = engine = "none"

    def __init__(self, model: str) -> None:
        self.model = model

    def detect_many(self, images: Any) -> Any:
        raise AssertionError("a picture is looked at again")


class _Plain:
    """One call for each picture, as anybody would write it."""

    def __init__(self, weights: Path, settings: DetectionSettings, folder: Path) -> None:
        self.model = load_ultralytics(folder / "cache" / "ultralytics").YOLO(str(weights))
        self.options = {
            "imgsz": settings.image_size, "conf": settings.confidence, "verbose": False,
            "device": "cpu",
        }  # fmt: skip
        self.seconds = self.cores = 0.0
        self.images = 0
        self.seen: dict[str, list[Any]] = {}

    def look(self, posts: Sequence[Post]) -> None:
        for post in posts:
            started = time.perf_counter()
            used = time.process_time()
            found = self.model(str(post.path), **self.options)
            self.seconds += time.perf_counter() - started
            self.cores += time.process_time() - used
            self.images += 1
            self.seen[post.sha256] = found


def _weights(folder: Path) -> Path:
    if named := os.environ.get("MEDWH_BENCH_WEIGHTS"):
        return Path(named).resolve()
    path = folder / "untrained_yolov8n.pt"
    load_ultralytics(folder / "cache" / "ultralytics").YOLO("yolov8n.yaml").save(path)
    return path


def _posts(folder: Path) -> list[Post]:
    if named := os.environ.get("MEDWH_BENCH_IMAGES"):
        files = sorted(file for file in Path(named).rglob("*.jpg") if file.stat().st_size)
        return [Post(file, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    made = list(_made(folder / "pictures"))
    return [Post(*made[number % len(made)]) for number in range(_DISTINCT * _POSTS_EACH)]


def _made(folder: Path) -> Iterator[tuple[Path, str]]:
    """Make pictures of real shapes out of the sample's drawings."""
    folder.mkdir()
    drawings = itertools.cycle(
        sorted((LakeSettings().sample.resolve() / "recording" / "images").glob("*.jpg"))
    )
    shapes = itertools.cycle(shape for shape, times in _SHAPES.items() for _ in range(times))
    while len(list(folder.iterdir())) < _DISTINCT:
        content = next(drawings).read_bytes()
        try:
            image_facts(content)
        except ImageError:
            continue
        file = folder / f"{len(list(folder.iterdir()))}.jpg"
        with Image.open(io.BytesIO(content)) as drawing:
            drawing.resize(next(shapes), Image.Resampling.BICUBIC).save(file, quality=87)
        yield file, hashlib.sha256(file.read_bytes()).hexdigest()


def _lake(root: Path, posts: Sequence[Post]) -> Lake:
    """Put pictures into a lake, a few a day."""
    lake = Lake(root)
    for first in range(0, len(posts), _POSTS_A_DAY):
        piece = Slice("demo_bench", date(2024, 1, 1) + timedelta(days=first // _POSTS_A_DAY))
        at = datetime(piece.date.year, piece.date.month, piece.date.day, tzinfo=UTC)
        rows: list[ImageRecord] = []
        told = []
        for number, post in enumerate(posts[first : first + _POSTS_A_DAY], start=first + 1):
            told.append(
                post_from_reading(
                    content=Content(media=Media(kind="photo")),
                    observation=Observation(observed_at=at, views=1, forwards=0, replies=0),
                    source="bench",
                    id=number,
                    channel=piece.channel,
                    date=at,
                    date_authority="telegram",
                )
            )
            content = post.path.read_bytes()
            facts = image_facts(content)
            rows.append(
                ImageRecord(
                    message_id=number,
                    path=lake.keep_image(piece.channel, number, content),
                    sha256=facts.sha256,
                    bytes=facts.bytes,
                    width=facts.width,
                    height=facts.height,
                    type=facts.type,
                    status="ok",
                )
            )
        lake.merge_readings(piece, [SliceReading(piece, "bench", at, True, tuple(told))])
        lake.write_images(piece, rows, "bench")
    return lake


def _agreement(lake: Lake, plain: _Plain) -> Iterator[Measured]:
    """Compare with what the plain way saw: boxes surer than 0.4 by class and place."""
    sure = same = 0
    for piece in lake.slices():
        for record in lake.detections(piece):
            for result in plain.seen[record.image_sha256]:
                for left, top, right, bottom, confidence, kind in result.boxes.data.tolist():
                    if confidence >= _SURE:
                        sure += 1
                        there = Box(
                            detected_class=result.names[int(kind)],
                            confidence=confidence,
                            x=left,
                            y=top,
                            width=right - left,
                            height=bottom - top,
                        )
                        same += any(_alike(box, there) for box in record.boxes)
    if sure:
        yield Measured(
            "detection, boxes as PyTorch's", 100 * same / sure, "%",
            f"{same} of {sure} boxes surer than {_SURE}: class, and {_SAME} of the area",
        )  # fmt: skip


def _alike(one: Box, other: Box) -> bool:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0) * max(down, 0)
    whole = one.width * one.height + other.width * other.height - shared
    return one.detected_class == other.detected_class and shared >= _SAME * whole


_ALONE = """
import json, resource, sys
from pathlib import Path
def peak():
    status = Path("/proc/self/status")
    if status.exists():
        # `ru_maxrss` would count the parent's memory too.
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) // 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.settings import DetectionSettings
settings = DetectionSettings.model_validate_json(sys.argv[1])
detector = YoloDetector(settings, Path(sys.argv[2]))
files = [Path(file) for file in json.loads(sys.argv[3])]
detector.detect(files[0].read_bytes())
loaded = peak()
for _ in detector.detect_many((file, file.read_bytes()) for file in files):
    pass
print(json.dumps([loaded, peak()]))
"""


def _peak(lake: Lake, settings: DetectionSettings, folder: Path) -> Measured:
    """Measure the memory of a process that only detects."""
    files = [str(file) for file in sorted((lake.root / "images").rglob("*.jpg"))]
    done = subprocess.run(
        [
            sys.executable, "-c", _ALONE, settings.model_dump_json(), str(folder / "cache"),
            json.dumps(files),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    loaded, peak = json.loads(done.stdout)
    return Measured(
        "detection, peak memory",
        peak,
        "MB",
        f"a process of its own; {loaded} with the model loaded",
    )


def _hostile(detector: YoloDetector) -> Iterator[Measured]:
    """Time each of the hostile pictures alone."""
    slowest, name = 0.0, ""
    pictures = {**GOOD, **{kind: make for kind, (make, _) in BAD.items()}}
    for kind, make in pictures.items():
        content = make()
        started = time.perf_counter()
        for _ in detector.detect_many([(kind, content)]):
            pass
        seconds = time.perf_counter() - started
        if seconds > slowest:
            slowest, name = seconds, kind
    yield Measured(
        "hostile pictures, the slowest", 1000 * slowest, "ms", f"{name}, of {len(pictures)}"
    )
