import json
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from medwh_assets.errors import ImportShapeError
from medwh_assets.exports.lake_export import export_lake
from medwh_assets.imports import medwh_export
from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.medwh_export import is_export, look, slices
from medwh_assets.imports.medwh_restore import restore
from medwh_assets.imports.summary import ChannelSummary, ImportSummary
from medwh_assets.lake.records import Post
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from tests.factories import (
    CHANNEL,
    DAY,
    FIRST_READ,
    PIECE,
    SECOND_READ,
    make_post,
    make_reading,
    moment,
    tree,
)
from tests.unit.exports.made_lake import NOW, OTHER, PHOTO, finish, jpeg, made_lake, read_lake

FORMATS = ["jsonl", "parquet"]
MESSAGES = f"telegram_messages/{DAY}/{CHANNEL}.json"


def export(lake: Lake, out: Path, **options: Any) -> Path:
    export_lake(lake, out, **{"progress": lambda _, __: None, **options})
    return out


@dataclass
class Outcome:
    done: dict[str, ChannelSummary]
    refused: list[tuple[str, Refused | Unread]] = field(default_factory=list)
    advanced: int = 0


def bring(lake: Lake, folder: Path) -> Outcome:
    summary = ImportSummary()
    outcome = Outcome(summary.channels)

    def advance(number: int) -> None:
        outcome.advanced += number

    restore(
        lake,
        folder,
        now=NOW,
        refuse=lambda file, item: outcome.refused.append((file, item)),
        advance=advance,
        summary=summary,
    )
    return outcome


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return made_lake(tmp_path_factory.mktemp("original") / "lake")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, original: Lake) -> Path:
    return export(original, tmp_path_factory.mktemp("exported") / "out")


@pytest.fixture
def damaged(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path / "damaged")
    return tmp_path / "damaged"


@pytest.fixture
def empty(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "empty")


def part(root: Path, texts: Sequence[str], images: dict[int, bytes], at: Any = FIRST_READ) -> Path:
    """An export of a lake that one read gave: a post for every text, all with a picture."""
    made = [make_post(n, text, media=PHOTO, seen=at) for n, text in enumerate(texts, 1) if text]
    return export(read_lake(root / "lake", made, images, at), root / "out")


# -- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("table_format", FORMATS)
def test_an_export_makes_the_same_lake_in_an_empty_one_and_again_changes_nothing(
    original: Lake, empty: Lake, tmp_path: Path, table_format: str
) -> None:
    folder = export(original, tmp_path / "out", table_format=table_format)
    outcome = bring(empty, folder)
    assert tree(empty.root) == tree(original.root)
    assert outcome.refused == []
    assert outcome.advanced == 12
    mine = outcome.done[CHANNEL]
    assert (mine.records, mine.new, mine.changed, mine.images) == (6, 6, 0, 4)
    assert (mine.first, mine.last) == (date(2025, 3, 1), date(2025, 3, 3))
    again = bring(empty, folder).done[CHANNEL]
    assert (again.new, again.changed, again.unchanged) == (0, 0, 6)
    assert tree(empty.root) == tree(original.root)


@pytest.mark.parametrize("table_format", FORMATS)
def test_parts_of_a_lake_make_it_whole_in_any_order(
    original: Lake, tmp_path: Path, table_format: str
) -> None:
    ranges: list[dict[str, Any]] = [
        {"channels": [OTHER]},
        {"channels": [CHANNEL], "last": DAY},
        {"first": DAY, "last": DAY + timedelta(days=1)},
        {"first": DAY + timedelta(days=2)},
    ]
    folders = [
        export(original, tmp_path / str(n), table_format=table_format, **bounds)
        for n, bounds in enumerate(ranges)
    ]
    held = {
        name: content
        for name, content in tree(original.root).items()
        if not name.startswith(("quarantine/posts/", "quarantine/files/"))
    }
    for number, order in enumerate(list(permutations(folders))[::5]):
        lake = Lake(tmp_path / f"lake{number}")
        for folder in order:
            bring(lake, folder)
        found = tree(lake.root)
        assert {name: found.get(name) for name in held} == held


