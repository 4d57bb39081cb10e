import math

import pytest

from medwh_assets.detection.boxes import boxes
from medwh_assets.detection.letterbox import letterbox
from medwh_assets.errors import ImageError

NAMES = {0: "bottle", 1: "person"}
AS_IT_IS = letterbox(640, 640, into=(640, 640), stride=32)


def test_corners_become_a_corner_and_a_size() -> None:
    [box] = boxes([[10.123456, 20, 50.5, 100.25, 0.87654321, 1]], NAMES, AS_IT_IS, 1, 640, 480)

    assert box.model_dump() == {
        "detected_class": "person",
        "confidence": 0.8765,
        "x": 10.12,
        "y": 20.0,
        "width": 40.38,
        "height": 80.25,
    }


def test_the_best_comes_first_and_ties_have_one_order() -> None:
    rows = [[0, 0, 5, 5, 0.5, 1], [9, 0, 9, 9, 0.5, 0], [1, 0, 9, 9, 0.5, 0], [0, 0, 1, 1, 0.9, 1]]

    there = boxes(rows, NAMES, AS_IT_IS, 1, 10, 10)
    back = boxes(rows[::-1], NAMES, AS_IT_IS, 1, 10, 10)

    assert there == back
    assert [(b.detected_class, b.confidence, b.x) for b in there] == [
        ("person", 0.9, 0),
        ("bottle", 0.5, 1),
        ("bottle", 0.5, 9),
        ("person", 0.5, 0),
    ]


def test_boxes_on_a_shrunk_picture_are_those_of_the_image() -> None:
    [box] = boxes([[10, 10, 427, 167, 0.9, 0]], NAMES, AS_IT_IS, 3, 1279, 500)

    assert (box.x, box.y, box.width, box.height) == (30, 30, 1249, 470)


def test_a_box_never_leaves_the_image() -> None:
    [box] = boxes([[-5, -1, 700, 500, 0.9, 0]], NAMES, AS_IT_IS, 1, 640, 480)

    assert (box.x, box.y, box.width, box.height) == (0, 0, 640, 480)


def test_no_rows_are_no_boxes() -> None:
    assert boxes([], NAMES, AS_IT_IS, 1, 640, 480) == ()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_box_that_is_no_number_fails_the_image(value: float) -> None:
    with pytest.raises(ImageError, match="no number"):
        boxes([[0, 0, value, 1, 0.9, 0]], NAMES, AS_IT_IS, 1, 640, 480)
