"""Pictures that are fetched while the history is read, and that no trouble with them costs a post."""

import io
from datetime import timedelta

import pytest
from PIL import Image

from medwh_assets.outcomes import Done
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.client import Patience
from medwh_assets.telegram.reading import SourceDirectory, read_images
from tests.integration.telegram.live import (
    FIRST,
    OBSERVED,
    Live,
    count,
    days,
    posts_in,
    reasons,
)
from tests.mtproto import (
    FIRST_DAY,
    INTERNAL_ERROR,
    Channel,
    Delay,
    Drop,
    Fault,
    Photo,
    Post,
    Refusal,
    Silence,
    flood_wait,
)

pytestmark = pytest.mark.timeout(60)

FILE, HISTORY, LOOK = "upload.getFile", "messages.getHistory", "channels.getMessages"
SHOP = "demo_shop"
LAST = FIRST + timedelta(days=6)
POSTS, SHOWN, PICTURES = 650, 130, 26
MEANWHILE = "pictures_meanwhile"


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (number % 256, 7, 77)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def shop(live: Live) -> Channel:
    """Six and a half days of 100 posts, each fifth with one of 26 pictures."""
    photos = [
        live.world.add_photo(jpeg(number), dc_id=1 + number % 2) for number in range(PICTURES)
    ]
    channel = live.world.add_channel(5001, SHOP)
    channel.generate(POSTS, lambda number: _post(number, photos))
    return channel


