import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medwh_assets.errors import (
    CorruptSliceError,
    DateBeforeStartError,
    LakeBusyError,
    LakePathError,
    SettingError,
)
from medwh_assets.lake import disk, homecoming
from medwh_assets.lake.disk import write_whole
from medwh_assets.lake.paths import slice_file
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import DetectionRecord, ImageRecord, Post, to_lines
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from tests.factories import (
    CHANNEL,
    DAY,
    FIRST_READ,
    PIECE,
    SECOND_READ,
    THIRD_READ,
    make_post,
    make_reading,
    moment,
    take_in,
    tree,
)
from tests.unit.lake import writer

REPOSITORY = Path(__file__).parents[3]
MESSAGES = f"telegram_messages/{DAY}/{CHANNEL}.json"
MANIFEST = f"slices/{DAY}/{CHANNEL}.json"
NEXT_DAY = Slice(CHANNEL, DAY + timedelta(days=1))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(lake: Lake, name: str, content: bytes) -> None:
    file = lake.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def ids(lake: Lake, piece: Slice = PIECE) -> list[int]:
    return [post.id for post in lake.posts(piece)]


# -- reading a slice into the lake ------------------------------------------------------------


def test_a_reading_writes_the_posts_and_then_a_manifest_that_fits(lake: Lake) -> None:
    counts = lake.merge_readings(PIECE, [make_reading(make_post(7), make_post(3))])
    assert (counts.new, counts.changed, counts.unchanged, counts.posts) == (2, 0, 0, 2)
    assert tree(lake.root).keys() == {MESSAGES, MANIFEST}
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.messages is not None
    assert manifest.messages.sha256 == lake.file_sha256("telegram_messages", PIECE)
    assert manifest.messages.records == 2
    assert ids(lake) == [3, 7]


def test_the_same_reading_again_changes_no_byte_and_writes_no_file(lake: Lake) -> None:
    reading = make_reading(make_post(1, views=4), make_post(2))
    lake.merge_readings(PIECE, [reading])
    before = {file: file.stat().st_mtime_ns for file in lake.root.rglob("*.json")}
    content = tree(lake.root)
    counts = lake.merge_readings(PIECE, [reading])
    assert (counts.new, counts.changed, counts.unchanged) == (0, 0, 2)
    assert tree(lake.root) == content
    assert {file: file.stat().st_mtime_ns for file in lake.root.rglob("*.json")} == before


def test_a_complete_reading_tells_which_posts_have_vanished(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1), make_post(2))])
    again = make_reading(make_post(2, seen=SECOND_READ), at=SECOND_READ)
    counts = lake.merge_readings(PIECE, [again])
    assert [post.missing_since for post in lake.posts(PIECE)] == [SECOND_READ, None]
    assert (counts.new, counts.changed, counts.unchanged) == (0, 2, 0)


def test_a_partial_reading_says_nothing_about_the_posts_it_does_not_hold(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    lake.merge_readings(PIECE, [make_reading(at=SECOND_READ, complete=False)])
    assert [post.missing_since for post in lake.posts(PIECE)] == [None]


def test_a_reading_without_a_time_says_nothing_about_absence(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    lake.merge_readings(PIECE, [make_reading(at=None)])
    assert [post.missing_since for post in lake.posts(PIECE)] == [None]


def test_a_day_read_and_empty_is_a_complete_slice_without_posts(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading()])
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.status == "complete"
    assert lake.read(MESSAGES) == b"[]\n"
    assert lake.slices() == [PIECE]


def test_a_slice_of_which_nothing_was_read_is_not_written(lake: Lake) -> None:
    lake.merge_readings(PIECE, [])
    assert tree(lake.root) == {}


def test_a_partly_read_slice_becomes_complete_and_stays_so(lake: Lake) -> None:
    statuses: list[str] = []
    for at, complete in ((FIRST_READ, False), (SECOND_READ, True), (THIRD_READ, False)):
        lake.merge_readings(PIECE, [make_reading(make_post(1, seen=at), at=at, complete=complete)])
        manifest = lake.manifest(PIECE)
        assert manifest is not None
        statuses.append(manifest.status)
    assert statuses == ["partial", "complete", "complete"]


def some_reading(at: int, found: set[int], complete: bool) -> SliceReading:
    time_of_read = FIRST_READ + timedelta(days=at)
    posts = [make_post(n, seen=time_of_read, views=at) for n in sorted(found)]
    return make_reading(*posts, at=time_of_read, complete=complete)


READINGS = st.builds(
    some_reading, st.integers(1, 4), st.sets(st.integers(1, 3), max_size=3), st.booleans()
)


@given(st.lists(READINGS, min_size=3, max_size=3, unique_by=lambda r: r.observed_at))
@settings(max_examples=4)
def test_readings_and_imports_may_reach_a_slice_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, readings: list[SliceReading]
) -> None:
    def read(reading: SliceReading) -> Callable[[Lake], object]:
        return lambda lake: lake.merge_readings(PIECE, [reading])

    def imported(lake: Lake) -> object:
        posts = [make_post(n, seen=None, authority="naive", source="scraped_lake") for n in (1, 4)]
        return take_in(lake, posts)

    contents: list[dict[str, bytes]] = []
    for steps in permutations([*map(read, readings), imported]):
        lake = Lake(tmp_path_factory.mktemp("order") / "lake")
        for step in steps:
            step(lake)
        contents.append(tree(lake.root))
    at_once = Lake(tmp_path_factory.mktemp("order") / "lake")
    at_once.merge_readings(PIECE, list(reversed(readings)))
    imported(at_once)
    assert all(content == tree(at_once.root) for content in contents)


