"""Reading live channels into the lake: what is asked, what is kept, and what is left for later."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from medwh_assets.errors import (
    AccountError,
    ChannelNotFoundError,
    CoolingDownError,
    CorruptSliceError,
    SourceBusyError,
    SourceUnreachableError,
    UndeliveredImageError,
)
from medwh_assets.lake.channels import observations
from medwh_assets.lake.ports import BadPost, ChannelFacts, SliceReading
from medwh_assets.lake.records import Media, Post
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.pacing import Effort
from medwh_assets.telegram.reading import LiveAccount, SourceDirectory, read_images, read_slices
from tests.factories import make_post, make_reading, take_in

SHOP, OTHER = "demo_shop", "demo_other"
NOW = datetime(2025, 3, 9, 12, tzinfo=UTC)
WEEK = [date(2025, 3, 2) + timedelta(days=n) for n in range(7)]
LATER = NOW + timedelta(days=1)
PAUSE = CoolingDownError("Telegram asked for a pause", NOW + timedelta(hours=1))


@dataclass
class Rest:
    """Remembers what runs have left."""

    left: set[Slice] = field(default_factory=set[Slice])

    def leave(self, slices: Iterable[Slice]) -> None:
        self.left |= set(slices)

    def take_up(self, slices: Iterable[Slice]) -> None:
        self.left -= set(slices)


def ids_of(day: date, posts: int) -> list[int]:
    return [day.toordinal() * 10 + n for n in range(posts)]


@dataclass
class Telegram:
    """Has posts on some days, and goes wrong on others."""

    posts: int = 1
    now: datetime = NOW
    silent_after: date = date.max
    only_on: set[date] | None = None
    bad: dict[tuple[str, date], Exception] = field(
        default_factory=dict[tuple[str, date], Exception]
    )
    bad_facts: Exception | None = None
    left_out: set[int] = field(default_factory=set[int])
    deleted: set[int] = field(default_factory=set[int])
    timers: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    looked_for: list[list[int]] = field(default_factory=list[list[int]])
    bad_look: Exception | None = None
    walks: list[DayRun] = field(default_factory=list[DayRun])
    asked_facts: list[str] = field(default_factory=list[str])
    identities: dict[str, tuple[int, str | None]] = field(
        default_factory=dict[str, tuple[int, str | None]]
    )
    ended: dict[str, str] = field(default_factory=dict[str, str])
    asked_images: list[date] = field(default_factory=list[date])
    pictures: set[date] = field(default_factory=set[date])
    closed: int = 0
    effort: Effort = field(default_factory=Effort)
    photos = None
    meanwhile = None

    def channels(self) -> frozenset[str]:
        return frozenset({SHOP, OTHER})

    def read(self, run: DayRun) -> Iterator[SliceReading]:
        self.walks.append(run)
        self.effort.requests += 1
        self.effort.seconds_waited += 2.5
        for piece in run.slices():
            if error := self.bad.get((piece.channel, piece.date)):
                raise error
            gone = self.left_out | self.deleted
            posts = [post for post in self._posts(piece) if post.id not in gone]
            yield make_reading(*posts, piece=piece, at=self.now, complete=piece.date < NOW.date())
        self.ended[run.channel] = "ok: read"

    def _posts(self, piece: Slice) -> list[Post]:
        at = datetime.combine(piece.date, time(9), UTC)
        return [
            make_post(
                number,
                channel=piece.channel,
                at=at,
                seen=self.now,
                source="telegram",
                media=Media(kind="photo", photo_id=number),
            )
            for number in ids_of(piece.date, self.posts if self._speaks_on(piece.date) else 0)
        ]

    def still_there(self, channel: str, ids: Sequence[int]) -> list[Post | BadPost]:
        self.looked_for.append(list(ids))
        if self.bad_look:
            raise self.bad_look
        days = {date.fromordinal(number // 10) for number in ids}
        return [
            post
            for day in sorted(days)
            for post in self._posts(Slice(channel, day))
            if post.id in ids and post.id not in self.deleted
        ]

    def timer(self, channel: str) -> timedelta | None:
        return self.timers.get(channel)

    def _speaks_on(self, day: date) -> bool:
        return day <= self.silent_after and (self.only_on is None or day in self.only_on)

    def image(self, post: Post) -> bytes | None:
        self.asked_images.append(post.day)
        if post.day in self.pictures:
            return b"picture %d" % post.id
        raise self.bad.get((post.channel, post.day), SourceUnreachableError("no picture"))

    def expect(self, posts: Sequence[Post]) -> None:
        pass

    def facts(self, channel: str) -> ChannelFacts | None:
        self.asked_facts.append(channel)
        self.effort.requests += 1
        if self.bad_facts:
            raise self.bad_facts
        return ChannelFacts(channel, 1001, "Shop", None, 120, "Demo_Shop", NOW)

    def identify(self, channel: str, channel_id: int, username: str | None) -> None:
        self.identities[channel] = (channel_id, username)

    def status(self, channel: str) -> str | None:
        return self.ended.get(channel)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", date(2024, 1, 1))


def slices(days: Sequence[date] = WEEK, channel: str = SHOP) -> list[Slice]:
    return [Slice(channel, day) for day in days]


def directory(telegram: Telegram, rest: Rest, newest: int | None = None) -> SourceDirectory:
    account = LiveAccount(frozenset({SHOP, OTHER}), lambda: telegram, telegram.now, rest, newest)
    return SourceDirectory([], account)


def read(
    lake: Lake,
    telegram: Telegram,
    pieces: Sequence[Slice],
    rest: Rest | None = None,
    newest: int | None = None,
) -> list[Outcome]:
    return list(read_slices(lake, directory(telegram, rest or Rest(), newest), pieces))


def done(outcomes: Sequence[Outcome]) -> list[Slice]:
    return [o.slice for o in outcomes if isinstance(o, Done)]


def test_a_retry_at_the_same_logical_time_asks_only_for_what_was_not_read(lake: Lake) -> None:
    first = Telegram(bad={(SHOP, WEEK[3]): SourceUnreachableError("no answer")})
    read(lake, first, slices())
    again = Telegram()
    outcomes = read(lake, again, slices())
    assert done(outcomes) == slices()
    assert again.walks == [DayRun(SHOP, WEEK[3], WEEK[6])]
    third = Telegram()
    assert done(read(lake, third, slices())) == slices()
    assert (third.walks, third.asked_facts) == ([], [])


def test_what_a_channel_says_is_kept_once_in_a_run_and_told_with_its_first_slice(
    lake: Lake,
) -> None:
    telegram = Telegram()
    outcomes = read(lake, telegram, [*slices(WEEK[:2]), *slices(WEEK[4:5])])
    assert telegram.asked_facts == [SHOP]
    (seen,) = observations(lake, Slice(SHOP, NOW.date()))
    assert (seen.title, seen.subscribers) == ("Shop", 120)
    told = [o.counts.get("channel_facts") for o in outcomes if isinstance(o, Done)]
    assert told == ["Shop: 120 subscribers", None, None]


def test_what_reading_costs_stands_with_the_slices(lake: Lake) -> None:
    outcomes = read(lake, Telegram(), [*slices(WEEK[:3]), *slices(WEEK[5:])])
    counts = [o.counts for o in outcomes if isinstance(o, Done)]
    assert sum(int(one["requests"]) for one in counts) == 3
    assert [one["seconds_waited"] for one in counts] == [2.5, 0, 0, 2.5, 0]


def test_a_channels_file_that_cannot_be_read_does_not_cost_its_posts(lake: Lake) -> None:
    telegram = Telegram(bad_facts=CorruptSliceError("channels/… cannot be read"))
    outcomes = read(lake, telegram, slices(WEEK[:2]))
    assert done(outcomes) == slices(WEEK[:2])
    assert "cannot be read" in str(outcomes[0])


def test_a_channel_that_is_not_found_is_asked_for_once_and_costs_no_other(lake: Lake) -> None:
    telegram = Telegram(bad_facts=ChannelNotFoundError("no such channel"))
    outcomes = read(lake, telegram, [*slices(WEEK[:3]), *slices(WEEK[5:]), *slices(WEEK, OTHER)])
    assert telegram.asked_facts == [OTHER, SHOP]
    assert telegram.walks == []
    assert all(isinstance(o, Failed) for o in outcomes)
    assert lake.slices() == []


def test_a_pause_leaves_the_rest_for_later_and_who_reads_it_takes_it_up(lake: Lake) -> None:
    rest = Rest()
    telegram = Telegram(bad={(SHOP, WEEK[4]): PAUSE})
    outcomes = read(lake, telegram, [*slices(), *slices(WEEK[:1], OTHER)], rest)
    assert done(outcomes) == [*slices(WEEK[:1], OTHER), *slices(WEEK[:4])]
    assert rest.left == set(slices(WEEK[4:]))
    assert len(telegram.walks) == 2
    read(lake, Telegram(), slices(WEEK[4:]), rest)
    assert rest.left == set()


@pytest.mark.parametrize(
    "error",
    [
        SourceUnreachableError("no answer"),
        SourceBusyError("another run"),
        AccountError("not logged in"),
    ],
)
def test_whatever_a_run_leaves_unread_is_left_for_the_next(lake: Lake, error: Exception) -> None:
    rest = Rest()
    read(lake, Telegram(bad={(SHOP, WEEK[4]): error}), slices(), rest)
    assert rest.left == set(slices(WEEK[4:]))
    read(lake, Telegram(now=LATER), slices(WEEK[4:6]), rest)
    assert rest.left == set(slices(WEEK[6:]))


def test_a_run_that_is_ended_leaves_what_it_had_not_read(lake: Lake) -> None:
    rest = Rest()
    telegram = Telegram(bad={(SHOP, WEEK[2]): KeyboardInterrupt()})  # pyright: ignore
    with pytest.raises(KeyboardInterrupt):
        read(lake, telegram, slices(), rest)
    # The day before was read and not yet written.
    assert rest.left == set(slices(WEEK[1:]))


def test_a_day_that_fails_by_itself_is_not_asked_for_again_by_itself(lake: Lake) -> None:
    rest = Rest()
    read(lake, Telegram(bad={(SHOP, WEEK[2]): ValueError("a mistake of ours")}), slices(), rest)
    assert rest.left == set()


def test_a_rest_that_can_never_be_read_is_not_waited_for(lake: Lake) -> None:
    rest = Rest(set(slices(WEEK[:2])))
    read(lake, Telegram(bad_facts=ChannelNotFoundError("gone")), slices(WEEK[:2]), rest)
    assert rest.left == set()


def test_a_pause_while_pictures_are_fetched_leaves_their_slices_for_later(lake: Lake) -> None:
    rest = Rest()
    telegram = Telegram(bad={(SHOP, WEEK[1]): PAUSE})
    read(lake, Telegram(), slices(WEEK[:3]), rest)
    outcomes = list(read_images(lake, directory(telegram, rest), slices(WEEK[1:3])))
    assert [type(o) for o in outcomes] == [Failed, Failed]
    assert rest.left == set(slices(WEEK[1:3]))
    assert telegram.closed == 1


NEVER = UndeliveredImageError("Telegram did not deliver it: 500", NOW)
REFUSED = UndeliveredImageError("Telegram refuses it with LOCATION_INVALID")


@pytest.mark.parametrize("error", [NEVER, REFUSED])
def test_old_days_whose_pictures_never_come_stop_no_new_day(
    lake: Lake, error: UndeliveredImageError
) -> None:
    month = [WEEK[0] - timedelta(days=n) for n in range(24, 0, -1)]
    read(lake, Telegram(), slices([*month, *WEEK]))

    def fetch() -> tuple[list[Outcome], Telegram]:
        telegram = Telegram(bad={(SHOP, day): error for day in month}, pictures=set(WEEK))
        pieces = slices([*month, *WEEK])
        return list(read_images(lake, directory(telegram, Rest()), pieces)), telegram

    # The first run cannot know that it is the pictures; nothing is asked for ever.
    outcomes, telegram = fetch()
    assert telegram.asked_images == month[:10]
    assert "10 pictures one after another did not come" in str(outcomes[9])
    # Those that were asked for in vain before are told from the new ones.
    outcomes, telegram = fetch()
    assert telegram.asked_images == month[:20]
    outcomes, telegram = fetch()
    assert telegram.asked_images == [*month, *WEEK]
    assert done(outcomes) == slices([*month, *WEEK])
    assert [lake.images(piece)[0].status for piece in slices(month)] == ["missing"] * 24


def test_a_picture_that_comes_between_those_that_do_not_is_told_from_an_outage(lake: Lake) -> None:
    days = [WEEK[0] - timedelta(days=n) for n in range(24, 0, -1)]
    read(lake, Telegram(), slices(days))
    good = set(days[::8])
    telegram = Telegram(bad={(SHOP, day): NEVER for day in days}, pictures=good)
    outcomes = list(read_images(lake, directory(telegram, Rest()), slices(days)))
    assert done(outcomes) == slices(days)


def test_the_account_is_given_back_after_each_step_also_when_nobody_listens_to_its_end(
    lake: Lake,
) -> None:
    telegram = Telegram()
    read(lake, telegram, slices())
    assert telegram.closed == 1
    outcomes = read_slices(lake, directory(telegram, Rest()), slices(WEEK, OTHER))
    next(outcomes)
    assert isinstance(outcomes, Iterator)
    outcomes.close()  # pyright: ignore
    assert telegram.closed == 2


def test_a_live_source_that_is_never_asked_is_never_made(lake: Lake) -> None:
    def make() -> Telegram:
        raise AssertionError("nobody asked")

    live = LiveAccount(frozenset({SHOP}), make, NOW, Rest())
    outcomes = list(read_slices(lake, SourceDirectory([], live), slices(WEEK, "demo_imported")))
    assert done(outcomes) == slices(WEEK, "demo_imported")


def test_the_last_day_of_a_walk_says_how_it_ended(lake: Lake) -> None:
    outcomes = read(lake, Telegram(), slices())
    told = [o.counts.get("channel_status") for o in outcomes if isinstance(o, Done)]
    assert told == [None] * (len(WEEK) - 1) + ["ok: read"]


def test_a_channel_without_a_session_is_read_from_the_lake_and_says_what_is_missing(
    lake: Lake,
) -> None:
    absent = {SHOP: "TELEGRAM_API_ID is not set"}
    sources = SourceDirectory([], absent=absent)
    (outcome,) = read_slices(lake, sources, slices(WEEK[:1]))
    assert isinstance(outcome, Done)
    assert outcome.counts["not_live"] == "TELEGRAM_API_ID is not set"
    assert outcome.counts["source"] == "lake"
    assert lake.slices() == []


@pytest.mark.parametrize(
    ("newest", "posts_a_day", "days"),
    [(1, 1, 1), (2, 1, 2), (3, 1, 4), (9, 1, 16), (9, 10, 1), (20, 5, 4)],
)
def test_a_first_try_goes_back_by_whole_days_until_they_hold_enough_posts(
    lake: Lake, newest: int, posts_a_day: int, days: int
) -> None:
    telegram = Telegram(posts=posts_a_day)
    outcomes = read(lake, telegram, slices([NOW.date()]), newest=newest)
    found = [NOW.date() - timedelta(days=back) for back in range(days)]
    assert sorted(piece.date for piece in done(outcomes)) == sorted(found)
    assert telegram.walks[0] == DayRun(SHOP, NOW.date(), NOW.date())
    today = lake.manifest(Slice(SHOP, NOW.date()))
    assert today is not None
    assert today.status == "partial"


def test_a_first_try_of_a_channel_that_fell_silent_finds_its_last_posts(lake: Lake) -> None:
    silent_since = date(2024, 6, 1)
    telegram = Telegram(silent_after=silent_since)
    outcomes = read(lake, telegram, slices([NOW.date()]), newest=5)
    assert len(telegram.walks) == 10
    assert sum(int(o.counts["posts"]) for o in outcomes if isinstance(o, Done)) >= 5
    first = telegram.walks[-1].first
    days = [first + timedelta(days=n) for n in range((silent_since - first).days + 1)]
    # Neither the search through its silence nor the silence itself leaves slices.
    assert lake.slices() == slices([*days, NOW.date()])


def test_the_silence_between_two_posts_of_a_first_try_is_written_down(lake: Lake) -> None:
    posted = {NOW.date() - timedelta(days=back) for back in (3, 5, 40, 43)}
    telegram = Telegram(only_on=posted)
    outcomes = read(lake, telegram, slices([NOW.date()]), newest=4)
    days = [min(posted) + timedelta(days=n) for n in range(41)]
    assert sorted(piece.date for piece in done(outcomes)) == [*days, NOW.date()]
    manifests = [lake.manifest(piece) for piece in slices(days)]
    assert [m.status for m in manifests if m] == ["complete"] * 41
    assert [len(lake.posts(piece)) for piece in slices(days)] == [day in posted for day in days]


def test_a_first_try_of_an_empty_channel_leaves_today_alone(lake: Lake) -> None:
    telegram = Telegram(silent_after=date.min)
    outcomes = read(lake, telegram, slices([NOW.date()]), newest=5)
    assert telegram.walks[-1].first == lake.start_date
    assert done(outcomes) == lake.slices() == slices([NOW.date()])
    assert all(isinstance(o, Done) for o in outcomes)


def test_a_first_try_ends_where_the_source_does(lake: Lake) -> None:
    telegram = Telegram(bad={(SHOP, NOW.date() - timedelta(days=1)): PAUSE})
    outcomes = read(lake, telegram, slices([NOW.date()]), newest=5)
    assert [type(o) for o in outcomes] == [Done, Failed]


# -- what seems to be gone ------------------------------------------------------------------------


def missing(lake: Lake, days: Sequence[date] = WEEK) -> list[int]:
    return [post.id for piece in slices(days) for post in lake.posts(piece) if post.missing_since]


def statuses(lake: Lake, days: Sequence[date] = WEEK) -> list[str | None]:
    manifests = [lake.manifest(piece) for piece in slices(days)]
    return [manifest and manifest.reads[-1].status for manifest in manifests]


def test_a_post_that_telegram_still_has_is_not_missing_because_its_page_left_it_out(
    lake: Lake,
) -> None:
    read(lake, Telegram(posts=3), slices())
    hidden = ids_of(WEEK[2], 3)[1]
    telegram = Telegram(posts=3, left_out={hidden}, now=LATER)
    outcomes = read(lake, telegram, slices())
    assert telegram.looked_for == [[hidden]]
    assert missing(lake) == []
    assert [o.counts["posts"] for o in outcomes if isinstance(o, Done)] == [3] * 7
    # Who knows what else the history did not show.
    assert statuses(lake) == ["complete", "complete", "partial", *["complete"] * 4]
    seen = next(post for post in lake.posts(Slice(SHOP, WEEK[2])) if post.id == hidden)
    assert [o.observed_at for o in seen.observations] == [NOW, LATER]


def test_a_post_that_telegram_has_no_more_is_missing_and_is_asked_for_once(lake: Lake) -> None:
    read(lake, Telegram(posts=3), slices())
    gone = ids_of(WEEK[2], 3)[1]
    telegram = Telegram(posts=3, deleted={gone}, now=LATER)
    read(lake, telegram, slices())
    assert (telegram.looked_for, missing(lake)) == ([[gone]], [gone])
    assert set(statuses(lake)) == {"complete"}
    again = Telegram(posts=3, deleted={gone}, now=LATER + timedelta(days=1))
    read(lake, again, slices())
    assert (again.looked_for, missing(lake)) == ([], [gone])


def test_a_week_in_which_nothing_is_gone_costs_no_question(lake: Lake) -> None:
    read(lake, Telegram(posts=3), slices())
    telegram = Telegram(posts=5, now=LATER)
    read(lake, telegram, slices())
    assert telegram.looked_for == []


def test_what_cannot_be_asked_for_is_not_missing_and_its_day_was_not_read(lake: Lake) -> None:
    read(lake, Telegram(posts=3), slices())
    rest = Rest()
    gone = ids_of(WEEK[2], 3)[1]
    silent = SourceUnreachableError("no answer")
    telegram = Telegram(posts=3, deleted={gone}, bad_look=silent, now=LATER)
    outcomes = read(lake, telegram, slices(), rest)
    assert done(outcomes) == slices(WEEK[:2])
    assert missing(lake) == []
    assert rest.left == set(slices(WEEK[2:]))


@pytest.mark.parametrize("imported_first", [True, False])
def test_what_the_channels_timer_deleted_of_an_import_is_not_missing(
    lake: Lake, imported_first: bool
) -> None:
    """An export does not tell of timers; what is read live says itself whether it has one."""
    of_export, of_before = ids_of(WEEK[0], 2)
    at, before = datetime.combine(WEEK[0], time(9), UTC), NOW - timedelta(days=2)
    day = slices(WEEK[:1])
    read(lake, Telegram(posts=2, deleted={of_export}, now=before), day)
    exported = [make_post(of_export, channel=SHOP, at=at, seen=before + timedelta(hours=1))]
    now = Telegram(posts=0, timers={SHOP: timedelta(days=2)}, now=LATER)
    now.deleted = {of_export, of_before}
    if imported_first:
        take_in(lake, exported)
    read(lake, now, day)
    if not imported_first:
        take_in(lake, exported)
        now.now += timedelta(days=1)
        read(lake, now, day)
    assert missing(lake, WEEK[:1]) == [of_before]
