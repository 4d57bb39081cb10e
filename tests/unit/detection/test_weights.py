import hashlib
import re
from pathlib import Path

import pytest

from medwh_assets.detection import offline
from medwh_assets.detection.weights import read_weights
from medwh_assets.detection.yolo import REVISION, YoloDetector
from medwh_assets.errors import SettingError, WeightsError
from medwh_assets.settings import DetectionSettings


def weights_file(folder: Path, name: str = "Some Model.v2.pt", content: bytes = b"w") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def openvino_folder(folder: Path, name: str = "tiny_openvino_model") -> Path:
    path = folder / name
    path.mkdir()
    (path / "tiny.xml").write_text("<net/>")
    (path / "tiny.bin").write_bytes(b"weights")
    return path


def model(weights: Path, confidence: float = 0.25, image_size: int = 640) -> str:
    settings = DetectionSettings(weights=weights, confidence=confidence, image_size=image_size)
    return YoloDetector(settings, weights.parent).model


def test_weights_are_hashed_and_told_by_their_format(tmp_path: Path) -> None:
    pt, onnx = weights_file(tmp_path, "a.pt"), weights_file(tmp_path, "a.ONNX")

    assert read_weights(pt).format == "pt"
    assert read_weights(onnx).format == "onnx"
    assert read_weights(openvino_folder(tmp_path)).format == "openvino"
    assert read_weights(pt).sha256 == hashlib.sha256(b"w").hexdigest()
    assert read_weights(pt).path.is_absolute()


def test_every_file_of_an_openvino_folder_counts_in_its_hash(tmp_path: Path) -> None:
    folder = openvino_folder(tmp_path)
    before = read_weights(folder).sha256

    (folder / "tiny.bin").write_bytes(b"other weights")

    assert read_weights(folder).sha256 != before


def test_missing_weights_name_the_setting_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"MEDWH_YOLO_WEIGHTS: there are no weights at .*\.pt"):
        read_weights(tmp_path / "none.pt")


@pytest.mark.parametrize("name", ["model.engine", "model", "model.pt.zip"])
def test_a_format_that_is_not_taken_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="MEDWH_YOLO_WEIGHTS"):
        read_weights(weights_file(tmp_path, name))


def test_a_folder_that_is_no_openvino_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty_openvino_model").mkdir()

    for folder in (tmp_path, tmp_path / "empty_openvino_model"):
        with pytest.raises(WeightsError, match="no OpenVINO model"):
            read_weights(folder)


def test_a_models_name_tells_all_that_makes_the_boxes_but_the_engine(tmp_path: Path) -> None:
    path = weights_file(tmp_path)

    name = model(path)

    sha = hashlib.sha256(b"w").hexdigest()[:12]
    assert name == f"some_model_v2-{sha}-c0.25-s640-r{REVISION}"
    assert name == model(path)
    others = {
        model(path, confidence=0.3),
        model(path, image_size=320),
        model(weights_file(tmp_path, content=b"v")),
    }
    assert len(others - {name}) == 3


def test_a_fingerprint_is_the_model_and_its_engine(tmp_path: Path) -> None:
    settings = DetectionSettings(weights=weights_file(tmp_path), engine="torch")
    detector = YoloDetector(settings, tmp_path)

    assert re.fullmatch(re.escape(detector.model) + r"-torch_fp32-\d+\.\d+", detector.fingerprint)


def test_only_what_the_same_engine_saw_counts_if_that_is_asked_for(tmp_path: Path) -> None:
    settings = DetectionSettings(weights=weights_file(tmp_path), engine="torch", same_engine=True)
    detector = YoloDetector(settings, tmp_path)

    assert detector.model == detector.fingerprint


def test_a_fingerprint_is_safe_as_a_file_name(tmp_path: Path) -> None:
    for name in ("የመድኃኒት.pt", "a b'c.pt", f"{'x' * 200}.pt", "...pt.pt"):
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,120}", model(weights_file(tmp_path, name)))


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_DISTRIBUTIONS", ("medwh-never-published",))

    with pytest.raises(SettingError, match=r"pip install .*medwh\[detection\]"):
        model(weights_file(tmp_path))
