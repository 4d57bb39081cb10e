import io
from datetime import date, timedelta
from typing import Any

import pytest
from PIL import Image
from telethon.tl import types

from medwh_assets.automation.plan import SliceState, images_due
from medwh_assets.errors import CoolingDownError
from medwh_assets.lake.ports import KnownPeer
from medwh_assets.lake.records import ImageRecord, Media
from medwh_assets.outcomes import Failed
from medwh_assets.slices import Slice
from medwh_assets.telegram.client import Patience
from medwh_assets.telegram.reading import SourceDirectory, read_images
from tests.factories import make_post, make_reading
from tests.integration.telegram.live import FIRST, IMPATIENT, OBSERVED, Live, count, days, reasons
from tests.mtproto import (
    FILE_REFERENCE_EXPIRED,
    FIRST_DAY,
    INTERNAL_ERROR,
    Channel,
    Drop,
    Refusal,
    Silence,
    Truncate,
    file_migrate,
    flood_wait,
)

pytestmark = pytest.mark.timeout(60)

FILE = "upload.getFile"
HISTORY = "messages.getHistory"
LOOK = "channels.getMessages"
LOCATION_INVALID = Refusal(400, "LOCATION_INVALID")
# Telethon itself takes two seconds over each of the server's own errors.
BRIEF = Patience(answer=5.0, pauses=())
SHOP = "demo_shop"
OTHER = "demo_other"


