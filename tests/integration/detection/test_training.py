"""Training for real, on a few drawings and for two short epochs: that it works, not how well."""

import os
import pickletools
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image, ImageDraw

from medwh_assets.detection.training import TrainingOptions, model_name, train_detector
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import TrainingError, WeightsError
from medwh_assets.settings import DetectionSettings

ROOT = Path(__file__).parents[3]
BASE = ROOT / "data" / "demo_weights" / "medwh_demo_drawings.pt"
# Ends the process at the first look at the network or at pip.
SITE = """
import os, sys

def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        os.write(2, f"NETWORK {event} {arguments}".encode())
        os._exit(13)
    if event == "subprocess.Popen" and "pip" in str(arguments):
        os.write(2, f"INSTALL {arguments}".encode())
        os._exit(14)

sys.addaudithook(guard)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve drawings of a red or blue rectangle, and one file that is no picture."""
    made = tmp_path / "My Pharma"
    (made / "images").mkdir(parents=True)
    (made / "labels").mkdir()
    (made / "classes.txt").write_text("Red box\nሰማያዊ\n")
    rng = Random(7)
    for number in range(12):
        picture = Image.new("RGB", (96, 80), "white")
        left, top, width, height = (rng.randint(4, 30) for _ in range(4))
        colour = ("red", "blue")[number % 2]
        box = (left, top, left + width + 10, top + height + 10)
        ImageDraw.Draw(picture).rectangle(box, fill=colour)
        picture.save(made / "images" / f"{number}.png")
        x, y = (box[0] + box[2]) / 192, (box[1] + box[3]) / 160
        label = f"{number % 2} {x:.5f} {y:.5f} {(width + 10) / 96:.5f} {(height + 10) / 80:.5f}\n"
        (made / "labels" / f"{number}.txt").write_text(label)
    (made / "images" / "video.jpg").write_bytes(b"\0\0\0\x18ftypmp42")
    return made


def command(folder: Path, state: Path, *options: str) -> tuple[list[Any], dict[str, str]]:
    """Return the command and its environment, in which nothing looks like pytest."""
    site = state.parent / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(SITE)
    home = state.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {
        k: v for k, v in os.environ.items() if not re.match(r"YOLO_|PYTEST|ULTRALYTICS", k)
    }
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]),
        "HOME": str(home),
        "MEDWH_STATE": str(state),
        "ULTRALYTICS_API_KEY": "somebody's key",
    }
    start = [sys.executable, "-m", "medwh_assets.cli", "train", folder, "--weights", BASE]
    return [*start, "--image-size", "64", *options], environment


def test_a_folder_of_labelled_pictures_becomes_weights_and_a_report(
    folder: Path, tmp_path: Path
) -> None:
    state, before = tmp_path / "state", contents(folder)
    arguments, environment = command(folder, state, "--epochs", "2")

    done = subprocess.run(
        arguments, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(folder) == before
    model = state / "models" / "my_pharma"
    assert {file.name for file in model.iterdir()} == {"my_pharma.pt", "report.html"}
    assert re.findall(r"^epoch (\d) of 2: mAP50 \d", done.stdout, re.MULTILINE) == ["1", "2"]
    for said in (
        "left out video.jpg: an MP4 video",
        f"MEDWH_YOLO_WEIGHTS={model / 'my_pharma.pt'}",
        "MEDWH_YOLO_IMAGE_SIZE=64",
        "my_pharma,red box,CLASS,",
        "my_pharma,ሰማያዊ,CLASS,",
    ):
        assert said in done.stdout
    report = (model / "report.html").read_text()
    assert "mAP50-95" in report
    assert report.count("<figure>") == 3
    assert_weights_can_be_plugged_in(model / "my_pharma.pt", tmp_path / "cache")
    # What is left besides: a lock that nobody holds, ultralytics' settings, and an empty home.
    assert {entry.name for entry in (state / "models").iterdir()} == {
        "my_pharma",
        ".my_pharma.lock",
    }
    assert not [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert not (tmp_path / "runs").exists()

    again = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "there is a model my_pharma" in again.stderr


def test_an_interrupted_training_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments, environment = command(folder, state, "--epochs", "500")
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        assert training.stdout
        assert training.stderr
        assert training.stdout.readline().startswith("epoch 1 of 500")
        training.send_signal(signal.SIGINT)
        said = training.stderr.read()
        assert training.wait() == 130

    assert "Interrupted. Nothing of this training is kept." in said
    assert "Traceback" not in said
    assert {entry.name for entry in (state / "models").iterdir()} == {".my_pharma.lock"}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("broken.pt", "cannot be used as a model"),
        ("exported.onnx", "is no .pt file"),
        ("nowhere.pt", "is no .pt file"),
    ],
)
def test_weights_that_cannot_learn_say_so_and_leave_nothing_behind(
    folder: Path, tmp_path: Path, weights: str, said: str
) -> None:
    for name in ("broken.pt", "exported.onnx"):
        (tmp_path / name).write_bytes(b"this is no model")
    options = TrainingOptions("pharma", tmp_path / weights, epochs=1, image_size=64)

    with pytest.raises(WeightsError, match=said):
        train_detector(
            folder, options, models=tmp_path / "models", cache_folder=tmp_path, watch=print
        )

    assert not [f for f in (tmp_path / "models").glob("*") if f.name != ".pharma.lock"]


def test_a_model_has_a_name_that_the_seed_can_hold(folder: Path, tmp_path: Path) -> None:
    for name in ("", "Pharma", "a-b", "a__b", "a b", "../a", "a" * 41):
        with pytest.raises(TrainingError, match="is no name of a model"):
            train_detector(
                folder,
                TrainingOptions(name, BASE),
                models=tmp_path / "models",
                cache_folder=tmp_path,
                watch=print,
            )
    assert model_name("My Pharma, Nr. 2!") == "my_pharma_nr_2"
    assert model_name("ፋርማሲ") == "model"
    assert model_name("a" * 39 + " b") == "a" * 39


def assert_weights_can_be_plugged_in(weights: Path, cache: Path) -> None:
    detector = YoloDetector(DetectionSettings(weights=weights, image_size=64), cache)
    assert detector.model.startswith("my_pharma-")
    with zipfile.ZipFile(weights) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        strings = {
            value
            for _, value, _ in pickletools.genops(archive.read(pickled))
            if isinstance(value, str)
        }
    assert {"Red box", "ሰማያዊ"} <= strings
    assert not [value for value in strings if "/" in value or "somebody" in value]
    assert not {"date", "git", "optimizer"} & strings


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
