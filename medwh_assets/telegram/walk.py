"""The order in which a channel's history is asked for, and its cutting into days. Pure.

A history is read from old to new, so that what was read before a cut has no hole. A page of
`messages.getHistory` is cut out of the list of posts, newest first, at an offset moved by
`add_offset`; places of deleted posts may count there, so a page may be short or empty anywhere and
says nothing about the end. Therefore the page that ends the span is asked for first: the walk is
over when it arrives there, whatever the dates of the posts on its way, and a span of n posts costs
no more than n / 100 requests, rounded up, and one (one more where the channel is younger).

A page that is not full is asked for once more, from its other end; an empty one is believed when it
comes twice. Where the two differ, or where dates fall, those days count as read in part: posts that
merely did not come would count as deleted, or as never written.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Generic, Protocol, TypeVar

from medwh_assets.errors import SourceUnreachableError
from medwh_assets.lake.ports import BadPost, SliceReading
from medwh_assets.lake.records import Post
from medwh_assets.slices import DayRun, Slice

PAGE: Final = 100
_LAST_ID: Final = 2**31 - 1
# Two posts sent at once by two servers can have ids in one order and dates in the other.
_SLACK: Final = timedelta(minutes=10)
# Deleted posts leave gaps of some hundreds at most; more empty pages than this are no history.
_EMPTY_PAGES: Final = 20


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

    def older(self) -> int | None:
        """Wait for the page and return how many posts there are from its place on, if that was said.

        Those are its own posts and all before them.
        """
        ...

    def cancel(self) -> object:
        """Give the page up."""
        ...


def day_start(day: date) -> datetime:
    """Return the first moment of a UTC day."""
    return datetime.combine(day, time.min, UTC)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[M_co]):
    """What a page brought.

    Attributes:
        messages: by rising id.
        whole: whether it held all that it should have held.
    """

    messages: Sequence[M_co]
    whole: bool = True


def walk(
    ask: Callable[[Offset], Pending[M]], first: datetime, end: datetime
) -> Generator[Stretch[M]]:
    """Yield the messages of a span of time from old to new; some around it come too.

    The next page is asked for before the messages of the last are yielded.

    Args:
        ask: asks for a page and returns at once.
        first: first moment of the span.
        end: first moment after it.

    Raises:
        SourceUnreachableError: the pages do not make a history.
    """
    asked = ask(Offset(date=end + _SLACK))
    tail = _ascending(asked.result(), 0)
    if not tail and asked.total() == 0:
        return
    if tail and _covers(tail, asked, first):
        yield Stretch(tail)
        return
    # Where that page shows not all there is before the end, the walk goes by the dates.
    dated = not tail or _is_cut(tail, asked, ask, end)
    if dated and not (tail := _newest(ask)):
        return
    offset = Offset(date=first - timedelta(seconds=1), add=-PAGE)
    last: int = 0
    doubt = _Doubt()
    pending: Pending[M] | None = ask(offset)
    try:
        while pending is not None:
            told = pending.result()
            page, posts = _ascending(told, last), pending.total()
            pending = None
            if not page:
                beyond = tail[-1].id > last and tail[-1].date >= first
                if further := doubt.after(offset, bool(told), beyond):
                    pending, offset = ask(further), further
                continue
            doubt = _Doubt()
            known = [m for m in tail if last < m.id <= page[-1].id]
            sure = len(told) >= PAGE or len({m.id for m in (*tail, *page)}) == posts
            if not sure:
                again = _ascending(ask(Offset(id=page[-1].id)).result(), last)
                sure = {m.id for m in page[:-1]} <= {m.id for m in again}
                known += again
            page, lacking = _united(page, known, first)
            last = page[-1].id
            if dated and min(message.date for message in page) >= end + _SLACK:
                tail = []
            elif last < (_LAST_ID if dated else tail[0].id):
                offset = Offset(id=last + 1, add=-PAGE)
                pending = ask(offset)
            yield Stretch(page, sure and not lacking)
    finally:
        if pending is not None:
            pending.cancel()
    yield Stretch([message for message in tail if message.id > last])


@dataclass(slots=True)
class _Doubt:
    """What pages without a new post have come in a row."""

    again: bool = False
    empty: int = 0

    def after(self, offset: Offset, told: bool, beyond: bool) -> Offset | None:
        """Return where to ask after a page without a new post, or None if that was the end.

        Args:
            offset: where it was asked for.
            told: whether it held posts, all of them seen before.
            beyond: whether there are posts beyond it.

        Raises:
            SourceUnreachableError: the pages do not make a history.
        """
        if not self.again:
            self.again = True
            return offset
        if told:
            raise SourceUnreachableError(
                "Telegram gives the same page of history again and again; try again later"
            )
        if not beyond:
            return None
        # All places of this page are gaps.
        self.again = False
        self.empty += 1
        if self.empty > _EMPTY_PAGES:
            raise SourceUnreachableError(
                f"Telegram gave {self.empty} empty pages of history in a row; try again later"
            )
        return replace(offset, add=offset.add - PAGE)


def _covers(tail: Sequence[M], asked: Pending[M], first: datetime) -> bool:
    """Whether the page that ends a span holds all of the span.

    One wrong date is no proof that it reaches beyond. Of a page that is not full, deleted posts
    aside, only the count can tell that nothing is before it.
    """
    if len(tail) == asked.total():
        return True
    whole = len(tail) >= PAGE or (tail[-1].date < first and len(tail) == asked.older())
    return whole and all(message.date < first for message in tail[:2])


def _is_cut(
    tail: Sequence[M], asked: Pending[M], ask: Callable[[Offset], Pending[M]], end: datetime
) -> bool:
    """Whether there are posts before the end that the page which ends a span should have held."""
    if len(tail) in (PAGE, asked.total(), asked.older()):
        return False
    beyond = ask(Offset(id=tail[-1].id, add=-PAGE)).result()
    return any(message.id > tail[-1].id and message.date < end for message in beyond)


def _united(page: list[M], known: Sequence[M], first: datetime) -> tuple[list[M], bool]:
    """Add posts of the span that another page holds in a page's place; say whether there are any."""
    there = {message.id: message for message in page}
    lacking = [m for m in known if m.id not in there and m.date >= first]
    there.update((message.id, message) for message in lacking)
    return [there[number] for number in sorted(there)], bool(lacking)


