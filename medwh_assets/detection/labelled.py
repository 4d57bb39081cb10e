"""A folder of labelled pictures, read and checked before anything is learned from it.

Two layouts: the one that YOLO tools write (`data.yaml` names the classes and where the pictures to
learn from and those to measure with lie), and the simplest one (`classes.txt`, pictures, and for
each a text file of boxes; every fifth picture is kept to measure with). Nothing in the folder is
changed, and nothing outside of it is read.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from medwh_assets.errors import TrainingError

MAX_PICTURES: Final = 20_000
MAX_BOXES: Final = 1_000
MAX_CLASSES: Final = 1_000
_MAX_TEXT_BYTES: Final = 1024 * 1024
_MAX_FILES: Final = 20 * MAX_PICTURES
_MAX_PROBLEMS: Final = 10
_MAX_NAME: Final = 100
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# Tools that compute in single precision write 1.0000001.
_ROUNDED: Final = 1e-3
# One picture in five is kept to measure with where the folder does not say which.
_MEASURED: Final = 5


@dataclass(frozen=True, slots=True)
class Label:
    """One thing on a picture: its class's number, and its box in shares of the picture's size."""

    number: int
    x_centre: float
    y_centre: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture file and what is on it; a picture without labels shows none of the classes."""

    path: Path
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """What a training folder holds.

    Attributes:
        names: the classes; a label's number is a place here.
        learn: the pictures to learn from.
        measure: the pictures to measure with, of which none is learned from.
    """

    names: tuple[str, ...]
    learn: tuple[LabelledPicture, ...]
    measure: tuple[LabelledPicture, ...]


@dataclass(slots=True)
class _Problems:
    """What is wrong with a folder, told at once and not one by one."""

    told: list[str] = field(default_factory=list[str])
    count: int = 0

    def add(self, problem: str) -> None:
        self.count += 1
        if len(self.told) < _MAX_PROBLEMS:
            self.told.append(problem)

    def check(self, folder: Path) -> None:
        if self.count:
            more = self.count - len(self.told)
            lines = [*self.told, *([f"and {more} more"] if more else [])]
            raise TrainingError(
                f"{folder} cannot be trained on; mend this first:\n  " + "\n  ".join(lines)
            )


