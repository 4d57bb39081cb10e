"""Reading slices of posts, and the images they name, into the lake. Plain Python, no Dagster.

A channel comes from the source that knows it; any other channel comes from the lake itself, where
an import or a copy has put it: its slices are checked and reported, never marked as read.
"""

import hashlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol

from medwh_assets.errors import (
    AccountError,
    ChannelNotFoundError,
    ChannelPrivateError,
    CoolingDownError,
    CorruptSliceError,
    CredentialsError,
    DatabaseUnreachableError,
    PermanentError,
    RetryableError,
    SourceBusyError,
    SourceUnreachableError,
    UndeliveredImageError,
)
from medwh_assets.lake.channels import is_observed, keep_facts, last_observations
from medwh_assets.lake.images import ImageError, image_facts
from medwh_assets.lake.merge import absence
from medwh_assets.lake.paths import image_file, replaced_image_file
from medwh_assets.lake.ports import BadPost, MessageSource, SliceReading
from medwh_assets.lake.records import ImageRecord, Post
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Number, Outcome, each_slice
from medwh_assets.slices import DayRun, Slice, day_runs
from medwh_assets.telegram.pacing import Effort
from medwh_assets.telegram.serialize import SOURCE

_LOG = logging.getLogger(__name__)
# Nothing about one day: asking for each of the others would be told the same.
_ABOUT_THE_WHOLE_CHANNEL = (
    AccountError, ChannelNotFoundError, ChannelPrivateError, CoolingDownError, CredentialsError,
    DatabaseUnreachableError, SourceBusyError, SourceUnreachableError,
)  # fmt: skip
# So many pictures one after another that a source does not deliver are no matter of the pictures.
_IN_VAIN = 10
# On so many days a picture is asked for that did not come, or not whole.
_TRIES = 3
_NO_SOURCE = "no source has delivered it"
# How far back `newest` looks in a channel that has fallen silent.
_SILENT_DAYS = 3 * 366


class LiveSource(MessageSource, Protocol):
    """A source that holds a connection while it is used."""

    @property
    def effort(self) -> Effort:
        """What it has cost so far."""
        ...

    def status(self, channel: str) -> str | None:
        """Return how the last attempt on a channel ended; nothing before one has ended."""
        ...

    def identify(self, channel: str, channel_id: int, username: str | None) -> None:
        """Hear which channel has been read under a name so far: no other is read under it."""
        ...

    def still_there(self, channel: str, ids: Sequence[int]) -> list[Post | BadPost]:
        """Return those of some posts that there still are, asked for by their ids."""
        ...

    def timer(self, channel: str) -> timedelta | None:
        """Return after which time the channel's posts are deleted by themselves, if they are."""
        ...

    def close(self) -> None:
        """Give the connection and the account back."""
        ...


class RestKeeper(Protocol):
    """Who remembers what a run was to read and has not."""

    def leave(self, slices: Iterable[Slice]) -> None:
        """Keep slices for whoever runs next, once no pause that Telegram asked for is in the way."""
        ...

    def take_up(self, slices: Iterable[Slice]) -> None:
        """Forget slices that have been read since."""
        ...


