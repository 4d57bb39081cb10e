from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.errors import SourceUnreachableError
from medwh_assets.lake.ports import BadPost, SliceReading
from medwh_assets.lake.records import Post
from medwh_assets.slices import DayRun
from medwh_assets.telegram.walk import PAGE, Offset, Stretch, by_day, day_start, walk
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
    newer: int | None = None
    cancelled: bool = False

    def result(self) -> Sequence[Message]:
        return self.messages

    def total(self) -> int | None:
        return self.count

    def older(self) -> int | None:
        return None if self.count is None or self.newer is None else self.count - self.newer

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class History:
    """Telegram's list of posts, newest first, in which places of deleted posts may count."""

    places: list[Message]
    gaps: frozenset[int] = frozenset()
    short: int = 0
    far: bool = False
    ends_short: int = 0
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
            found = found[: self.short] if self.far else found[-self.short :]
        if self.ends_short and len(self.asked) == 1:
            found = found[-self.ends_short :]
        if len(self.asked) in self.fail:
            found = []
        self.pages.append(Page(found, len(self.places) - len(self.gaps), newer))
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
    pages = walk(history.ask, START, END)
    return [m.id for page in pages for m in page.messages if START <= m.date < END]


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


@given(
    posts=st.integers(0, 900),
    before=st.integers(0, 600),
    minutes=st.sampled_from([1, 7, 30, 240]),
    gaps=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 250)), max_size=3),
    short=st.sampled_from([0, 30, 99]),
)
def test_a_walk_that_is_whole_holds_every_post(
    posts: int, before: int, minutes: int, gaps: list[tuple[int, int]], short: int
) -> None:
    told = history(posts, apart=timedelta(minutes=minutes), before=before)
    told.gaps = frozenset(n for start, size in gaps for n in range(start, start + size)) & {
        m.id for m in told.places
    }
    told.short, told.far = short, True
    pages = list(walk(told.ask, START, END))
    ids = [m.id for page in pages for m in page.messages if START <= m.date < END]
    assert ids == sorted(set(ids))
    if all(page.whole for page in pages):
        assert ids == told.expected()


@dataclass
class MisdatedHistory(History):
    """A history in which one post says a wrong date; the server finds its place by the right one."""

    wrong: int = 0
    says: datetime = END + timedelta(days=90)

    def ask(self, offset: Offset) -> Page:
        page = super().ask(offset)
        page.messages = [
            Message(m.id, self.says) if m.id == self.wrong else m for m in page.messages
        ]
        return page


@pytest.mark.parametrize("wrong", [90, 149, 150, 151, 200, 249, 250])
@pytest.mark.parametrize("gaps", [frozenset[int](), frozenset(range(301, 401))])
def test_a_single_date_far_off_ends_no_walk(wrong: int, gaps: frozenset[int]) -> None:
    places = history(400, apart=timedelta(minutes=15)).places
    told = MisdatedHistory(places, gaps, wrong=wrong)
    assert walked(told) == [number for number in told.expected() if number != wrong]


def test_a_single_date_from_before_is_no_beginning() -> None:
    places = history(400, apart=timedelta(minutes=15)).places
    told = MisdatedHistory(places, wrong=301, says=START - timedelta(days=90))
    assert walked(told) == [number for number in told.expected() if number != 301]


@pytest.mark.parametrize("short", [1, 30, 99])
def test_pages_cut_at_their_beginning_cost_no_post_and_are_not_whole(short: int) -> None:
    told = history(700, apart=timedelta(minutes=14), before=120)
    told.short, told.far = short, True
    pages = list(walk(told.ask, START, END))
    ids = [m.id for page in pages for m in page.messages if START <= m.date < END]
    assert ids == told.expected()
    assert not any(page.whole for page in pages[:-1])


@pytest.mark.parametrize("kept", [1, 30, 45, 99])
@pytest.mark.parametrize("posts", [120, 310, 390, 700])
def test_a_page_cut_at_the_end_of_the_span_is_not_its_end(kept: int, posts: int) -> None:
    told = history(posts, before=60)
    told.ends_short = kept
    assert walked(told) == told.expected()


def test_the_same_page_again_and_again_is_no_history() -> None:
    told = history(500, apart=timedelta(minutes=10))
    asked: list[Offset] = []

    def ask(offset: Offset) -> Page:
        asked.append(offset)
        return told.ask(offset if offset.add == 0 else Offset(date=offset.date or START, add=-PAGE))

    with pytest.raises(SourceUnreachableError, match="again and again"):
        list(walk(ask, START, END))
    assert len(asked) <= 5


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


