"""The detector: Ultralytics on the CPU, one image per call, one model per worker thread.

Measured on two cores with yolov8n: one call per image in one thread 12 images/s, two threads with
a model each 24, with the same boxes. Threads inside torch give less (21) and collapse to 1 or 2
when another process is busy; batches of mixed shapes pad every image to a square, so that a result
would depend on its neighbours.
"""

import importlib
import logging
import math
import re
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from medwh_assets.detection.offline import load_ultralytics, ultralytics_version
from medwh_assets.detection.weights import Weights, read_weights
from medwh_assets.detection.workers import answer_all, default_workers
from medwh_assets.errors import ImageError, WeightsError
from medwh_assets.lake.images import decode_rgb
from medwh_assets.lake.records import Box, mend
from medwh_assets.settings import DetectionSettings

K = TypeVar("K")

_LOG: Final = logging.getLogger(__name__)

# Raise it when the same weights and options would give other boxes: decoding, thresholds, rounding.
REVISION: Final = 1

_IOU: Final = 0.7
_MAX_BOXES: Final = 300
_TASKS_WITH_BOXES: Final = ("detect", "segment", "pose")


class UltralyticsDetector:
    """Sees things on images with any Ultralytics detection weights.

    Torch is imported when the first image is looked at, so a run that finds everything in the
    cache never pays for it. Safe to use from several threads.
    """

    def __init__(
        self, settings: DetectionSettings, cache_folder: Path, workers: int | None = None
    ) -> None:
        """Find the weights and name the model.

        Args:
            settings: weights, confidence and image size.
            cache_folder: where ultralytics may keep its own settings file.
            workers: threads that look at images; as many as the process may use cores if None.

        Raises:
            WeightsError: the weights are missing or unreadable.
            SettingError: the `detection` extra is not installed.
        """
        self._settings = settings
        self._weights = read_weights(settings.weights)
        self._config_folder = cache_folder / "ultralytics"
        self._workers = workers or default_workers()
        self._fingerprint = _fingerprint(self._weights, settings, ultralytics_version())
        self._idle: list[_Model] = []
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Model, weights hash, options, engine and version: equal fingerprints give equal boxes.

        `<name>-<sha256[:12]>-c<confidence>-s<image size>-<engine>-u<ultralytics>-r<revision>`,
        safe as a file name.
        """
        return self._fingerprint

    def detect(self, image: bytes) -> tuple[Box, ...]:
        """Return the boxes found on one encoded image, best first.

        Boxes are in pixels of the upright image, to 2 decimals, confidences to 4.

        Raises:
            ImageError: the bytes are no safe, whole image, or the model fails on it.
            WeightsError: the weights cannot be loaded or do not detect boxes.
        """
        with self._model() as model:
            return model.look(image)

    def detect_many(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, tuple[Box, ...] | ImageError]]:
        """Look at many images at once, on every worker thread.

        Answers come as they are ready, not in the order of the images, so that whoever keeps them
        loses no more than the images in flight if it is killed. `images` is read on the caller's
        thread, two images per worker ahead. A bad image never stops the others.

        Yields:
            An image's key, and its boxes as `detect` returns them or why there are none.

        Raises:
            WeightsError: the weights cannot be loaded or do not detect boxes.
        """
        return answer_all(images, self._answer, self._workers)

    def _answer(self, image: bytes) -> tuple[Box, ...] | ImageError:
        try:
            return self.detect(image)
        except ImageError as error:
            return error

    @contextmanager
    def _model(self) -> Generator["_Model", None, None]:
        """Lend a model to one thread; there are never more than threads that look at once."""
        with self._lock:
            # Loading stays under the lock: it changes process-wide state in torch and ultralytics.
            model = self._idle.pop() if self._idle else self._load()
        try:
            yield model
        finally:
            with self._lock:
                self._idle.append(model)

    def _load(self) -> "_Model":
        return _Model(load_ultralytics(self._config_folder), self._weights, self._settings)


class _Model:
    """One loaded model, for one thread at a time. Everything untyped of ultralytics ends here."""

    def __init__(self, ultralytics: Any, weights: Weights, settings: DetectionSettings) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._numpy: Any = importlib.import_module("numpy")
        self._options: dict[str, Any] = {
            "conf": settings.confidence,
            "imgsz": settings.image_size,
            "iou": _IOU,
            "max_det": _MAX_BOXES,
            "rect": True,
            "device": "cpu",
            "verbose": False,
            "save": False,
        }
        try:
            task = None if weights.engine == "torch" else "detect"
            self._yolo = ultralytics.YOLO(str(weights.path), task=task)
            self._check_task(weights)
            blank = self._numpy.full((64, 64, 3), 114, dtype="uint8")
            [result] = self._yolo.predict(blank, **self._options)
        except WeightsError:
            raise
        except Exception as error:
            # Unpicklers, ONNX and OpenVINO each have exceptions of their own for a bad model.
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise WeightsError(
                f"MEDWH_YOLO_WEIGHTS: {weights.path} cannot be used as a model ({reason}); "
                "download or export it again"
            ) from error
        # Not always the one asked for: an export of static shape takes its own only.
        self._image_size = max(self._yolo.predictor.imgsz)
        self._names = {int(i): mend(str(name))[0] for i, name in result.names.items()}

    def _check_task(self, weights: Weights) -> None:
        task = self._yolo.task
        if task not in _TASKS_WITH_BOXES:
            raise WeightsError(
                f"MEDWH_YOLO_WEIGHTS: {weights.path} is a model to {task!r}, which gives no "
                "boxes; use weights for detection"
            )

    def look(self, image: bytes) -> tuple[Box, ...]:
        """Return an image's boxes, best first.

        Raises:
            ImageError: the image is bad, or the model fails on it.
        """
        # Twice the model's size: what Telegram calls a photo (1280 pixels) stays as it is.
        decoded = decode_rgb(image, enough=2 * self._image_size)
        bgr = self._numpy.ascontiguousarray(self._numpy.asarray(decoded.pixels)[:, :, ::-1])
        # Ultralytics sets torch to all cores but one whenever it loads a model.
        if self._torch.get_num_threads() != 1:
            self._torch.set_num_threads(1)
        try:
            [result] = self._yolo.predict(bgr, **self._options)
            rows: list[list[float]] = result.boxes.data.tolist()
        except Exception as error:
            # The model has answered a blank image before, so this is about this image alone.
            _LOG.warning("the model fails on an image", exc_info=error)
            raise ImageError(f"the model fails on it: {type(error).__name__}") from error
        return boxes(rows, self._names, decoded.shrunk_by, decoded.width, decoded.height)


def boxes(
    rows: list[list[float]], names: dict[int, str], factor: int, width: int, height: int
) -> tuple[Box, ...]:
    """Turn a model's rows into boxes on the whole image, best first.

    Args:
        rows: left, top, right, bottom in pixels of the picture that the model got; confidence;
            class.
        names: the model's classes.
        factor: how many times smaller than the image that picture was.
        width: pixels of the image.
        height: pixels of the image.

    Raises:
        ImageError: a value is no finite number.
    """
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ImageError("the model gives a box that is no number")
    found = [_box(row, names[int(row[5])], factor, width, height) for row in rows]
    return tuple(sorted(found, key=_best_first))


def _box(row: list[float], name: str, factor: int, width: int, height: int) -> Box:
    left, right = (min(max(value * factor, 0), width) for value in (row[0], row[2]))
    top, bottom = (min(max(value * factor, 0), height) for value in (row[1], row[3]))
    return Box(
        detected_class=name,
        confidence=round(row[4], 4),
        x=round(left, 2),
        y=round(top, 2),
        width=round(right - left, 2),
        height=round(bottom - top, 2),
    )


def _best_first(box: Box) -> tuple[float, str, float, float, float, float]:
    return (-box.confidence, box.detected_class, box.x, box.y, box.width, box.height)


def _fingerprint(
    weights: Weights, settings: DetectionSettings, ultralytics: tuple[int, int]
) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", weights.path.stem.lower()).strip("_")[:40] or "weights"
    # An exported model has its precision inside, and so in its hash; torch is told to use fp32.
    engine = "torch_fp32" if weights.engine == "torch" else weights.engine
    return "-".join(
        (
            name,
            weights.sha256[:12],
            f"c{settings.confidence:g}",
            f"s{settings.image_size}",
            engine,
            f"u{ultralytics[0]}.{ultralytics[1]}",
            f"r{REVISION}",
        )
    )
