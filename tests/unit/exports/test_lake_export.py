import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from medwh_assets.errors import ChannelNameError, ExportError
from medwh_assets.exports import parquet
from medwh_assets.exports.lake_export import ExportSummary, export_lake
from medwh_assets.lake.store import Lake
from tests.factories import CHANNEL, DAY, tree
from tests.unit.exports.made_lake import OTHER, made_lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return made_lake(tmp_path / "lake")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def export(lake: Lake, out: Path, **options: Any) -> ExportSummary:
    return export_lake(lake, out, **{"progress": lambda _, __: None, **options})


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_posts_are_the_lake_s_own_lines(lake: Lake, out: Path) -> None:
    export(lake, out)
    in_lake = [
        line.removesuffix(b",")
        for channel, day in ((OTHER, "01"), (CHANNEL, "01"), (CHANNEL, "02"), (CHANNEL, "03"))
        for line in (lake.root / f"telegram_messages/2025-03-{day}/{channel}.json")
        .read_bytes()
        .split(b"\n")
        if line.startswith(b"{")
    ]
    assert (out / "posts.jsonl").read_bytes() == b"\n".join(in_lake) + b"\n"


def test_an_export_says_what_it_holds(lake: Lake, out: Path) -> None:
    summary = export(lake, out)
    assert json.loads((out / "medwh_export.json").read_bytes()) == {
        "format": 1,
        "channels": [OTHER, CHANNEL],
        "first": "2025-03-01",
        "last": "2025-03-03",
        "posts": 7,
        "slices": 4,
        "images": 5,
        "table_format": "jsonl",
    }
    size = sum(len(content) for content in tree(out).values())
    assert summary == ExportSummary(slices=4, posts=7, images=5, bytes=size)


def test_rows_bear_their_channel_and_day(lake: Lake, out: Path) -> None:
    export(lake, out)
    images = lines(out / "images.jsonl")
    assert {(row["channel"], row["date"]) for row in images} == {
        (OTHER, "2025-03-01"),
        (CHANNEL, "2025-03-01"),
    }
    assert {row["status"] for row in images} == {"ok", "quarantined", "missing"}
    assert [len(row["boxes"]) for row in lines(out / "detections.jsonl")] == [2, 2, 0]


def test_images_are_copies_that_share_nothing_with_the_lake(lake: Lake, out: Path) -> None:
    export(lake, out)
    names = {name for name in tree(lake.root) if name.startswith("images/")}
    assert names == {name for name in tree(out) if name.startswith("images/")}
    for name in names:
        assert (out / name).read_bytes() == (lake.root / name).read_bytes()
        assert not (out / name).samefile(lake.root / name)


def test_images_can_be_left_out(lake: Lake, out: Path) -> None:
    summary = export(lake, out, images=False)
    assert summary.images == 0
    assert not (out / "images").exists()
    assert len(lines(out / "images.jsonl")) == 5


def test_a_range_and_channels_bound_everything(lake: Lake, out: Path) -> None:
    export(lake, out, first=DAY, last=DAY, channels=["@Demo_Shop"])
    assert {(post["channel"], post["date"][:10]) for post in lines(out / "posts.jsonl")} == {
        (CHANNEL, "2025-03-01")
    }
    assert [row["date"] for row in lines(out / "slices.jsonl")] == ["2025-03-01"]
    assert {row["channel"] for row in lines(out / "images.jsonl")} == {CHANNEL}
    entries = [(row["kind"], row["name"]) for row in lines(out / "quarantine.jsonl")]
    assert entries == [("images", "4")]


def test_a_channel_alone_comes_with_all_of_its_quarantine(lake: Lake, out: Path) -> None:
    export(lake, out, channels=[CHANNEL])
    kinds = [(row["kind"], row["channel"]) for row in lines(out / "quarantine.jsonl")]
    assert kinds == [("images", CHANNEL), ("posts", CHANNEL)]


def test_the_same_lake_gives_the_same_export(lake: Lake, out: Path, tmp_path: Path) -> None:
    export(lake, out)
    export(lake, tmp_path / "again")
    assert tree(out) == tree(tmp_path / "again")


