"""Detection weights on disk: their format and their hash, found out without torch."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from medwh_assets.errors import WeightsError

Format = Literal["pt", "onnx", "openvino"]

_SETTING: Final = "MEDWH_YOLO_WEIGHTS"
# Ultralytics tells an OpenVINO folder by this ending.
OPENVINO_ENDING: Final = "_openvino_model"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's file (.pt, .onnx) or folder (OpenVINO).

    Attributes:
        path: absolute, and there.
        format: how the model is written.
        sha256: hash of the content, lower-case hexadecimal.
    """

    path: Path
    format: Format
    sha256: str


def read_weights(path: Path) -> Weights:
    """Find a model's weights and hash them.

    Raises:
        WeightsError: nothing readable of a known format lies there.
    """
    path = path.expanduser().absolute()
    if not path.exists():
        raise WeightsError(
            f"{_SETTING}: there are no weights at {path}; set it to a .pt or .onnx file or to an "
            "OpenVINO folder. `medwh weights yolov8n` downloads stock ones"
        )
    written = _format(path)
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    try:
        sha256 = _sha256(files) if path.is_dir() else _file_sha256(path)
    except OSError as error:
        raise WeightsError(
            f"{_SETTING}: {error.filename} cannot be read ({error.strerror}); "
            "make it readable for this user"
        ) from error
    return Weights(path, written, sha256)


def _format(path: Path) -> Format:
    if path.is_dir():
        if path.name.endswith(OPENVINO_ENDING) and any(path.glob("*.xml")):
            return "openvino"
        raise WeightsError(
            f"{_SETTING}: the folder {path} is no OpenVINO model; its name must end in "
            f"{OPENVINO_ENDING} and it must hold an .xml file"
        )
    match path.suffix.lower():
        case ".pt":
            return "pt"
        case ".onnx":
            return "onnx"
        case _:
            raise WeightsError(
                f"{_SETTING}: {path} is neither .pt nor .onnx nor an OpenVINO folder; "
                "export the model to one of these"
            )


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(files: Iterable[Path]) -> str:
    lines = (f"{_file_sha256(file)}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