def test_a_source_that_gives_a_post_of_another_day_or_channel_is_refused(lake: Lake) -> None:
    for wrong in (make_post(at=moment("2025-03-02 00:00")), make_post(channel="demo_other")):
        with pytest.raises(ValueError, match="the source gave a post of"):
            lake.merge_readings(PIECE, [make_reading(wrong)])
    assert tree(lake.root) == {}


def test_a_day_before_the_start_date_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    lake = Lake(tmp_path, start_date=date(2025, 3, 2))
    with pytest.raises(DateBeforeStartError, match="MEDWH_START_DATE"):
        lake.merge_readings(PIECE, [make_reading(make_post(1))])
    with pytest.raises(DateBeforeStartError, match="MEDWH_START_DATE"):
        take_in(lake, [make_post(1), make_post(2, at=moment("2025-03-04 09:00"))])
    assert tree(tmp_path) == {}


# -- what an import brings ----------------------------------------------------------------------


def test_an_import_of_nothing_makes_no_slice(lake: Lake) -> None:
    counts = take_in(lake, [])
    assert (counts.new, counts.days) == (0, {})
    assert lake.slices() == []


def test_an_import_puts_each_post_on_its_own_day_and_counts_as_unread(lake: Lake) -> None:
    posts = [make_post(1), make_post(2, at=moment("2025-03-02 00:00")), make_post(1, views=3)]
    counts = take_in(lake, posts)
    assert (counts.new, counts.changed, counts.unchanged) == (2, 0, 0)
    assert counts.days == {1: DAY, 2: NEXT_DAY.date}
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.status == "imported"
    content = tree(lake.root)
    counts = take_in(lake, posts)
    assert (counts.new, counts.changed, counts.unchanged) == (0, 0, 2)
    assert tree(lake.root) == content


def test_an_imported_post_that_a_complete_reading_did_not_hold_is_missing(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading()])
    take_in(lake, [make_post(1, seen=None)])
    assert [post.missing_since for post in lake.posts(PIECE)] == [FIRST_READ]


def test_a_better_date_moves_a_post_to_another_slice_whichever_import_came_first(
    tmp_path: Path,
) -> None:
    naive = make_post(1, at=moment("2025-03-02 01:30"), authority="naive", views=2)
    stays = make_post(2, at=moment("2025-03-02 09:00"), authority="naive")
    offset = make_post(1, at=moment("2025-03-01 22:30"), authority="offset", seen=SECOND_READ)
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    take_in(one, [naive, stays])
    moved = take_in(one, [offset])
    take_in(other, [offset])
    kept = take_in(other, [naive, stays])
    assert tree(one.root) == tree(other.root)
    assert (ids(one, PIECE), ids(one, NEXT_DAY)) == ([1], [2])
    assert (moved.new, moved.changed, moved.unchanged) == (0, 1, 0)
    assert (kept.new, kept.changed, kept.unchanged) == (1, 1, 0)
    assert [post.views for post in one.posts(PIECE)] == [2]
    both = Lake(tmp_path / "both")
    take_in(both, [offset, stays, naive])
    assert tree(both.root) == tree(one.root)


