"""Weights of one's own: Ultralytics' training on a folder of labelled pictures, and a report.

The pictures are opened as every picture is here and copied, upright and no larger than needed, into
a folder that lives as long as the training: Ultralytics writes caches beside pictures and repairs
files in place. What comes out is a folder with the weights and the report, there whole or not at all.
"""

import importlib
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import filelock
import yaml

from medwh_assets.detection.labelled import LabelledFolder, LabelledPicture, read_labelled
from medwh_assets.detection.offline import load_ultralytics
from medwh_assets.detection.training_report import (
    ClassResult,
    Example,
    SeenBox,
    TrainingResult,
    report_html,
)
from medwh_assets.detection.workers import default_workers
from medwh_assets.errors import ImageError, TrainingError, WeightsError
from medwh_assets.lake.images import decode_rgb

REPORT: Final = "report.html"
_MAX_EXAMPLES: Final = 12
_CONFIDENCE: Final = 0.25
# As long as a fingerprint's name can be, and of its letters, so that the seed's rows fit it.
_NAME: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_MAX_NAME: Final = 40
# Trackers that would write or send something if their package happens to be installed.
_TRACKERS: Final = ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    Attributes:
        name: of the model, and so of its weights; lower-case letters, digits and `_`.
        base: weights to start from, a .pt file.
        epochs: how often every picture is learned from.
        image_size: longest side, in pixels, that the model sees.
        batch: pictures that are learned from at once; memory grows with it.
    """

    name: str
    base: Path
    epochs: int = 50
    image_size: int = 640
    batch: int = 8


@dataclass(frozen=True, slots=True)
class Epoch:
    """How far training is.

    Attributes:
        number: from 1.
        of: how many there are.
        map50: mean average precision at an overlap of 0.5 on the pictures to measure with.
    """

    number: int
    of: int
    map50: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training has left.

    Attributes:
        weights: the weights file.
        report: the report file.
        result: what it says.
        left_out: pictures that could not be read, each with the reason.
    """

    weights: Path
    report: Path
    result: TrainingResult
    left_out: tuple[str, ...]


