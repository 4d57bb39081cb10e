from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from medwh_assets.automation.window import still_to_read
from medwh_assets.errors import SourceBusyError
from medwh_assets.lake.records import Post as LakePost
from medwh_assets.outcomes import Failed
from medwh_assets.slices import DayRun, Slice, day_runs
from tests.factories import make_post, take_in
from tests.integration.telegram.live import FIRST, OBSERVED, Live, count, days, posts_in, reasons
from tests.integration.telegram.test_images import jpeg
from tests.mtproto import FIRST_DAY, Channel, Drop, Photo, Post, ShortPage

pytestmark = pytest.mark.timeout(60)

HISTORY, MESSAGES = "messages.getHistory", "channels.getMessages"
LATER = OBSERVED + timedelta(days=1)
SHOP = "demo_shop"
LAST = FIRST + timedelta(days=9)


def offer(number: int) -> Post:
    """A hundred posts a day."""
    return Post(
        id=number,
        date=FIRST_DAY + timedelta(seconds=864 * (number - 1)),
        text=f"Offer {number}: Amoxicillin 500 mg, {number % 90 + 10} birr",
        views=number,
        forwards=1,
    )


def shop(live: Live, posts: int = 450) -> Channel:
    channel = live.world.add_channel(5001, "Demo_Shop", about="Medicines", subscribers=1200)
    channel.generate(posts, offer)
    return channel


def test_a_run_of_days_is_one_walk_from_old_to_new(live: Live) -> None:
    shop(live)
    with live.source() as source:
        readings = list(source.read(DayRun(SHOP, FIRST, LAST)))
    assert [r.slice.date for r in readings] == [FIRST + timedelta(days=n) for n in range(10)]
    assert [len(r.posts) for r in readings] == [100, 100, 100, 100, 50, 0, 0, 0, 0, 0]
    assert all(r.complete and r.source == "telegram" for r in readings)
    assert [p.id for r in readings for p in r.posts] == list(range(1, 451))
    assert live.world.calls[HISTORY] == 5
    assert live.state.last(SHOP) == "ok"


def test_a_few_days_of_a_long_history_are_read_alone(live: Live) -> None:
    shop(live, 3000)
    outcomes = live.read([SHOP], FIRST + timedelta(days=10), FIRST + timedelta(days=12))
    assert count(outcomes, "posts") == 300
    assert posts_in(live.lake, SHOP) == list(range(1001, 1301))
    assert live.world.calls[HISTORY] <= 300 / 100 + 2