@dataclass(slots=True)
class LiveAccount:
    """The live channels in one run. A source is made for each step that asks for one.

    So the account is free for other runs while a run detects, loads and builds.

    Attributes:
        channels: the channels to read live.
        make: makes the step's source; nothing is connected by that.
        observed_at: the run's logical time.
        rest: remembers what was cut off.
        newest: read only so many days back that they hold this many posts, for a first try.
        introduced: whether the source has heard which channels the lake knows.
    """

    channels: frozenset[str]
    make: Callable[[], LiveSource]
    observed_at: datetime
    rest: RestKeeper
    newest: int | None = None
    introduced: bool = field(default=False, init=False)
    _source: LiveSource | None = field(default=None, init=False)
    _refused: dict[str, Exception] = field(default_factory=dict[str, Exception], init=False)

    @property
    def source(self) -> LiveSource:
        """The step's source."""
        if self._source is None:
            self._source = self.make()
        return self._source

    def close(self) -> None:
        """End the step's source, if it was ever asked for."""
        if self._source is not None:
            source, self._source, self.introduced = self._source, None, False
            self._refused.clear()
            source.close()

    def refuse(self, channel: str, error: Exception) -> None:
        """Ask nothing more about a channel in this step, if the error is about all of it."""
        if isinstance(error, _ABOUT_THE_WHOLE_CHANNEL):
            self._refused[channel] = error

    def raise_if_refused(self, channel: str) -> None:
        """Raise what the channel's first request was answered with, rather than ask again."""
        if channel in self._refused:
            raise self._refused[channel]


