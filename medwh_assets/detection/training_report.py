"""The report of a training: one HTML file with its pictures inside, which asks no network."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from PIL import Image, ImageDraw

_LONGEST_SIDE: Final = 480
_LABELLED, _SEEN = "#1a9850", "#d73027"
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #ddd; }
.examples { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 15rem; } img { width: 100%; } figcaption { font-size: .85rem; }
pre { background: #f4f4f4; padding: .75rem; overflow-x: auto; }
"""


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How well one class is found; None where no picture to measure with shows it.

    Attributes:
        name: the class.
        labels: how often it is labelled on the pictures to measure with.
        precision: share of the boxes seen that are right.
        recall: share of the labels that are found.
        map50: average precision, where a box counts from an overlap of 0.5.
        map50_95: the same, mean over overlaps from 0.5 to 0.95.
    """

    name: str
    labels: int = 0
    precision: float | None = None
    recall: float | None = None
    map50: float | None = None
    map50_95: float | None = None


@dataclass(frozen=True, slots=True)
class SeenBox:
    """A box on an example: class, confidence (None for a label), and left, top, right, bottom."""

    name: str
    confidence: float | None
    corners: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Example:
    """A picture with what is labelled and what is seen on it, in its own pixels."""

    name: str
    pixels: Image.Image
    labels: tuple[SeenBox, ...]
    seen: tuple[SeenBox, ...]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training has come to.

    Attributes:
        name: the model's.
        base: file name of the weights that it started from.
        epochs: how often every picture was learned from.
        image_size: longest side, in pixels, that the model sees.
        learned: pictures that were learned from.
        measured: pictures that were measured with.
        map50: mean average precision over the classes, at an overlap of 0.5.
        map50_95: the same, mean over overlaps from 0.5 to 0.95.
        classes: each class by itself, in the order of their numbers.
        examples: some of the pictures that were measured with.
    """

    name: str
    base: str
    epochs: int
    image_size: int
    learned: int
    measured: int
    map50: float
    map50_95: float
    classes: tuple[ClassResult, ...]
    examples: tuple[Example, ...]


def seed_rows(name: str, classes: Sequence[ClassResult]) -> str:
    """Return rows for the seed detected_classes; what each class counts as is left to be said."""
    return "\n".join(f"{name},{_csv(result.name.lower())},CLASS," for result in classes)


def report_html(result: TrainingResult, left_out: Sequence[str]) -> str:
    """Return the whole report."""
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(result.name)}</title>',
        f"<style>{_STYLE}</style><h1>{escape(result.name)}</h1>",
        f"<p>Trained for {result.epochs} epochs at {result.image_size} pixels on {result.learned} "
        f"pictures, from {escape(result.base)}. Measured on {result.measured} pictures that it has "
        "not learned from; the best epoch was chosen by them, so expect a little less of others.</p>",
        f"<p><b>mAP50 {result.map50:.3f}, mAP50-95 {result.map50_95:.3f}</b></p>",
        "<table><tr><th>class<th>labels<th>precision<th>recall<th>mAP50<th>mAP50-95</tr>",
        *(_row(one) for one in result.classes),
        "</table>",
    ]
    if left_out:
        lines = "".join(f"<li>{escape(line)}</li>" for line in left_out)
        parts.append(f"<h2>Left out</h2><p>These could not be read:</p><ul>{lines}</ul>")
    parts += [
        "<h2>Examples</h2>",
        f'<p><span style="color:{_LABELLED}">Green</span> is what is labelled, '
        f'<span style="color:{_SEEN}">red</span> what the model sees.</p><div class="examples">',
        *(_figure(example) for example in result.examples),
        "</div><h2>Plug it in</h2><p>Rows for <code>medwh_dbt/seeds/detected_classes.csv</code>; "
        "for CLASS put what the class counts as (see <code>warehouse_classes.csv</code>):</p>",
        f"<pre>{escape(seed_rows(result.name, result.classes))}</pre></html>\n",
    ]
    return "\n".join(parts)


def _csv(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(c in text for c in ',"') else text


def _row(result: ClassResult) -> str:
    values = (result.precision, result.recall, result.map50, result.map50_95)
    cells = "".join(f"<td>{'–' if value is None else f'{value:.3f}'}" for value in values)
    return f"<tr><td>{escape(result.name)}<td>{result.labels}{cells}</tr>"


def _figure(example: Example) -> str:
    buffer = io.BytesIO()
    _drawn(example).save(buffer, "JPEG", quality=80)
    picture = base64.b64encode(buffer.getvalue()).decode()
    seen = ", ".join(f"{box.name} {box.confidence or 0:.2f}" for box in example.seen) or "nothing"
    labels = ", ".join(box.name for box in example.labels) or "nothing"
    return (
        f'<figure><img alt="" src="data:image/jpeg;base64,{picture}"><figcaption>'
        f"{escape(example.name)}<br>labelled: {escape(labels)}<br>seen: {escape(seen)}"
        "</figcaption></figure>"
    )


def _drawn(example: Example) -> Image.Image:
    picture = example.pixels.copy()
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    share = picture.width / example.pixels.width
    draw = ImageDraw.Draw(picture)
    for boxes, colour in ((example.labels, _LABELLED), (example.seen, _SEEN)):
        for box in boxes:
            left, top, right, bottom = (value * share for value in box.corners)
            draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=3)
    return picture