def test_a_slice_that_cannot_be_read_is_reported_and_the_others_go_on(
    lake: Lake, out: Path
) -> None:
    (lake.root / f"telegram_messages/{DAY}/{CHANNEL}.json").write_bytes(b"{")
    summary = export(lake, out)
    assert [what for what, _ in summary.unreadable] == [f"{CHANNEL}|{DAY}"]
    assert (summary.slices, summary.posts) == (3, 2)


def test_rows_that_cannot_be_read_are_reported_and_their_posts_go_on(lake: Lake, out: Path) -> None:
    (lake.root / f"telegram_images/{DAY}/{CHANNEL}.json").write_bytes(b"{")
    summary = export(lake, out)
    assert [what for what, _ in summary.unreadable] == [f"{CHANNEL}|{DAY}"]
    assert (summary.slices, summary.posts) == (4, 7)
    assert {row["channel"] for row in lines(out / "images.jsonl")} == {OTHER}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"first": date(2026, 1, 1)}, "2025-03-01 to 2025-03-03"),
        ({"first": date(2025, 3, 3), "last": date(2025, 3, 1)}, "no slice from 2025-03-03"),
        ({"channels": ["nobody"]}, f"Its channels are {OTHER}, {CHANNEL}"),
    ],
)
def test_a_range_that_holds_nothing_is_said_and_not_written(
    lake: Lake, out: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ExportError, match=told):
        export(lake, out, **options)
    assert not out.exists()


def test_an_empty_lake_is_said(tmp_path: Path, out: Path) -> None:
    with pytest.raises(ExportError, match="no slices yet"):
        export(Lake(tmp_path / "empty"), out)
    with pytest.raises(ChannelNameError):
        export(Lake(tmp_path / "empty"), out, channels=["no/name"])


def test_an_export_overwrites_nothing(lake: Lake, out: Path) -> None:
    out.mkdir()
    (out / "mine").write_bytes(b"")
    for target in (out, out / "mine", out / "mine" / "deeper", lake.root / "export", lake.root):
        with pytest.raises(ExportError):
            export(lake, target)
    assert tree(out) == {"mine": b""}
    assert {file.name for file in out.parent.iterdir()} == {"lake", "out"}


def test_an_empty_folder_is_taken(lake: Lake, out: Path) -> None:
    out.mkdir()
    export(lake, out)
    assert (out / "medwh_export.json").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
def test_an_interrupted_export_leaves_nothing(
    lake: Lake, tmp_path: Path, error: type[BaseException]
) -> None:
    def interrupt(channel: str, number: int) -> None:
        raise error

    with pytest.raises(ExportError if error is OSError else error):
        export(lake, tmp_path / "new" / "deep" / "out", progress=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["lake"]


def test_parquet_has_typed_columns_beside_the_record(lake: Lake, out: Path) -> None:
    export(lake, out, table_format="parquet")
    posts = pq.read_table(out / "posts.parquet")
    assert str(posts.schema.field("date").type) == "timestamp[us, tz=UTC]"
    assert str(posts.schema.field("views").type) == "int64"
    first = next(row for row in posts.to_pylist() if row["channel"] == CHANNEL)
    assert (first["message_id"], first["text"], first["views"]) == (1, "after", 20)
    assert json.loads(first["record"])["versions"][0]["text"] == "before"
    boxes = pq.read_table(out / "detections.parquet").to_pylist()
    assert [row["detected_class"] for row in boxes] == ["bottle"] * 4 + [None]
    assert [row["box"] for row in boxes] == [0, 1, 0, 1, None]
    assert [row["record"] is not None for row in boxes] == [True, False, True, False, True]


def test_parquet_is_written_in_row_groups_of_bounded_size(
    lake: Lake, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 3)
    export(lake, out, table_format="parquet")
    written = pq.ParquetFile(out / "posts.parquet")
    with written:
        assert [written.metadata.row_group(n).num_rows for n in range(3)] == [3, 3, 1]


def test_without_pyarrow_an_export_says_how_to_get_it(
    lake: Lake, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"medwh\[parquet\]"):
        export(lake, out, table_format="parquet")
    assert not out.exists()
