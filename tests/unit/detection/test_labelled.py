from pathlib import Path
from typing import Any

import pytest
import yaml

from medwh_assets.detection.labelled import Label, label_path, read_labelled
from medwh_assets.errors import TrainingError

LABEL = "0 0.5 0.5 0.2 0.4\n"


def simplest(folder: Path, pictures: int = 10, classes: str = "bottle\nblister pack\n") -> Path:
    """Make the simplest layout; pictures are not decoded when a folder is read."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text(classes)
    for number in range(pictures):
        (folder / "images" / f"{number}.jpg").write_bytes(b"picture %d" % number)
        (folder / "labels" / f"{number}.txt").write_text(LABEL)
    return folder


def described(folder: Path, **changes: Any) -> Path:
    """Make the layout of YOLO tools."""
    for part in ("train", "val"):
        simplest(folder / part, 2)
    fields = {"train": "train/images", "val": "val/images", "names": ["bottle"], **changes}
    (folder / "data.yaml").write_text(yaml.safe_dump(fields, allow_unicode=True))
    return folder


def test_of_the_simplest_layout_every_fifth_picture_is_kept_to_measure_with(
    tmp_path: Path,
) -> None:
    found = read_labelled(simplest(tmp_path))

    assert found.names == ("bottle", "blister pack")
    assert (len(found.learn), len(found.measure)) == (8, 2)
    assert {p.labels for p in found.learn} == {(Label(0, 0.5, 0.5, 0.2, 0.4),)}
    assert read_labelled(tmp_path) == found


def test_a_copy_of_a_picture_is_never_on_both_sides(tmp_path: Path) -> None:
    simplest(tmp_path)
    for number in range(10):
        copy = tmp_path / "images" / f"copy {number}.jpg"
        copy.write_bytes((tmp_path / "images" / f"{number}.jpg").read_bytes())

    found = read_labelled(tmp_path)

    assert len({p.path for p in (*found.learn, *found.measure)}) == 10


def test_pictures_and_labels_may_lie_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("bottle")
    for number in range(5):
        (tmp_path / f"{number}.PNG").write_bytes(b"%d" % number)
        (tmp_path / f"{number}.txt").write_text(LABEL)

    assert all(picture.labels for picture in read_labelled(tmp_path).learn)


def test_labels_lie_where_yolo_tools_put_them(tmp_path: Path) -> None:
    for picture, label in (
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("images/train/a.b.png", "labels/train/a.b.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("a.jpg", "a.txt"),
    ):
        assert label_path(tmp_path, tmp_path / picture) == tmp_path / label


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train": "../train/images", "val": "../val/images"},
        {"path": "."},
        {"path": "../datasets/elsewhere"},
        {"names": {0: "bottle"}},
        {"train": ["train/images"]},
    ],
)
def test_a_data_yaml_is_understood_as_its_tools_write_it(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    found = read_labelled(described(tmp_path, **changes))

    assert found.names == ("bottle",)
    assert (len(found.learn), len(found.measure)) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"names": None}, "must name the classes"),
        ({"names": []}, "names 0 classes"),
        ({"names": {1: "bottle"}}, "must go from 0 upwards"),
        ({"names": ["a", "A"]}, "a class twice"),
        ({"names": ["a\x07b"]}, "no name of a class"),
        ({"train": None}, "under `train`"),
        ({"val": "nowhere"}, "no folder nowhere"),
        ({"val": "/etc"}, "no folder /etc .* inside"),
        ({"val": "../.."}, "no folder"),
        ({"val": "train/images"}, "share pictures"),
        ({"val": "val/labels"}, "no pictures to measure with"),
    ],
)
def test_a_data_yaml_that_cannot_be_used_says_why(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        read_labelled(described(tmp_path, **changes))


def test_a_folder_of_unknown_layout_says_what_the_simplest_one_is(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"classes\.txt \(a class a line\), images/"):
        read_labelled(tmp_path)
    with pytest.raises(TrainingError, match="is no folder"):
        read_labelled(tmp_path / "nowhere")
    (tmp_path / "data.yaml").write_text("names: [unclosed")
    with pytest.raises(TrainingError, match="is no YAML"):
        read_labelled(tmp_path)
    (tmp_path / "data.yaml").write_text("[" * 100_000)
    with pytest.raises(TrainingError, match="is no YAML"):
        read_labelled(tmp_path)
    (tmp_path / "data.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match="cannot be read as UTF-8"):
        read_labelled(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2 0.5 0.5 0.2 0.2", "class 2, but classes go from 0 to 1"),
        ("-1 0.5 0.5 0.2 0.2", "class -1"),
        ("0.5 0.5 0.5 0.2 0.2", r"class 0\.5"),
        ("0 120 40 20 20", "shares of the picture's size"),
        ("0 0.5 0.5 0 0.2", "shares of the picture's size"),
        ("0 nan 0.5 0.2 0.2", "not five numbers"),
        ("bottle 0.5 0.5 0.2 0.2", "not five numbers"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "polygons must be exported as boxes"),
        ("0 0.5", "2 words"),
    ],
)
def test_a_wrong_label_is_told_with_its_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    simplest(tmp_path)
    (tmp_path / "labels" / "3.txt").write_text(f"{LABEL}\n{line}\n")

    with pytest.raises(TrainingError, match=rf"labels/3\.txt, line 2: .*{said}"):
        read_labelled(tmp_path)


def test_many_wrong_labels_are_told_at_once_and_counted(tmp_path: Path) -> None:
    simplest(tmp_path, pictures=30, classes="bottle\n")
    for number in range(30):
        (tmp_path / "labels" / f"{number}.txt").write_text("7 0.5 0.5 0.2 0.2")

    with pytest.raises(TrainingError) as told:
        read_labelled(tmp_path)

    assert str(told.value).count("class 7") == 10
    assert "and 20 more" in str(told.value)


def test_a_picture_without_labels_is_one_that_shows_nothing(tmp_path: Path) -> None:
    simplest(tmp_path)
    (tmp_path / "labels" / "3.txt").unlink()
    (tmp_path / "labels" / "4.txt").write_text("\n")

    found = read_labelled(tmp_path)

    assert sorted(len(p.labels) for p in (*found.learn, *found.measure)) == [0, 0, *[1] * 8]


def test_a_folder_without_any_label_says_where_they_should_lie(tmp_path: Path) -> None:
    simplest(tmp_path)
    for file in (tmp_path / "labels").iterdir():
        file.unlink()

    with pytest.raises(TrainingError, match=r"has a label; labels lie in labels/\d\.txt"):
        read_labelled(tmp_path)