def test_a_lake_that_waits_for_its_pipeline_comes_back_as_it_is(
    original: Lake, empty: Lake, tmp_path: Path
) -> None:
    shutil.copytree(original.root, tmp_path / "waiting")
    waiting = Lake(tmp_path / "waiting")
    # Rows of posts that have changed since, and rows that no manifest speaks of any more.
    waiting.merge_readings(PIECE, [make_reading(make_post(8), at=moment("2025-03-20 00:00"))])
    waiting.forget_images(Slice(OTHER, DAY))
    bring(empty, export(waiting, tmp_path / "out"))
    assert tree(empty.root) == tree(waiting.root)


def test_posts_stand_in_an_export_as_a_reader_finds_them(exported: Path, original: Lake) -> None:
    refused: list[object] = []
    pieces = slices(exported, lambda *what: refused.append(what))
    found = [one.post for piece in pieces for one in piece.found]
    assert refused == []
    assert found == [post for piece in original.slices() for post in original.posts(piece)]


def test_an_export_without_images_brings_its_posts_and_claims_no_image(
    original: Lake, empty: Lake, tmp_path: Path
) -> None:
    bring(empty, export(original, tmp_path / "out", images=False))
    assert empty.posts(PIECE) == original.posts(PIECE)
    manifest = empty.manifest(PIECE)
    assert manifest is not None
    assert manifest.images is None
    assert empty.images(PIECE) == []


# -- into a lake that holds something ---------------------------------------------------------


def same_in_any_order(folders: Sequence[Path], tmp_path: Path) -> dict[str, bytes]:
    results: list[dict[str, bytes]] = []
    for number, order in enumerate(permutations(folders)):
        lake = Lake(tmp_path / f"merged{number}")
        for folder in (*order, order[0]):
            assert bring(lake, folder).refused == []
        results.append(tree(lake.root))
    assert all(result == results[0] for result in results)
    return results[0]


def test_overlapping_exports_merge_in_any_order_and_lose_nothing(tmp_path: Path) -> None:
    folders = [
        part(tmp_path / "a", ["one", "two"], {1: jpeg("red"), 2: jpeg("blue")}),
        part(tmp_path / "b", ["one, edited", "", "three"], {1: jpeg("red", 64)}, SECOND_READ),
        part(tmp_path / "c", ["one"], {1: jpeg("red")}),
    ]
    found = same_in_any_order(folders, tmp_path)
    merged = [Post.model_validate(post) for post in json.loads(found[MESSAGES])]
    assert [(post.id, len(post.observations)) for post in merged] == [(1, 2), (2, 2), (3, 1)]
    # The second read covered the whole day, and the second post was not there.
    assert [post.missing_since for post in merged] == [None, SECOND_READ, None]
    assert {name for name in found if name.startswith("images/")} >= {
        f"images/{CHANNEL}/1.jpg",
        f"images/{CHANNEL}/2.jpg",
    }
    assert found[f"images/{CHANNEL}/1.jpg"] == jpeg("red", 64)


def test_exports_of_the_same_posts_with_other_images_merge_in_any_order(tmp_path: Path) -> None:
    folders = [
        part(tmp_path / "a", ["one", "two"], {1: jpeg("red")}),
        part(tmp_path / "b", ["one", "two"], {2: jpeg("blue"), 1: jpeg("green", 64)}),
        part(tmp_path / "c", ["one", "two"], {1: b"broken"}),
    ]
    same_in_any_order(folders, tmp_path)


def test_an_absence_that_a_lake_saw_is_seen_of_posts_that_only_another_has(tmp_path: Path) -> None:
    earlier = part(tmp_path / "a", ["one", "two"], {})
    later = part(tmp_path / "b", ["one"], {}, SECOND_READ)
    found = same_in_any_order([earlier, later], tmp_path)
    second = Post.model_validate(json.loads(found[MESSAGES])[1])
    assert second.missing_since == SECOND_READ


