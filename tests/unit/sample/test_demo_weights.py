import pickletools
import zipfile
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).resolve().parents[3] / "data/demo_weights/medwh_demo_drawings.pt"


@pytest.fixture(scope="module")
def strings() -> set[str]:
    """Every string in the weights' pickle, read without running it."""
    with zipfile.ZipFile(WEIGHTS) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        return {
            value
            for _, value, _ in pickletools.genops(archive.read(pickled))
            if isinstance(value, str)
        }


def test_the_weights_are_smaller_than_a_megabyte() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000


def test_the_weights_know_the_samples_classes(strings: set[str]) -> None:
    assert {"blister", "bottle", "tube", "box", "person"} <= strings


def test_the_weights_hold_no_trace_of_the_machine_that_trained_them(strings: set[str]) -> None:
    assert not [value for value in strings if "/" in value or "\\" in value]
    assert not {"date", "git", "optimizer", "save_dir"} & strings


def test_the_weights_name_only_classes_of_their_libraries(strings: set[str]) -> None:
    called = {
        value.split(" ")[0].split(".")[0]
        for value in strings
        if " " in value and "." in value.split(" ")[0]
    }
    assert called <= {"torch", "ultralytics", "collections"}
