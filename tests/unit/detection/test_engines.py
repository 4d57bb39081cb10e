from pathlib import Path

import pytest

from medwh_assets.detection.engines import Machine, choose
from medwh_assets.detection.weights import Format, Weights
from medwh_assets.errors import SettingError
from medwh_assets.settings import EngineSetting


def machine(gpu: str | None = None, precision: str | None = "bf16", cores: int = 4) -> Machine:
    return Machine(lambda: gpu, lambda: precision, lambda _: "2.9", cores)


def weights(written: Format = "pt") -> Weights:
    return Weights(Path("/weights/best.pt"), written, "ab" * 32)


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("auto", machine("a card"), "gpu_fp32-2.9"),
        ("auto", machine(), "openvino_bf16-2.9"),
        ("auto", machine(precision="f32"), "openvino_f32-2.9"),
        ("auto", machine(precision=None), "torch_fp32-2.9"),
        ("gpu", machine("a card"), "gpu_fp32-2.9"),
        ("openvino", machine("a card"), "openvino_bf16-2.9"),
        ("torch", machine("a card"), "torch_fp32-2.9"),
    ],
)
def test_the_fastest_engine_that_is_there_or_asked_for_is_chosen(
    wanted: EngineSetting, there: Machine, chosen: str
) -> None:
    assert choose(wanted, weights(), there).fingerprint == chosen


@pytest.mark.parametrize("written", ["onnx", "openvino"])
def test_an_export_runs_on_openvino_even_beside_a_gpu(written: Format) -> None:
    assert choose("auto", weights(written), machine("a card")).name == "openvino"


def test_an_engine_tells_what_it_runs_on() -> None:
    said = [str(choose("auto", weights(), there)) for there in (machine("a card"), machine())]
    one = choose("torch", weights(), machine(cores=1))

    assert said == ["PyTorch 2.9 (fp32) on a card", "OpenVINO 2.9 (bf16) on 4 cores"]
    assert str(one) == "PyTorch 2.9 (fp32) on 1 core"


@pytest.mark.parametrize(
    ("wanted", "written", "there", "reason"),
    [
        ("gpu", "pt", machine(), "finds no CUDA GPU here"),
        ("openvino", "pt", machine(precision=None), "not installed here .* pip install"),
        (
            "auto",
            "onnx",
            machine(precision=None),
            "best.pt runs on OpenVINO, which is not installed",
        ),
        ("torch", "onnx", machine(), "MEDWH_YOLO_ENGINE is torch, but best.pt is an export"),
        ("gpu", "openvino", machine("a card"), "set MEDWH_YOLO_ENGINE to auto"),
    ],
)
def test_an_engine_that_cannot_be_is_refused_with_what_to_do(
    wanted: EngineSetting, written: Format, there: Machine, reason: str
) -> None:
    with pytest.raises(SettingError, match=reason):
        choose(wanted, weights(written), there)
