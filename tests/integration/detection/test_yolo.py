"""Real inference with the demo's weights on the sample's drawings."""

import importlib
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, UnidentifiedImageError

from medwh_assets.detection import engines, yolo
from medwh_assets.detection.networks import TorchNetwork
from medwh_assets.detection.offline import load_ultralytics
from medwh_assets.detection.weights import read_weights
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import ImageError, WeightsError
from medwh_assets.lake.images import image_facts
from medwh_assets.lake.ports import Sight
from medwh_assets.lake.records import Box
from medwh_assets.settings import DetectionSettings, EngineSetting

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "data" / "demo_weights" / "medwh_demo_drawings.pt"
DRAWINGS = ROOT / "data" / "sample" / "recording" / "images"

SETTINGS = DetectionSettings(weights=WEIGHTS, confidence=0.25, image_size=256)
ENGINES: tuple[EngineSetting, ...] = ("openvino", "torch")


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def detector(cache_folder: Path) -> YoloDetector:
    return YoloDetector(SETTINGS, cache_folder, workers=2)


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
def clearest(detector: YoloDetector, drawings: dict[str, bytes]) -> bytes:
    """The drawing on which the model is surest of something."""
    return max(
        drawings.values(), key=lambda data: [b.confidence for b in detector.detect(data).boxes]
    )


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_weights(weights: Path, cache_folder: Path, engine: EngineSetting = "auto") -> YoloDetector:
    changed = {"weights": weights, "engine": engine}
    return YoloDetector(SETTINGS.model_copy(update=changed), cache_folder)