def read_labelled(folder: Path) -> LabelledFolder:
    """Read and check a folder's classes and labels; pictures are not decoded here.

    Raises:
        TrainingError: the layout is unknown, or a class or label is wrong; the message lists where.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise TrainingError(f"{folder} is no folder; give one that holds labelled pictures")
    described = next((f for f in (folder / "data.yaml", folder / "data.yml") if f.is_file()), None)
    if described:
        names, learn, measure = _described(folder, described)
    elif (folder / "classes.txt").is_file():
        names = _names(folder / "classes.txt", _text(folder / "classes.txt").splitlines())
        learn, measure = _split(_pictures(folder, [folder]))
    else:
        raise TrainingError(
            f"{folder} holds neither data.yaml nor classes.txt; the simplest layout is classes.txt "
            "(a class a line), images/ with the pictures, and labels/ with a text file for each"
        )
    for paths, purpose in ((learn, "to learn from"), (measure, "to measure with")):
        if not paths:
            raise TrainingError(f"{folder} holds no pictures {purpose}; label more of them")
    problems = _Problems()
    found = LabelledFolder(
        names,
        *(
            tuple(_labelled(folder, path, names, problems) for path in paths)
            for paths in (learn, measure)
        ),
    )
    problems.check(folder)
    for pictures, purpose in ((found.learn, "to learn from"), (found.measure, "to measure with")):
        if not any(picture.labels for picture in pictures):
            raise TrainingError(
                f"none of the {len(pictures)} pictures {purpose} in {folder} has a label; labels "
                f"lie in {label_path(folder, pictures[0].path).relative_to(folder)} and the like"
            )
    return found


def label_path(folder: Path, picture: Path) -> Path:
    """Return where a picture's labels lie: beside it, or in `labels` where it lies in `images`."""
    parts = list(picture.relative_to(folder).with_suffix(".txt").parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return folder.joinpath(*parts)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise TrainingError(f"{path} is larger than 1 MB, which no file of text here should be")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read as UTF-8 text ({error})") from error


def _names(source: Path, names: Iterable[object]) -> tuple[str, ...]:
    found = [str(name).strip() for name in names]
    while found and not found[-1]:
        found.pop()
    if not 0 < len(found) <= MAX_CLASSES:
        raise TrainingError(f"{source} names {len(found)} classes; 1 to {MAX_CLASSES} are possible")
    for name in found:
        if not name or len(name) > _MAX_NAME or not name.isprintable():
            raise TrainingError(
                f"{source}: {name[:_MAX_NAME]!r} is no name of a class; 1 to {_MAX_NAME} printable "
                "characters are"
            )
    if len({name.lower() for name in found}) < len(found):
        raise TrainingError(f"{source} names a class twice")
    return tuple(found)


def _described(folder: Path, source: Path) -> tuple[tuple[str, ...], list[Path], list[Path]]:
    try:
        described: Any = yaml.safe_load(_text(source))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise TrainingError(f"{source} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(described, dict):
        raise TrainingError(f"{source} must name `names`, `train` and `val`")
    fields = cast(dict[object, Any], described)
    names = fields.get("names")
    if isinstance(names, dict):
        numbered = cast(dict[object, object], names)
        if set(numbered) != set(range(len(numbered))):
            raise TrainingError(f"{source}: the numbers under `names` must go from 0 upwards")
        names = [numbered[number] for number in range(len(numbered))]
    if not isinstance(names, list):
        raise TrainingError(f"{source} must name the classes under `names`")
    root = _inside(folder, folder, fields.get("path") or ".") or folder
    learn, measure = (
        list(_pictures(folder, _folders(folder, root, source, part, fields.get(part))))
        for part in ("train", "val")
    )
    if set(learn) & set(measure):
        raise TrainingError(
            f"{source}: `train` and `val` share pictures, so the report would praise what was "
            "learned by heart; keep them apart"
        )
    return _names(source, cast(list[object], names)), learn, measure


def _folders(folder: Path, root: Path, source: Path, part: str, value: object) -> list[Path]:
    places = cast(list[object], value) if isinstance(value, list) else [value]
    found: list[Path] = []
    for place in places:
        if not isinstance(place, str) or not place.strip():
            raise TrainingError(f"{source} must name a folder of pictures under `{part}`")
        # Roboflow writes `../train/images` for what lies in `train/images`.
        tries = (place, place.removeprefix("../"))
        there = next((p for at in tries if (p := _inside(folder, root, at)) and p.is_dir()), None)
        if there is None:
            raise TrainingError(
                f"{source}: there is no folder {place} (under `{part}`) inside {folder}"
            )
        found.append(there)
    return found


def _inside(folder: Path, root: Path, place: object) -> Path | None:
    """Return a place below the folder, or None if it is none or lies elsewhere."""
    path = Path(str(place)) if Path(str(place)).is_absolute() else root / str(place)
    try:
        inside = path.resolve().relative_to(folder.resolve())
    except (ValueError, OSError):
        return None
    return folder / inside if path.exists() else None


def _pictures(folder: Path, places: Sequence[Path]) -> Iterator[Path]:
    """Yield picture files below the places, in order of their names."""
    found: set[Path] = set()
    for count, path in enumerate(p for place in places for p in place.rglob("*")):
        if count > _MAX_FILES:
            raise TrainingError(f"{folder} holds more than {_MAX_FILES} files")
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.is_symlink():
            found.add(path)
        if len(found) > MAX_PICTURES:
            raise TrainingError(
                f"{folder} holds more than {MAX_PICTURES} pictures; train on fewer of them"
            )
    yield from sorted(found)


def _split(pictures: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Part pictures by their content: the same ones on every machine, and no copy on both sides."""
    by_content: dict[str, Path] = {}
    for path in pictures:
        try:
            with path.open("rb") as file:
                by_content.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), path)
        except OSError as error:
            raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    ordered = [by_content[content] for content in sorted(by_content)]
    return [p for i, p in enumerate(ordered) if i % _MEASURED], ordered[::_MEASURED]


def _labelled(
    folder: Path, picture: Path, names: tuple[str, ...], problems: _Problems
) -> LabelledPicture:
    source = label_path(folder, picture)
    if not source.is_file():
        return LabelledPicture(picture, ())
    try:
        lines = [line.split() for line in _text(source).splitlines() if line.strip()]
    except TrainingError as error:
        problems.add(str(error))
        return LabelledPicture(picture, ())
    where = source.relative_to(folder)
    if len(lines) > MAX_BOXES:
        problems.add(f"{where}: {len(lines)} boxes; {MAX_BOXES} are possible")
        lines = lines[:0]
    labels: list[Label] = []
    for place, words in enumerate(lines, start=1):
        label = _label(words, len(names))
        if isinstance(label, str):
            problems.add(f"{where}, line {place}: {label}")
        else:
            labels.append(label)
    return LabelledPicture(picture, tuple(dict.fromkeys(labels)))


def _label(words: Sequence[str], classes: int) -> Label | str:
    """Return a line's label, or what is wrong with it."""
    if len(words) != 5:
        return (
            f"{len(words)} words; a box is its class's number and x, y, width, height "
            "(polygons must be exported as boxes)"
        )
    try:
        number, *box = (float(word) for word in words)
    except ValueError:
        return f"{' '.join(words)[:60]!r} are not five numbers"
    if not all(math.isfinite(value) for value in (number, *box)):
        return f"{' '.join(words)[:60]!r} are not five numbers"
    if number != int(number) or not 0 <= number < classes:
        return f"class {words[0][:20]}, but classes go from 0 to {classes - 1}"
    if not all(0 <= value <= 1 + _ROUNDED for value in box) or not (box[2] and box[3]):
        return "x, y, width and height are shares of the picture's size, from 0 to 1"
    return Label(int(number), *(min(value, 1.0) for value in box))