def _post(number: int, photos: list[Photo]) -> Post:
    at = FIRST_DAY + timedelta(seconds=864 * (number - 1))
    media = None if number % 5 else photos[number // 5 % PICTURES]
    return Post(id=number, date=at, text=str(number), media=media)


@pytest.fixture
def slow(live: Live, shop: Channel) -> None:
    """A page of history takes as long as in the world."""
    live.world.faults.plan(HISTORY, Delay(0.3), times=None)


def pictures(live: Live) -> list[str]:
    """What became of the pictures, in all slices."""
    return [row.status for day in live.lake.slices() for row in live.lake.images(day)]


def test_pictures_are_fetched_between_two_pages_and_found_by_the_next_step(
    live: Live, slow: None
) -> None:
    outcomes = live.read([SHOP], FIRST, LAST)
    assert reasons(outcomes) == []
    kinds = [call.kind for call in live.world.calls.all()]
    between = kinds[kinds.index(HISTORY) : len(kinds) - kinds[::-1].index(HISTORY)]
    assert FILE in between
    kept = count(outcomes, MEANWHILE)
    assert kept == live.world.calls[FILE] >= 1
    assert pictures(live) == []
    fetched = live.fetch([SHOP], FIRST, LAST)
    assert count(fetched, "downloaded") == PICTURES - kept
    assert count(fetched, "linked") == SHOWN - PICTURES
    assert live.world.calls[FILE] == PICTURES
    assert pictures(live) == ["ok"] * SHOWN
    for number in (5, 100, POSTS):
        assert live.lake.read(f"images/{SHOP}/{number}.jpg") == jpeg(number // 5 % PICTURES)


def test_what_came_meanwhile_needs_no_look_and_what_did_not_come_is_found_where_it_was_seen(
    live: Live, slow: None
) -> None:
    with live.source() as source:
        live.read_from(source, [SHOP], FIRST, LAST)
        list(read_images(live.lake, SourceDirectory([source]), days([SHOP], FIRST, LAST)))
    assert live.world.calls[LOOK] == 0
    assert live.world.calls[FILE] == PICTURES


def test_an_unchanged_history_fetches_nothing_again_and_costs_no_more_pages(
    live: Live, slow: None
) -> None:
    live.read([SHOP], FIRST, LAST)
    live.fetch([SHOP], FIRST, LAST)
    live.world.calls.reset()
    outcomes = live.read([SHOP], FIRST, LAST, observed_at=OBSERVED + timedelta(days=1))
    live.fetch([SHOP], FIRST, LAST)
    assert count(outcomes, MEANWHILE) == 0
    assert (live.world.calls[FILE], live.world.calls[LOOK]) == (0, 0)
    assert live.world.calls[HISTORY] <= -(-POSTS // 100) + 1


def test_who_reads_as_fast_as_it_goes_leaves_pictures_to_the_next_step(
    live: Live, slow: None
) -> None:
    outcomes = live.read([SHOP], FIRST, LAST, requests_per_second=30.0)
    assert live.world.calls[FILE] == 0
    assert all(MEANWHILE not in o.counts for o in outcomes if isinstance(o, Done))


@pytest.mark.parametrize(
    "fault", [INTERNAL_ERROR, Refusal(400, "LOCATION_INVALID"), Drop(), Silence(), flood_wait(20)]
)
def test_no_trouble_with_pictures_costs_a_post_or_a_page(
    live: Live, slow: None, fault: Fault
) -> None:
    live.world.faults.plan(FILE, fault, times=None)
    patience = Patience(answer=2.0, pauses=(0.0, 0.0))
    assert reasons(live.read([SHOP], FIRST, LAST, patience=patience)) == []
    assert posts_in(live.lake, SHOP) == list(range(1, POSTS + 1))
    assert 1 <= live.world.calls[FILE] <= 4
    assert live.state.last(SHOP) == "ok"
    assert (live.state.until, live.state.files_until) == (None, None)
    live.world.faults.clear()
    assert reasons(live.fetch([SHOP], FIRST, LAST)) == []
    assert pictures(live) == ["ok"] * SHOWN


def test_a_long_pause_of_files_is_kept_and_the_history_is_read_on(live: Live, slow: None) -> None:
    live.world.faults.plan(FILE, flood_wait(3600), at=3, times=None)
    assert reasons(live.read([SHOP], FIRST, LAST)) == []
    assert live.state.until is None
    assert live.state.files_until is not None
    asked = live.world.calls[FILE]
    assert asked <= 4
    again = live.read([SHOP], FIRST, LAST, observed_at=OBSERVED + timedelta(minutes=1))
    assert reasons(again) == []
    assert live.world.calls[FILE] == asked


def test_a_pause_of_everything_ends_the_pictures_too(live: Live, shop: Channel) -> None:
    live.world.faults.plan(HISTORY, flood_wait(3600), at=7, times=None)
    live.world.faults.plan(HISTORY, Delay(0.6), times=None)
    outcomes = live.read([SHOP], FIRST, LAST)
    assert len(reasons(outcomes)) > 0
    assert live.state.until is not None
    assert live.state.files_until is None
    kept = len(live.state.photos)
    assert kept == count(outcomes, MEANWHILE) > 0
    assert len(list((live.lake.root / f"images/{SHOP}").iterdir())) == kept


def test_a_walk_that_is_broken_off_leaves_no_picture_half_way(live: Live, slow: None) -> None:
    live.world.faults.plan(FILE, Delay(5.0), times=None)
    with live.source() as source:
        walk = source.read(DayRun(SHOP, FIRST, LAST))
        day = next(walk)
        assert source.meanwhile is not None
        source.meanwhile.want(day.posts)
        live.world.calls.wait_for(FILE, 2)
        walk.close()
    assert not live.state.busy
    assert live.world.calls[FILE] == 2


def test_a_picture_that_was_replaced_before_anybody_described_it_is_fetched_anew(
    live: Live, slow: None, shop: Channel
) -> None:
    live.read([SHOP], FIRST, LAST)
    first, second = shop[5].media, live.world.add_photo(jpeg(200))
    assert live.state.photos[first.id] == f"images/{SHOP}/5.jpg"
    shop.edit(5, at=FIRST_DAY + timedelta(hours=9), media=second)
    live.read([SHOP], FIRST, FIRST, observed_at=OBSERVED + timedelta(days=1))
    assert reasons(live.fetch([SHOP], FIRST, LAST)) == []
    row = live.lake.images(Slice(SHOP, FIRST))[0]
    assert row.path is not None
    assert live.lake.read(row.path) == jpeg(200)
    assert live.lake.read(live.state.photos[first.id]) == jpeg(1)
    assert live.lake.read(f"images/{SHOP}/135.jpg") == jpeg(1)