class SourceDirectory:
    """Which source a channel comes from.

    Args:
        sources: in order of preference; the first that knows a channel reads it.
        live: reads the live channels that no source before it knows.
        absent: channels that should be live and are not, each with what is missing.
    """

    def __init__(
        self,
        sources: Sequence[MessageSource],
        live: LiveAccount | None = None,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        """Remember the sources; none is asked yet."""
        self._sources = tuple(sources)
        self.live = live
        self.absent = absent or {}

    def of(self, channel: str) -> MessageSource | None:
        """Return the channel's source, or None if only the lake knows it."""
        live = [self.live.source] if self.is_live(channel) and self.live else []
        return next(
            (source for source in (*self._sources, *live) if channel in source.channels()), None
        )

    def is_live(self, channel: str) -> bool:
        """Whether a channel is read live; it may be recorded as well, which goes before."""
        return self.live is not None and channel in self.live.channels

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Ask within this block; at its end the live account is given back."""
        try:
            yield
        finally:
            if self.live is not None:
                self.live.close()


def read_slices(lake: Lake, sources: SourceDirectory, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Bring slices into the lake, one walk for each contiguous run of a channel's days."""
    with sources.in_use():
        for run in day_runs(slices):
            try:
                source = sources.of(run.channel)
            except Exception as error:  # noqa: BLE001 - it is reported, and the other channels go on
                yield from (Failed(piece, error) for piece in run.slices())
                continue
            if source is None:
                told = _told(sources, run.channel)
                yield from each_slice(run.slices(), lambda piece: _settle(lake, piece, told))  # noqa: B023
            elif sources.live is not None and source is sources.live.source:
                yield from _remembered(sources.live, run, _read_live(lake, sources.live, run))
            else:
                yield from _walk(lake, source, run)


def _told(sources: SourceDirectory, channel: str) -> Mapping[str, Number]:
    missing = sources.absent.get(channel)
    return {} if missing is None else {"not_live": missing}


def _remembered(live: LiveAccount, run: DayRun, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Hand outcomes on, and keep which slices are still to be read, however the run ends."""
    left = set(run.slices())
    settled: set[Slice] = set()
    try:
        for outcome in outcomes:
            error = None if isinstance(outcome, Done) else outcome.error
            # What another try would not mend need not be waited for, but for a new login.
            if isinstance(error, (RetryableError, AccountError, CredentialsError)):
                left.add(outcome.slice)
            else:
                left.discard(outcome.slice)
                if error is None or isinstance(error, PermanentError):
                    settled.add(outcome.slice)
            yield outcome
    finally:
        if settled:
            live.rest.take_up(sorted(settled))
        if left:
            live.rest.leave(sorted(left))


def _read_live(lake: Lake, live: LiveAccount, run: DayRun) -> Iterator[Outcome]:
    if live.newest is not None:
        yield from _newest(lake, live, run.channel, run.last)
        return
    waiting: list[Slice] = []
    for piece in run.slices():
        manifest = lake.manifest(piece)
        if manifest and any(read.observed_at == live.observed_at for read in manifest.reads):
            # A retry goes on where the run was cut off: asking again would tell nothing new.
            yield Done(piece, {"status": "read by this run before"})
        else:
            waiting.append(piece)
    for left in day_runs(waiting):
        yield from _observed(lake, live, left)


def _newest(lake: Lake, live: LiveAccount, channel: str, today: date) -> Iterator[Outcome]:
    """Read whole days from the newest back, in growing runs, until they hold enough posts.

    Written down are today and the days from the first post found to the last: a channel's silence
    since then leaves no slices.
    """
    last, days, posts = today, 1, 0
    oldest = max(lake.start_date, today - timedelta(days=_SILENT_DAYS))
    between: list[SliceReading] = []
    while posts < (live.newest or 0) and last >= oldest:
        first = max(oldest, last - timedelta(days=days - 1))
        silence = _Silence()
        found = 0
        for outcome in _observed(
            lake, live, DayRun(channel, first, last), None if last == today else silence
        ):
            yield outcome
            if isinstance(outcome, Failed):
                return
            found += int(outcome.counts.get("posts", 0))
        if found and posts:
            empty = {reading.slice: reading for reading in (*silence.after, *between)}
            yield from each_slice(empty, lambda piece: _merge(lake, piece, [empty[piece]]))  # noqa: B023
        between = silence.before if found else [*silence.before, *between]
        posts += found
        last, days = first - timedelta(days=1), (today - first).days + 1


def _observed(
    lake: Lake, live: LiveAccount, run: DayRun, silence: "_Silence | None" = None
) -> Iterator[Outcome]:
    """Walk a run of a live channel's days, and keep what the channel says of itself.

    Args:
        lake: where both is kept.
        live: reads them.
        run: the days.
        silence: takes the days before the first post and after the last, which are then not
            written down.
    """
    before = replace(live.source.effort)
    try:
        live.raise_if_refused(run.channel)
        facts = _keep_facts(lake, live, run.channel)
    except _ABOUT_THE_WHOLE_CHANNEL as error:
        live.refuse(run.channel, error)
        yield from (Failed(piece, error) for piece in run.slices())
        return
    read = partial(_assured, lake, live.source, live.source.read)
    for outcome in _walk(lake, live.source, run, silence, read):
        if isinstance(outcome, Failed):
            live.refuse(run.channel, outcome.error)
        else:
            # The next page may be on its way already, so a day's share is not exact; the sum is.
            told = {**outcome.counts, **_spent(live.source.effort, before)}
            before = replace(live.source.effort)
            if facts:
                told["channel_facts"], facts = facts, ""
            # Known with the last day of a walk.
            if (status := live.source.status(run.channel)) is not None:
                told["channel_status"] = status
            outcome = replace(outcome, counts=told)
        yield outcome


@dataclass(slots=True)
class _Silence:
    """Empty readings at the two ends of a run of days.

    Attributes:
        before: those before the first post; all of them, if there is none.
        after: those after the last.
    """

    before: list[SliceReading] = field(default_factory=list[SliceReading])
    after: list[SliceReading] = field(default_factory=list[SliceReading])

    def cut(self, readings: Iterable[SliceReading]) -> Iterator[SliceReading]:
        """Keep the empty readings at both ends, and hand on what is between."""
        empty = self.before
        for reading in readings:
            if reading.posts or reading.bad:
                if empty is self.after:
                    yield from empty
                empty = self.after
                empty.clear()
                yield reading
            else:
                empty.append(reading)

    def slices(self) -> set[Slice]:
        """Return the slices of these readings."""
        return {reading.slice for reading in (*self.before, *self.after)}


def _spent(now: Effort, before: Effort) -> dict[str, Number]:
    return {
        "requests": now.requests - before.requests,
        "seconds_waited": round(now.seconds_waited - before.seconds_waited, 1),
    }


def _keep_facts(lake: Lake, live: LiveAccount, channel: str) -> str:
    """Keep what a channel says of itself; return in words how that ended.

    Raises:
        CoolingDownError, SourceUnreachableError, ChannelNotFoundError and others: what hinders the
            reading of posts as well.
    """
    _identify(lake, live)
    try:
        if is_observed(lake, channel, live.observed_at):
            return ""
        facts = live.source.facts(channel)
        if facts is None:
            return ""
        keep_facts(lake, facts)
        live.source.identify(channel, facts.channel_id, facts.username)
    except _ABOUT_THE_WHOLE_CHANNEL:
        raise
    except Exception as error:  # noqa: BLE001 - it is reported, and the posts are read all the same
        return f"failed: {error}"
    return f"{facts.title}: {facts.subscribers} subscribers"


def _identify(lake: Lake, live: LiveAccount) -> None:
    """Tell the source which channels the lake knows under which names, whoever read them."""
    if not live.introduced:
        for seen in last_observations(lake):
            live.source.identify(seen.channel, seen.channel_id, seen.username)
        live.introduced = True


def _assured(
    lake: Lake,
    source: LiveSource,
    read: Callable[[DayRun], Iterator[SliceReading]],
    run: DayRun,
) -> Iterator[SliceReading]:
    """Read, and ask for the posts themselves that the history does not hold any more.

    Nothing is asked for unless a post seems to be gone that was there when it was last read. What
    is there after all is taken in; then the history was not whole, and neither is the reading.
    """
    for reading in read(run):
        absent = _absent(lake, reading)
        time = reading.observed_at
        gone = [p for p in absent if time and p.observations[-1].present and absence(p, time) != p]
        there = source.still_there(run.channel, [post.id for post in gone]) if gone else []
        found = {one.id for one in there}
        here = [one for one in there if one.day == reading.slice.date]
        timer = source.timer(run.channel) if absent else None
        expired = _expired([post for post in absent if post.id not in found], timer)
        yield replace(
            reading,
            complete=reading.complete and not there,
            posts=(*reading.posts, *expired, *(one for one in here if isinstance(one, Post))),
            bad=(*reading.bad, *(one for one in here if isinstance(one, BadPost))),
        )


def _absent(lake: Lake, reading: SliceReading) -> list[Post]:
    """Return the posts of a slice that a complete reading does not hold."""
    if not reading.complete:
        return []
    try:
        absent = lake.ids(reading.slice) - {post.id for post in reading.posts}
        return [post for post in lake.posts(reading.slice) if post.id in absent] if absent else []
    except CorruptSliceError:
        # Merging will tell; nothing is said about what is sound in the slice.
        return []


def _expired(absent: Iterable[Post], timer: timedelta | None) -> list[Post]:
    """Return what the channel's timer has deleted of posts that only imports have brought.

    What is read live says itself whether it has a timer.
    """
    if timer is None:
        return []
    seconds = int(timer.total_seconds())
    return [
        post.model_copy(update={"extra": {**post.extra, "ttl_period": (seconds,)}})
        for post in absent
        if SOURCE not in post.sources and "ttl_period" not in post.extra
    ]


def _settle(
    lake: Lake, piece: Slice, told: Mapping[str, Number] | None = None
) -> Mapping[str, Number]:
    posts, bad = lake.settle(piece)
    return {"posts": len(posts), "quarantined": len(bad), "source": "lake", **(told or {})}


def _walk(
    lake: Lake,
    source: MessageSource,
    run: DayRun,
    silence: _Silence | None = None,
    read: Callable[[DayRun], Iterator[SliceReading]] | None = None,
) -> Iterator[Outcome]:
    """Merge a run's readings day by day; days that the source cannot give fail, the others stand.

    Args:
        lake: where they are merged.
        source: gives readings and pictures.
        run: the days.
        silence: takes the empty readings at both ends.
        read: gives the readings instead of the source itself.
    """
    waiting = list(run.slices())
    failure: Exception | None = None
    day: list[SliceReading] = []
    pictures = _PicturesMeanwhile(lake, source)
    over = False
    try:
        readings = (read or source.read)(run)
        for reading in readings if silence is None else silence.cut(readings):
            if day and day[0].slice != reading.slice:
                if (yield from pictures.told_with(_take_in(lake, day, waiting))):
                    pictures.want(day)
                day = []
            day.append(reading)
        over = True
    except Exception as error:  # noqa: BLE001 - it is reported, and the other days go on
        failure = error
    finally:
        # Whoever interrupts does not wait.
        pictures.end(wait_for_last=over)
    # What was read before a failure was read.
    yield from pictures.told_with(_take_in(lake, day, waiting))
    if silence is not None:
        left_out = silence.slices()
        waiting = [piece for piece in waiting if piece not in left_out]
    if failure is None:
        # The source has never read these days: whatever an import brought of them stands.
        yield from each_slice(waiting, lambda piece: _settle(lake, piece))
    elif run.first == run.last or isinstance(failure, (RetryableError, *_ABOUT_THE_WHOLE_CHANNEL)):
        yield from (Failed(piece, failure) for piece in waiting)
    else:
        # One bad day must not cost the days behind it: ask for each of the rest alone.
        for piece in waiting:
            yield from _walk(lake, source, DayRun(piece.channel, piece.date, piece.date), read=read)


def _take_in(lake: Lake, day: Sequence[SliceReading], waiting: list[Slice]) -> Iterator[Outcome]:
    if day and day[0].slice in waiting:
        waiting.remove(day[0].slice)
        yield from each_slice([day[0].slice], lambda piece: _merge(lake, piece, day))
    elif day:
        # Posts that came out of order, after their day: they belong to it all the same.
        again = list(each_slice([day[0].slice], lambda piece: _merge(lake, piece, day)))
        yield from (outcome for outcome in again if isinstance(outcome, Failed))


def _merge(lake: Lake, piece: Slice, readings: Sequence[SliceReading]) -> Mapping[str, Number]:
    counts = lake.merge_readings(piece, readings)
    bad = [one for reading in readings for one in reading.bad]
    for one in bad:
        lake.quarantine("posts", piece.channel, one.reason, one.raw, name=str(one.id))
    return {
        "posts": counts.posts,
        "new": counts.new,
        "changed": counts.changed,
        "quarantined": counts.quarantined + len(bad),
        "source": readings[0].source,
    }


class _PicturesMeanwhile:
    """Pictures of the days that are merged, kept in the lake while further days are read.

    Their records are left to the step that fetches pictures, which finds the files. Whatever goes
    wrong here is left to it too.

    Args:
        lake: where they are kept.
        source: fetches them.
    """

    def __init__(self, lake: Lake, source: MessageSource) -> None:
        """Start with none."""
        self._lake = lake
        self._source = source
        self._images = source.meanwhile
        self._kept = 0

    def want(self, day: Sequence[SliceReading]) -> None:
        """Let those pictures of a merged day come of which nothing is known yet."""
        if self._images is None:
            return
        known = _rows(self._lake, day[0].slice)
        posts = [post for reading in day for post in reading.posts if post.id not in known]
        with self._left_to_the_next_step():
            self._images.want(_wanted(self._lake, self._source, posts, {}, {}))

    def told_with(self, outcomes: Iterable[Outcome]) -> Generator[Outcome, None, bool]:
        """Keep what has come, and tell with each slice that is done how many have since the last.

        Returns:
            Whether there is such a slice.
        """
        done = False
        for outcome in outcomes:
            if self._images is not None:
                with self._left_to_the_next_step():
                    self._keep(self._images.arrived())
            if isinstance(outcome, Done):
                done = True
                if self._images is not None:
                    counts = {**outcome.counts, "pictures_meanwhile": self._kept}
                    outcome, self._kept = replace(outcome, counts=counts), 0
            yield outcome
        return done

    def end(self, *, wait_for_last: bool) -> None:
        """Begin no more, and keep what has come."""
        if self._images is not None:
            with self._left_to_the_next_step():
                self._keep(self._images.end(wait_for_last=wait_for_last))

    def _keep(self, arrived: Iterable[tuple[Post, bytes]]) -> None:
        for post, content in arrived:
            with self._left_to_the_next_step():
                _keep(self._lake, self._source, post, content)
                self._kept += 1

    @contextmanager
    def _left_to_the_next_step(self) -> Generator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no picture is worth a post
            _LOG.debug("a picture is left for later: %s", type(error).__name__)


@dataclass(slots=True)
class _Pictures:
    """What a step that fetches pictures knows so far.

    Attributes:
        fetched: where each photo lies that was fetched.
        in_vain: how many one after another were not delivered, of which that was not known before.
    """

    fetched: dict[int, str] = field(default_factory=dict[int, str])
    in_vain: int = 0


def read_images(lake: Lake, sources: SourceDirectory, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Fetch what the posts of slices show, and write down what every image is.

    A picture already in the lake is not fetched again; one that several posts share, of whichever
    channel and run, is fetched once and linked.
    """
    pictures = _Pictures()
    with sources.in_use():
        outcomes = each_slice(slices, lambda piece: _images(lake, sources, piece, pictures))
        for outcome in outcomes:
            if isinstance(outcome, Failed) and sources.live is not None:
                sources.live.refuse(outcome.slice.channel, outcome.error)
                if isinstance(outcome.error, CoolingDownError):
                    sources.live.rest.leave([outcome.slice])
            yield outcome


def _images(
    lake: Lake, sources: SourceDirectory, piece: Slice, pictures: _Pictures
) -> Mapping[str, Number]:
    made_from = lake.file_sha256("telegram_messages", piece)
    if made_from is None:
        return {"images": 0, "quarantined": 0, "missing": 0}
    source = sources.of(piece.channel)
    posts = lake.posts(piece)
    before = _rows(lake, piece)
    if source is not None and (wanted := _wanted(lake, source, posts, before, pictures.fetched)):
        if sources.live is not None:
            sources.live.raise_if_refused(piece.channel)
            if source is sources.live.source:
                _identify(lake, sources.live)
        source.expect(wanted)
    images = _SliceImages(lake, source, before, pictures)
    rows = [row for row in map(images.record, posts) if row is not None]
    lake.write_images(piece, rows, made_from)
    if images.again or images.given_up is not None:
        # It may be whole another time, so the next run asks again.
        lake.forget_images(piece)
    if images.given_up is not None:
        raise SourceUnreachableError(
            f"{pictures.in_vain} pictures one after another did not come ({images.given_up}): "
            "try again later"
        ) from images.given_up
    by_status = [row.status for row in rows]
    return {
        "images": by_status.count("ok"),
        "quarantined": by_status.count("quarantined"),
        "missing": by_status.count("missing"),
        "bytes": sum(row.bytes or 0 for row in rows),
        "downloaded": images.downloaded,
        "linked": images.linked,
    }


class _SliceImages:
    """Makes the image records of one slice, post by post, and fetches what the lake does not have.

    Args:
        lake: where the files are.
        source: delivers them, or None if only the lake could.
        before: what an earlier run has found out.
        pictures: what this step knows so far.
    """

    def __init__(
        self,
        lake: Lake,
        source: MessageSource | None,
        before: Mapping[int, ImageRecord],
        pictures: _Pictures,
    ) -> None:
        """Remember the parts; nothing is fetched yet."""
        self._lake = lake
        self._source = source
        self._before = before
        self._pictures = pictures
        self.downloaded = 0
        self.linked = 0
        # Whether the next run has a picture to ask for again; and why this one asks for none.
        self.again = False
        self.given_up: UndeliveredImageError | None = None

    def record(self, post: Post) -> ImageRecord | None:
        """Return a post's record, or None if it has no image or nothing is known of it."""
        row = self._before.get(post.id)
        name = row.path if row and row.path else str(image_file(post.channel, post.id))
        content = self._lake.read(name)
        source = self._source
        if post.media is None or not post.media.is_image:
            return None if content is None else _image_record(self._lake, post, name, content)
        shown = None if content is None else _other_photo(source, post, row, name)
        if source is None or (content is not None and shown is None):
            return _image_record(self._lake, post, name, content)
        if self.given_up is not None:
            return row
        try:
            fresh = self._fetch(source, post)
        except ImageError as error:
            return self._not_delivered(post, row, name, shown, error)
        if fresh is None:
            return self._as_it_was(post, row, name, shown, None)
        if shown is not None and content is not None:
            _follow(self._lake, source, post, shown, content)
        return _image_record(self._lake, post, _lies_at(self._lake, post, fresh), fresh)

    def _fetch(self, source: MessageSource, post: Post) -> bytes | None:
        photo_id = post.media.photo_id if post.media else None
        fetched = self._pictures.fetched
        twin = _twin(self._lake, source, photo_id, fetched)
        content = self._lake.read(twin) if twin is not None else None
        if content is not None and twin is not None:
            self.linked += 1
            self._lake.keep_image(post.channel, post.id, content, twin=twin)
            path = twin
        else:
            content = source.image(post)
            if content is None:
                return None
            self._pictures.in_vain = 0
            self.downloaded += 1
            path = _keep(self._lake, source, post, content)
        if photo_id is not None:
            fetched.setdefault(photo_id, path)
        return content

    def _not_delivered(
        self, post: Post, row: ImageRecord | None, name: str, shown: int | None, error: ImageError
    ) -> ImageRecord:
        record = self._as_it_was(post, row, name, shown, str(error))
        if not isinstance(error, UndeliveredImageError):
            return record
        if not _was_known(row):
            self._pictures.in_vain += 1
            if self._pictures.in_vain >= _IN_VAIN:
                self.given_up = error
        if error.asked_at is None:
            return record
        tried_on = _tried_on(row, post, error.asked_at.date())
        self.again = self.again or len(tried_on) < _TRIES
        return record.model_copy(update={"tried_on": tried_on})

    def _as_it_was(
        self, post: Post, row: ImageRecord | None, name: str, shown: int | None, reason: str | None
    ) -> ImageRecord:
        """Return the record of a picture that did not come: the one before stands, as that."""
        if shown is None:
            return _image_record(self._lake, post, name, None, reason)
        record = row or _image_record(self._lake, post, name, self._lake.read(name))
        waits = f"another picture has replaced it: {reason}" if reason else record.reason
        return record.model_copy(update={"photo_id": shown, "reason": waits})


def _was_known(row: ImageRecord | None) -> bool:
    """Whether an earlier run was told that a picture does not come."""
    return row is not None and row.reason not in (None, _NO_SOURCE)


def _tried_on(row: ImageRecord | None, post: Post, day: date) -> tuple[date, ...]:
    """Return the days on which a picture was asked for in vain, this one included."""
    photo_id = post.media.photo_id if post.media else None
    same = row is not None and (row.status != "missing" or row.photo_id == photo_id)
    return tuple(sorted({day, *((row.tried_on if row and same else None) or ())}))


def _rows(lake: Lake, piece: Slice) -> dict[int, ImageRecord]:
    """Return what is known of a slice's pictures; what cannot be read is found out anew."""
    try:
        return {row.message_id: row for row in lake.images(piece)}
    except CorruptSliceError:
        return {}


def _is_replaced(post: Post, row: ImageRecord | None) -> bool:
    """Whether the author has put another photo into the post since its picture was fetched."""
    if row is None or row.photo_id is None or post.media is None or post.media.photo_id is None:
        return False
    return row.photo_id != post.media.photo_id


def _other_photo(
    source: MessageSource | None, post: Post, row: ImageRecord | None, name: str
) -> int | None:
    """Return which photo a post's file shows, if its author has put another one there since."""
    if source is None or post.media is None or post.media.photo_id is None:
        return None
    if row is not None:
        return row.photo_id if _is_replaced(post, row) else None
    if source.photos is None:
        return None
    # A run that ended before it wrote rows has kept the picture of an earlier version.
    earlier = {version.media.photo_id for version in post.versions if version.media}
    for photo_id in earlier - {None, post.media.photo_id}:
        if photo_id is not None and source.photos.photo(photo_id) == name:
            return photo_id
    return None


def _lies_at(lake: Lake, post: Post, content: bytes) -> str:
    """Return where `keep_image` has put a picture: another one may have its post's name."""
    name = image_file(post.channel, post.id)
    if lake.read(name) != content:
        digest = hashlib.sha256(content).hexdigest()
        name = replaced_image_file(post.channel, post.id, digest)
    return str(name)


def _follow(lake: Lake, source: MessageSource, post: Post, photo_id: int, content: bytes) -> None:
    """Remember where the picture before lies, if the new one took its name."""
    if source.photos is None:
        return
    digest = hashlib.sha256(content).hexdigest()
    moved = replaced_image_file(post.channel, post.id, digest)
    if lake.exists(moved):
        source.photos.remember_photo(photo_id, str(moved))


def _wanted(
    lake: Lake,
    source: MessageSource,
    posts: Sequence[Post],
    before: Mapping[int, ImageRecord],
    fetched: Mapping[int, str],
) -> list[Post]:
    """Return the posts whose pictures will have to come from the source, each picture once."""
    wanted: list[Post] = []
    seen: set[int] = set()
    for post in posts:
        if post.media is None or not post.media.is_image:
            continue
        photo_id = post.media.photo_id
        if photo_id in seen or _twin(lake, source, photo_id, fetched) is not None:
            continue
        row = before.get(post.id)
        name = row.path if row and row.path else image_file(post.channel, post.id)
        if lake.exists(name) and not _is_replaced(post, row):
            continue
        wanted.append(post)
        if photo_id is not None:
            seen.add(photo_id)
    return wanted


def _twin(
    lake: Lake, source: MessageSource, photo_id: int | None, fetched: Mapping[int, str]
) -> str | None:
    """Return where the lake holds the same picture already."""
    if photo_id is None:
        return None
    known = fetched.get(photo_id)
    if known is None and source.photos is not None:
        known = source.photos.photo(photo_id)
    return known if known is not None and lake.exists(known) else None


def _keep(lake: Lake, source: MessageSource, post: Post, content: bytes) -> str:
    """Keep a picture that a source has delivered; return where it lies."""
    lake.keep_image(post.channel, post.id, content)
    path = _lies_at(lake, post, content)
    if source.photos is not None and post.media is not None and post.media.photo_id is not None:
        source.photos.remember_photo(post.media.photo_id, path)
    return path


def _image_record(
    lake: Lake, post: Post, path: str, content: bytes | None, missing: str | None = None
) -> ImageRecord:
    photo_id = post.media.photo_id if post.media else None
    if content is None:
        return ImageRecord(
            message_id=post.id,
            photo_id=photo_id,
            status="missing",
            reason=missing or _NO_SOURCE,
        )
    try:
        facts = image_facts(content)
    except ImageError as error:
        reason = str(error)
        lake.quarantine("images", post.channel, reason, {"path": path}, name=str(post.id))
        return ImageRecord(
            message_id=post.id,
            photo_id=photo_id,
            path=path,
            bytes=len(content),
            status="quarantined",
            reason=reason,
        )
    lake.release("images", post.channel, str(post.id))
    return ImageRecord(
        message_id=post.id,
        photo_id=photo_id,
        path=path,
        sha256=facts.sha256,
        bytes=facts.bytes,
        width=facts.width,
        height=facts.height,
        type=facts.type,
        status="ok",
    )