def test_a_post_on_another_day_goes_to_the_day_of_its_best_date(tmp_path: Path) -> None:
    naive = make_post(1, at=moment("2025-03-02 01:00"), authority="naive", seen=None)
    folders = [
        export(read_lake(tmp_path / "a", [naive], {}), tmp_path / "out-a"),
        part(tmp_path / "b", ["one"], {}),
    ]
    found = same_in_any_order(folders, tmp_path)
    assert len(json.loads(found[MESSAGES])) == 1
    assert json.loads(found[f"telegram_messages/2025-03-02/{CHANNEL}.json"]) == []


def test_an_export_takes_nothing_from_a_finished_slice_that_knows_as_much(tmp_path: Path) -> None:
    folder = part(tmp_path / "a", ["one"], {1: jpeg("red")})
    made = [make_post(n, text, media=PHOTO) for n, text in ((1, "one"), (2, "two"))]
    lake = read_lake(tmp_path / "lake", made, {1: jpeg("red"), 2: jpeg("blue")})
    before = tree(lake.root)
    bring(lake, folder)
    assert tree(lake.root) == before


def test_a_finished_lake_and_an_export_end_alike_whichever_was_first(tmp_path: Path) -> None:
    one = part(tmp_path / "a", ["one"], {1: jpeg("red")})
    two = part(tmp_path / "b", ["", "two"], {2: jpeg("blue")}, SECOND_READ)
    results: list[dict[str, bytes]] = []
    for first, second in ((one, two), (two, one)):
        lake = Lake(tmp_path / f"lake{len(results)}")
        bring(lake, first)
        bring(lake, second)
        finish(lake)
        results.append(tree(lake.root))
    assert results[0] == results[1]


# -- what is no export ------------------------------------------------------------------------


def test_a_folder_is_an_export_by_what_is_written_last(damaged: Path) -> None:
    assert is_export(damaged)
    assert look(damaged).channels == (OTHER, CHANNEL)
    (damaged / "medwh_export.json").unlink()
    assert not is_export(damaged)
    with pytest.raises(ImportShapeError, match="no export of medwh"):
        look(damaged)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"format": 2, "table_format": "jsonl"}', "format 2"),
        (b"[]", "cannot be read"),
        (b"\xff" * 9, "cannot be read"),
        (b"[" * 10**6, "cannot be read"),
        (b'{"format": 1, "table_format": "xml"}', "cannot be read"),
    ],
)
def test_what_an_export_says_of_itself_is_not_believed(
    damaged: Path, content: bytes, told: str
) -> None:
    (damaged / "medwh_export.json").write_bytes(content)
    with pytest.raises(ImportShapeError, match=told):
        look(damaged)