def test_the_day_that_a_post_has_left_stays_as_an_empty_slice(lake: Lake) -> None:
    naive = make_post(1, at=moment("2025-03-02 01:30"), authority="naive")
    take_in(lake, [naive])
    take_in(lake, [make_post(1, authority="offset")])
    assert lake.slices() == [PIECE, NEXT_DAY]
    assert lake.read(slice_file("telegram_messages", NEXT_DAY)) == b"[]\n"


def test_a_reading_brings_home_a_post_that_an_import_had_put_on_the_next_day(
    tmp_path: Path,
) -> None:
    naive = make_post(
        1, at=moment("2025-03-02 01:30"), authority="naive", seen=None, source="scraped_lake"
    )
    true = make_post(1, at=moment("2025-03-01 22:30"), seen=SECOND_READ)

    def imported(lake: Lake) -> object:
        return take_in(lake, [naive])

    def read(lake: Lake) -> object:
        return lake.merge_readings(PIECE, [make_reading(true, at=SECOND_READ)])

    def read_next(lake: Lake) -> object:
        nothing = make_reading(piece=NEXT_DAY, at=THIRD_READ)
        return lake.merge_readings(NEXT_DAY, [nothing])

    contents: list[dict[str, bytes]] = []
    for number, steps in enumerate(permutations([imported, read, read_next])):
        lake = Lake(tmp_path / str(number))
        for step in steps:
            step(lake)
        contents.append(tree(lake.root))
        assert (ids(lake, PIECE), ids(lake, NEXT_DAY)) == ([1], [])
        assert lake.posts(PIECE)[0].missing_since is None
    assert all(content == contents[0] for content in contents)


def test_a_post_that_a_cut_left_in_two_slices_is_in_one_after_the_next_merge(lake: Lake) -> None:
    naive = make_post(1, at=moment("2025-03-02 01:30"), authority="naive", views=2)
    offset = make_post(1, authority="offset", seen=SECOND_READ)
    take_in(lake, [naive])
    put(lake, MESSAGES, to_lines([offset]))
    take_in(lake, [offset])
    assert (ids(lake, PIECE), ids(lake, NEXT_DAY)) == ([1], [])
    assert lake.posts(PIECE)[0].views == 2


def test_one_slice_that_cannot_be_read_costs_an_import_only_that_day(lake: Lake) -> None:
    put(lake, MESSAGES, b"{broken")
    posts = [make_post(1), make_post(2, at=moment("2025-03-02 10:00"))]
    counts = take_in(lake, posts)
    assert counts.days == {2: NEXT_DAY.date}
    assert list(counts.failed) == [DAY]
    assert MESSAGES in counts.failed[DAY]
    assert lake.read(MESSAGES) == b"{broken"


# -- what lies in the lake ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"id": 1}', b"3", b"\xff\xfe", b"[" * 100_000, b'[{"id": 1'],
    ids=["empty", "cut", "object", "number", "no UTF-8", "too deep", "half"],
)
def test_a_corrupt_file_is_reported_by_name_and_left_as_it_is(lake: Lake, content: bytes) -> None:
    put(lake, MESSAGES, content)
    for attempt in (
        lambda: lake.posts(PIECE),
        lambda: lake.settle(PIECE),
        lambda: lake.merge_readings(PIECE, [make_reading(make_post(1))]),
    ):
        with pytest.raises(CorruptSliceError, match=MESSAGES):
            attempt()
    assert tree(lake.root) == {MESSAGES: content}


def bad_records(good: Post) -> bytes:
    line = good.model_dump_json()
    other = json.dumps({**json.loads(line), "id": 5, "channel": "demo_other"})
    early = json.dumps({**json.loads(line), "id": 6, "date": "2025-02-01T00:00:00Z"})
    odd = '{"id": 7, "text": "\\ud800", "deep": ' + "[" * 300 + "]" * 300 + "}"
    return f"[{line}, 3, null, {other}, {early}, {odd}, NaN]".encode()


