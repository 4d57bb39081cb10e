from datetime import UTC, date, datetime, timedelta

import pytest

from medwh_assets.errors import SourceBusyError
from medwh_assets.lake.records import Post as LakePost
from medwh_assets.slices import DayRun, Slice
from tests.integration.telegram.live import FIRST, Live, count, posts_in, reasons
from tests.mtproto import FIRST_DAY, Channel, Drop, Post, ShortPage

pytestmark = pytest.mark.timeout(60)

HISTORY = "messages.getHistory"
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


@pytest.mark.parametrize("posts", [1, 70, 99, 100, 101, 200, 700])
def test_a_re_read_week_costs_one_request_more_than_its_pages(live: Live, posts: int) -> None:
    channel = live.world.add_channel(5001, SHOP)
    channel.post("old", date=FIRST_DAY - timedelta(days=40))
    for number in range(posts):
        channel.post(f"Offer {number}", date=FIRST_DAY + timedelta(minutes=number))
    live.read([SHOP], FIRST, FIRST + timedelta(days=6))
    before = live.world.calls[HISTORY]
    outcomes = live.read([SHOP], FIRST, FIRST + timedelta(days=6))
    assert count(outcomes, "posts") == posts
    assert count(outcomes, "changed") == 0
    assert live.world.calls[HISTORY] - before <= -(-posts // 100) + 1


def test_short_and_empty_pages_in_the_middle_are_no_end(live: Live) -> None:
    channel = shop(live, 900)
    channel.delete(*range(150, 190), *range(300, 620), leaving_gaps=True)
    live.world.faults.plan(HISTORY, ShortPage(30), at=3, times=2)
    live.read([SHOP], FIRST, LAST)
    assert posts_in(live.lake, SHOP) == channel.ids


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


def test_a_run_that_ends_at_any_page_is_taken_up_where_it_stood(live: Live) -> None:
    shop(live)
    whole = [LakePost.model_dump_json(p) for p in _posts(live)]
    for page in range(1, 6):
        live.lake.remove_channels([SHOP])
        live.world.faults.plan(HISTORY, Drop(), at=page, times=3)
        cut = live.read([SHOP], FIRST, LAST)
        assert len(reasons(cut)) == 10 - max(0, page - 3)
        rest = FIRST + timedelta(days=10 - len(reasons(cut)))
        assert reasons(live.read([SHOP], rest, LAST)) == []
        assert [LakePost.model_dump_json(p) for p in _posts(live, read=False)] == whole


def _posts(live: Live, *, read: bool = True) -> list[LakePost]:
    if read:
        live.read([SHOP], FIRST, LAST)
    return [p for piece in sorted(live.lake.slices()) for p in live.lake.posts(piece)]


def test_ten_thousand_posts_of_three_channels(live: Live) -> None:
    names = ["demo_one", "demo_two", "demo_three"]
    for number, (name, posts) in enumerate(zip(names, (5000, 3000, 2000), strict=True)):
        live.world.add_channel(6000 + number, name).generate(posts, offer)
    outcomes = live.read(names, FIRST, FIRST + timedelta(days=49), requests_per_second=30)
    assert reasons(outcomes) == []
    assert count(outcomes, "posts") == 10_000
    for name, posts in zip(names, (5000, 3000, 2000), strict=True):
        assert posts_in(live.lake, name) == list(range(1, posts + 1))
    assert live.world.calls[HISTORY] <= 100 + 3


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
