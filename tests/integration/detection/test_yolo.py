"""Real inference with the demo's weights on the sample's drawings."""

import importlib
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from medwh_assets.detection.yolo import UltralyticsDetector
from medwh_assets.errors import ImageError, WeightsError
from medwh_assets.lake.images import image_facts
from medwh_assets.lake.records import Box
from medwh_assets.settings import DetectionSettings

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "data" / "demo_weights" / "medwh_demo_drawings.pt"
DRAWINGS = ROOT / "data" / "sample" / "recording" / "images"

SETTINGS = DetectionSettings(weights=WEIGHTS, confidence=0.25, image_size=256)


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def detector(cache_folder: Path) -> UltralyticsDetector:
    return UltralyticsDetector(SETTINGS, cache_folder, workers=2)


@pytest.fixture(scope="module")
def drawings() -> dict[str, bytes]:
    """Every fourth drawing of the sample that is whole."""
    found: dict[str, bytes] = {}
    for path in sorted(DRAWINGS.glob("*.jpg"))[::4]:
        data = path.read_bytes()
        try:
            image_facts(data)
        except ImageError:
            continue
        found[path.name] = data
    return found


@pytest.fixture(scope="module")
def clearest(detector: UltralyticsDetector, drawings: dict[str, bytes]) -> bytes:
    """The drawing on which the model is surest of something."""
    return max(drawings.values(), key=lambda data: [b.confidence for b in detector.detect(data)])


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_weights(weights: Path, cache_folder: Path) -> UltralyticsDetector:
    return UltralyticsDetector(SETTINGS.model_copy(update={"weights": weights}), cache_folder)


def centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def test_things_are_seen_on_the_samples_drawings(
    detector: UltralyticsDetector, drawings: dict[str, bytes]
) -> None:
    seen = {name: detector.detect(data) for name, data in drawings.items()}

    classes = Counter(box.detected_class for boxes in seen.values() for box in boxes)
    assert set(classes) <= {"blister", "bottle", "tube", "box", "person"}
    assert len(classes) >= 4
    assert sum(bool(boxes) for boxes in seen.values()) >= 0.8 * len(seen)
    for name, boxes in seen.items():
        facts = image_facts(drawings[name])
        assert [b.confidence for b in boxes] == sorted((b.confidence for b in boxes), reverse=True)
        for box in boxes:
            assert 0.25 <= box.confidence <= 1
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= facts.width + 0.01
            assert box.y + box.height <= facts.height + 0.01


def test_many_at_once_see_what_one_alone_sees(
    detector: UltralyticsDetector, drawings: dict[str, bytes], cache_folder: Path
) -> None:
    together = dict(detector.detect_many(drawings.items()))

    alone = UltralyticsDetector(SETTINGS, cache_folder, workers=1)
    assert together == {name: alone.detect(data) for name, data in drawings.items()}


