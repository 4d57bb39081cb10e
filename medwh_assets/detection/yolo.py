"""The detector: any Ultralytics weights, on the engine that is fastest on this machine.

A picture is decoded, laid into the model's size, run and read on one worker thread, so that some
are decoded while others are looked at, and no result depends on another picture. A GPU gets batches
of pictures of one size, always filled up to the same number, which the workers have prepared.
"""

import importlib
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from medwh_assets.detection.boxes import TASKS_WITH_BOXES, boxes, found_rows
from medwh_assets.detection.engines import Engine, choose, this_machine
from medwh_assets.detection.exporting import Countdown, cannot_be_used, no_boxes, openvino_copy
from medwh_assets.detection.letterbox import Letterbox, laid_in, letterbox
from medwh_assets.detection.networks import GPU_BATCH, Network, OpenVinoNetwork, TorchNetwork
from medwh_assets.detection.offline import load_ultralytics, ultralytics_version
from medwh_assets.detection.perceptual_hash import perceptual_hash
from medwh_assets.detection.weights import Weights, read_weights
from medwh_assets.detection.workers import answer_all, default_workers
from medwh_assets.errors import ImageError, SettingError, WeightsError
from medwh_assets.lake.images import decode_rgb
from medwh_assets.lake.ports import Sight
from medwh_assets.settings import DetectionSettings

K = TypeVar("K")

_LOG: Final = logging.getLogger("medwh.detection")

# Raise it when the same weights and options would give other boxes or another perceptual hash:
# decoding, thresholds, rounding.
REVISION: Final = 2

