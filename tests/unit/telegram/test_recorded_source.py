from datetime import date
from pathlib import Path

import pytest

from medwh_assets.errors import CorruptSliceError, SettingError, SourceUnreachableError
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.recorded_source import RecordedSource
from tests.factories import CHANNEL, FIRST_READ, SECOND_READ, make_post
from tests.unit.telegram.recordings import (
    FIRST,
    LAST,
    photo,
    recorded_post,
    write_channels,
    write_read,
)

RUN = DayRun(CHANNEL, date.fromisoformat(FIRST), date.fromisoformat(LAST))


def test_a_recording_yields_every_read_of_every_day_in_order(tmp_path: Path) -> None:
    write_channels(tmp_path, CHANNEL)
    first = [recorded_post(1, "2025-03-01T10:00", views=3), recorded_post(2, "2025-03-03T23:59")]
    write_read(tmp_path, CHANNEL, SECOND_READ, [recorded_post(1, "2025-03-01T10:00", views=5)])
    write_read(tmp_path, CHANNEL, FIRST_READ, first)
    readings = list(RecordedSource(tmp_path).read(RUN))
    assert [(r.slice.date.day, r.observed_at, [p.id for p in r.posts]) for r in readings] == [
        (1, FIRST_READ, [1]),
        (1, SECOND_READ, [1]),
        (2, FIRST_READ, []),
        (2, SECOND_READ, []),
        (3, FIRST_READ, [2]),
        (3, SECOND_READ, []),
    ]
    assert all(reading.complete for reading in readings)


def test_a_recorded_post_says_where_it_comes_from(tmp_path: Path) -> None:
    write_channels(tmp_path, "Demo_Shop")
    post = recorded_post(
        1, "2025-03-01T10:00", None, kind="service", grouped_id=4, extra={"action": "created"}
    )
    write_read(tmp_path, "Demo_Shop", FIRST_READ, [post])
    (reading, *_) = RecordedSource(tmp_path).read(RUN)
    (read,) = reading.posts
    assert (read.channel, read.channel_id, read.date_authority) == (CHANNEL, 1000, "telegram")
    assert (read.kind, read.text, read.grouped_id) == ("service", None, 4)
    assert read.extra == {"action": ("created",), "channel_title": ("Demo_Shop",)}


def test_a_day_that_no_read_covers_yields_nothing(tmp_path: Path) -> None:
    write_channels(tmp_path, CHANNEL)
    write_read(tmp_path, CHANNEL, FIRST_READ, [], first="2025-03-02", last="2025-03-02")
    source = RecordedSource(tmp_path)
    assert [reading.slice.date.day for reading in source.read(RUN)] == [2]
    assert source.days() == [Slice(CHANNEL, date(2025, 3, 2))]


def test_a_folder_that_does_not_exist_records_no_channel(tmp_path: Path) -> None:
    source = RecordedSource(tmp_path / "nowhere")
    assert source.channels() == frozenset()
    assert source.days() == []
    with pytest.raises(SourceUnreachableError, match=CHANNEL):
        list(source.read(RUN))


def test_what_no_database_can_hold_is_mended_before_it_reaches_the_lake(tmp_path: Path) -> None:
    write_channels(tmp_path, CHANNEL)
    post = recorded_post(1, "2025-03-01T10:00", "a\0b\ud83d", extra={"key\0": float("nan")})
    write_read(tmp_path, CHANNEL, FIRST_READ, [post])
    (reading, *_) = RecordedSource(tmp_path).read(RUN)
    assert reading.posts[0].text == "a\ufffdb\ufffd"
    assert reading.posts[0].extra["key\ufffd"] == (None,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"channel": "demo_shop", "secret": "0900000000"}',
    ],
)
def test_a_malformed_read_is_named_and_its_content_is_not_told(
    tmp_path: Path, content: bytes
) -> None:
    write_channels(tmp_path, CHANNEL)
    file = write_read(tmp_path, CHANNEL, FIRST_READ, [])
    file.write_bytes(content)
    with pytest.raises(CorruptSliceError, match=file.name) as caught:
        list(RecordedSource(tmp_path).read(RUN))
    assert "0900000000" not in str(caught.value)


def test_a_post_outside_the_days_of_its_read_is_not_lost_in_silence(tmp_path: Path) -> None:
    write_channels(tmp_path, CHANNEL)
    write_read(tmp_path, CHANNEL, FIRST_READ, [recorded_post(8, "2025-03-04T00:00")])
    with pytest.raises(CorruptSliceError, match=r"posts \[8\] lie outside"):
        list(RecordedSource(tmp_path).read(RUN))


def test_a_list_of_channels_that_is_none_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "channels.json").write_text('[{"channel": "demo_shop"}]')
    with pytest.raises(SettingError, match="MEDWH_SAMPLE"):
        RecordedSource(tmp_path).channels()


def test_the_image_of_a_post_is_found_by_its_photo_id(tmp_path: Path) -> None:
    write_channels(tmp_path, CHANNEL)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "7.jpg").write_bytes(b"picture")
    posts = [
        recorded_post(1, "2025-03-01T10:00", media=photo(7)),
        recorded_post(2, "2025-03-01T10:00", media=photo(8)),
    ]
    write_read(tmp_path, CHANNEL, FIRST_READ, posts)
    source = RecordedSource(tmp_path)
    (reading, *_) = source.read(RUN)
    assert [source.image(post) for post in reading.posts] == [b"picture", None]
    assert source.image(make_post()) is None
