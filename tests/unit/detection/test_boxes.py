import math
from dataclasses import replace
from typing import Any

import numpy
import pytest

from medwh_assets.detection.boxes import ModelFacts, boxes, found_rows
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


FACTS = ModelFacts(names=NAMES, task="detect", stride=32)


def candidates(*rows: tuple[float, float, float, float, float, float]) -> Any:
    """Write centre, size and the confidence of each class as a model does."""
    return numpy.array(rows, dtype="float32").T


def test_of_boxes_that_overlap_the_best_is_kept() -> None:
    output = candidates(
        (50, 50, 40, 40, 0.6, 0), (51, 50, 40, 40, 0.9, 0.1), (150, 50, 40, 40, 0.5, 0)
    )

    rows = found_rows(output, FACTS, 0.25)

    assert rows.round(4).tolist() == [
        [31, 30, 71, 70, pytest.approx(0.9), 0],
        [130, 30, 170, 70, 0.5, 0],
    ]


def test_things_of_two_classes_may_stand_in_one_place() -> None:
    output = candidates((50, 50, 40, 40, 0.6, 0), (50, 50, 40, 40, 0, 0.9))

    assert found_rows(output, FACTS, 0.25)[:, 5].tolist() == [1, 0]


def test_only_what_is_surer_than_asked_for_is_kept() -> None:
    output = candidates((50, 50, 40, 40, 0.25, 0.1), (150, 50, 40, 40, 0.5, 0))

    assert len(found_rows(output, FACTS, 0.25)) == 1
    assert found_rows(output, FACTS, 0.5).tolist() == []


def test_what_a_model_says_beyond_its_classes_is_left_out() -> None:
    output = candidates((50, 50, 40, 40, 0.6, 0))
    masks = numpy.full((32, 1), 9, dtype="float32")

    rows = found_rows(numpy.concatenate([output, masks]), FACTS, 0.25)

    assert rows[:, 4:].round(4).tolist() == [[pytest.approx(0.6), 0]]


def test_a_model_that_suppresses_doubles_itself_is_taken_at_its_word() -> None:
    output = numpy.array([[1, 2, 3, 4, 0.9, 1], [1, 2, 3, 4, 0.8, 1], [0, 0, 0, 0, 0.1, 0]])

    rows = found_rows(output, replace(FACTS, end_to_end=True), 0.25)

    assert rows.tolist() == output[:2].tolist()


def test_there_are_never_more_than_300_boxes() -> None:
    output = candidates(*((50 * n, 50, 40, 40, 0.6, 0) for n in range(400)))

    assert len(found_rows(output, FACTS, 0.25)) == 300


def test_an_output_that_is_no_number_fails_the_image() -> None:
    with pytest.raises(ImageError, match="no number"):
        found_rows(candidates((50, math.nan, 40, 40, 0.6, 0)), FACTS, 0.25)


def test_a_class_without_a_name_fails_the_image() -> None:
    with pytest.raises(ImageError, match="does not name"):
        boxes([[0, 0, 1, 1, 0.9, 7]], NAMES, AS_IT_IS, 1, 640, 480)


def test_boxes_are_placed_on_the_picture_without_its_padding() -> None:
    layout = letterbox(200, 100, into=(64, 64), stride=None)

    [found] = boxes([[0, 16, 64, 48, 0.9, 0]], NAMES, layout, 2, 400, 200)

    assert (found.x, found.y, found.width, found.height) == (0, 0, 400, 200)