@pytest.mark.parametrize("posts", [0, 1, 70, 99, 100, 101, 200, 700])
@pytest.mark.parametrize("later", [0, 5, 250])
def test_a_re_read_week_costs_one_request_more_than_its_pages(
    live: Live, posts: int, later: int
) -> None:
    channel = live.world.add_channel(5001, SHOP)
    channel.post("old", date=FIRST_DAY - timedelta(days=40))
    for number in range(posts):
        channel.post(f"Offer {number}", date=FIRST_DAY + timedelta(minutes=number))
    live.read([SHOP], FIRST, FIRST + timedelta(days=6))
    for number in range(later):
        channel.post(f"Later {number}", date=FIRST_DAY + timedelta(days=8, minutes=number))
    live.world.calls.reset()
    outcomes = live.run([SHOP], FIRST, FIRST + timedelta(days=6), observed_at=LATER)
    assert count(outcomes, "posts") == posts
    assert count(outcomes, "new") == 0
    assert live.world.calls[HISTORY] <= -(-posts // 100) + 1
    assert live.world.calls[MESSAGES] == 0


def test_short_and_empty_pages_in_the_middle_are_no_end(live: Live) -> None:
    channel = shop(live, 900)
    channel.delete(*range(150, 190), *range(300, 620), leaving_gaps=True)
    live.world.faults.plan(HISTORY, ShortPage(30), at=3, times=2)
    live.read([SHOP], FIRST, LAST)
    assert posts_in(live.lake, SHOP) == channel.ids


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("at", range(1, 7))
def test_a_page_cut_short_at_either_end_costs_no_post(live: Live, at: int, far: bool) -> None:
    channel = shop(live, 900)
    live.read([SHOP], FIRST, LAST)
    live.world.faults.plan(HISTORY, ShortPage(30, far=far), at=at)
    live.run([SHOP], FIRST, LAST, observed_at=LATER)
    posts = _posts(live, read=False)
    assert [(p.id, p.missing_since) for p in posts] == [(number, None) for number in channel.ids]
    assert all(p.observations[-1].observed_at == LATER for p in posts)


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("keep", [30, 99])
def test_pages_that_are_always_cut_short_make_no_day_whole_that_lacks_a_post(
    live: Live, far: bool, keep: int
) -> None:
    channel = shop(live, 450)
    live.world.faults.plan(HISTORY, ShortPage(keep, far=far), times=None)
    live.run([SHOP], FIRST, LAST)
    whole = [p for p in live.lake.slices() if _status(live, p) == "complete"]
    first = {day: 100 * n + 1 for n, day in enumerate(p.date for p in live.lake.slices())}
    for piece in whole:
        ids = [n for n in channel.ids if first[piece.date] <= n < first[piece.date] + 100]
        assert [p.id for p in live.lake.posts(piece)] == ids
    assert far or len(whole) == 10


def _status(live: Live, piece: Slice) -> str | None:
    manifest = live.lake.manifest(piece)
    return manifest and manifest.status


def test_a_single_date_far_off_makes_no_post_missing(live: Live) -> None:
    channel = shop(live)
    live.run([SHOP], FIRST, LAST)
    channel.change(200, date=FIRST_DAY + timedelta(days=140))
    assert reasons(live.run([SHOP], FIRST, LAST, observed_at=LATER)) == []
    posts = _posts(live, read=False)
    assert [p.id for p in posts] == list(range(1, 451))
    assert [p.id for p in posts if p.missing_since] == []
    assert [p.id for p in posts if p.observations[-1].observed_at != LATER] == [200]


def test_posts_whose_timer_was_up_are_not_marked_as_removed(live: Live) -> None:
    week = 7 * 86_400
    channel = live.world.add_channel(5001, SHOP, ttl_period=week)
    for day in range(10):
        channel.post(f"Day {day}", date=FIRST_DAY + timedelta(days=day, hours=9))
    live.run([SHOP], FIRST, LAST, observed_at=FIRST_DAY + timedelta(days=10))
    channel.delete(1, 2, 3, 9)
    live.run([SHOP], FIRST, LAST, observed_at=FIRST_DAY + timedelta(days=11))
    posts = {p.id: p for p in _posts(live, read=False)}
    assert [number for number, p in posts.items() if not p.observations[-1].present] == [1, 2, 3, 9]
    # Its author has deleted one, a week before its time.
    assert [number for number, p in posts.items() if p.missing_since] == [9]


def test_a_timer_of_the_channel_is_known_of_what_an_import_brought(live: Live) -> None:
    channel = live.world.add_channel(5001, SHOP, ttl_period=93 * 86_400)
    channel.post("Now", date=FIRST_DAY + timedelta(days=2))
    seen = FIRST_DAY + timedelta(hours=20)
    take_in(
        live.lake,
        [
            make_post(
                7, channel=SHOP, at=FIRST_DAY + timedelta(hours=9), seen=seen, source="an_import"
            )
        ],
    )
    live.run([SHOP], FIRST, FIRST, observed_at=LATER)
    (post,) = live.lake.posts(Slice(SHOP, FIRST))
    assert (post.observations[-1].present, post.missing_since) == (False, None)


def test_what_seems_to_be_gone_is_asked_for_by_the_hundred(live: Live) -> None:
    channel = shop(live, 450)
    live.run([SHOP], FIRST, LAST)
    channel.delete(*range(120, 360))
    live.world.calls.reset()
    live.run([SHOP], FIRST, LAST, observed_at=LATER)
    gone = [p.id for p in _posts(live, read=False) if p.missing_since == LATER]
    assert gone == list(range(120, 360))
    asked = [len(call.request.id) for call in live.world.calls.all(MESSAGES)]
    assert asked == [81, 100, 59]


def test_a_history_with_the_last_ids_there_can_be_is_read(live: Live) -> None:
    channel = live.world.add_channel(2**40 + 3, SHOP)
    newest = 2**31 - 1
    for number in range(150):
        channel.post("", id=newest - 149 + number, date=FIRST_DAY + timedelta(minutes=number))
    assert reasons(live.run([SHOP], FIRST, FIRST)) == []
    assert posts_in(live.lake, SHOP) == list(range(newest - 149, newest + 1))
    channel.delete(newest, newest - 149)
    assert reasons(live.run([SHOP], FIRST, FIRST, observed_at=LATER)) == []
    missing = [p.id for p in _posts(live, read=False) if p.missing_since]
    assert missing == [newest - 149, newest]


def test_a_newest_page_of_deleted_posts_is_no_end(live: Live) -> None:
    channel = shop(live, 400)
    live.read([SHOP], FIRST, LAST)
    channel.delete(*range(301, 401), *range(101, 202), leaving_gaps=True)
    later = datetime(2025, 6, 2, tzinfo=UTC)
    assert reasons(live.read([SHOP], FIRST, LAST, observed_at=later)) == []
    there = {p.id for p in _posts(live, read=False) if p.missing_since is None}
    assert there == set(channel.ids)


@pytest.mark.parametrize("empty", [(1,), (3,), (1, 3)])
def test_a_page_that_came_empty_by_mistake_deletes_nothing(
    live: Live, empty: tuple[int, ...]
) -> None:
    shop(live, 400)
    live.read([SHOP], FIRST, LAST)
    for page in empty:
        live.world.faults.plan(HISTORY, ShortPage(0), at=page)
    later = datetime(2025, 6, 2, tzinfo=UTC)
    assert reasons(live.read([SHOP], FIRST, LAST, observed_at=later)) == []
    assert [p.missing_since for p in _posts(live, read=False)] == [None] * 400


def test_a_history_that_is_never_shown_is_not_empty(live: Live) -> None:
    shop(live, 400)
    live.world.faults.plan(HISTORY, ShortPage(0), times=None)
    assert len(reasons(live.read([SHOP], FIRST, LAST))) == 10
    assert live.lake.slices() == []


def test_a_cut_at_any_page_costs_no_post_and_no_walk(live: Live) -> None:
    shop(live)
    for page in range(1, 6):
        live.world.faults.clear()
        live.world.faults.plan(HISTORY, Drop(), at=page)
        before = live.world.calls[HISTORY]
        outcomes = live.read([SHOP], FIRST, LAST)
        assert reasons(outcomes) == []
        assert posts_in(live.lake, SHOP) == list(range(1, 451))
        assert live.world.calls[HISTORY] - before == 6


@pytest.mark.parametrize("page", range(1, 6))
def test_a_run_that_ends_at_any_page_is_taken_up_by_the_same_call(live: Live, page: int) -> None:
    shop(live)
    whole = [LakePost.model_dump_json(p) for p in _posts(live)]
    live.lake.remove_channels([SHOP])
    live.world.faults.plan(HISTORY, Drop(), at=page, times=3)
    cut = live.run([SHOP], FIRST, LAST)
    # A day is whole when a page has come that lies beyond it.
    assert len(reasons(cut)) == 10 - max(0, page - 4)
    assert live.rest.left == {outcome.slice for outcome in cut if isinstance(outcome, Failed)}
    live.world.calls.reset()
    assert reasons(live.run([SHOP], FIRST, LAST)) == []
    assert live.rest.left == set()
    assert live.world.calls[HISTORY] == 5 - max(0, page - 4)
    assert [LakePost.model_dump_json(p) for p in _posts(live, read=False)] == whole


@pytest.mark.parametrize("page", range(1, 6))
def test_a_backfill_that_was_cut_at_any_page_goes_on_when_it_is_asked_for_again(
    live: Live, page: int
) -> None:
    """As `medwh run --from` does: under another logical time, with all its days named again."""
    shop(live)
    live.world.faults.plan(HISTORY, Drop(), at=page, times=3)
    read = max(0, page - 4)
    for at, cost in ((OBSERVED, page + 2), (LATER, 5 - read), (LATER + timedelta(days=1), 0)):
        live.world.calls.reset()
        asked = still_to_read(live.lake, days([SHOP], FIRST, LAST), daily=())
        for run in day_runs(asked):
            live.run([SHOP], run.first, run.last, observed_at=at)
        assert live.world.calls[HISTORY] == cost
    assert posts_in(live.lake, SHOP) == list(range(1, 451))


def _posts(live: Live, *, read: bool = True) -> list[LakePost]:
    if read:
        live.read([SHOP], FIRST, LAST)
    return [p for piece in sorted(live.lake.slices()) for p in live.lake.posts(piece)]


def test_ten_thousand_posts_of_three_channels_and_two_data_centres(live: Live) -> None:
    """The shops' pictures lie in the other centre, one to a hundred posts."""
    names = ["demo_one", "demo_two", "demo_three"]
    posts = dict(zip(names, (5000, 3000, 2000), strict=True))
    for number, name in enumerate(names):
        photos = [live.world.add_photo(jpeg(50 * number + n), dc_id=2) for n in range(50)]
        live.world.add_channel(6000 + number, name).generate(
            posts[name], partial(illustrated, photos=photos)
        )
    last = FIRST + timedelta(days=49)
    outcomes = live.read(names, FIRST, last, requests_per_second=30)
    assert reasons(outcomes) == []
    assert count(outcomes, "posts") == 10_000
    for name in names:
        assert posts_in(live.lake, name) == list(range(1, posts[name] + 1))
    assert live.world.calls[HISTORY] <= 100 + 3
    fetched = live.fetch(names, FIRST, last, requests_per_second=30)
    assert reasons(fetched) == []
    assert (count(fetched, "images"), count(fetched, "downloaded")) == (100, 100)
    assert {call.dc_id for call in live.world.calls.all(HISTORY)} == {1}
    assert {call.dc_id for call in live.world.calls.all("upload.getFile")} == {2}


def illustrated(number: int, photos: Sequence[Photo]) -> Post:
    post = offer(number)
    return replace(post, media=photos[number // 100 % 50]) if number % 100 == 0 else post


def test_a_name_is_resolved_once_in_thirty_slices_and_three_runs(live: Live) -> None:
    shop(live)
    for _ in range(3):
        live.read([SHOP], FIRST, FIRST + timedelta(days=29))
    assert live.world.calls["contacts.resolveUsername"] == 1


def test_requests_keep_their_distance(live: Live) -> None:
    shop(live)
    live.read([SHOP], FIRST, LAST, requests_per_second=0.5)
    asked = sum(
        live.world.calls[kind]
        for kind in (HISTORY, "contacts.resolveUsername", "channels.getFullChannel")
    )
    assert live.clock.passed == pytest.approx(2.0 * (asked - 1))


def test_a_day_that_is_not_over_is_not_complete(live: Live) -> None:
    shop(live)
    noon = datetime(2025, 1, 5, 12, tzinfo=UTC)
    with live.source(observed_at=noon) as source:
        readings = list(source.read(DayRun(SHOP, FIRST, date(2025, 1, 5))))
    assert [r.complete for r in readings] == [True, True, True, True, False]


def test_an_empty_channel_is_read_and_empty(live: Live) -> None:
    live.world.add_channel(5001, SHOP)
    assert reasons(live.read([SHOP], FIRST, FIRST)) == []
    manifest = live.lake.manifest(Slice(SHOP, FIRST))
    assert manifest is not None
    assert manifest.status == "complete"
    assert live.state.last(SHOP) == "empty"


def test_edits_deletions_and_counters_are_kept_as_history(live: Live) -> None:
    channel = shop(live, 20)
    live.read([SHOP], FIRST, FIRST)
    later = datetime(2025, 6, 2, tzinfo=UTC)
    channel.edit(3, at=FIRST_DAY + timedelta(hours=7), text="Offer 3: sold out")
    channel.edit(4, at=FIRST_DAY + timedelta(hours=8), hide=True)
    channel.delete(5)
    channel.raise_counters(views=50, forwards=2)
    live.read([SHOP], FIRST, FIRST, observed_at=later)
    posts = {post.id: post for post in live.lake.posts(Slice(SHOP, FIRST))}
    assert posts[3].text == "Offer 3: sold out"
    assert [v.text for v in posts[3].versions] == [offer(3).text, "Offer 3: sold out"]
    assert posts[4].edit_date is None
    assert posts[4].versions == ()
    assert posts[5].missing_since == later
    assert [o.views for o in posts[6].observations] == [6, 56]
    assert (posts[6].views, posts[6].forwards) == (56, 3)


def test_reading_again_at_the_same_logical_time_changes_nothing(live: Live) -> None:
    shop(live, 120)
    live.read([SHOP], FIRST, LAST)
    before = [p.model_dump_json() for p in _posts(live, read=False)]
    live.world.expire_file_references()
    live.read([SHOP], FIRST, LAST)
    assert [p.model_dump_json() for p in _posts(live, read=False)] == before


def test_two_runs_never_ask_at_once(live: Live) -> None:
    shop(live)
    with live.source() as first, live.source() as second:
        walk = first.read(DayRun(SHOP, FIRST, LAST))
        next(walk)
        with pytest.raises(SourceBusyError):
            next(second.read(DayRun(SHOP, FIRST, LAST)))
        assert sum(len(reading.posts) for reading in walk) == 350
    assert not live.state.busy