def test_bad_records_of_a_slice_go_to_the_quarantine_and_the_good_ones_stay(lake: Lake) -> None:
    put(lake, MESSAGES, bad_records(make_post(1)))
    with pytest.raises(CorruptSliceError, match="6 of 7 records"):
        lake.posts(PIECE)
    posts, bad = lake.settle(PIECE)
    assert ([post.id for post in posts], len(bad)) == ([1], 6)
    assert ids(lake) == [1]
    assert len(lake.quarantined()) == 6
    reasons = {reason for _, _, _, reason in lake.quarantined()}
    assert {"a post of channel demo_other", "a post of 2025-02-01"} <= reasons
    content = tree(lake.root)
    lake.settle(PIECE)
    assert tree(lake.root) == content


def test_a_bad_record_in_a_slice_does_not_stop_the_reading_of_it(lake: Lake) -> None:
    put(lake, MESSAGES, bad_records(make_post(1)))
    counts = lake.merge_readings(PIECE, [make_reading(make_post(2))])
    assert (counts.posts, counts.quarantined) == (2, 6)
    assert ids(lake) == [1, 2]
    assert len(lake.quarantined()) == 6


def test_a_slice_that_repeats_an_id_is_read_as_if_it_did_not(lake: Lake) -> None:
    twice = [make_post(2, seen=SECOND_READ, views=9), make_post(1), make_post(2)]
    put(lake, MESSAGES, b"[" + b",".join(p.model_dump_json().encode() for p in twice) + b"]")
    assert ids(lake) == [1, 2]
    lake.settle(PIECE)
    assert lake.read(MESSAGES) == to_lines(lake.posts(PIECE))


def test_settling_makes_the_manifest_fit_a_file_that_was_copied_here(lake: Lake) -> None:
    put(lake, MESSAGES, to_lines([make_post(1)]))
    lake.settle(PIECE)
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.messages is not None
    assert (manifest.status, manifest.messages.records) == ("imported", 1)


def test_settling_a_slice_that_is_not_there_writes_nothing(lake: Lake) -> None:
    assert lake.settle(PIECE) == ([], [])
    assert tree(lake.root) == {}


