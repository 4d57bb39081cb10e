"""Reading slices of posts, and the images they name, into the lake. Plain Python, no Dagster.

A channel comes from the source that knows it; any other channel comes from the lake itself, where
an import or a copy has put it: its slices are checked and reported, never marked as read.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
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
)
from medwh_assets.lake.channels import is_observed, keep_facts, last_observation
from medwh_assets.lake.images import ImageError, image_facts
from medwh_assets.lake.paths import image_file, replaced_image_file
from medwh_assets.lake.ports import MessageSource, SliceReading
from medwh_assets.lake.records import ImageRecord, Post
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Number, Outcome, each_slice
from medwh_assets.slices import DayRun, Slice, day_runs
from medwh_assets.telegram.pacing import Effort

# Nothing about one day: asking for each of the others would be told the same.
_ABOUT_THE_WHOLE_CHANNEL = (
    AccountError, ChannelNotFoundError, ChannelPrivateError, CoolingDownError, CredentialsError,
    DatabaseUnreachableError, SourceBusyError, SourceUnreachableError,
)  # fmt: skip
# How far back `newest` looks in a channel that has fallen silent.
_SILENT_DAYS = 3 * 366


class LiveSource(MessageSource, Protocol):
    """A source that holds a connection while it is used."""

    @property
    def effort(self) -> Effort:
        """What it has cost so far."""
        ...

    def identify(self, channel: str, channel_id: int, username: str | None) -> None:
        """Hear which channel has been read under a name so far: no other is read under it."""
        ...

    def close(self) -> None:
        """Give the connection and the account back."""
        ...


class RestKeeper(Protocol):
    """Who remembers what a pause that Telegram asked for has cut off."""

    def leave(self, slices: Iterable[Slice]) -> None:
        """Keep slices for whoever runs when the pause is over."""
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
        rest: remembers what a pause has cut off.
        newest: read only so many days back that they hold this many posts, for a first try.
    """

    channels: frozenset[str]
    make: Callable[[], LiveSource]
    observed_at: datetime
    rest: RestKeeper
    newest: int | None = None
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
            source, self._source = self._source, None
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
                yield from _remembered(sources.live, _read_live(lake, sources.live, run))
            else:
                yield from _walk(lake, source, run)


def _told(sources: SourceDirectory, channel: str) -> Mapping[str, Number]:
    missing = sources.absent.get(channel)
    return {} if missing is None else {"not_live": missing}


