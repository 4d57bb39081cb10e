import os
from datetime import timedelta
from pathlib import Path

import pytest

from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from tests.factories import CHANNEL, DAY, PIECE

MESSAGES = f"telegram_messages/{DAY}/{CHANNEL}.json"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(lake: Lake, name: str, content: bytes = b"[]\n") -> Path:
    file = lake.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_a_lake_that_is_not_there_yet_lists_nothing(lake: Lake) -> None:
    assert list(lake.listing()) == []
    assert not lake.root.exists()


def test_every_data_file_is_listed_with_its_slice_and_its_kind(lake: Lake) -> None:
    next_day = Slice("another_shop", DAY + timedelta(days=1))
    put(lake, f"channels/{DAY}/{CHANNEL}.json")
    put(lake, f"yolo_detections/{DAY}/{CHANNEL}.json")
    put(lake, f"telegram_images/{DAY}/{CHANNEL}.json")
    put(lake, f"telegram_messages/{next_day.date}/another_shop.json")
    put(lake, f"telegram_messages/{DAY}/another_shop.json")
    put(lake, MESSAGES)
    assert [(one.path, one.slice, one.kind) for one in lake.listing()] == [
        (f"telegram_messages/{DAY}/another_shop.json", Slice("another_shop", DAY), "messages"),
        (MESSAGES, PIECE, "messages"),
        (f"telegram_messages/{next_day.date}/another_shop.json", next_day, "messages"),
        (f"telegram_images/{DAY}/{CHANNEL}.json", PIECE, "images"),
        (f"yolo_detections/{DAY}/{CHANNEL}.json", PIECE, "detections"),
        (f"channels/{DAY}/{CHANNEL}.json", PIECE, "channels"),
    ]


def test_what_is_no_data_file_of_a_slice_is_not_listed(lake: Lake) -> None:
    put(lake, f"telegram_messages/{DAY}/.{CHANNEL}.json.tmp")
    put(lake, f"telegram_messages/{DAY}/Loud_Shop.json")
    put(lake, f"telegram_messages/{DAY}/{CHANNEL}.json.bak")
    put(lake, f"telegram_messages/{DAY}/a folder.json/{CHANNEL}.json")
    put(lake, f"telegram_messages/{DAY}/folder.json/{CHANNEL}.json")
    put(lake, f"telegram_messages/2024-02-31/{CHANNEL}.json")
    put(lake, f"telegram_messages/20240101/{CHANNEL}.json")
    put(lake, f"telegram_messages/{CHANNEL}.json")
    put(lake, "telegram_messages/2024-01-02")
    put(lake, f"slices/{DAY}/{CHANNEL}.json")
    put(lake, f"images/{CHANNEL}/1.jpg")
    put(lake, "channels", b"a file where a folder belongs")
    assert list(lake.listing()) == []


def test_pictures_are_listed_by_channel_and_message_and_foreign_names_are_none(lake: Lake) -> None:
    for name in (
        f"images/{CHANNEL}/7.jpg",
        f"images/{CHANNEL}/7.0123abcd.jpg",
        "images/another_shop/12.jpg",
        f"images/{CHANNEL}/7.0123abcd.jpg.tmp",
        f"images/{CHANNEL}/7.old.jpg",
        f"images/{CHANNEL}/cover.jpg",
        f"images/{CHANNEL}/deeper/8.jpg",
        # No message has such an id, and no column of a database takes it.
        f"images/{CHANNEL}/{'9' * 30}.jpg",
        "images/Loud Shop/9.jpg",
        "images/9.jpg",
    ):
        put(lake, name)
    assert sorted(lake.picture_files()) == [("another_shop", 12), (CHANNEL, 7), (CHANNEL, 7)]


def stamp(lake: Lake) -> str:
    (one,) = lake.listing()
    return one.stamp


def test_a_stamp_changes_with_the_file_and_only_then(lake: Lake) -> None:
    file = put(lake, MESSAGES)
    first = stamp(lake)
    assert stamp(lake) == first
    before = file.stat()
    lake.write(MESSAGES, b"[ ]")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    later = stamp(lake)
    assert later != first
    # The size counts too: a copy may bring its old time along.
    file.write_bytes(b"[\n]\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert stamp(lake) not in (first, later)