def _newest(ask: Callable[[Offset], Pending[M]]) -> list[M]:
    """Return the newest page that holds a post, or nothing if the channel has none."""
    for back in range(_EMPTY_PAGES):
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
    pages: Iterable[Stretch[Post | BadPost]], run: DayRun, source: str, observed_at: datetime
) -> Iterator[SliceReading]:
    """Cut ascending posts into one reading for each day of a run.

    A reading is complete if its day was over at the logical time and all of it could be read. A
    day is given out when every post of a page lies beyond it, so that one wrong date ends none.
    Where dates fall from one post to a later one, no day up to the higher date is complete that has
    not been given out yet. A post whose day has been comes in a partial reading of its own.

    Args:
        pages: the posts of the run's days, and no others, by rising id.
        run: the days.
        source: the kind of source.
        observed_at: the read's logical time.
    """
    open_days: dict[date, list[Post | BadPost]] = {}
    belated: dict[date, list[Post | BadPost]] = {}
    day = run.first
    newest = day_start(day)
    doubtful = newest - timedelta(days=1)

    def reading(day: date, found: Sequence[Post | BadPost], *, late: bool = False) -> SliceReading:
        good = tuple(one for one in found if isinstance(one, Post))
        bad = tuple(one for one in found if isinstance(one, BadPost))
        over = day_start(day) + timedelta(days=1) <= observed_at
        complete = over and not late and not bad and day_start(day) > doubtful
        return SliceReading(Slice(run.channel, day), source, observed_at, complete, good, bad)

    for page in pages:
        for post in page.messages:
            if post.date < newest - _SLACK:
                doubtful = newest
            newest = max(newest, post.date)
            (open_days if post.day >= day else belated).setdefault(post.day, []).append(post)
        if not page.whole:
            doubtful = newest
        reached = min((post.date for post in page.messages), default=day_start(day))
        while day_start(day) + timedelta(days=1) + _SLACK <= reached:
            yield reading(day, open_days.pop(day, ()))
            day += timedelta(days=1)
    while day <= run.last:
        yield reading(day, open_days.pop(day, ()))
        day += timedelta(days=1)
    for left, found in sorted(belated.items()):
        yield reading(left, found, late=True)
