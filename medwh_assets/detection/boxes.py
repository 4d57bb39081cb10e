"""From a model's output to boxes on the image: confidence, suppression of doubles, pixels.

The same for every engine, and equal to what Ultralytics' predictor does.
"""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from medwh_assets.detection.letterbox import Letterbox
from medwh_assets.errors import ImageError
from medwh_assets.lake.records import Box, mend

_OVERLAP: Final = 0.7
_MAX_BOXES: Final = 300
# Boxes that are compared with each other; more come only of a confidence near 0.
_MAX_CANDIDATES: Final = 30_000
# Farther than any two boxes of one picture: boxes of two classes never suppress each other.
_CLASS_APART: Final = 7680
_ROW: Final = 6
TASKS_WITH_BOXES: Final = ("detect", "segment", "pose")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What has to be known of a model to read its output.

    Attributes:
        names: the classes by number.
        task: what it was trained for.
        stride: sides of its input are multiples of this.
        fixed: height and width of its input where it takes no other; None if it takes any.
        end_to_end: whether it suppresses doubles itself.
    """

    names: dict[int, str]
    task: str
    stride: int
    fixed: tuple[int, int] | None = None
    end_to_end: bool = False


def class_names(names: Any) -> dict[int, str]:
    """Return the classes of a model by number, in words that can be stored."""
    pairs: dict[Any, Any] = names if hasattr(names, "items") else dict(enumerate(list[Any](names)))
    return {int(number): mend(str(name))[0] for number, name in pairs.items()}


def found_rows(output: Any, facts: ModelFacts, confidence: float) -> Any:
    """Return left, top, right, bottom, confidence and class of what was found, best first.

    Args:
        output: an array, candidates x 6 or more if the model is end to end, else
            4 + classes (+ masks, key points) x candidates, boxes by their centre.
        facts: of the model.
        confidence: what a box must have more than.

    Raises:
        ImageError: a value is no finite number.
    """
    numpy: Any = import_module("numpy")
    if not math.isfinite(float(output.sum(dtype="float64"))):
        raise ImageError("the model gives a box that is no number")
    if facts.end_to_end or output.shape[-1] == _ROW:
        return output[output[:, 4] > confidence][:_MAX_BOXES, :_ROW]
    scores = output[4 : 4 + len(facts.names)]
    best = scores.max(axis=0)
    sure = best > confidence
    best, classes, (x, y, width, height) = best[sure], scores[:, sure].argmax(0), output[:4, sure]
    rows = numpy.stack(
        [x - width / 2, y - height / 2, x + width / 2, y + height / 2, best, classes], axis=1
    )
    rows = rows[numpy.argsort(-best, kind="stable")[:_MAX_CANDIDATES]]
    return rows[_without_doubles(rows)]


def _without_doubles(rows: Any) -> list[int]:
    """Return which rows to keep: of boxes of one class that overlap much, the best."""
    numpy: Any = import_module("numpy")
    corners = rows[:, :4] + rows[:, 5:6] * _CLASS_APART
    left, top, right, bottom = corners.T
    areas = (right - left) * (bottom - top)
    waiting = numpy.arange(len(rows))
    kept: list[int] = []
    while len(waiting) and len(kept) < _MAX_BOXES:
        best, others = waiting[0], waiting[1:]
        kept.append(int(best))
        across = numpy.minimum(right[best], right[others]) - numpy.maximum(left[best], left[others])
        down = numpy.minimum(bottom[best], bottom[others]) - numpy.maximum(top[best], top[others])
        shared = across.clip(0) * down.clip(0)
        whole = areas[best] + areas[others] - shared
        waiting = others[shared <= _OVERLAP * whole]
    return kept


def boxes(
    rows: list[list[float]],
    names: dict[int, str],
    layout: Letterbox,
    factor: int,
    width: int,
    height: int,
) -> tuple[Box, ...]:
    """Turn rows into boxes on the whole image, best first.

    Args:
        rows: left, top, right, bottom in pixels of what the model got; confidence; class.
        names: the model's classes.
        layout: how the picture was laid into what the model got.
        factor: how many times smaller than the image that picture was.
        width: pixels of the image.
        height: pixels of the image.

    Raises:
        ImageError: a value is no finite number, or a class has no name.
    """
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ImageError("the model gives a box that is no number")
    try:
        found = [_box(row, names[int(row[5])], layout, factor, width, height) for row in rows]
    except KeyError as error:
        raise ImageError(f"the model gives class {error}, which it does not name") from error
    return tuple(sorted(found, key=_best_first))


def _box(
    row: list[float], name: str, layout: Letterbox, factor: int, width: int, height: int
) -> Box:
    left, right = (
        min(max((value - layout.left) / layout.gain_x * factor, 0), width)
        for value in (row[0], row[2])
    )
    top, bottom = (
        min(max((value - layout.top) / layout.gain_y * factor, 0), height)
        for value in (row[1], row[3])
    )
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
