"""What runs a model: OpenVINO on the cores, or PyTorch on the cores or on a GPU.

A network takes pictures as the model wants them and returns the model's raw output. Everything
untyped of openvino, torch and ultralytics ends here; decoding and boxes are the same for all.
"""

import ast
import importlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from medwh_assets.detection.boxes import ModelFacts, class_names

# A GPU is kept busy by 16 pictures of 640 pixels; more only cost memory.
GPU_BATCH: Final = 16


class Network(Protocol):
    """A loaded model."""

    @property
    def facts(self) -> ModelFacts:
        """What has to be known to read its output."""
        ...

    @property
    def batch(self) -> int:
        """How many pictures of equal size it takes at once."""
        ...

    @property
    def shared(self) -> bool:
        """Whether all threads share it; if not, each has one of its own."""
        ...

    def run(self, pictures: Sequence[Any]) -> list[Any]:
        """Return the raw output for each picture (height x width x RGB, bytes, all of one size).

        An output depends on its picture alone, not on how many others came with it.
        """
        ...


def import_openvino() -> Any:
    """Import openvino, without its telemetry, which would report conversions to Google Analytics."""
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    return importlib.import_module("openvino")


def openvino_precision(openvino: Any) -> str:
    """Return how the processor computes fastest at equal detections: bf16 where it knows that.

    Measured over photographs: 173 of 174 boxes are the same, confidences differ by 0.006.
    """
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in able else "f32"


class OpenVinoNetwork:
    """A model in OpenVINO's format or in ONNX, on the cores; several threads may run it at once.

    Args:
        model: an OpenVINO folder or an ONNX file.
        threads: cores to use, one per picture.
    """

    batch: int = 1
    shared: bool = True

    def __init__(self, model: Path, threads: int) -> None:
        """Load the model."""
        openvino = import_openvino()
        core = openvino.Core()
        file = next(iter(sorted(model.glob("*.xml")))) if model.is_dir() else model
        loaded = core.read_model(file)
        height, width = list(loaded.input().get_partial_shape())[2:]
        fixed = None
        if height.is_static and width.is_static:
            fixed = (height.get_length(), width.get_length())
        self.facts = _facts(_metadata(model, loaded), fixed)
        preparing = openvino.preprocess.PrePostProcessor(loaded)
        picture = preparing.input()
        picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        picture.model().set_layout(openvino.Layout("NCHW"))
        picture.preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
        prepared = preparing.build()
        prepared.reshape([1, *(fixed or (-1, -1)), 3])
        self._compiled = core.compile_model(
            prepared,
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": threads,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": openvino_precision(openvino),
                # The machine has other work too.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._of_thread = threading.local()

    def run(self, pictures: Sequence[Any]) -> list[Any]:
        """Return the output for each picture."""
        return [self._run(picture) for picture in pictures]

    def _run(self, picture: Any) -> Any:
        try:
            request = self._of_thread.request
        except AttributeError:
            request = self._of_thread.request = self._compiled.create_infer_request()
        request.infer([picture[None]])
        return request.get_output_tensor(0).data[0].copy()


def _metadata(model: Path, loaded: Any) -> dict[str, Any]:
    """Return what Ultralytics wrote beside or into an exported model."""
    if model.is_dir():
        metadata = yaml.safe_load((model / "metadata.yaml").read_bytes())
    else:
        read = {name: loaded.get_rt_info(["framework", name]).astype(str) for name in _KEYS}
        metadata = {name: _parsed(text) for name, text in read.items()}
    return dict(metadata)


_KEYS: Final = ("names", "task", "stride")


def _parsed(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _facts(metadata: dict[str, Any], fixed: tuple[int, int] | None) -> ModelFacts:
    return ModelFacts(
        names=class_names(metadata["names"]),
        task=str(metadata["task"]),
        stride=int(metadata["stride"]),
        fixed=fixed,
        end_to_end=bool(metadata.get("end2end")),
    )


class TorchNetwork:
    """A model in PyTorch: one for all threads on a GPU, else one for each.

    Args:
        ultralytics: the package, switched off from the network.
        weights: a .pt file.
        device: `cpu` or `cuda`.
        batch: pictures at once; fewer are filled up, so that all calls are of one shape.
    """

    def __init__(self, ultralytics: Any, weights: Path, device: str, batch: int) -> None:
        """Load the model."""
        self.batch = batch
        self.shared = device != "cpu"
        self._turn = threading.Lock()
        self._torch: Any = importlib.import_module("torch")
        self._device = device
        yolo = ultralytics.YOLO(str(weights))
        model = yolo.model
        self.facts = ModelFacts(
            names=class_names(model.names),
            task=str(yolo.task),
            stride=max(int(model.stride.max()), 32),
            end_to_end=bool(getattr(model, "end2end", False)),
        )
        if device != "cpu":
            # Convolutions would otherwise be rounded to 10 bits, and give other boxes.
            self._torch.backends.cudnn.allow_tf32 = False
        self._model = model.to(device).float().fuse(verbose=False).eval()

    def run(self, pictures: Sequence[Any]) -> list[Any]:
        """Return the output for each picture."""
        torch = self._torch
        # Ultralytics sets torch to all cores but one whenever it loads a model. One thread and many
        # models are faster, and do not collapse when another process is busy.
        if self._device == "cpu" and torch.get_num_threads() != 1:
            torch.set_num_threads(1)
        with self._turn, torch.inference_mode():
            given = torch.zeros((self.batch, *pictures[0].shape), dtype=torch.uint8)
            for number, picture in enumerate(pictures):
                given[number] = torch.from_numpy(picture)
            given = given.to(self._device).permute(0, 3, 1, 2).float().div(255)
            output = self._model(given)
            while not hasattr(output, "cpu"):
                output = output[0]
            return list(output.cpu().numpy()[: len(pictures)])


def gpu() -> str | None:
    """Return the name of a GPU that PyTorch can use, or None.

    PyTorch is imported only where a driver is there: that takes a second.
    """
    if not _has_driver():
        return None
    torch: Any = importlib.import_module("torch")
    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else None


def _has_driver() -> bool:
    import ctypes

    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver: Any = ctypes.CDLL(name)
        count = ctypes.c_int(0)
        return (
            driver.cuInit(0) == 0
            and not driver.cuDeviceGetCount(ctypes.byref(count))
            and count.value > 0
        )
    except (OSError, AttributeError):
        return False