def jpeg(number: int, size: int = 64, filling: int = 0) -> bytes:
    """A picture of its own for each number."""
    file = io.BytesIO()
    color = (number % 256, number // 256 % 256, 77)
    Image.new("RGB", (size, size), color).save(file, "JPEG", comment=bytes([65]) * filling)
    return file.getvalue()


@pytest.fixture
def shop(live: Live) -> Channel:
    return live.world.add_channel(5001, SHOP)


def post_photos(live: Live, channel: Channel, number: int, **options: Any) -> None:
    for n in range(number):
        channel.post(f"Offer {n}", media=live.world.add_photo(jpeg(n), **options))


def images(live: Live, channel: str = SHOP, day: date = FIRST) -> list[ImageRecord]:
    return live.lake.images(Slice(channel, day))


def are_due(live: Live) -> bool:
    """Whether the next run fetches pictures again, with nothing read in between."""
    piece = Slice(SHOP, FIRST)
    manifest = live.lake.manifest(piece)
    posts = live.lake.file_sha256("telegram_messages", piece)
    pictures = live.lake.file_sha256("telegram_images", piece)
    return images_due(SliceState(piece, manifest, posts, pictures, None))


def read_and_fetch(live: Live, *channels: str, **options: Any) -> Any:
    assert reasons(live.read(channels or [SHOP], FIRST, FIRST)) == []
    return live.fetch(channels or [SHOP], FIRST, FIRST, **options)


def test_pictures_of_two_data_centres_arrive_whole(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 5, dc_id=1)
    for n in range(5, 10):
        shop.post("", media=live.world.add_photo(jpeg(n), dc_id=2))
    outcomes = read_and_fetch(live)
    assert (count(outcomes, "images"), count(outcomes, "downloaded")) == (10, 10)
    for n, row in enumerate(images(live)):
        assert row.path is not None
        assert live.lake.read(row.path) == jpeg(n)
    calls = live.world.calls
    assert calls[FILE] == 10
    assert {call.dc_id for call in calls.all(FILE)} == {1, 2}
    assert calls["auth.exportAuthorization"] == 1
    assert calls["channels.getFullChannel"] == 1
    # One look for all places, because the run that fetches is not the run that read.
    assert calls[LOOK] == 1


def test_a_run_that_has_just_read_the_posts_needs_no_second_look(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 3)
    with live.source() as source:
        live.read_from(source, [SHOP], FIRST, FIRST)
        list(read_images(live.lake, SourceDirectory([source]), days([SHOP], FIRST, FIRST)))
    assert live.world.calls[LOOK] == 0
    assert len(images(live)) == 3


def test_a_large_file_comes_in_parts_and_goes_on_after_a_cut(live: Live, shop: Channel) -> None:
    content = jpeg(1) + bytes(1_300_000)
    document = live.world.add_document(content, "image/jpeg", dc_id=2, width=64, height=64)
    shop.post("As a file", media=document)
    live.world.faults.plan(FILE, Drop(), at=9)
    read_and_fetch(live)
    assert live.lake.read(f"images/{SHOP}/1.jpg") == content
    asked = [(call.request.offset, call.request.limit) for call in live.world.calls.all(FILE)]
    # Small enough for two at a time to come over a slow line before patience is lost.
    parts = [(number * 128 * 1024, 128 * 1024) for number in range(10)]
    assert asked == [*parts[:9], *parts[8:]]


def test_the_size_that_is_fetched_is_large_enough_and_no_larger(live: Live, shop: Channel) -> None:
    small, middle, large = (jpeg(n, size) for n, size in ((1, 320), (2, 800), (3, 1280)))
    photo = live.world.add_photo(large, smaller={"m": small, "x": middle})
    shop.post("", media=photo)
    read_and_fetch(live)
    assert live.lake.read(f"images/{SHOP}/1.jpg") == middle
    live.lake.delete(f"images/{SHOP}/1.jpg")
    live.state.photos.clear()
    live.fetch([SHOP], FIRST, FIRST, image_pixels=1000)
    assert live.lake.read(f"images/{SHOP}/1.jpg") == large


def test_a_photo_is_fetched_once_across_channels_and_runs(live: Live, shop: Channel) -> None:
    other = live.world.add_channel(5002, OTHER)
    photos = [live.world.add_photo(jpeg(n)) for n in range(3)]
    for n in range(20):
        shop.post("", media=photos[n % 3])
        other.post("", media=photos[n % 3])
    outcomes = read_and_fetch(live, SHOP, OTHER)
    assert (count(outcomes, "downloaded"), count(outcomes, "linked")) == (3, 37)
    assert live.world.calls[FILE] == 3
    other.post("again", media=photos[0], date=FIRST_DAY + timedelta(days=1))
    day = FIRST + timedelta(days=1)
    live.read([OTHER], day, day)
    assert count(live.fetch([OTHER], day, day), "linked") == 1
    assert live.world.calls[FILE] == 3
    first = live.lake.root / f"images/{SHOP}/1.jpg"
    assert first.samefile(live.lake.root / f"images/{OTHER}/21.jpg")


def test_reading_again_fetches_nothing(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 5)
    read_and_fetch(live)
    before = live.world.calls[FILE]
    read_and_fetch(live)
    assert live.world.calls[FILE] == before
    assert len(images(live)) == 5


@pytest.mark.parametrize(("old", "new"), [(1, 5000), (5000, 1)])
def test_a_photo_that_its_author_replaced_is_fetched_anew(
    live: Live, shop: Channel, old: int, new: int
) -> None:
    first, second = jpeg(1, filling=old), jpeg(2, filling=new)
    photo = live.world.add_photo(first)
    shop.post("", media=photo)
    read_and_fetch(live)
    shop.edit(1, at=FIRST_DAY + timedelta(hours=9), media=live.world.add_photo(second))
    live.read([SHOP], FIRST, FIRST, observed_at=OBSERVED + timedelta(days=1))
    for _ in range(2):
        assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
        (row,) = images(live)
        assert row.path is not None
        assert live.lake.read(row.path) == second
        kept = live.state.photos[photo.id]
        assert live.lake.read(kept) == first
    assert live.world.calls[FILE] == 2


def test_a_month_needs_one_look_for_a_hundred_posts(live: Live, shop: Channel) -> None:
    for n in range(60):
        shop.post("", media=live.world.add_photo(jpeg(n)), date=FIRST_DAY + timedelta(hours=12 * n))
    last = FIRST + timedelta(days=29)
    live.read([SHOP], FIRST, last)
    assert count(live.fetch([SHOP], FIRST, last), "images") == 60
    assert live.world.calls[LOOK] == 1


def test_old_references_are_renewed_by_one_look(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 8)
    with live.source() as source:
        live.read_from(source, [SHOP], FIRST, FIRST)
        live.world.expire_file_references()
        list(read_images(live.lake, SourceDirectory([source]), days([SHOP], FIRST, FIRST)))
    assert [row.status for row in images(live)] == ["ok"] * 8
    assert live.world.calls[LOOK] <= 2
    assert live.world.calls[FILE] <= 8 + 2


def test_a_reference_that_expires_each_time_costs_its_picture_alone(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 1)
    live.world.faults.plan(FILE, FILE_REFERENCE_EXPIRED, times=None)
    assert reasons(read_and_fetch(live)) == []
    assert live.world.calls[FILE] == 2
    assert images(live)[0].reason == "Telegram refuses it with FILE_REFERENCE_EXPIRED"


@pytest.mark.parametrize("refusal", [INTERNAL_ERROR, LOCATION_INVALID])
def test_a_picture_that_telegram_refuses_costs_no_other(
    live: Live, shop: Channel, refusal: Refusal
) -> None:
    other = live.world.add_channel(5002, OTHER)
    post_photos(live, shop, 4)
    post_photos(live, other, 1)
    bad = shop[2].media
    live.world.faults.plan(FILE, refusal, times=None, where=lambda r: r.location.id == bad.id)
    assert reasons(read_and_fetch(live, SHOP, OTHER)) == []
    assert [row.status for row in images(live)] == ["ok", "missing", "ok", "ok"]
    assert refusal.text in str(images(live)[1].reason)
    assert [row.status for row in images(live, OTHER)] == ["ok"]


def test_when_telegram_delivers_no_picture_at_all_none_that_was_not_asked_for_is_called_missing(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 20)
    live.read([SHOP], FIRST, FIRST)
    live.world.faults.plan(FILE, INTERNAL_ERROR, times=None)
    (reason,) = reasons(live.fetch([SHOP], FIRST, FIRST, patience=BRIEF))
    assert reason.startswith("10 pictures one after another did not come (Telegram did not deliver")
    assert [row.message_id for row in images(live)] == list(range(1, 11))
    assert are_due(live)
    live.world.faults.clear()
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert [row.status for row in images(live)] == ["ok"] * 20
    assert not are_due(live)


def test_a_picture_that_telegram_refuses_or_that_is_too_large_is_asked_for_once(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 3)
    huge = types.Document(8, 77, b"r", FIRST_DAY, "image/png", 60 * 1024**2, 1, [])
    shop.post("", media=types.MessageMediaDocument(document=huge))
    bad = shop[2].media
    live.world.faults.plan(
        FILE, LOCATION_INVALID, times=None, where=lambda r: r.location.id == bad.id
    )
    assert reasons(read_and_fetch(live)) == []
    assert [row.status for row in images(live)] == ["ok", "missing", "ok", "missing"]
    assert images(live)[3].reason == "too many bytes: 60 MB"
    assert not are_due(live)
    # Posts that have changed are looked at again, and so are their pictures.
    live.world.faults.clear()
    shop.raise_counters(views=5)
    live.read([SHOP], FIRST, FIRST, observed_at=OBSERVED + timedelta(days=1))
    assert are_due(live)
    live.fetch([SHOP], FIRST, FIRST)
    assert [row.status for row in images(live)] == ["ok", "ok", "ok", "missing"]


def test_a_picture_that_never_comes_whole_is_asked_for_on_three_days(
    live: Live, shop: Channel
) -> None:
    photo = live.world.add_photo(jpeg(0))
    shop.post("", media=photo)
    live.world.truncate(photo, 200)
    live.read([SHOP], FIRST, FIRST)
    due: list[bool] = []
    for hours in (0, 5, 24, 48):
        live.fetch([SHOP], FIRST, FIRST, observed_at=OBSERVED + timedelta(hours=hours))
        due.append(are_due(live))
    assert due == [True, True, True, False]
    (row,) = images(live)
    assert row.tried_on == tuple(OBSERVED.date() + timedelta(days=n) for n in range(3))


def test_a_file_that_moved_is_followed(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 1, dc_id=2)
    live.world.faults.plan(FILE, file_migrate(2), at=1)
    read_and_fetch(live)
    assert [row.status for row in images(live)] == ["ok"]


def test_a_file_that_every_data_centre_says_lies_in_another_is_missing(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 3)
    live.read([SHOP], FIRST, FIRST)
    for picture in (1, 2):
        bad = shop[picture].media
        live.world.faults.plan(
            FILE,
            file_migrate(3 - picture),
            times=None,
            where=lambda r, b=bad: r.location.id == b.id,
        )
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert [row.status for row in images(live)] == ["missing", "missing", "ok"]
    assert images(live)[0].reason == "each data centre says that it lies in another"
    assert live.world.calls[FILE] == 2 + 2 + 1
    assert not are_due(live)


def test_a_file_in_a_data_centre_that_telegram_does_not_name_costs_no_other(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 1, dc_id=9)
    post_photos(live, shop, 2)
    live.world.faults.plan(FILE, file_migrate(8), at=1)
    assert reasons(read_and_fetch(live)) == []
    assert [row.status for row in images(live)] == ["missing", "missing", "ok"]
    assert [row.reason for row in images(live)[:2]] == [
        f"it lies in data centre {number}, which Telegram does not name" for number in (9, 8)
    ]


def test_a_photo_of_which_telegram_holds_nothing_costs_neither_its_day_nor_another_picture(
    live: Live, shop: Channel
) -> None:
    nothing: list[list[Any]] = [
        [],
        [types.PhotoSize("y", 0, 0, 0)],
        [types.PhotoSizeProgressive("y", 1280, 960, [])],
    ]
    for number, sizes in enumerate(nothing):
        photo = types.Photo(70 + number, 1, b"r", FIRST_DAY, sizes, 1)
        shop.post("", media=types.MessageMediaPhoto(photo=photo))
    post_photos(live, shop, 1)
    assert reasons(read_and_fetch(live)) == []
    assert [row.status for row in images(live)] == ["missing", "missing", "missing", "ok"]
    assert live.world.calls[HISTORY] <= 2
    assert live.world.calls[FILE] == 1


def test_posts_with_the_highest_numbers_have_pictures_too(live: Live, shop: Channel) -> None:
    last = 2**31 - 1
    for number in (last - 1, last):
        shop.post("", id=number, media=live.world.add_photo(jpeg(number)))
    posts = [
        make_post(number, channel=SHOP, at=FIRST_DAY, media=Media(kind="photo"))
        for number in (last - 1, last, last + 1)
    ]
    piece = Slice(SHOP, FIRST)
    live.lake.merge_readings(piece, [make_reading(*posts, piece=piece)])
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert [row.status for row in images(live)] == ["ok", "ok", "missing"]


def test_a_file_that_is_cut_off_once_is_fetched_again(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 1)
    live.world.faults.plan(FILE, Truncate(200))
    read_and_fetch(live)
    assert [row.status for row in images(live)] == ["ok"]
    assert live.lake.read(f"images/{SHOP}/1.jpg") == jpeg(0)


def test_a_file_that_stays_cut_off_is_missing_until_it_is_whole(live: Live, shop: Channel) -> None:
    photo = live.world.add_photo(jpeg(0))
    shop.post("", media=photo)
    shop.post("", media=live.world.add_photo(jpeg(1)))
    live.world.truncate(photo, 200)
    outcomes = read_and_fetch(live)
    assert reasons(outcomes) == []
    assert [row.status for row in images(live)] == ["missing", "ok"]
    assert images(live)[0].reason == f"cut off: 200 of {len(jpeg(0))} bytes"
    assert not (live.lake.root / f"images/{SHOP}/1.jpg").exists()
    assert are_due(live)
    live.world.truncated.clear()
    live.fetch([SHOP], FIRST, FIRST)
    assert [row.status for row in images(live)] == ["ok", "ok"]
    assert not are_due(live)


def test_a_replaced_picture_that_is_cut_off_is_told_and_asked_for_again(
    live: Live, shop: Channel
) -> None:
    shop.post("", media=live.world.add_photo(jpeg(1)))
    read_and_fetch(live)
    second = live.world.add_photo(jpeg(2))
    live.world.truncate(second, 200)
    shop.edit(1, at=FIRST_DAY + timedelta(hours=9), media=second)
    live.read([SHOP], FIRST, FIRST, observed_at=OBSERVED + timedelta(days=1))
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    (row,) = images(live)
    assert row.status == "ok"
    assert row.path is not None
    assert live.lake.read(row.path) == jpeg(1)
    assert row.reason == f"another picture has replaced it: cut off: 200 of {len(jpeg(2))} bytes"
    assert are_due(live)
    live.world.truncated.clear()
    live.fetch([SHOP], FIRST, FIRST)
    (row,) = images(live)
    assert (row.photo_id, row.status, row.reason) == (second.id, "ok", None)
    assert not are_due(live)


def test_what_is_no_picture_is_quarantined(live: Live, shop: Channel) -> None:
    shop.post("", media=live.world.add_photo(jpeg(0)[:300]))
    shop.post("", media=live.world.add_photo(jpeg(1)))
    read_and_fetch(live)
    assert [row.status for row in images(live)] == ["quarantined", "ok"]
    assert images(live)[0].reason == "truncated JPEG"


def test_a_post_that_vanished_has_no_picture_any_more(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 2)
    live.read([SHOP], FIRST, FIRST)
    shop.delete(1)
    live.fetch([SHOP], FIRST, FIRST)
    assert [row.status for row in images(live)] == ["missing", "ok"]


def test_a_long_flood_wait_for_files_ends_the_run_and_the_rest_comes_later(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 12)
    live.read([SHOP], FIRST, FIRST)
    live.world.faults.plan(FILE, flood_wait(3600), at=5)
    outcomes = live.fetch([SHOP], FIRST, FIRST)
    (error,) = [o.error for o in outcomes if isinstance(o, Failed)]
    assert isinstance(error, CoolingDownError)
    assert (live.state.until, live.state.files_until) == (None, error.until)
    kept = len(list((live.lake.root / f"images/{SHOP}").iterdir()))
    assert kept >= 3
    live.clock.passed = 4000
    before = live.world.calls[FILE]
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert live.world.calls[FILE] - before == 12 - kept
    assert len(images(live)) == 12


def test_a_long_flood_wait_of_a_second_data_centre_stops_no_history(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 2, dc_id=2)
    post_photos(live, shop, 1)
    live.read([SHOP], FIRST, FIRST)
    live.world.faults.plan("auth.exportAuthorization", flood_wait(2061), times=None)
    assert "2,061 s (ExportAuthorization)" in reasons(live.fetch([SHOP], FIRST, FIRST))[0]
    (again,) = reasons(live.fetch([SHOP], FIRST, FIRST))
    assert again.startswith("Telegram asked for a pause: no picture is fetched before")
    assert live.world.calls["auth.exportAuthorization"] == 1
    later = OBSERVED + timedelta(minutes=1)
    assert reasons(live.read([SHOP], FIRST, FIRST, observed_at=later)) == []
    live.world.faults.clear()
    live.clock.passed = 2100
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert len(images(live)) == 3


@pytest.mark.parametrize("fault", [Drop(), Silence()])
def test_a_second_data_centre_that_fails_is_left_alone_soon(
    live: Live, shop: Channel, fault: Drop
) -> None:
    post_photos(live, shop, 3, dc_id=2)
    live.read([SHOP], FIRST, FIRST)
    live.world.faults.plan(FILE, fault, times=None)
    assert len(reasons(live.fetch([SHOP], FIRST, FIRST, patience=IMPATIENT))) == 1
    assert live.world.calls[FILE] <= 3 * 3
    live.world.faults.clear()
    assert reasons(live.fetch([SHOP], FIRST, FIRST)) == []
    assert [row.status for row in images(live)] == ["ok"] * 3


def test_a_second_data_centre_that_vanished_is_left_alone_soon(live: Live, shop: Channel) -> None:
    post_photos(live, shop, 2, dc_id=2)
    live.read([SHOP], FIRST, FIRST)
    live.centres[2].vanish()
    assert len(reasons(live.fetch([SHOP], FIRST, FIRST, patience=IMPATIENT))) == 1


def test_a_picture_of_a_channel_that_is_not_found_any_more_is_an_error(
    live: Live, shop: Channel
) -> None:
    post_photos(live, shop, 1)
    live.read([SHOP], FIRST, FIRST)
    live.state.remember_peer(SHOP, KnownPeer(9, 9, SHOP))
    shop.rename("demo_gone")
    live.channels = [SHOP]
    outcomes = live.fetch([SHOP], FIRST, FIRST)
    assert "no Telegram channel has this name" in reasons(outcomes)[0]