# Pictures that wait for others of their size before a GPU gets them as they are.
_MOST_WAITING: Final = 4 * GPU_BATCH


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A picture as the model gets it, and what is needed to read the answer.

    Attributes:
        picture: height x width x RGB, bytes.
        layout: how it was laid in.
        shrunk_by: how many times smaller than the image it was before.
        size: width and height of the image.
        perceptual_hash: of the image.
    """

    picture: Any
    layout: Letterbox
    shrunk_by: int
    size: tuple[int, int]
    perceptual_hash: str


def _nobody(_: float, __: str) -> None:
    """Tell nobody."""


class YoloDetector:
    """Sees things on images with any Ultralytics detection weights.

    Nothing heavy is imported before the first image is looked at, so a run that finds everything in
    the cache never pays for it. Safe to use from several threads.
    """

    def __init__(
        self,
        settings: DetectionSettings,
        cache_folder: Path,
        workers: int | None = None,
        on_wait: Countdown = _nobody,
    ) -> None:
        """Find the weights and name the model.

        Args:
            settings: weights, confidence, image size and engine.
            cache_folder: where ultralytics keeps its own settings file, and exports are kept.
            workers: threads that look at images; as many as the process may use cores if None.
            on_wait: told while something is made that takes its time.

        Raises:
            WeightsError: the weights are missing or unreadable.
            SettingError: the `detection` extra is not installed.
        """
        ultralytics_version()
        self._settings = settings
        self._weights = read_weights(settings.weights)
        self._cache = cache_folder
        self._workers = workers or default_workers()
        self._on_wait = on_wait
        self._name = model_name(self._weights, settings)
        self._lock = threading.Lock()
        self._chosen: Engine | None = None
        self._shared: Network | None = None
        self._idle: list[Network] = []

    @property
    def model(self) -> str:
        """What counts as having seen an image.

        `<name>-<sha256[:12]>-c<confidence>-s<image size>-r<revision>`: what any engine saw, unless
        the settings ask for the same engine; then all of the fingerprint.
        """
        return self.fingerprint if self._settings.same_engine else self._name

    @property
    def fingerprint(self) -> str:
        """The model and the engine that runs it: equal fingerprints give equal boxes.

        `<model>-<engine>_<precision>-<version of its package>`, safe as a file name.

        Raises:
            SettingError: the engine that is asked for is not there.
        """
        return f"{self._name}-{self._engine.fingerprint}"

    @property
    def engine(self) -> str:
        """What runs the model, in words.

        Raises:
            SettingError: the engine that is asked for is not there.
        """
        return str(self._engine)

    @property
    def _engine(self) -> Engine:
        with self._lock:
            if self._chosen is None:
                machine = this_machine(self._workers)
                self._chosen = choose(self._settings.engine, self._weights, machine)
            return self._chosen

    def detect(self, image: bytes) -> Sight:
        """Look at one encoded image.

        Boxes are in pixels of the upright image, to 2 decimals, confidences to 4, best first.

        Raises:
            ImageError: the bytes are no safe, whole image, or the model fails on it.
            WeightsError: the weights cannot be loaded or do not detect boxes.
            SettingError: the engine that is asked for is not there.
        """
        with self._network() as network:
            prepared = self._prepare(network, image)
            return self._read(network, prepared, _run(network, [prepared])[0])

    def detect_many(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        """Look at many images at once, on all that the engine has.

        Answers come as they are ready, not in the order of the images, so that whoever keeps them
        loses no more than the images in flight if it is killed. `images` is read on the caller's
        thread, two images per worker ahead. A bad image never stops the others.

        Yields:
            An image's key, and what `detect` returns or why nothing was seen.

        Raises:
            WeightsError: the weights cannot be loaded or do not detect boxes.
            SettingError: the engine that is asked for is not there.
        """
        if self._engine.name == "gpu":
            return self._in_batches(images)
        return answer_all(
            images, lambda image: _or_error(lambda: self.detect(image)), self._workers
        )

    def _in_batches(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        """Prepare on the workers, and run what is of one size together."""
        with self._network() as network:
            waiting: defaultdict[tuple[int, int], list[tuple[K, _Prepared]]] = defaultdict(list)

            def prepare(image: bytes) -> "_Prepared | ImageError":
                return _or_error(lambda: self._prepare(network, image))

            for key, prepared in answer_all(images, prepare, self._workers):
                if isinstance(prepared, ImageError):
                    yield key, prepared
                    continue
                group = waiting[prepared.layout.shape]
                group.append((key, prepared))
                if sum(map(len, waiting.values())) >= _MOST_WAITING:
                    group = max(waiting.values(), key=len)
                elif len(group) < network.batch:
                    continue
                yield from self._look_together(network, group[: network.batch])
                del group[: network.batch]
            for group in waiting.values():
                for first in range(0, len(group), network.batch):
                    yield from self._look_together(network, group[first : first + network.batch])

    def _look_together(
        self, network: Network, group: list[tuple[K, _Prepared]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        try:
            outputs = _run(network, [prepared for _, prepared in group])
        except ImageError as error:
            yield from ((key, error) for key, _ in group)
            return
        for (key, prepared), output in zip(group, outputs, strict=True):
            yield key, _or_error(lambda p=prepared, o=output: self._read(network, p, o))

    def _prepare(self, network: Network, image: bytes) -> _Prepared:
        size = self._settings.image_size
        into = network.facts.fixed or (size, size)
        # Twice the model's size: what Telegram calls a photo (1280 pixels) stays as it is.
        decoded = decode_rgb(image, enough=2 * max(into))
        pixels = importlib.import_module("numpy").asarray(decoded.pixels)
        stride = None if network.facts.fixed else network.facts.stride
        layout = letterbox(*decoded.pixels.size, into=into, stride=stride)
        return _Prepared(
            picture=laid_in(pixels, layout),
            layout=layout,
            shrunk_by=decoded.shrunk_by,
            size=(decoded.width, decoded.height),
            perceptual_hash=perceptual_hash(decoded.miniature),
        )

    def _read(self, network: Network, prepared: _Prepared, output: Any) -> Sight:
        rows = found_rows(output, network.facts, self._settings.confidence).tolist()
        seen = boxes(rows, network.facts.names, prepared.layout, prepared.shrunk_by, *prepared.size)
        return Sight(seen, prepared.perceptual_hash)

    @contextmanager
    def _network(self) -> Generator[Network, None, None]:
        """Lend the network; PyTorch's on the cores is one thread's at a time, so there are several."""
        engine = self._engine
        with self._lock:
            # Loading stays under the lock: it changes process-wide state in torch and ultralytics.
            network = self._shared or (self._idle.pop() if self._idle else self._loaded(engine))
            if network.shared:
                self._shared = network
        try:
            yield network
        finally:
            if not network.shared:
                with self._lock:
                    self._idle.append(network)

    def _loaded(self, engine: Engine) -> Network:
        """Load the model; where it cannot be brought to OpenVINO, PyTorch runs it, unless told."""
        try:
            return self._tried(engine)
        except WeightsError as error:
            settings = self._settings
            told = settings.engine != "auto" or settings.same_engine
            if told or engine.name != "openvino" or self._weights.format != "pt":
                raise
            network = self._tried(choose("torch", self._weights, this_machine(self._workers)))
            _LOG.warning("PyTorch runs the model, because OpenVINO does not: %s", error)
            return network

    def _tried(self, engine: Engine) -> Network:
        """Load the model, and see that it answers."""
        weights = self._weights
        try:
            network = self._open(engine)
            if network.facts.task not in TASKS_WITH_BOXES:
                raise no_boxes(weights, network.facts.task)
            numpy: Any = importlib.import_module("numpy")
            network.run([numpy.full((*(network.facts.fixed or (64, 64)), 3), 114, dtype="uint8")])
        except (WeightsError, SettingError):
            raise
        except Exception as error:
            raise cannot_be_used(weights, error) from error
        self._chosen = engine
        return network

    def _open(self, engine: Engine) -> Network:
        weights = self._weights

        def ultralytics() -> Any:
            return load_ultralytics(self._cache / "ultralytics")

        importlib.import_module("cv2").setNumThreads(0)
        if engine.name != "openvino":
            device, batch = ("cuda", GPU_BATCH) if engine.name == "gpu" else ("cpu", 1)
            return TorchNetwork(ultralytics(), weights.path, device, batch)
        path = weights.path
        if weights.format == "pt":
            folder = self._cache / "models"
            path = openvino_copy(weights, folder, engine.version, ultralytics, self._on_wait)
        return OpenVinoNetwork(path, self._workers)


def _run(network: Network, prepared: list[_Prepared]) -> list[Any]:
    try:
        return network.run([one.picture for one in prepared])
    except Exception as error:
        # The model has answered a blank image before, so this is about this image alone.
        _LOG.warning("the model fails on an image", exc_info=error)
        raise ImageError(f"the model fails on it: {type(error).__name__}") from error


T = TypeVar("T")


def _or_error(look: Callable[[], T]) -> T | ImageError:
    try:
        return look()
    except ImageError as error:
        return error


def model_name(weights: Weights, settings: DetectionSettings) -> str:
    """Name the weights and the options that boxes depend on, whatever runs them."""
    name = re.sub(r"[^a-z0-9]+", "_", weights.path.stem.lower()).strip("_")[:40] or "weights"
    return (
        f"{name}-{weights.sha256[:12]}-c{settings.confidence:g}-s{settings.image_size}-r{REVISION}"
    )