def _remembered(live: LiveAccount, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Hand outcomes on, and keep which slices a pause has cut off."""
    done: list[Slice] = []
    cut_off: list[Slice] = []
    try:
        for outcome in outcomes:
            if isinstance(outcome, Done) or isinstance(outcome.error, PermanentError):
                # Nobody need wait for what will never come.
                done.append(outcome.slice)
            elif isinstance(outcome.error, CoolingDownError):
                cut_off.append(outcome.slice)
            yield outcome
    finally:
        if done:
            live.rest.take_up(done)
        if cut_off:
            live.rest.leave(cut_off)


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
    for outcome in _walk(lake, live.source, run, silence):
        if isinstance(outcome, Failed):
            live.refuse(run.channel, outcome.error)
        else:
            # The next page may be on its way already, so a day's share is not exact; the sum is.
            told = {**outcome.counts, **_spent(live.source.effort, before)}
            before = replace(live.source.effort)
            if facts:
                told["channel_facts"], facts = facts, ""
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
    _identify(lake, live, channel)
    try:
        if is_observed(lake, channel, live.observed_at):
            return ""
        facts = live.source.facts(channel)
        if facts is None:
            return ""
        keep_facts(lake, facts)
    except _ABOUT_THE_WHOLE_CHANNEL:
        raise
    except Exception as error:  # noqa: BLE001 - it is reported, and the posts are read all the same
        return f"failed: {error}"
    return f"{facts.title}: {facts.subscribers} subscribers"


def _identify(lake: Lake, live: LiveAccount, channel: str) -> None:
    """Tell the source which channel the lake knows under this name, whoever read it."""
    if (seen := last_observation(lake, channel)) is not None:
        live.source.identify(channel, seen.channel_id, seen.username)


def _settle(
    lake: Lake, piece: Slice, told: Mapping[str, Number] | None = None
) -> Mapping[str, Number]:
    posts, bad = lake.settle(piece)
    return {"posts": len(posts), "quarantined": len(bad), "source": "lake", **(told or {})}


def _walk(
    lake: Lake, source: MessageSource, run: DayRun, silence: _Silence | None = None
) -> Iterator[Outcome]:
    """Merge a run's readings day by day; days that the source cannot give fail, the others stand."""
    waiting = list(run.slices())
    failure: Exception | None = None
    day: list[SliceReading] = []
    try:
        readings = source.read(run)
        for reading in readings if silence is None else silence.cut(readings):
            if day and day[0].slice != reading.slice:
                yield from _take_in(lake, day, waiting)
                day = []
            day.append(reading)
    except Exception as error:  # noqa: BLE001 - it is reported, and the other days go on
        failure = error
    # What was read before a failure was read.
    yield from _take_in(lake, day, waiting)
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
            yield from _walk(lake, source, DayRun(piece.channel, piece.date, piece.date))


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


def read_images(lake: Lake, sources: SourceDirectory, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Fetch what the posts of slices show, and write down what every image is.

    A picture already in the lake is not fetched again; one that several posts share, of whichever
    channel and run, is fetched once and linked.
    """
    fetched: dict[int, str] = {}
    with sources.in_use():
        outcomes = each_slice(slices, lambda piece: _images(lake, sources, piece, fetched))
        for outcome in outcomes:
            if isinstance(outcome, Failed) and sources.live is not None:
                sources.live.refuse(outcome.slice.channel, outcome.error)
                if isinstance(outcome.error, CoolingDownError):
                    sources.live.rest.leave([outcome.slice])
            yield outcome


def _images(
    lake: Lake, sources: SourceDirectory, piece: Slice, fetched: dict[int, str]
) -> Mapping[str, Number]:
    made_from = lake.file_sha256("telegram_messages", piece)
    if made_from is None:
        return {"images": 0, "quarantined": 0, "missing": 0}
    source = sources.of(piece.channel)
    rows: list[ImageRecord] = []
    undelivered = False
    counts = {"downloaded": 0, "linked": 0}
    posts = lake.posts(piece)
    before = _rows(lake, piece)
    if source is not None and (wanted := _wanted(lake, source, posts, before, fetched)):
        if sources.live is not None:
            sources.live.raise_if_refused(piece.channel)
            if source is sources.live.source:
                _identify(lake, sources.live, piece.channel)
        source.expect(wanted)
    for post in posts:
        row = before.get(post.id)
        name = row.path if row and row.path else str(image_file(piece.channel, post.id))
        content = lake.read(name)
        has_image = post.media is not None and post.media.is_image
        reason: str | None = None
        replaced = content is not None and source is not None and _is_replaced(post, row)
        if (content is None or replaced) and has_image and source is not None:
            try:
                fresh = _fetch(lake, source, post, fetched, counts)
            except ImageError as error:
                fresh, reason = None, str(error)
                undelivered = True
            if fresh is not None:
                content, name = fresh, _lies_at(lake, post, fresh)
                if replaced and row is not None:
                    _follow(lake, source, post, row)
            elif replaced and row is not None:
                # The picture before stands, as that, until the new one arrives.
                waits = f"another picture has replaced it: {reason}" if reason else row.reason
                rows.append(row.model_copy(update={"reason": waits}))
                continue
        if content is not None or has_image:
            rows.append(_image_record(lake, post, name, content, reason))
    lake.write_images(piece, rows, made_from)
    if undelivered:
        # It may be whole another time, so the next run asks again.
        lake.forget_images(piece)
    by_status = [row.status for row in rows]
    return {
        "images": by_status.count("ok"),
        "quarantined": by_status.count("quarantined"),
        "missing": by_status.count("missing"),
        "bytes": sum(row.bytes or 0 for row in rows),
        **counts,
    }


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


def _lies_at(lake: Lake, post: Post, content: bytes) -> str:
    """Return where `keep_image` has put a picture: another one may have its post's name."""
    name = image_file(post.channel, post.id)
    if lake.read(name) != content:
        digest = hashlib.sha256(content).hexdigest()
        name = replaced_image_file(post.channel, post.id, digest)
    return str(name)


def _follow(lake: Lake, source: MessageSource, post: Post, row: ImageRecord) -> None:
    """Remember where the picture before lies, if the new one took its name."""
    if source.photos is None or row.photo_id is None or row.sha256 is None:
        return
    moved = replaced_image_file(post.channel, post.id, row.sha256)
    if lake.path(moved).exists():
        source.photos.remember_photo(row.photo_id, str(moved))


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
        if lake.path(name).exists() and not _is_replaced(post, row):
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
    return known if known is not None and lake.path(known).exists() else None


def _fetch(
    lake: Lake,
    source: MessageSource,
    post: Post,
    fetched: dict[int, str],
    counts: dict[str, int],
) -> bytes | None:
    photo_id = post.media.photo_id if post.media else None
    twin = _twin(lake, source, photo_id, fetched)
    content = lake.read(twin) if twin is not None else None
    if content is not None:
        counts["linked"] += 1
    else:
        content = source.image(post)
        if content is None:
            return None
        counts["downloaded"] += 1
    lake.keep_image(post.channel, post.id, content, twin=twin)
    path = _lies_at(lake, post, content)
    if photo_id is not None and photo_id not in fetched:
        fetched[photo_id] = twin or path
        if twin is None and source.photos is not None:
            source.photos.remember_photo(photo_id, path)
    return content


def _image_record(
    lake: Lake, post: Post, path: str, content: bytes | None, missing: str | None
) -> ImageRecord:
    photo_id = post.media.photo_id if post.media else None
    if content is None:
        return ImageRecord(
            message_id=post.id,
            photo_id=photo_id,
            status="missing",
            reason=missing or "no source has delivered it",
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
