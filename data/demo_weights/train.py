"""Trains the demo's detector from nothing on freshly drawn pictures, and measures it.

    python data/demo_weights/train.py              draw, train, write the weights, measure
    python data/demo_weights/train.py --measure    measure the weights that are there

The pictures come from the same `pictures.py` as the sample's, from other seeds. Training takes some
minutes on two CPU cores; two runs give models of the same quality, not of the same bytes.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE / "medwh_demo_drawings.pt"
sys.path.insert(0, str(HERE.parent / "sample"))

from generate import corrupt_picture, picture_plans  # noqa: E402
from pictures import CLASSES, PRODUCTS, Picture, draw, seeded  # noqa: E402

TRAINING, HELD_OUT = 1000, 150
# The size to use the weights at, between the two they learn at: there they find most.
IMAGE_SIZE = 256
# Most of the learning is done on small pictures, which cost a quarter; the last epochs on large ones.
STAGES = (
    {"imgsz": 160, "epochs": 24, "close_mosaic": 4, "optimizer": "AdamW", "lr0": 0.003},
    {"imgsz": 320, "epochs": 6, "close_mosaic": 6, "optimizer": "AdamW", "lr0": 0.001},
)
THREADS = 2
# Width 0.125 of YOLOv8 and at most 256 channels: 0.35 million parameters.
SCALE = [0.33, 0.125, 256]
WORDS = (
    "Amoxicillin 500mg", "Zinc", "Vitamin C 1000mg", "Cough Syrup", "Skin Cream 50g", "Omega 3",
    "Ibuprofen", "Sunscreen SPF50", "Eye Drops", "Baby Lotion", "Metformin 850mg",
)  # fmt: skip


def main() -> None:
    """Train unless only measuring is asked for, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="measure the weights, train nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare_ultralytics(folder)
        if not arguments.measure:
            train(folder)
        measure(folder)


def prepare_ultralytics(folder: Path) -> None:
    """Keep ultralytics off the network and out of the home folder; mend a broken torchvision."""
    settings = folder / "settings"
    (settings / "Ultralytics").mkdir(parents=True)
    os.environ.update(
        YOLO_OFFLINE="1",
        YOLO_AUTOINSTALL="false",
        YOLO_VERBOSE="false",
        YOLO_CONFIG_DIR=str(settings),
        ULTRALYTICS_SAFE_LOAD="1",
    )
    import matplotlib
    from ultralytics.utils import SETTINGS, USER_CONFIG_DIR

    SETTINGS.update(sync=False)
    # Checking a data set asks for this font and would download it.
    some_font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    shutil.copy(some_font, USER_CONFIG_DIR / "Arial.ttf")
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        # torchvision's compiled part was built for another torch; only its `nms` is needed.
        from ultralytics.utils.nms import TorchNMS

        for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[module]
        package: Any = types.ModuleType("torchvision")
        package.__path__ = []
        package.ops = types.ModuleType("torchvision.ops")
        package.ops.nms = TorchNMS.nms
        sys.modules["torchvision"], sys.modules["torchvision.ops"] = package, package.ops


def training_picture(seed: str) -> Picture:
    """Draw one labelled picture; the same seed gives the same picture."""
    rng = seeded(seed)
    size = rng.choice(((400, 400), (320, 426), (426, 320), (384, 480), (360, 360)))
    chance = rng.random()
    products: Sequence[str] = (rng.choice(PRODUCTS),)
    person = 0.55 < chance < 0.88
    if 0.4 < chance <= 0.55:
        products = [rng.choice(PRODUCTS) for _ in range(rng.randint(2, 4))]
    elif chance > 0.8:
        products = ()
    return draw(rng, size, products, person=person, label=rng.choice(WORDS))


def train(folder: Path) -> None:
    """Train in stages and write the stripped weights."""
    import torch
    import yaml
    from ultralytics import YOLO
    from ultralytics.utils import ROOT

    data = write_data_set(folder, {"train": TRAINING, "val": HELD_OUT})
    architecture = yaml.safe_load((ROOT / "cfg/models/v8/yolov8.yaml").read_text())
    architecture["scales"] = {"n": SCALE}
    shape = folder / "yolov8n.yaml"
    shape.write_text(yaml.safe_dump(architecture))
    start: Path = shape
    began = time.monotonic()
    for number, stage in enumerate(STAGES):
        model: Any = YOLO(str(start), task="detect")
        model.add_callback("on_train_start", lambda _: torch.set_num_threads(THREADS))
        model.add_callback("on_train_epoch_end", _report)
        model.train(
            data=str(data), project=str(folder / "runs"), name=f"stage{number}", **stage,
            device="cpu", batch=32, workers=0, cache="ram", seed=0, amp=False,
            degrees=5.0, scale=0.4, mosaic=0.7, warmup_epochs=1.0, cos_lr=True,
            val=False, plots=False, verbose=False,
        )  # fmt: skip
        start = folder / "runs" / f"stage{number}" / "weights" / "last.pt"
    print(f"trained in {time.monotonic() - began:.0f} s")
    write_weights(start)