def alike(one: Box, other: Box) -> bool:
    """Whether two boxes are of one class and share 0.9 of their area."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0) * max(down, 0)
    whole = one.width * one.height + other.width * other.height - shared
    return one.detected_class == other.detected_class and shared >= 0.9 * whole


def sure(sight: Sight) -> list[Box]:
    return [box for box in sight.boxes if box.confidence >= 0.4]


def centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def test_things_are_seen_on_the_samples_drawings(
    detector: YoloDetector, drawings: dict[str, bytes]
) -> None:
    seen = {name: detector.detect(data).boxes for name, data in drawings.items()}

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
    detector: YoloDetector, drawings: dict[str, bytes], cache_folder: Path
) -> None:
    together = dict(detector.detect_many(drawings.items()))

    alone = YoloDetector(SETTINGS, cache_folder, workers=1)
    assert together == {name: alone.detect(data) for name, data in drawings.items()}


def test_the_machines_best_engine_is_chosen_and_named(detector: YoloDetector) -> None:
    assert re.fullmatch(r"OpenVINO [\d.]+ \((bf16|f32)\) on 2 cores", detector.engine)
    assert detector.fingerprint.startswith(f"{detector.model}-openvino_")


def test_pillow_opens_pictures_by_itself_beside_ultralytics(cache_folder: Path) -> None:
    load_ultralytics(cache_folder / "ultralytics")
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(b"no picture"))


@pytest.mark.parametrize("engine", ["openvino", "torch", "gpu"])
def test_every_engine_sees_what_ultralytics_own_prediction_sees(
    engine: EngineSetting,
    drawings: dict[str, bytes],
    cache_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if engine == "gpu":
        # The same batches, on the cores.
        monkeypatch.setattr(engines, "gpu", lambda: "a card of this test")
        monkeypatch.setattr(
            yolo,
            "TorchNetwork",
            lambda u, weights, _, batch: TorchNetwork(u, weights, "cpu", batch),
        )
    detector = with_weights(WEIGHTS, cache_folder, engine)
    ultralytics: Any = load_ultralytics(cache_folder / "ultralytics")
    model = ultralytics.YOLO(str(WEIGHTS))
    found = agreed = 0

    for name, sight in detector.detect_many(drawings.items()):
        assert isinstance(sight, Sight)
        (tmp_path / name).write_bytes(drawings[name])
        [result] = model.predict(
            str(tmp_path / name), imgsz=256, conf=0.25, device="cpu", verbose=False
        )
        rows = [row for row in result.boxes.data.tolist() if row[4] >= 0.4]
        theirs = [
            Box(
                detected_class=result.names[int(kind)], confidence=confidence,
                x=left, y=top, width=right - left, height=bottom - top,
            )
            for left, top, right, bottom, confidence, kind in rows
        ]  # fmt: skip
        found += len(theirs)
        agreed += sum(any(alike(box, other) for other in sight.boxes) for box in theirs)
        others = [
            Box(detected_class=result.names[int(row[5])], confidence=row[4], x=row[0], y=row[1],
                width=row[2] - row[0], height=row[3] - row[1])
            for row in result.boxes.data.tolist()
        ]  # fmt: skip
        found += len(sure(sight))
        agreed += sum(any(alike(box, other) for other in others) for box in sure(sight))

    assert found >= 30
    # bf16 moves a box of a confidence near 0.4 to the other side now and then.
    assert agreed >= 0.98 * found


def test_what_is_seen_on_a_picture_does_not_depend_on_its_neighbours(
    drawings: dict[str, bytes], cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "gpu", lambda: "a card of this test")
    monkeypatch.setattr(
        yolo, "TorchNetwork", lambda u, weights, _, batch: TorchNetwork(u, weights, "cpu", batch)
    )
    detector = with_weights(WEIGHTS, cache_folder, "gpu")

    together = dict(detector.detect_many(drawings.items()))

    few = list(drawings)[::5]
    assert {name: together[name] for name in few} == dict(
        detector.detect_many((name, drawings[name]) for name in few)
    )
    assert together[few[0]] == detector.detect(drawings[few[0]])


def test_the_perceptual_hash_is_the_same_whatever_the_engine(
    drawings: dict[str, bytes], cache_folder: Path
) -> None:
    seen = [with_weights(WEIGHTS, cache_folder, engine) for engine in ENGINES]
    smaller = SETTINGS.model_copy(update={"image_size": 64})
    seen.append(YoloDetector(smaller, cache_folder))

    for data in list(drawings.values())[:5]:
        assert len({detector.detect(data).perceptual_hash for detector in seen}) == 1


def test_a_copy_for_openvino_is_made_once_and_told(
    tmp_path: Path, clearest: bytes, detector: YoloDetector
) -> None:
    told: list[tuple[float, str]] = []

    for _ in range(2):
        made = YoloDetector(SETTINGS, tmp_path, on_wait=lambda left, why: told.append((left, why)))
        assert made.detect(clearest) == detector.detect(clearest)

    assert [bool(left) for left, _ in told] == [True, False]
    assert "once for these weights" in told[0][1]
    assert not list((tmp_path / "models").glob(".unfinished*"))
    assert list(WEIGHTS.parent.glob("*openvino*")) == []


def test_two_processes_make_the_copy_once(tmp_path: Path, clearest: bytes) -> None:
    (tmp_path / "drawing.jpg").write_bytes(clearest)
    (tmp_path / "cache" / "models" / ".unfinished-of-a-killed-run").mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path\n"
        "from medwh_assets.detection.yolo import YoloDetector\n"
        "from medwh_assets.settings import DetectionSettings\n"
        f"settings = DetectionSettings(weights=Path({str(WEIGHTS)!r}), image_size=256)\n"
        "detector = YoloDetector(settings, Path('cache'), workers=1)\n"
        "print(detector.detect(Path('drawing.jpg').read_bytes()))\n"
    )
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: run_python(code, tmp_path), range(2))

    assert first == second
    copies = [
        folder.name for folder in (tmp_path / "cache" / "models").iterdir() if folder.is_dir()
    ]
    assert len(copies) == 1
    assert copies[0].endswith("_openvino_model")


def test_an_export_runs_on_openvino(
    tmp_path: Path, clearest: bytes, cache_folder: Path, detector: YoloDetector
) -> None:
    detector.detect(clearest)
    [copy] = (cache_folder / "models").glob(f"{read_weights(WEIGHTS).sha256}*")

    exported = with_weights(copy, tmp_path)

    assert exported.detect(clearest) == detector.detect(clearest)
    assert not (tmp_path / "models").exists()


def test_without_openvino_pytorch_looks(
    cache_folder: Path, clearest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_openvino_precision", lambda: None)

    detector = with_weights(WEIGHTS, cache_folder)

    assert detector.engine.startswith("PyTorch ")
    assert detector.detect(clearest).boxes


def test_pytorch_takes_over_if_the_copy_cannot_be_made_unless_openvino_was_asked_for(
    tmp_path: Path, clearest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> Path:
        raise WeightsError("no such operation")

    monkeypatch.setattr(yolo, "openvino_copy", cannot)

    detector = with_weights(WEIGHTS, tmp_path)
    assert detector.detect(clearest).boxes
    assert detector.engine.startswith("PyTorch ")
    assert "-torch_fp32-" in detector.fingerprint
    with pytest.raises(WeightsError, match="no such operation"):
        with_weights(WEIGHTS, tmp_path, "openvino").detect(clearest)


def test_bad_images_are_answered_and_stop_no_other(
    detector: YoloDetector, drawings: dict[str, bytes]
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


def test_an_image_on_its_side_is_seen_upright(detector: YoloDetector, clearest: bytes) -> None:
    upright = Image.open(io.BytesIO(clearest))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    there = detector.detect(clearest)

    assert there.boxes
    assert detector.detect(turned) == there


def test_boxes_of_a_large_image_are_in_its_own_pixels(
    detector: YoloDetector, clearest: bytes
) -> None:
    small = Image.open(io.BytesIO(clearest))
    large = small.resize((small.width * 6, small.height * 6), Image.Resampling.BICUBIC)

    best_small, *_ = detector.detect(clearest).boxes
    best_large, *_ = detector.detect(encoded(large, "PNG")).boxes

    assert best_large.detected_class == best_small.detected_class
    assert [value / 6 for value in centre(best_large)] == pytest.approx(centre(best_small), abs=6)


def test_weights_that_give_no_boxes_say_so(
    detector: YoloDetector, clearest: bytes, tmp_path: Path
) -> None:
    detector.detect(clearest)  # loads ultralytics, switched off from the network
    classifier = tmp_path / "classifier.pt"
    ultralytics: Any = importlib.import_module("ultralytics")
    ultralytics.YOLO("yolov8n-cls.yaml").save(classifier)

    for engine in ENGINES:
        with pytest.raises(WeightsError, match="a model to 'classify', which gives no boxes"):
            with_weights(classifier, tmp_path, engine).detect(clearest)


def test_a_models_name_is_given_without_loading_an_engine(cache_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from medwh_assets.detection.yolo import YoloDetector\n"
        "from medwh_assets.settings import DetectionSettings\n"
        f"d = YoloDetector(DetectionSettings(weights=Path({str(WEIGHTS)!r})), Path('.'))\n"
        "assert d.model\n"
        "assert not {'torch', 'ultralytics', 'numpy', 'openvino'} & set(sys.modules)\n"
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
    detector: YoloDetector, clearest: bytes
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
        "from medwh_assets.detection.yolo import YoloDetector\n"
        "from medwh_assets.settings import DetectionSettings\n"
        f"settings = DetectionSettings(weights=Path({str(WEIGHTS)!r}), image_size=256)\n"
        "detector = YoloDetector(settings, Path('cache'), workers=2)\n"
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