def test_without_pyarrow_parquet_says_how_to_get_it(
    original: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(original, tmp_path / "out", table_format="parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportShapeError, match=r"medwh\[parquet\]"):
        look(folder)


# -- damage -----------------------------------------------------------------------------------


def edit(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new, 1))


def test_a_damaged_line_costs_itself_and_nothing_is_missed_for_it(
    damaged: Path, empty: Lake, original: Lake
) -> None:
    edit(damaged / "posts.jsonl", b'"text":"gone later', b'"text:"gone later')
    empty.merge_readings(PIECE, [make_reading(make_post(2), complete=False)])
    outcome = bring(empty, damaged)
    [(file, refused)] = outcome.refused
    assert isinstance(refused, Refused)
    assert (file, refused.channel) == ("posts.jsonl", None)
    assert refused.reason.startswith("Invalid JSON")
    assert [post.id for post in empty.posts(PIECE)] == [1, 2, 3, 4, 5]
    # That the export lacks the second post does not mean that its channel did.
    assert empty.posts(PIECE)[1].missing_since is None
    manifest = empty.manifest(PIECE)
    assert manifest is not None
    assert {read.status for read in manifest.reads} == {"partial"}
    assert manifest.images is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"id":1,', b'"id":-1,'),
        (b'"channel":"demo_other"', b'"channel":"../../etc"'),
        (b'"channel":"demo_other"', b'"channel":"Demo_Other"'),
        (b'"date":"2025-03-01T12:00:00Z"', b'"date":"9999-12-31T23:59:59-12:00"'),
        (b'"date":"2025-03-01T12:00:00Z"', b'"date":"2017-03-01T12:00:00Z"'),
        (b'"date":"2025-03-01T12:00:00Z"', b'"date":"2026-03-01T12:00:00Z"'),
        (b'"extra":{}', b'"extra":{"a":[NaN]}'),
        (b'"extra":{}', b'"extra":{"a":[1e999]}'),
        (b'"extra":{}', b'"extra":{"a":[' + b"9" * 5000 + b"]}"),
        (b'"extra":{}', b'"extra":{"a":[' + b"[" * 150 + b"]" * 150 + b"]}"),
        (b'"extra":{}', b'"extra":{"a":[' + b"[" * 99_999 + b"]}"),
        (b'"extra":{}', b'"extra":{},"more":1'),
        (b'"extra":{}', b'"extra":{"a":["\\ud800"]}'),
        (b'"extra":{}', b'"extra":{"a":["\\u0000"]}'),
        (b'"extra":{}', b'"extra":{"a":["\xff"]}'),
        (b'{"schema_version"', b'["schema_version"'),
        (b'{"schema_version"', b"\xef\xbb\xbf"),
    ],
)
def test_a_hostile_post_is_refused_or_mended(
    damaged: Path, empty: Lake, old: bytes, new: bytes
) -> None:
    edit(damaged / "posts.jsonl", old, new)
    outcome = bring(empty, damaged)
    assert len(empty.posts(PIECE)) == 5
    for post in empty.posts(Slice(OTHER, DAY)):
        assert not {"\0", "\ud800"} & set(str(post.extra))
    assert all(isinstance(item, Refused) for _, item in outcome.refused)
    assert not any("etc" in name for name in tree(empty.root))


def test_a_line_without_an_end_is_passed_over(
    damaged: Path, empty: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(medwh_export, "_MAX_LINE_BYTES", 5_000)
    content = (damaged / "posts.jsonl").read_bytes()
    (damaged / "posts.jsonl").write_bytes(b"x" * 20_000 + b"\n" + content + b"y" * 5_001)
    outcome = bring(empty, damaged)
    assert [type(item) for _, item in outcome.refused] == [Unread, Unread]
    assert sum(mine.new for mine in outcome.done.values()) == 7


@pytest.mark.parametrize("name", ["posts", "slices", "images", "detections", "quarantine"])
def test_a_table_that_is_not_there_is_told(damaged: Path, empty: Lake, name: str) -> None:
    (damaged / f"{name}.jsonl").unlink()
    outcome = bring(empty, damaged)
    assert outcome.refused == [(f"{name}.jsonl", Unread("is not there"))]


def test_lines_in_any_order_lose_nothing(damaged: Path, empty: Lake, original: Lake) -> None:
    for name in ("posts", "slices", "images"):
        lines = (damaged / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        (damaged / f"{name}.jsonl").write_bytes(b"".join(reversed(lines)))
    assert bring(empty, damaged).refused == []
    for piece in original.slices():
        assert [post.id for post in empty.posts(piece)] == [p.id for p in original.posts(piece)]


def test_a_link_in_an_export_leads_nowhere(damaged: Path, empty: Lake, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for name in ("1.jpg", "9.jpg"):
        (damaged / f"images/{CHANNEL}/{name}").unlink(missing_ok=True)
        (damaged / f"images/{CHANNEL}/{name}").symlink_to(tmp_path / "secret")
    (damaged / "quarantine.jsonl").unlink()
    (damaged / "quarantine.jsonl").symlink_to(tmp_path / "secret")
    outcome = bring(empty, damaged)
    assert outcome.refused == [("quarantine.jsonl", Unread("is not there"))]
    assert b"secret" not in tree(empty.root).values()


def test_files_outside_their_place_are_ignored_and_images_of_nobody_counted(
    damaged: Path, empty: Lake
) -> None:
    for name in ("77.jpg", "x.jpg", "1.00000000.jpg", "../5.jpg", "../No Channel/1.jpg"):
        file = damaged / "images" / CHANNEL / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"picture")
    mine = bring(empty, damaged).done[CHANNEL]
    assert mine.images_unmatched == 1
    assert mine.quarantined.total() == 1
    assert b"picture" not in tree(empty.root).values()


def test_an_image_that_is_too_large_stays_outside(damaged: Path, empty: Lake) -> None:
    with (damaged / f"images/{OTHER}/1.jpg").open("wb") as file:
        file.truncate(51 * 2**20)
    mine = bring(empty, damaged).done[OTHER]
    assert mine.quarantined == {"image larger than 50 MB": 1}
    assert not (empty.root / "images" / OTHER).exists()
    manifest = empty.manifest(Slice(OTHER, DAY))
    assert manifest is not None
    assert manifest.images is None


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "../..", "channel": CHANNEL, "name": "1", "content": '{"reason":"","raw":1}'},
        {"kind": "posts", "channel": "../x", "name": "1", "content": '{"reason":"","raw":1}'},
        {"kind": "posts", "channel": CHANNEL, "name": "..", "content": '{"reason":"","raw":1}'},
        {"kind": "posts", "channel": CHANNEL, "name": "9" * 99, "content": '{"reason":"","raw":1}'},
        {"kind": "posts", "channel": CHANNEL, "name": "1", "content": '{"reason":1,"raw":1}'},
        {"kind": "posts", "channel": CHANNEL, "name": "1", "content": "[" * 10_000},
        {"kind": "posts", "channel": CHANNEL, "name": "1"},
        {},
        [],
    ],
)
def test_a_hostile_quarantine_is_not_taken(damaged: Path, empty: Lake, entry: Any) -> None:
    (damaged / "quarantine.jsonl").write_text(json.dumps(entry) + "\n")
    outcome = bring(empty, damaged)
    [(file, item)] = outcome.refused
    assert (file, type(item)) == ("quarantine.jsonl", Unread)
    assert not (empty.root / "quarantine").exists()