def test_bad_images_are_answered_and_stop_no_other(
    detector: UltralyticsDetector, drawings: dict[str, bytes]
) -> None:
    whole = next(iter(drawings.values()))
    drawing = Image.open(io.BytesIO(whole))
    images = {
        "whole": whole,
        "empty": b"",
        "an HTML page": b"<!DOCTYPE html>",
        "an MP4": b"\0\0\0\x18ftypisom" + bytes(100),
        "truncated": whole[: len(whole) // 2],
        "a GIF": encoded(drawing, "GIF"),
        "CMYK": encoded(drawing.convert("CMYK"), "JPEG"),
        "grey": encoded(drawing.convert("L"), "JPEG"),
        "palette": encoded(drawing.convert("P"), "PNG"),
        "alpha": encoded(drawing.convert("RGBA"), "PNG"),
        "16 bits": encoded(Image.new("I;16", (40, 30), 9000), "PNG"),
        "animated": encoded(drawing, "WEBP", save_all=True, append_images=[drawing.rotate(90)]),
        "one pixel": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "very wide": encoded(Image.new("RGB", (3000, 2)), "PNG"),
        "whole again": whole,
    }

    answers = dict(detector.detect_many(images.items()))

    assert answers.keys() == images.keys()
    assert {name: str(a) for name, a in answers.items() if isinstance(a, ImageError)} == {
        "empty": "empty file",
        "an HTML page": "an HTML page",
        "an MP4": "an MP4 video",
        "truncated": "truncated JPEG",
        "a GIF": "a GIF image",
    }
    assert answers["whole"] == answers["whole again"] == detector.detect(whole)


def test_an_image_on_its_side_is_seen_upright(
    detector: UltralyticsDetector, clearest: bytes
) -> None:
    upright = Image.open(io.BytesIO(clearest))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    there = detector.detect(clearest)

    assert there
    assert detector.detect(turned) == there


def test_boxes_of_a_large_image_are_in_its_own_pixels(
    detector: UltralyticsDetector, clearest: bytes
) -> None:
    small = Image.open(io.BytesIO(clearest))
    large = small.resize((small.width * 6, small.height * 6), Image.Resampling.BICUBIC)

    best_small, *_ = detector.detect(clearest)
    best_large, *_ = detector.detect(encoded(large, "PNG"))

    assert best_large.detected_class == best_small.detected_class
    assert [value / 6 for value in centre(best_large)] == pytest.approx(centre(best_small), abs=6)


def test_weights_that_give_no_boxes_say_so(
    detector: UltralyticsDetector, clearest: bytes, tmp_path: Path
) -> None:
    detector.detect(clearest)  # loads ultralytics, switched off from the network
    classifier = tmp_path / "classifier.pt"
    ultralytics: Any = importlib.import_module("ultralytics")
    ultralytics.YOLO("yolov8n-cls.yaml").save(classifier)

    with pytest.raises(WeightsError, match="a model to 'classify', which gives no boxes"):
        with_weights(classifier, tmp_path).detect(clearest)


def test_a_known_fingerprint_is_given_without_loading_torch(cache_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from medwh_assets.detection.yolo import UltralyticsDetector\n"
        "from medwh_assets.settings import DetectionSettings\n"
        f"d = UltralyticsDetector(DetectionSettings(weights=Path({str(WEIGHTS)!r})), Path('.'))\n"
        "assert d.fingerprint\n"
        "assert not {'torch', 'ultralytics', 'numpy'} & set(sys.modules)\n"
    )
    run_python(code, cache_folder)


def test_weights_that_are_no_model_say_so(tmp_path: Path) -> None:
    for name in ("broken.pt", "broken.onnx"):
        path = tmp_path / name
        path.write_bytes(b"this is no model")
        broken = with_weights(path, tmp_path)

        with pytest.raises(WeightsError, match=r"MEDWH_YOLO_WEIGHTS: .* cannot be used as a model"):
            broken.detect(encoded(Image.new("RGB", (64, 64)), "PNG"))
        with pytest.raises(WeightsError):
            list(broken.detect_many([(1, encoded(Image.new("RGB", (64, 64)), "PNG"))]))


def test_a_bad_image_is_refused_although_ultralytics_replaces_pillows_opening(
    detector: UltralyticsDetector, clearest: bytes
) -> None:
    detector.detect(clearest)
    assert "ultralytics" in sys.modules

    with pytest.raises(ImageError, match="broken PNG"):
        image_facts(b"\x89PNG\r\n\x1a\n" + b"no PNG at all, whatever it says IEND")


GUARD = """
import os, sys

def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        os.write(2, f"NETWORK {event} {arguments}".encode())
        os._exit(13)
    if event == "subprocess.Popen" and "pip" in str(arguments):
        os.write(2, f"INSTALL {arguments}".encode())
        os._exit(14)

sys.addaudithook(guard)
"""


def run_python(code: str, folder: Path) -> str:
    """Run code where nothing looks like pytest, under which ultralytics keeps quiet by itself."""
    environment = {
        k: v for k, v in os.environ.items() if not re.match(r"YOLO_|PYTEST|ULTRALYTICS", k)
    }
    environment |= {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    (folder / "home").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_network_is_tried_and_nothing_is_written_outside_the_cache(
    tmp_path: Path, clearest: bytes
) -> None:
    (tmp_path / "drawing.jpg").write_bytes(clearest)
    code = GUARD + (
        "from pathlib import Path\n"
        "from medwh_assets.detection.yolo import UltralyticsDetector\n"
        "from medwh_assets.settings import DetectionSettings\n"
        f"settings = DetectionSettings(weights=Path({str(WEIGHTS)!r}), image_size=256)\n"
        "detector = UltralyticsDetector(settings, Path('cache'), workers=2)\n"
        "data = Path('drawing.jpg').read_bytes()\n"
        "answers = dict(detector.detect_many([(1, data), (2, b'<html>'), (3, data)]))\n"
        "assert answers[1] == answers[3]\n"
        "import time; time.sleep(1)  # ultralytics reports from a thread of its own\n"
        "print(len(answers))\n"
    )

    printed = run_python(code, tmp_path)

    assert printed.split()[-1] == "3"
    written = {str(path.relative_to(tmp_path)) for path in files_below(tmp_path)}
    assert {path.split("/")[0] for path in written} == {"cache", "drawing.jpg"}


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_the_guard_of_these_tests_notices_a_connection(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="NETWORK"):
        run_python(GUARD + "import socket; socket.getaddrinfo('localhost', 80)", tmp_path)
