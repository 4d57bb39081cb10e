"""The model's copy in OpenVINO's format: made once for each weights, and kept in the cache folder."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import filelock

from medwh_assets.detection.boxes import TASKS_WITH_BOXES
from medwh_assets.detection.networks import import_openvino
from medwh_assets.detection.weights import OPENVINO_ENDING, Weights
from medwh_assets.errors import WeightsError

_LOG: Final = logging.getLogger("medwh.detection")

# It takes 2 s for yolov8n; a model 50 times as large took 40.
_PATIENCE_SECONDS: Final = 900
_EXPECTED_SECONDS: Final = 5
# Raise it when the copy would be made otherwise.
_REVISION: Final = 1
_UNFINISHED: Final = ".unfinished-"
MESSAGE: Final = "making the model's copy for OpenVINO, once for these weights"

# Told how many seconds something still takes, and what it is; at last 0.
Countdown = Callable[[float, str], None]


def openvino_copy(
    weights: Weights,
    folder: Path,
    version: str,
    load_ultralytics: Callable[[], Any],
    on_wait: Countdown,
) -> Path:
    """Return the OpenVINO folder of a .pt file, made now if it is not there yet.

    Two processes make it once: the second waits. It takes its name when it is whole, so a killed
    one leaves nothing that is taken for a copy, and the next removes what it left.

    Args:
        weights: a .pt file.
        folder: where copies are kept.
        version: of openvino; a copy is made anew for another.
        load_ultralytics: gives the package, switched off from the network.
        on_wait: told while it is being made.

    Raises:
        WeightsError: the weights are no model, or the copy cannot be made.
    """
    target = folder / f"{weights.sha256}-{version}-{_REVISION}{OPENVINO_ENDING}"
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    on_wait(_EXPECTED_SECONDS, MESSAGE)
    try:
        with filelock.FileLock(folder / ".lock", timeout=_PATIENCE_SECONDS):
            if not target.is_dir():
                _LOG.info("%s: %s", MESSAGE, weights.path)
                for left in folder.glob(f"{_UNFINISHED}*"):
                    shutil.rmtree(left, ignore_errors=True)
                with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as unfinished:
                    _export(weights, Path(unfinished), load_ultralytics()).rename(target)
                _LOG.info("the copy is %s", target)
    except filelock.Timeout as error:
        raise WeightsError(
            f"another process has been making {target} for {_PATIENCE_SECONDS} s; stop it, or set "
            "MEDWH_YOLO_ENGINE to torch"
        ) from error
    finally:
        on_wait(0, MESSAGE)
    return target


def _export(weights: Weights, folder: Path, ultralytics: Any) -> Path:
    """Export into a folder; ultralytics puts the result beside the file that it reads."""
    import_openvino()
    try:
        file = folder / "model.pt"
        try:
            file.symlink_to(weights.path)
        except OSError:
            shutil.copyfile(weights.path, file)
        yolo = ultralytics.YOLO(str(file))
        if yolo.task not in TASKS_WITH_BOXES:
            raise no_boxes(weights, yolo.task)
        # Models that suppress doubles themselves go on doing so.
        own: dict[str, Any] = {"nms": False} if getattr(yolo.model, "end2end", False) else {}
        with warnings.catch_warnings():
            # Torch deprecates the way that ultralytics goes.
            warnings.simplefilter("ignore")
            exported: str = yolo.export(
                format="openvino", dynamic=True, device="cpu", verbose=False, **own
            )
        return Path(exported).resolve()
    except WeightsError:
        raise
    except Exception as error:
        raise cannot_be_used(weights, error) from error


def no_boxes(weights: Weights, task: str) -> WeightsError:
    """Say that a model does not see things."""
    return WeightsError(
        f"MEDWH_YOLO_WEIGHTS: {weights.path} is a model to {task!r}, which gives no boxes; use "
        "weights for detection"
    )


def cannot_be_used(weights: Weights, error: Exception) -> WeightsError:
    """Say that a file is no model, or none that can be run here."""
    # Unpicklers, ONNX and OpenVINO each have exceptions of their own for a bad model.
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return WeightsError(
        f"MEDWH_YOLO_WEIGHTS: {weights.path} cannot be used as a model ({reason}); download or "
        "export it again"
    )
