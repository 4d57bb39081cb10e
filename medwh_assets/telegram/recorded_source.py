"""A recording of channels as a message source: the sample, and tests, without a Telegram account.

A recording is a folder:

- `channels.json`: a list of `{"channel", "title", "channel_id"}`;
- `reads/<channel>/<YYYYMMDDTHHMMSSZ>.json`: one complete read of the days `first` to `last` at the
  logical time in its name, `{"channel", "observed_at", "first", "last", "posts"}`;
- `images/<photo_id>.jpg`.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from medwh_assets.errors import CorruptSliceError, SettingError, SourceUnreachableError
from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import (
    Content,
    Count,
    Entity,
    Forward,
    Identifier,
    Media,
    Moment,
    Observation,
    Post,
    PostKind,
    Reaction,
    mend_json,
)
from medwh_assets.lake.slice_files import first_reason
from medwh_assets.slices import DayRun, Slice, channel_name

SOURCE = "recorded"


class _RecordedPost(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[int, Field(ge=1)]
    date: Moment
    kind: PostKind = "message"
    edit_date: Moment | None = None
    text: str | None = None
    entities: tuple[Entity, ...] | None = None
    views: Count | None = None
    forwards: Count | None = None
    replies: Count | None = None
    reactions: tuple[Reaction, ...] | None = None
    grouped_id: Identifier | None = None
    reply_to: Identifier | None = None
    forwarded_from: Forward | None = None
    media: Media | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)


class _RecordedRead(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channel: str
    observed_at: Moment
    first: date
    last: date
    posts: list[_RecordedPost]

    @model_validator(mode="after")
    def _holds_its_own_days(self) -> Self:
        outside = [p.id for p in self.posts if not self.first <= p.date.date() <= self.last]
        if outside:
            raise ValueError(f"posts {outside} lie outside {self.first} to {self.last}")
        return self


class _RecordedChannel(BaseModel):
    channel: str
    title: str
    channel_id: Identifier


_CHANNELS = TypeAdapter(list[_RecordedChannel])


class RecordedSource:
    """Read channels from a recording.

    Args:
        folder: the recording's folder; one that does not exist records no channel.
    """

    photos = None
    meanwhile = None

    def __init__(self, folder: Path) -> None:
        """Remember the folder; nothing is read yet."""
        self.folder = folder
        self._reads: dict[str, list[_RecordedRead]] = {}

    @cached_property
    def _known(self) -> dict[str, _RecordedChannel]:
        try:
            content = (self.folder / "channels.json").read_bytes()
        except FileNotFoundError:
            return {}
        try:
            known = _CHANNELS.validate_json(content)
        except ValidationError as error:
            raise SettingError(
                f"MEDWH_SAMPLE: {self.folder / 'channels.json'} is no list of channels: "
                f"{first_reason(error)}"
            ) from error
        return {channel_name(one.channel): one for one in known}

    def channels(self) -> frozenset[str]:
        """Return the recorded channels."""
        return frozenset(self._known)

    def days(self) -> list[Slice]:
        """List every slice that some read of the recording covers, sorted."""
        found: set[Slice] = set()
        for channel in self._known:
            for read in self._load(channel):
                found.update(DayRun(channel, read.first, read.last).slices())
        return sorted(found)

    def read(self, run: DayRun) -> Iterator[SliceReading]:
        """Yield every recorded reading of every day of the run, in ascending order of days.

        Raises:
            SourceUnreachableError: the recording lacks the channel.
            CorruptSliceError: a read's file is malformed.
        """
        if run.channel not in self._known:
            raise SourceUnreachableError(f"{run.channel}: not in the recording {self.folder}")
        reads = self._load(run.channel)
        day = run.first
        while day <= run.last:
            for read in reads:
                if read.first <= day <= read.last:
                    yield self._reading(Slice(run.channel, day), read)
            day += timedelta(days=1)

    def image(self, post: Post) -> bytes | None:
        """Return the bytes recorded for a post's photo, or None."""
        if post.media is None or post.media.photo_id is None:
            return None
        try:
            return (self.folder / "images" / f"{post.media.photo_id}.jpg").read_bytes()
        except FileNotFoundError:
            return None

    def expect(self, posts: Sequence[Post]) -> None:
        """Do nothing: files need not be fetched ahead."""

    def facts(self, channel: str) -> None:
        """Return None: a recording holds posts only."""

    def _load(self, channel: str) -> list[_RecordedRead]:
        if channel not in self._reads:
            files = sorted((self.folder / "reads" / channel).glob("*.json"))
            reads = [_recorded_read(file) for file in files]
            self._reads[channel] = sorted(reads, key=lambda read: read.observed_at)
        return self._reads[channel]

    def _reading(self, piece: Slice, read: _RecordedRead) -> SliceReading:
        channel = self._known[piece.channel]
        posts = tuple(
            _post(recorded, read, channel)
            for recorded in read.posts
            if recorded.date.date() == piece.date
        )
        return SliceReading(
            slice=piece, source=SOURCE, observed_at=read.observed_at, complete=True, posts=posts
        )


def _recorded_read(file: Path) -> _RecordedRead:
    try:
        # Python's parser, because pydantic's refuses the lone surrogates that `mend_json` mends.
        content, _ = mend_json(json.loads(file.read_bytes()))
        return _RecordedRead.model_validate(content)
    except (ValueError, RecursionError) as error:
        raise CorruptSliceError(
            f"the recording {file} is malformed ({first_reason(error)}); restore it, then run again"
        ) from error


def _post(recorded: _RecordedPost, read: _RecordedRead, channel: _RecordedChannel) -> Post:
    return post_from_reading(
        content=Content(
            text=recorded.text,
            entities=recorded.entities,
            media=recorded.media,
            edit_date=recorded.edit_date,
        ),
        observation=Observation(
            observed_at=read.observed_at,
            views=recorded.views,
            forwards=recorded.forwards,
            replies=recorded.replies,
            reactions=recorded.reactions,
        ),
        source=SOURCE,
        extra={**recorded.extra, "channel_title": channel.title},
        id=recorded.id,
        channel=channel_name(channel.channel),
        date=recorded.date,
        date_authority="telegram",
        kind=recorded.kind,
        grouped_id=recorded.grouped_id,
        reply_to=recorded.reply_to,
        forwarded_from=recorded.forwarded_from,
        channel_id=channel.channel_id,
    )
