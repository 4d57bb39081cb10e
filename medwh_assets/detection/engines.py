"""Which engine runs the model on this machine: a GPU, else OpenVINO, else PyTorch on the cores.

Measured on two cores with yolov8n at 640 pixels: `model(path)` in PyTorch 12 images/s, PyTorch with
a model for each core 24, ONNX Runtime 29, OpenVINO 33, all with the same boxes; OpenVINO with 8-bit
weights 44 with other boxes. Threads inside PyTorch collapse to 1 or 2 images/s when another process
is busy, and batches of mixed shapes make a result depend on its neighbours.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal

from medwh_assets.detection.networks import gpu, import_openvino, openvino_precision
from medwh_assets.detection.weights import Weights
from medwh_assets.errors import SettingError
from medwh_assets.settings import EngineSetting

EngineName = Literal["gpu", "openvino", "torch"]

_SETTING: Final = "MEDWH_YOLO_ENGINE"
_INSTALL: Final = "pip install 'medwh[detection]'"


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs a model.

    Attributes:
        name: the kind.
        precision: of its numbers.
        version: major and minor, of the package.
        where: on what, in words.
    """

    name: EngineName
    precision: str
    version: str
    where: str

    @property
    def fingerprint(self) -> str:
        """Kind, precision and version, safe as part of a file name."""
        return f"{self.name}_{self.precision}-{self.version}"

    def __str__(self) -> str:
        package = "OpenVINO" if self.name == "openvino" else "PyTorch"
        return f"{package} {self.version} ({self.precision}) on {self.where}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has; asked only as far as the choice needs it.

    Attributes:
        gpu: the name of a GPU that PyTorch can use, or None.
        openvino_precision: how OpenVINO computes here, or None where it is not installed.
        version: the version of a package.
        cores: cores that this process may use.
    """

    gpu: Callable[[], str | None]
    openvino_precision: Callable[[], str | None]
    version: Callable[[str], str]
    cores: int


def this_machine(cores: int) -> Machine:
    """Return the machine that this runs on."""
    return Machine(gpu, _openvino_precision, _version, cores)


def choose(wanted: EngineSetting, weights: Weights, machine: Machine) -> Engine:
    """Choose what runs a model.

    Args:
        wanted: the setting.
        weights: the model; an export runs on the engine that it was made for.
        machine: what there is.

    Raises:
        SettingError: what is wanted is not there, or cannot run these weights.
    """
    exported = weights.format != "pt"
    if exported and wanted in ("gpu", "torch"):
        raise SettingError(
            f"{_SETTING} is {wanted}, but {weights.path.name} is an export that runs on OpenVINO: "
            f"set {_SETTING} to auto, or MEDWH_YOLO_WEIGHTS to the .pt file"
        )
    if wanted in ("auto", "gpu") and not exported and (card := machine.gpu()) is not None:
        return Engine("gpu", "fp32", machine.version("torch"), card)
    if wanted == "gpu":
        raise SettingError(
            f"{_SETTING} is gpu, but PyTorch finds no CUDA GPU here: install NVIDIA's driver and "
            f"PyTorch's CUDA build, or set {_SETTING} to auto"
        )
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    if wanted != "torch" and (precision := machine.openvino_precision()) is not None:
        return Engine("openvino", precision, machine.version("openvino"), cores)
    if wanted == "openvino" or exported:
        what = f"{weights.path.name} runs" if exported else f"{_SETTING} is openvino, which runs"
        raise SettingError(
            f"{what} on OpenVINO, which is not installed here or does not load: {_INSTALL}"
        )
    return Engine("torch", "fp32", machine.version("torch"), cores)


def _openvino_precision() -> str | None:
    if importlib.util.find_spec("openvino") is None:
        return None
    try:
        return openvino_precision(import_openvino())
    except (ImportError, OSError, RuntimeError):
        # A wheel for another system, or a processor that it does not know.
        return None


def _version(package: str) -> str:
    try:
        return ".".join(version(package).partition("+")[0].split(".")[:2])
    except PackageNotFoundError as error:
        raise SettingError(f"detection is not installed: {_INSTALL}") from error