def test_rows_that_no_file_can_hold_are_left_to_the_pipeline(
    damaged: Path, empty: Lake, original: Lake
) -> None:
    edit(damaged / "detections.jsonl", b'"confidence":0.875', b'"confidence":Infinity')
    bring(empty, damaged)
    assert empty.images(Slice(OTHER, DAY)) == original.images(Slice(OTHER, DAY))
    assert empty.detections(Slice(OTHER, DAY)) == []


@pytest.mark.parametrize("table_format", FORMATS)
def test_flipped_bytes_never_end_in_a_traceback(
    original: Lake, tmp_path: Path, table_format: str
) -> None:
    folder = export(original, tmp_path / "out", table_format=table_format)
    whole = {name: content for name, content in tree(folder).items() if name.count("/") == 0}
    chance = random.Random(7)
    for number in range(40):
        for name, content in whole.items():
            bad = bytearray(content)
            for _ in range(chance.choice((0, 1, 3))):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            cut = chance.randrange(len(bad)) if chance.random() < 0.1 else len(bad)
            (folder / name).write_bytes(bytes(bad[:cut]))
        lake = Lake(tmp_path / f"lake{number}")
        try:
            bring(lake, folder)
        except ImportShapeError:
            continue
        for piece in lake.slices():
            lake.posts(piece)
            lake.images(piece)
            lake.detections(piece)


def test_a_row_group_that_is_too_large_is_passed_over(
    original: Lake, empty: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(original, tmp_path / "out", table_format="parquet")
    monkeypatch.setattr(medwh_export, "_MAX_ROW_GROUP_BYTES", 100)
    outcome = bring(empty, folder)
    assert {type(item) for _, item in outcome.refused} == {Unread}
    assert empty.slices() == []


def test_an_export_of_what_cannot_be_read_in_parts_is_read_in_parts(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(medwh_export, "_SLICE_BYTES", 1)
    found = list(slices(exported, lambda _, __: None))
    assert sum(len(one.found) for one in found) == 7
    assert [one.intact for one in found if one.piece == PIECE] == [False] * 5
