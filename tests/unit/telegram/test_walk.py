from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.errors import SourceUnreachableError
from medwh_assets.lake.ports import BadPost, SliceReading
from medwh_assets.lake.records import Post
from medwh_assets.slices import DayRun
from medwh_assets.telegram.walk import PAGE, Offset, by_day, day_start, walk
from tests.factories import CHANNEL, DAY, make_post

START = day_start(DAY)
END = START + timedelta(days=7)


@dataclass(frozen=True)
class Message:
    id: int
    date: datetime


@dataclass
class Page:
    messages: Sequence[Message]
    count: int | None
    cancelled: bool = False

    def result(self) -> Sequence[Message]:
        return self.messages

    def total(self) -> int | None:
        return self.count

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class History:
    """Telegram's list of posts, newest first, in which places of deleted posts may count."""

    places: list[Message]
    gaps: frozenset[int] = frozenset()
    short: int = 0
    fail: frozenset[int] = frozenset()
    asked: list[Offset] = field(default_factory=list[Offset])
    pages: list[Page] = field(default_factory=list[Page])

    def ask(self, offset: Offset) -> Page:
        self.asked.append(offset)
        newer = sum(1 for place in self.places if not self._is_older(place, offset))
        newest_first = self.places[::-1]
        start = newer + offset.add if offset.id or offset.date else offset.add
        page = newest_first[max(start, 0) : max(start + PAGE, 0)]
        found = [place for place in page if place.id not in self.gaps]
        if self.short and offset.add < 0:
            found = found[-self.short :]
        if len(self.asked) in self.fail:
            found = []
        self.pages.append(Page(found, len(self.places) - len(self.gaps)))
        return self.pages[-1]

    def _is_older(self, place: Message, offset: Offset) -> bool:
        if offset.id:
            return place.id < offset.id
        return offset.date is not None and place.date < offset.date

    def expected(self) -> list[int]:
        return [m.id for m in self.places if START <= m.date < END and m.id not in self.gaps]


def history(posts: int, *, apart: timedelta = timedelta(minutes=30), before: int = 50) -> History:
    """Posts from some time before the span on."""
    return History([Message(n + 1, START + (n - before) * apart) for n in range(posts)])


def walked(history: History) -> list[int]:
    return [m.id for m in walk(history.ask, START, END) if START <= m.date < END]


@given(
    posts=st.integers(0, 900),
    before=st.integers(0, 600),
    minutes=st.sampled_from([0, 1, 7, 30, 240]),
    gaps=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 250)), max_size=3),
    short=st.sampled_from([0, 1, 30, 99]),
)
def test_every_post_of_the_span_comes_once_and_in_order(
    posts: int, before: int, minutes: int, gaps: list[tuple[int, int]], short: int
) -> None:
    told = history(posts, apart=timedelta(minutes=minutes), before=before)
    told.gaps = frozenset(n for start, size in gaps for n in range(start, start + size)) & {
        m.id for m in told.places
    }
    told.short = short
    assert walked(told) == told.expected()


@given(fail=st.frozensets(st.integers(1, 12), max_size=4), posts=st.integers(1, 400))
def test_a_page_that_comes_empty_once_costs_no_post(fail: frozenset[int], posts: int) -> None:
    told = history(posts)
    told.fail = frozenset(n for n in fail if n - 1 not in fail)
    assert walked(told) == told.expected()


def test_a_newest_page_of_gaps_is_no_end_of_the_history() -> None:
    told = history(400)
    told.gaps = frozenset(range(201, 401))
    assert walked(told) == told.expected() == list(range(51, 201))


def test_posts_that_are_counted_and_never_shown_are_no_empty_history() -> None:
    with pytest.raises(SourceUnreachableError, match="shows none"):
        list(walk(lambda _: Page([], 7), START, END))


def test_a_small_week_is_one_request() -> None:
    told = history(120, before=60)
    assert len(walked(told)) == 60
    assert len(told.asked) == 1


@pytest.mark.parametrize("posts", [100, 101, 250, 300, 301])
def test_a_week_costs_no_more_than_its_pages_and_one(posts: int) -> None:
    told = history(posts + 300, apart=timedelta(minutes=20), before=300)
    assert len(walked(told)) == posts
    assert len(told.asked) <= -(-posts // 100) + 1


def test_the_next_page_is_asked_for_before_the_last_is_worked_on() -> None:
    told = history(500, apart=timedelta(minutes=10))
    messages = walk(told.ask, START, END)
    next(messages)
    assert len(told.asked) == 3
    messages.close()
    assert told.pages[-1].cancelled


def test_a_history_of_empty_pages_ends() -> None:
    newest = Message(10**9, START + timedelta(days=1))

    def ask(offset: Offset) -> Page:
        return Page([newest] if offset == Offset() else [], 1)

    with pytest.raises(SourceUnreachableError, match="empty pages"):
        list(walk(ask, START, END))


# -- days -----------------------------------------------------------------------------------------


RUN = DayRun(CHANNEL, DAY, DAY + timedelta(days=2))
LATER = START + timedelta(days=10)


def cut(*posts: Post, observed_at: datetime = LATER) -> list[SliceReading]:
    return list(by_day(iter(posts), RUN, "telegram", observed_at))


def at(number: int, hours: float) -> Post:
    return make_post(number, at=START + timedelta(hours=hours))


def test_every_day_of_a_run_has_a_reading_and_its_own_posts() -> None:
    readings = cut(at(1, 1), at(2, 2), at(3, 50))
    assert [[p.id for p in r.posts] for r in readings] == [[1, 2], [], [3]]
    assert [r.slice for r in readings] == list(RUN.slices())
    assert all(r.complete for r in readings)


def test_a_day_with_a_post_that_is_none_is_not_complete() -> None:
    bad = BadPost(2, START + timedelta(hours=2), "views: -1", {"id": 2})
    first, *others = by_day(iter([at(1, 1), bad, at(3, 30)]), RUN, "telegram", LATER)
    assert ([p.id for p in first.posts], first.bad, first.complete) == ([1], (bad,), False)
    assert all(r.complete and not r.bad for r in others)


def test_only_days_that_were_over_are_complete() -> None:
    readings = cut(at(1, 1), observed_at=START + timedelta(hours=48))
    assert [r.complete for r in readings] == [True, True, False]


def test_a_day_is_given_out_when_the_next_has_begun() -> None:
    given_out = by_day(iter([at(1, 1), at(2, 25)]), RUN, "telegram", LATER)
    assert [p.id for p in next(given_out).posts] == [1]


def test_posts_around_midnight_may_change_places() -> None:
    readings = cut(at(1, 1), at(2, 24.01), at(3, 23.99), at(4, 30))
    assert [[p.id for p in r.posts] for r in readings] == [[1, 3], [2, 4], []]


def test_a_post_that_comes_long_after_its_day_comes_in_part() -> None:
    readings = cut(at(1, 1), at(2, 30), at(3, 2))
    assert [(r.slice.date.day, r.complete, [p.id for p in r.posts]) for r in readings] == [
        (1, True, [1]), (2, True, [2]), (3, True, []), (1, False, [3]),
    ]  # fmt: skip
