"""Reading slices of posts, and the images they name, into the lake. Plain Python, no Dagster.

A channel comes from the source that knows it; any other channel comes from the lake itself, where
an import or a copy has put it: its slices are checked and reported, never marked as read.
"""

from collections.abc import Iterator, Mapping, Sequence

from medwh_assets.errors import RetryableError
from medwh_assets.lake.images import ImageError, image_facts
from medwh_assets.lake.paths import image_file
from medwh_assets.lake.ports import MessageSource, SliceReading
from medwh_assets.lake.records import ImageRecord, Post
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Failed, Number, Outcome, each_slice
from medwh_assets.slices import DayRun, Slice, day_runs


class SourceDirectory:
    """Which source a channel comes from.

    Args:
        sources: in order of preference; the first that knows a channel reads it.
    """

    def __init__(self, sources: Sequence[MessageSource]) -> None:
        """Remember the sources; none is asked yet."""
        self._sources = tuple(sources)

    def of(self, channel: str) -> MessageSource | None:
        """Return the channel's source, or None if only the lake knows it."""
        return next((source for source in self._sources if channel in source.channels()), None)


def read_slices(lake: Lake, sources: SourceDirectory, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Bring slices into the lake, one walk for each contiguous run of a channel's days."""
    for run in day_runs(slices):
        try:
            source = sources.of(run.channel)
        except Exception as error:  # noqa: BLE001 - it is reported, and the other channels go on
            yield from (Failed(piece, error) for piece in run.slices())
            continue
        if source is None:
            yield from each_slice(run.slices(), lambda piece: _settle(lake, piece))
        else:
            yield from _walk(lake, source, run)


def _settle(lake: Lake, piece: Slice) -> Mapping[str, Number]:
    posts, bad = lake.settle(piece)
    return {"posts": len(posts), "quarantined": len(bad), "source": "lake"}


def _walk(lake: Lake, source: MessageSource, run: DayRun) -> Iterator[Outcome]:
    """Merge a run's readings day by day; days that the source cannot give fail, the others stand."""
    waiting = list(run.slices())
    failure: Exception | None = None
    day: list[SliceReading] = []
    try:
        for reading in source.read(run):
            if day and day[0].slice != reading.slice:
                yield from _take_in(lake, day, waiting)
                day = []
            day.append(reading)
    except Exception as error:  # noqa: BLE001 - it is reported, and the other days go on
        failure = error
    # What was read before a failure was read.
    yield from _take_in(lake, day, waiting)
    if failure is None:
        # The source has never read these days: whatever an import brought of them stands.
        yield from each_slice(waiting, lambda piece: _settle(lake, piece))
    elif run.first == run.last or isinstance(failure, RetryableError):
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
    return {
        "posts": counts.posts,
        "new": counts.new,
        "changed": counts.changed,
        "quarantined": counts.quarantined,
        "source": readings[0].source,
    }


def read_images(lake: Lake, sources: SourceDirectory, slices: Sequence[Slice]) -> Iterator[Outcome]:
    """Fetch what the posts of slices show, and write down what every image is.

    A picture already in the lake is not fetched again; one that several posts share, of whichever
    channel and run, is fetched once and linked.
    """
    fetched: dict[int, str] = {}
    yield from each_slice(slices, lambda piece: _images(lake, sources, piece, fetched))


def _images(
    lake: Lake, sources: SourceDirectory, piece: Slice, fetched: dict[int, str]
) -> Mapping[str, Number]:
    made_from = lake.file_sha256("telegram_messages", piece)
    if made_from is None:
        return {"images": 0, "quarantined": 0, "missing": 0}
    source = sources.of(piece.channel)
    rows: list[ImageRecord] = []
    counts = {"downloaded": 0, "linked": 0}
    posts = lake.posts(piece)
    if source is not None:
        source.expect(_wanted(lake, source, posts, fetched))
    for post in posts:
        name = image_file(piece.channel, post.id)
        content = lake.read(name)
        has_image = post.media is not None and post.media.is_image
        reason: str | None = None
        if content is None and has_image and source is not None:
            try:
                content = _fetch(lake, source, post, fetched, counts)
            except ImageError as error:
                reason = str(error)
        if content is not None or has_image:
            rows.append(_image_record(lake, post, str(name), content, reason))
    lake.write_images(piece, rows, made_from)
    by_status = [row.status for row in rows]
    return {
        "images": by_status.count("ok"),
        "quarantined": by_status.count("quarantined"),
        "missing": by_status.count("missing"),
        "bytes": sum(row.bytes or 0 for row in rows),
        **counts,
    }


def _wanted(
    lake: Lake, source: MessageSource, posts: Sequence[Post], fetched: Mapping[int, str]
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
        if lake.path(image_file(post.channel, post.id)).exists():
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
    path = lake.keep_image(post.channel, post.id, content, twin=twin)
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