def model_name(text: str) -> str:
    """Turn a text, as the name of a folder, into the name of a model."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_MAX_NAME].strip("_") or "model"


def train_detector(
    folder: Path,
    options: TrainingOptions,
    *,
    models: Path,
    cache_folder: Path,
    watch: Callable[[Epoch], None],
) -> Trained:
    """Train a detector on a folder of labelled pictures and measure it.

    Ctrl-C, or an error, leaves nothing behind.

    Args:
        folder: see `labelled`; not changed.
        options: how to train.
        models: where the folder of the model's name is made.
        cache_folder: where ultralytics may keep its own settings file.
        watch: is told after every epoch.

    Raises:
        TrainingError: the folder or an option is wrong, a model of this name is there, or the
            training failed.
        WeightsError: the weights to start from cannot be used.
        SettingError: the `detection` extra is not installed.
    """
    base = _check(options, models)
    labelled = read_labelled(folder)
    # Ultralytics imports matplotlib, which would keep its list of fonts in the user's home.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder / "matplotlib"))
    ultralytics = load_ultralytics(cache_folder / "ultralytics")
    with _working_folder(models, options.name) as work:
        data, labelled, left_out = _copy(labelled, work / "data", options.image_size)
        _keep_quiet(ultralytics)
        checkpoint = _learn(ultralytics, data, base, options, work / "runs", watch)
        made = work / "made"
        made.mkdir()
        weights = made / f"{options.name}.pt"
        _write_weights(checkpoint, weights, options)
        result = _measure(ultralytics, weights, data, labelled, options, work)
        (made / REPORT).write_text(report_html(result, left_out), encoding="utf-8")
        place = models / options.name
        made.rename(place)
    return Trained(place / weights.name, place / REPORT, result, left_out)


def _check(options: TrainingOptions, models: Path) -> Path:
    """Return where the weights to start from lie."""
    if not _NAME.fullmatch(options.name) or len(options.name) > _MAX_NAME:
        raise TrainingError(
            f"{options.name!r} is no name of a model: take lower-case letters, digits and single _ "
            f"between them, {_MAX_NAME} at most"
        )
    if (models / options.name).exists():
        raise TrainingError(
            f"there is a model {options.name} in {models / options.name}; take another --name, or "
            "remove it"
        )
    base = options.base.expanduser().absolute()
    if not base.is_file() or base.suffix.lower() != ".pt":
        raise WeightsError(
            f"{base} is no .pt file; training starts from one (an export to ONNX or OpenVINO "
            "cannot learn): name it with --weights"
        )
    return base


@contextmanager
def _working_folder(models: Path, name: str) -> Generator[Path]:
    """Lend a folder for one training; what a killed one has left there is removed first."""
    models.mkdir(parents=True, exist_ok=True)
    work = models / f".{name}"
    lock = filelock.FileLock(models / f".{name}.lock", timeout=0)
    try:
        with lock:
            try:
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir()
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except filelock.Timeout as error:
        raise TrainingError(f"a model {name} is being trained by another process") from error


def _copy(
    labelled: LabelledFolder, data: Path, image_size: int
) -> tuple[Path, LabelledFolder, tuple[str, ...]]:
    """Copy pictures and labels as Ultralytics wants them.

    Returns:
        Its description of the copy; what was copied; why each picture that was not could not be read.
    """
    left_out: list[str] = []
    copied: dict[str, list[LabelledPicture]] = {"train": [], "val": []}
    for part, pictures in (("train", labelled.learn), ("val", labelled.measure)):
        images, labels = data / "images" / part, data / "labels" / part
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for number, picture in enumerate(pictures):
            try:
                # Twice the size: learning also enlarges parts of a picture.
                decoded = decode_rgb(picture.path.read_bytes(), enough=2 * image_size)
            except (ImageError, OSError) as error:
                left_out.append(f"{picture.path.name}: {error}")
                continue
            decoded.pixels.save(images / f"{number:05}.jpg", quality=95)
            lines = (
                f"{it.number} {it.x_centre:.6f} {it.y_centre:.6f} {it.width:.6f} {it.height:.6f}\n"
                for it in picture.labels
            )
            (labels / f"{number:05}.txt").write_text("".join(lines))
            copied[part].append(picture)
        if not any(picture.labels for picture in copied[part]):
            raise TrainingError(f"no picture with labels can be read: {left_out[0]}")
    source = data / "data.yaml"
    source.write_text(
        yaml.safe_dump(
            {
                "path": str(data),
                "train": "images/train",
                "val": "images/val",
                "names": dict(enumerate(labelled.names)),
            },
            allow_unicode=True,
        ),
        encoding="utf-8",
    )
    read = LabelledFolder(labelled.names, tuple(copied["train"]), tuple(copied["val"]))
    return source, read, tuple(left_out)


def _keep_quiet(ultralytics: Any) -> None:
    """Switch off what only training does over the network, beyond `load_ultralytics`.

    It uploads to the authors' platform where a key for it is set, reports to trackers that are
    installed, and downloads a font for plots that are not drawn.
    """
    os.environ.pop("ULTRALYTICS_API_KEY", None)
    ultralytics.settings.update({"api_key": "", **dict.fromkeys(_TRACKERS, False)})
    matplotlib: Any = importlib.import_module("matplotlib")
    some_font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    folder = Path(importlib.import_module("ultralytics.utils").USER_CONFIG_DIR)
    for name in ("Arial.ttf", "Arial.Unicode.ttf"):
        if not (folder / name).exists():
            shutil.copy(some_font, folder / name)


def _device() -> str:
    torch: Any = importlib.import_module("torch")
    return "0" if torch.cuda.is_available() else "cpu"


def _learn(
    ultralytics: Any,
    data: Path,
    base: Path,
    options: TrainingOptions,
    runs: Path,
    watch: Callable[[Epoch], None],
) -> Path:
    """Train, and return the checkpoint of the epoch that measured best."""
    torch: Any = importlib.import_module("torch")

    def use_all_cores(_: Any) -> None:
        # Ultralytics takes all but one, and of two that is one.
        torch.set_num_threads(default_workers())

    def told(trainer: Any) -> None:
        # Also called after the last epoch, for the final measurement.
        if trainer.epoch + 1 <= options.epochs and not trainer.__dict__.get("medwh_told_all"):
            map50 = float(trainer.metrics.get("metrics/mAP50(B)", 0.0))
            watch(Epoch(trainer.epoch + 1, options.epochs, map50))
            trainer.medwh_told_all = trainer.epoch + 1 == options.epochs

    model = _base(ultralytics, base)
    try:
        model.add_callback("on_train_start", use_all_cores)
        model.add_callback("on_fit_epoch_end", told)
        model.train(
            data=str(data),
            epochs=options.epochs,
            imgsz=options.image_size,
            batch=options.batch,
            device=_device(),
            project=str(runs),
            name="train",
            workers=0,
            seed=0,
            # Its self-test asks for a model from the network.
            amp=False,
            plots=False,
            verbose=False,
        )
        return runs / "train" / "weights" / "best.pt"
    except Exception as error:
        # Datasets, memory and CUDA each have exceptions of their own.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise TrainingError(
            f"training failed ({reason}); if memory is short, try a smaller --batch or --image-size"
        ) from error


def _base(ultralytics: Any, base: Path) -> Any:
    """Load the weights to start from."""
    try:
        model = ultralytics.YOLO(str(base))
        task = model.task
    except Exception as error:
        # Unpicklers have exceptions of their own for what is no model.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise WeightsError(
            f"{base} cannot be used as a model ({reason}); download it again, or start from another"
        ) from error
    if task != "detect":
        raise WeightsError(f"{base} is a model to {task!r}; start from one that detects")
    return model


def _write_weights(checkpoint: Path, weights: Path, options: TrainingOptions) -> None:
    """Write only what looking needs, in half precision: no paths, dates or state of the optimizer."""
    torch: Any = importlib.import_module("torch")
    tasks: Any = importlib.import_module("ultralytics.nn.tasks")
    loaded: Any = tasks.torch_safe_load(str(checkpoint))[0]
    model: Any = loaded.get("ema") or loaded["model"]
    model.half()
    model.criterion = None
    arguments = {"task": "detect", "imgsz": options.image_size}
    model.args = arguments
    model.yaml = {key: value for key, value in model.yaml.items() if key != "yaml_file"}
    for attribute in ("pt_path", "yaml_file"):
        model.__dict__.pop(attribute, None)
    for weight in model.parameters():
        weight.requires_grad = False
    kept = {
        "model": model,
        "train_args": arguments,
        "version": loaded["version"],
        "license": "AGPL-3.0-or-later",
    }
    torch.save(kept, weights)


def _measure(
    ultralytics: Any,
    weights: Path,
    data: Path,
    labelled: LabelledFolder,
    options: TrainingOptions,
    work: Path,
) -> TrainingResult:
    """Measure the weights as they will be used, and look at a few pictures with them."""
    model = ultralytics.YOLO(str(weights))
    measured = model.val(
        data=str(data),
        imgsz=options.image_size,
        batch=1,
        rect=True,
        workers=0,
        device=_device(),
        project=str(work / "runs"),
        name="val",
        plots=False,
        verbose=False,
    )
    box = measured.box
    places = {int(number): place for place, number in enumerate(box.ap_class_index)}
    classes = tuple(
        ClassResult(
            name,
            labels=int(measured.nt_per_class[number]),
            precision=float(box.p[places[number]]),
            recall=float(box.r[places[number]]),
            map50=float(box.ap50[places[number]]),
            map50_95=float(box.ap[places[number]]),
        )
        if number in places
        else ClassResult(name)
        for number, name in enumerate(labelled.names)
    )
    return TrainingResult(
        name=options.name,
        base=options.base.name,
        epochs=options.epochs,
        image_size=options.image_size,
        learned=len(labelled.learn),
        measured=len(labelled.measure),
        map50=float(box.map50),
        map50_95=float(box.map),
        classes=classes,
        examples=tuple(_examples(model, labelled, options)),
    )


def _examples(model: Any, labelled: LabelledFolder, options: TrainingOptions) -> Iterator[Example]:
    """Look at pictures from all over those to measure with."""
    numpy: Any = importlib.import_module("numpy")
    for picture in _spread(labelled.measure, _MAX_EXAMPLES):
        try:
            pixels = decode_rgb(picture.path.read_bytes(), enough=2 * options.image_size).pixels
        except (ImageError, OSError):
            continue
        bgr = numpy.ascontiguousarray(numpy.asarray(pixels)[:, :, ::-1])
        [found] = model.predict(
            bgr, imgsz=options.image_size, conf=_CONFIDENCE, device=_device(), verbose=False
        )
        seen = tuple(
            SeenBox(labelled.names[int(row[5])], row[4], (row[0], row[1], row[2], row[3]))
            for row in found.boxes.data.tolist()
        )
        width, height = pixels.size
        labels = tuple(
            SeenBox(
                labelled.names[it.number],
                None,
                (
                    (it.x_centre - it.width / 2) * width,
                    (it.y_centre - it.height / 2) * height,
                    (it.x_centre + it.width / 2) * width,
                    (it.y_centre + it.height / 2) * height,
                ),
            )
            for it in picture.labels
        )
        yield Example(picture.path.name, pixels, labels, seen)


def _spread(pictures: Sequence[LabelledPicture], most: int) -> Sequence[LabelledPicture]:
    return pictures[:: -(-len(pictures) // most)]