def test_a_manifest_that_cannot_be_read_is_made_anew(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    content = tree(lake.root)
    put(lake, MANIFEST, b'{"channel": "cut')
    assert lake.manifest(PIECE) is None
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    assert tree(lake.root) == content


IMAGE = ImageRecord(message_id=1, path=f"images/{CHANNEL}/1.jpg", sha256="ab", status="ok")
SEEN = DetectionRecord(
    message_id=1, image_sha256="ab", image_path="x", image_width=1, image_height=1, model="m"
)


def test_image_and_detection_records_stand_in_the_manifest_with_what_they_are_made_from(
    lake: Lake,
) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    images = lake.write_images(PIECE, [IMAGE], "posts' hash")
    detections = lake.write_detections(PIECE, [SEEN], "images' hash")
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert (manifest.images, manifest.detections) == (images, detections)
    assert images.made_from == "posts' hash"
    assert images.sha256 == lake.file_sha256("telegram_images", PIECE)
    assert (lake.images(PIECE), lake.detections(PIECE)) == ([IMAGE], [SEEN])


def test_a_later_reading_keeps_what_the_manifest_says_of_images(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    images = lake.write_images(PIECE, [IMAGE], "posts' hash")
    lake.merge_readings(PIECE, [make_reading(make_post(2))])
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.images == images
    lake.forget_images(PIECE)
    manifest = lake.manifest(PIECE)
    assert manifest is not None
    assert manifest.images is None


def test_records_of_images_are_refused_where_no_posts_have_been_read(lake: Lake) -> None:
    with pytest.raises(CorruptSliceError, match="lake/telegram_messages"):
        lake.write_images(PIECE, [IMAGE], "posts' hash")
    assert tree(lake.root) == {}


def test_image_records_that_cannot_be_read_are_reported_by_name(lake: Lake) -> None:
    put(lake, f"telegram_images/{DAY}/{CHANNEL}.json", b"[{}]")
    with pytest.raises(CorruptSliceError, match="telegram_images"):
        lake.images(PIECE)


def test_foreign_files_are_no_slices(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    for name in ("CheMed123", "con__x", "..", "ab", "x" * 40, "ab cd", "\u12a0\u1263\u12ed"):
        put(lake, f"telegram_messages/{DAY}/{name}.json", b"[]")
    for folder in ("latest", "2025-13-01", "20250301", "٢٠٢٥-٠٣-٠١"):
        put(lake, f"telegram_messages/{folder}/{CHANNEL}.json", b"[]")
    assert lake.slices() == [PIECE]
    assert lake.channels() == [CHANNEL]


# -- paths ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "", "a\0b", "a\\b", "..", "../../etc/cron.d/x"]
)
def test_no_name_leads_out_of_the_lake(lake: Lake, name: str) -> None:
    for attempt in (
        lambda: lake.read(name),
        lambda: lake.delete(name),
        lambda: lake.write(name, b"x"),
    ):
        with pytest.raises(LakePathError):
            attempt()


def test_no_link_leads_out_of_the_lake(lake: Lake, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / str(DAY)).mkdir(parents=True)
    (outside / "secret").write_bytes(b"secret")
    lake.root.mkdir()
    (lake.root / "telegram_messages").symlink_to(outside)
    (lake.root / "file").symlink_to(outside / "secret")
    with pytest.raises(LakePathError, match="leads out of the lake"):
        lake.read("file")
    with pytest.raises(LakePathError, match="leads out of the lake"):
        lake.merge_readings(PIECE, [make_reading(make_post(1))])
    assert [file.name for file in outside.rglob("*") if file.is_file()] == ["secret"]


def test_a_lake_that_is_itself_a_link_is_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "disk")
    lake = Lake(tmp_path / "lake")
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    assert (tmp_path / "disk" / MESSAGES).is_file()


def test_an_object_store_is_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(SettingError, match="MEDWH_LAKE"):
        Lake("memory://bucket/lake")


# -- images -------------------------------------------------------------------------------------------

PICTURES = (b"small", b"larger picture", b"LARGER picture", b"")


@pytest.mark.parametrize("order", list(permutations(PICTURES)))
def test_different_pictures_of_one_post_end_in_the_same_files_in_any_order(
    lake: Lake, order: tuple[bytes, ...]
) -> None:
    for content in (*order, order[0]):
        assert lake.keep_image(CHANNEL, 5, content) == f"images/{CHANNEL}/5.jpg"
    kept = tree(lake.root)
    assert kept.pop(f"images/{CHANNEL}/5.jpg") == max(
        PICTURES, key=lambda p: (len(p), p[:1] == b"L")
    )
    assert sorted(kept.values()) == sorted([b"small", b"larger picture"])
    assert all(name.startswith(f"images/{CHANNEL}/5.") for name in kept)


def test_the_same_picture_again_is_a_hard_link(lake: Lake) -> None:
    first = lake.keep_image(CHANNEL, 1, b"picture")
    second = lake.keep_image(CHANNEL, 2, b"picture", twin=first)
    assert (lake.root / first).samefile(lake.root / second)


def test_a_picture_that_replaces_one_of_two_links_leaves_the_other_alone(lake: Lake) -> None:
    first = lake.keep_image(CHANNEL, 1, b"picture")
    second = lake.keep_image(CHANNEL, 2, b"picture", twin=first)
    lake.keep_image(CHANNEL, 1, b"a better picture")
    assert lake.read(first) == b"a better picture"
    assert lake.read(second) == b"picture"


def test_a_twin_that_holds_something_else_or_nothing_is_not_linked(lake: Lake) -> None:
    first = lake.keep_image(CHANNEL, 1, b"picture")
    second = lake.keep_image(CHANNEL, 2, b"another", twin=first)
    third = lake.keep_image(CHANNEL, 3, b"third", twin=f"images/{CHANNEL}/9.jpg")
    assert (lake.read(second), lake.read(third)) == (b"another", b"third")


def test_where_no_hard_links_are_possible_a_picture_is_copied(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(link: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first = lake.keep_image(CHANNEL, 1, b"picture")
    second = lake.keep_image(CHANNEL, 2, b"picture", twin=first)
    assert not (lake.root / first).samefile(lake.root / second)
    assert sorted(tree(lake.root).values()) == [b"picture", b"picture"]


def test_an_empty_file_is_kept_as_a_picture_that_was_found(lake: Lake) -> None:
    name = lake.keep_image(CHANNEL, 1, b"")
    assert lake.read(name) == b""


# -- quarantine -----------------------------------------------------------------------------------------


def test_the_same_thing_in_the_quarantine_twice_is_one_entry(lake: Lake) -> None:
    for _ in range(2):
        lake.quarantine("posts", CHANNEL, "no message id", {"text": "x\ud800", "n": float("nan")})
    ((kind, channel, name, reason),) = lake.quarantined()
    assert (kind, channel, reason) == ("posts", CHANNEL, "no message id")
    assert lake.release(kind, channel, name)
    assert not lake.release(kind, channel, name)
    assert lake.quarantined() == []


def test_an_entry_of_the_quarantine_that_cannot_be_read_is_listed_too(lake: Lake) -> None:
    put(lake, f"quarantine/posts/{CHANNEL}/abc.json", b"[1")
    assert lake.quarantined() == [("posts", CHANNEL, "abc", "unreadable entry")]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "a b", "ü"])
def test_no_name_leads_out_of_the_quarantine(lake: Lake, name: str) -> None:
    with pytest.raises(LakePathError):
        lake.quarantine("posts", CHANNEL, "reason", None, name=name)


# -- taking out -------------------------------------------------------------------------------


def test_a_channel_that_is_removed_leaves_nothing_and_the_others_alone(lake: Lake) -> None:
    other = Slice("demo_other", DAY)
    lake.merge_readings(other, [make_reading(make_post(1, channel="demo_other"), piece=other)])
    lake.keep_image("demo_other", 1, b"picture")
    content = tree(lake.root)
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    lake.write_images(PIECE, [IMAGE], "posts' hash")
    lake.keep_image(CHANNEL, 1, b"small")
    lake.keep_image(CHANNEL, 1, b"larger")
    lake.quarantine("images", CHANNEL, "empty file", None, name="1")
    assert lake.remove_channels([CHANNEL]) == 2
    assert tree(lake.root) == content
    assert lake.channels() == ["demo_other"]
    assert lake.remove_channels([CHANNEL]) == 0


# -- several writers, and killed ones -------------------------------------------------------------------


def test_two_threads_on_one_slice_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(writer.write, (tmp_path, tmp_path), (1, 6), (10, 10)))
    assert ids(Lake(tmp_path)) == list(range(1, 16))