def _report(trainer: Any) -> None:
    losses = {name: round(float(loss), 3) for name, loss in trainer.tloss.items()}
    print(f"epoch {trainer.epoch + 1}: {losses}", flush=True)


def write_data_set(folder: Path, parts: dict[str, int]) -> Path:
    """Draw the pictures to learn from and those to be measured with."""
    for part, count in parts.items():
        images, labels = folder / "images" / part, folder / "labels" / part
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for number in range(count):
            picture = training_picture(f"{part} {number}")
            width, height = picture.image.size
            lines = [
                f"{CLASSES.index(thing.name)}"
                f" {(left + right) / 2 / width:.5f} {(top + bottom) / 2 / height:.5f}"
                f" {(right - left) / width:.5f} {(bottom - top) / height:.5f}\n"
                for thing in picture.things
                for left, top, right, bottom in [thing.box]
            ]
            picture.image.save(images / f"{number}.jpg", quality=82)
            (labels / f"{number}.txt").write_text("".join(lines))
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    data = folder / "data.yaml"
    data.write_text(f"path: {folder}\ntrain: images/{min(parts)}\nval: images/val\nnames:\n{names}")
    return data


def write_weights(checkpoint: Path) -> None:
    """Write only what inference needs, in half precision: no paths, dates or optimizer state."""
    import torch
    from ultralytics.nn.tasks import torch_safe_load

    loaded: Any = torch_safe_load(str(checkpoint))[0]
    model = loaded.get("ema") or loaded["model"]
    model.half()
    model.criterion = None
    model.args = {"task": "detect", "imgsz": IMAGE_SIZE}
    model.yaml = {key: value for key, value in model.yaml.items() if key != "yaml_file"}
    for attribute in ("pt_path", "yaml_file"):
        model.__dict__.pop(attribute, None)
    for weight in model.parameters():
        weight.requires_grad = False
    torch.save(
        {
            "model": model,
            "train_args": {"task": "detect", "imgsz": IMAGE_SIZE},
            "version": loaded["version"],
            "license": "AGPL-3.0-or-later",
            "description": "medwh's demo weights: they know the sample's drawings and nothing else",
        },
        WEIGHTS,
    )
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes")


def measure(folder: Path) -> None:
    """Print mAP50 on held-out drawings, and how much of the sample's pictures is found."""
    from ultralytics import YOLO

    model: Any = YOLO(str(WEIGHTS), task="detect")
    data = folder / "data.yaml"
    if not data.exists():
        write_data_set(folder, {"val": HELD_OUT})
    for size in (160, IMAGE_SIZE, 320, 640):
        result = YOLO(str(WEIGHTS), task="detect").val(
            data=str(data), imgsz=size, batch=1, rect=True, workers=0, device="cpu",
            project=str(folder / "runs"), name=f"val{size}", plots=False, verbose=False,
        )  # fmt: skip
        print(f"drawings at {size}: mAP50 {result.box.map50:.3f}, mAP50-95 {result.box.map:.3f}")
        print(f"sample at {size}: {sample_report(model, size)}", flush=True)


def sample_report(model: Any, size: int, confidence: float = 0.25) -> str:
    """Return how often the sample's main thing is found, and person and product together."""
    import cv2

    folder = HERE.parent / "sample" / "recording" / "images"
    main_found = mains = both_found = boths = empty_kept = empties = extra = 0
    corrupt = corrupt_picture()
    for plan in picture_plans():
        if plan == corrupt:
            continue
        drawn = plan.draw()
        result = model(
            cv2.imread(str(folder / f"{plan.photo_id}.jpg")),
            imgsz=size,
            conf=confidence,
            verbose=False,
        )[0]
        seen = [
            (CLASSES[int(number)], box)
            for number, box in zip(
                result.boxes.cls.tolist(), result.boxes.xyxy.tolist(), strict=True
            )
        ]
        found = [
            any(name == thing.name and overlap(box, thing.box) > 0.5 for name, box in seen)
            for thing in drawn.things
        ]
        extra += max(0, len(seen) - len(drawn.things))
        names = {name for name, _ in seen}
        if not drawn.things:
            empties += 1
            empty_kept += not seen
            continue
        mains += 1
        main_found += found[0]
        if plan.person and plan.products:
            boths += 1
            both_found += "person" in names and len(names) > 1
    return (
        f"main thing found on {main_found} of {mains} pictures, "
        f"person and product on {both_found} of {boths}, "
        f"nothing on {empty_kept} of {empties} without things, {extra} boxes too many"
    )


def overlap(one: Sequence[float], two: Sequence[float]) -> float:
    """Return intersection over union of two boxes given as left, top, right, bottom."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two))
    return width * height / (areas - width * height)


if __name__ == "__main__":
    main()
