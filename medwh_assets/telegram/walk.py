"""The order in which a channel's history is asked for, and its cutting into days. Pure.

A history is read from old to new, so that what was read before a cut has no hole. A page of
`messages.getHistory` is cut out of the list of posts, newest first, at an offset moved by
`add_offset`; places of deleted posts may count there, so a page may be short or empty anywhere and
says nothing about the end. Therefore the newest page is asked for first: the walk is over when it
arrives there, which costs no empty page at the end. An empty page is believed when it comes twice,
and an empty newest page only where the channel has no posts at all: posts that merely did not come
would count as deleted.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol, TypeVar

from medwh_assets.errors import SourceUnreachableError
from medwh_assets.lake.ports import BadPost, SliceReading
from medwh_assets.lake.records import Post
from medwh_assets.slices import DayRun, Slice

PAGE: Final = 100
# Two posts sent at once by two servers can have ids in one order and dates in the other.
_SLACK: Final = timedelta(minutes=10)
# Deleted posts leave gaps of some hundreds at most; more empty pages than this are no history.
_EMPTY_PAGES: Final = 1000
_EMPTY_NEWEST_PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class Offset:
    """Which page: after which post or time, moved by how many posts."""

    id: int = 0
    date: datetime | None = None
    add: int = 0


class Dated(Protocol):
    """As much of a message as the walk needs."""

    @property
    def id(self) -> int:
        """Its id, which rises with time."""
        ...

    @property
    def date(self) -> datetime:
        """When it was sent, with a time zone."""
        ...


M = TypeVar("M", bound=Dated)
M_co = TypeVar("M_co", bound=Dated, covariant=True)


class Pending(Protocol[M_co]):
    """A page that was asked for."""

    def result(self) -> Sequence[M_co]:
        """Wait for the page and return it, in any order."""
        ...

    def total(self) -> int | None:
        """Wait for the page and return how many posts the channel has, if that was said."""
        ...

    def cancel(self) -> object:
        """Give the page up."""
        ...


def day_start(day: date) -> datetime:
    """Return the first moment of a UTC day."""
    return datetime.combine(day, time.min, UTC)


def walk(ask: Callable[[Offset], Pending[M]], first: datetime, end: datetime) -> Generator[M]:
    """Yield the messages of a span of time from old to new; some around it come too.

    The next page is asked for before the messages of the last are yielded.

    Args:
        ask: asks for a page and returns at once.
        first: first moment of the span.
        end: first moment after it.

    Raises:
        SourceUnreachableError: the pages do not make a history.
    """
    newest = _newest(ask)
    if newest and newest[0].date < first:
        yield from newest
        return
    beyond = newest[0].id if newest else None
    offset = Offset(date=first - timedelta(seconds=1), add=-PAGE)
    last: int = 0
    empty = 0
    doubted = False
    pending: Pending[M] | None = ask(offset)
    try:
        while pending is not None:
            page: list[M] = _ascending(pending.result(), last)
            pending = None
            if page:
                empty, doubted, last = 0, False, page[-1].id
                if page[-1].date >= end + _SLACK:
                    newest = []
                elif beyond is None or last < beyond:
                    offset = Offset(id=last + 1, add=-PAGE)
                    pending = ask(offset)
            elif beyond is not None and not doubted:
                doubted = True
                pending = ask(offset)
            elif beyond is not None:
                # All places of this page are gaps, but there is something beyond.
                doubted = False
                empty += 1
                if empty > _EMPTY_PAGES:
                    raise SourceUnreachableError(
                        f"Telegram gave {empty} empty pages of history in a row; try again later"
                    )
                offset = replace(offset, add=offset.add - PAGE)
                pending = ask(offset)
            yield from page
    finally:
        if pending is not None:
            pending.cancel()
    yield from (message for message in newest if message.id > last)


def _newest(ask: Callable[[Offset], Pending[M]]) -> list[M]:
    """Return the newest page that holds a post, or nothing if the channel has none."""
    for back in range(_EMPTY_NEWEST_PAGES):
        for _ in range(2):
            asked = ask(Offset(add=back * PAGE))
            if page := _ascending(asked.result(), 0):
                return page
            if asked.total() == 0:
                return []
    raise SourceUnreachableError(
        "Telegram says that there are posts and shows none of them; try again later"
    )


def _ascending(page: Sequence[M], after: int) -> list[M]:
    return sorted((m for m in page if m.id > after), key=lambda message: message.id)


def by_day(
    posts: Iterator[Post | BadPost], run: DayRun, source: str, observed_at: datetime
) -> Iterator[SliceReading]:
    """Cut ascending posts into one reading for each day of a run.

    A reading is complete if its day was over at the logical time and all of it could be read. A
    post that comes out of order, after its day was given out, comes in a partial reading of its own.

    Args:
        posts: the posts of the run's days, and no others, by rising id.
        run: the days.
        source: the kind of source.
        observed_at: the read's logical time.
    """
    open_days: dict[date, list[Post | BadPost]] = {}
    late: dict[date, list[Post | BadPost]] = {}
    day = run.first

    def reading(day: date, found: Sequence[Post | BadPost], *, complete: bool) -> SliceReading:
        good = tuple(one for one in found if isinstance(one, Post))
        bad = tuple(one for one in found if isinstance(one, BadPost))
        over = day_start(day) + timedelta(days=1) <= observed_at
        return SliceReading(
            Slice(run.channel, day), source, observed_at, complete and over and not bad, good, bad
        )

    for post in posts:
        while day_start(day) + timedelta(days=1) + _SLACK <= post.date:
            yield reading(day, open_days.pop(day, ()), complete=True)
            day += timedelta(days=1)
        (open_days if post.day >= day else late).setdefault(post.day, []).append(post)
    while day <= run.last:
        yield reading(day, open_days.pop(day, ()), complete=True)
        day += timedelta(days=1)
    for left, found in sorted(late.items()):
        yield reading(left, found, complete=False)