@given(
    older=st.integers(1, 400),
    posts=st.one_of(st.integers(0, 1100), st.sampled_from([0, 100, 200, 300, 700, 1000])),
    later=st.integers(0, 400),
)
def test_any_week_costs_no_more_than_its_pages_and_one(older: int, posts: int, later: int) -> None:
    """Whatever has been posted since; the week's posts are spread over a minute each, or less."""
    apart = min(timedelta(hours=1), timedelta(days=6, hours=23) / max(posts, 1))
    dates = [START - timedelta(hours=older - n) for n in range(older)]
    dates += [START + n * apart for n in range(posts)]
    dates += [END + timedelta(hours=1, minutes=n) for n in range(later)]
    told = History([Message(number, sent) for number, sent in enumerate(dates, 1)])
    assert len(walked(told)) == posts
    assert len(told.asked) <= -(-posts // 100) + 1


@given(posts=st.integers(1, 300), later=st.integers(0, 300))
def test_a_channels_first_week_costs_no_more_than_one_request_beyond_that(
    posts: int, later: int
) -> None:
    told = History(
        [Message(n + 1, START + timedelta(minutes=n)) for n in range(posts)]
        + [Message(posts + n + 1, END + timedelta(hours=n + 1)) for n in range(later)]
    )
    assert len(walked(told)) == posts
    assert len(told.asked) <= -(-posts // 100) + 2


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


def test_a_span_before_the_first_post_is_empty() -> None:
    told = history(300, before=-2000)
    assert walked(told) == []
    assert len(told.asked) <= 4


def test_the_last_ids_there_can_be_are_walked() -> None:
    newest = 2**31 - 1
    told = History([Message(newest - 250 + n, START + timedelta(minutes=n)) for n in range(251)])
    assert walked(told) == told.expected()
    assert max(offset.id for offset in told.asked) <= newest


# -- days -----------------------------------------------------------------------------------------


RUN = DayRun(CHANNEL, DAY, DAY + timedelta(days=2))
LATER = START + timedelta(days=10)


def cut(*posts: Post, observed_at: datetime = LATER, page: int = 1) -> list[SliceReading]:
    """Cut posts that come in pages of some size."""
    pages = [Stretch(posts[n : n + page]) for n in range(0, len(posts), page)]
    return list(by_day(pages, RUN, "telegram", observed_at))


def at(number: int, hours: float) -> Post:
    return make_post(number, at=START + timedelta(hours=hours))


def test_every_day_of_a_run_has_a_reading_and_its_own_posts() -> None:
    readings = cut(at(1, 1), at(2, 2), at(3, 50))
    assert [[p.id for p in r.posts] for r in readings] == [[1, 2], [], [3]]
    assert [r.slice for r in readings] == list(RUN.slices())
    assert all(r.complete for r in readings)


def test_a_day_with_a_post_that_is_none_is_not_complete() -> None:
    bad = BadPost(2, START + timedelta(hours=2), "views: -1", {"id": 2})
    first, *others = by_day([Stretch([at(1, 1), bad, at(3, 30)])], RUN, "telegram", LATER)
    assert ([p.id for p in first.posts], first.bad, first.complete) == ([1], (bad,), False)
    assert all(r.complete and not r.bad for r in others)


def test_only_days_that_were_over_are_complete() -> None:
    readings = cut(at(1, 1), observed_at=START + timedelta(hours=48))
    assert [r.complete for r in readings] == [True, True, False]


def test_a_day_is_given_out_when_the_next_has_begun() -> None:
    asked: list[int] = []

    def pages() -> Iterator[Stretch[Post | BadPost]]:
        for number, hours in enumerate((1, 25, 49)):
            asked.append(number)
            yield Stretch([at(number + 1, hours)])

    assert [p.id for p in next(by_day(pages(), RUN, "telegram", LATER)).posts] == [1]
    assert asked == [0, 1]


def test_a_single_date_far_off_gives_no_day_out_early() -> None:
    readings = cut(at(1, 1), at(2, 2), at(3, 60), at(4, 3), at(5, 30), page=3)
    assert [(r.slice.date.day, r.complete, [p.id for p in r.posts]) for r in readings] == [
        (1, False, [1, 2, 4]), (2, False, [5]), (3, False, [3]),
    ]  # fmt: skip


def test_the_days_of_a_page_that_lacked_something_are_not_complete() -> None:
    pages = [Stretch([at(1, 1)]), Stretch([at(2, 25)], whole=False), Stretch([at(3, 49)])]
    readings = list(by_day(pages, RUN, "telegram", LATER))
    assert [r.complete for r in readings] == [False, False, True]


def test_posts_around_midnight_may_change_places() -> None:
    readings = cut(at(1, 1), at(2, 24.01), at(3, 23.99), at(4, 30))
    assert [[p.id for p in r.posts] for r in readings] == [[1, 3], [2, 4], []]


def test_a_post_that_comes_long_after_its_day_comes_in_part() -> None:
    readings = cut(at(1, 1), at(2, 30), at(3, 2))
    assert [(r.slice.date.day, r.complete, [p.id for p in r.posts]) for r in readings] == [
        (1, True, [1]), (2, False, [2]), (3, True, []), (1, False, [3]),
    ]  # fmt: skip