def start_writer(root: Path, first: int, count: int, started: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", writer.__name__, str(root), str(first), str(count), str(started)],
        cwd=REPOSITORY,
    )


def test_two_processes_on_one_slice_lose_nothing(tmp_path: Path) -> None:
    both = [start_writer(tmp_path / "lake", first, 10, tmp_path / str(first)) for first in (1, 6)]
    assert [process.wait() for process in both] == [0, 0]
    whole = Lake(tmp_path / "whole")
    writer.write(whole.root, 1, 15)
    assert tree(tmp_path / "lake") == tree(whole.root)


def test_a_writer_killed_at_any_moment_leaves_whole_files_and_the_next_one_finishes(
    tmp_path: Path,
) -> None:
    killed = Lake(tmp_path / "lake")
    for attempt in range(3):
        started = tmp_path / f"started-{attempt}"
        process = start_writer(killed.root, 1, 200, started)
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(random.random() / 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for file in killed.root.rglob("*.json"):
            json.loads(file.read_bytes())
        assert all(post.id >= 1 for post in killed.posts(PIECE))
    last = max(ids(killed), default=0)
    # What a writer leaves that is killed between writing a file and renaming it.
    for name in (
        f"telegram_messages/{DAY}/.{CHANNEL}.json.tmp",
        f"slices/{DAY}/.{CHANNEL}.json.tmp",
        f"images/{CHANNEL}/.{last}.jpg.tmp",
        f"quarantine/posts/{CHANNEL}/.abc.json.tmp",
    ):
        put(killed, name, b"half a fi")
    writer.write(killed.root, 1, last + 1)
    killed.sweep()
    never_killed = Lake(tmp_path / "whole")
    writer.write(never_killed.root, 1, last + 1)
    assert tree(killed.root) == tree(never_killed.root)


def test_a_channel_whose_lock_is_held_is_busy(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOCK_TIMEOUT_SECONDS", 0.01)

    def read_elsewhere() -> None:
        with pytest.raises(LakeBusyError, match=CHANNEL):
            lake.merge_readings(PIECE, [make_reading(make_post(1))])

    with lake.lock(CHANNEL), ThreadPoolExecutor(1) as pool:
        lake.merge_readings(PIECE, [make_reading(make_post(1))])
        lake.merge_readings(
            Slice("demo_other", DAY), [make_reading(piece=Slice("demo_other", DAY))]
        )
        pool.submit(read_elsewhere).result()


def test_whether_a_channel_is_busy_can_be_asked_without_waiting(lake: Lake) -> None:
    assert not lake.is_busy(CHANNEL)
    with lake.lock(CHANNEL), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lake.is_busy, CHANNEL).result()
    assert not lake.is_busy(CHANNEL)


def test_a_folder_where_a_file_belongs_is_named(lake: Lake) -> None:
    (lake.root / MESSAGES).mkdir(parents=True)
    with pytest.raises(CorruptSliceError, match="is a folder where a file belongs"):
        lake.posts(PIECE)
    assert lake.post_days(CHANNEL) == {}


def test_an_entry_of_the_quarantine_is_never_too_long_to_be_looked_at(lake: Lake) -> None:
    lake.quarantine("posts", CHANNEL, "no date", {"text": "ዋጋ\0" * 2_000_000})
    (file,) = (lake.root / "quarantine").rglob("*.json")
    assert file.stat().st_size <= homecoming.MAX_ENTRY_BYTES
    assert json.loads(file.read_bytes())["reason"] == "no date"


def test_a_better_picture_is_an_image_before_it_is_large(lake: Lake) -> None:
    page, photo = b"<html>" + b"x" * 100, b"\xff\xd8\xff photo"
    for order in ((page, photo), (photo, page)):
        for content in order:
            lake.keep_image(CHANNEL, 7, content)
        assert lake.read(f"images/{CHANNEL}/7.jpg") == photo


# -- another name for a channel --------------------------------------------------------------------


def held(lake: Lake, channel: str) -> None:
    """A channel with posts on two days, an image, a replaced one and a quarantined record."""
    take_in(lake, [make_post(n, channel=channel, at=moment(f"2025-03-0{n} 09:00")) for n in (1, 2)])
    for picture in (b"one", b"another"):
        lake.keep_image(channel, 1, picture)
    lake.quarantine("posts", channel, "no date", {"id": 3})


def test_a_channel_that_gets_a_name_is_what_it_would_have_been_under_it(tmp_path: Path) -> None:
    named, renamed = Lake(tmp_path / "named"), Lake(tmp_path / "renamed")
    held(named, CHANNEL)
    held(renamed, "c555")
    renamed.rename_channel("c555", CHANNEL)
    assert tree(renamed.root) == tree(named.root)


def test_a_channel_is_renamed_into_one_that_is_there(tmp_path: Path) -> None:
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    more = [make_post(2, channel=CHANNEL, views=7, seen=SECOND_READ, at=moment("2025-03-02 09:00"))]
    for lake, first in ((one, True), (other, False)):
        if first:
            take_in(lake, more)
        held(lake, "c555")
        lake.rename_channel("c555", CHANNEL)
        if not first:
            take_in(lake, more)
    assert tree(one.root) == tree(other.root)
    assert one.channels() == [CHANNEL]


def test_a_renaming_that_was_cut_off_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = Lake(tmp_path / "whole"), Lake(tmp_path / "cut")
    held(whole, "c555")
    whole.rename_channel("c555", CHANNEL)
    held(cut, "c555")
    with monkeypatch.context() as patched:
        patched.setattr(
            Lake, "remove_channels", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            cut.rename_channel("c555", CHANNEL)
    cut.rename_channel("c555", CHANNEL)
    assert tree(cut.root) == tree(whole.root)


def test_a_file_and_its_folder_are_on_disk_before_a_write_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, list[str]]] = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, [file.name for file in tmp_path.iterdir()]))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "file", b"content")
    assert synced == [(False, [".file.tmp"]), (True, ["file"])]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(file, b"new")
    assert tree(tmp_path) == {"file": b"old"}
