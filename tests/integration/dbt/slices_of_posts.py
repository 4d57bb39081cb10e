"""Small slices for the models to work on, loaded as the warehouse loads them."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from pydantic import SecretStr

from medwh_assets.extracted import ExtractedPost
from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary
from medwh_assets.lake.channels import ChannelObservation
from medwh_assets.lake.merge import merge, post_from_reading
from medwh_assets.lake.records import Box, Content, DetectionRecord, Media, Observation, Post
from medwh_assets.slices import Slice
from medwh_assets.warehouse.channel_facts import load_channel_facts
from medwh_assets.warehouse.connection import Connection
from medwh_assets.warehouse.load import load_detections, load_extractions, load_messages
from medwh_dbt import PROJECT_DIR

READ_AT = datetime(2025, 4, 1, tzinfo=UTC)
_hashes = (f"{number:064x}" for number in itertools.count())


def march(day: int) -> date:
    """Return a day of March 2025; day 32 is the first of April."""
    return date(2025, 3, 1) + timedelta(days=day - 1)


def post(channel: str, message_id: int, day: int, **given: Any) -> Post:
    """Make the record of a post of March 2025 that was read once."""
    content = {"text": f"Amoxicillin {message_id}", "media": Media(kind="photo")}
    content |= {name: given.pop(name) for name in ("text", "media", "edit_date") if name in given}
    counters = {name: given.pop(name) for name in ("views", "forwards", "replies") if name in given}
    read_at = given.pop("observed_at", READ_AT)
    extra = {"channel_title": channel.upper(), "channel_username": channel.title()}
    return post_from_reading(
        content=Content(**content),
        observation=Observation(observed_at=read_at, **({"views": 10 * message_id} | counters)),
        source="recorded",
        id=message_id,
        channel=channel,
        date=datetime.combine(march(day), time(9, 30), UTC),
        date_authority="telegram",
        extra=extra,
        **given,
    )


def edited(before: Post, **given: Any) -> Post:
    """Make the record of a post that was read as it was before, and later as given."""
    later = READ_AT + timedelta(days=1 + len(before.versions))
    changed = {"edit_date": later - timedelta(hours=2), "observed_at": later} | given
    after = post(before.channel, before.id, 1, **changed)
    return merge(before, after.model_copy(update={"date": before.date}))


def on_day(moved: Post, day: int) -> Post:
    """Return the record of a post of which a better date has become known."""
    return moved.model_copy(update={"date": datetime.combine(march(day), time(9, 30), UTC)})


def seen(
    message_id: int,
    *classes: str,
    readable: bool = True,
    image: int | None = None,
    model: str = "a detector",
    perceptual_hash: str | None = None,
) -> DetectionRecord:
    """Make the record of an image on which things of these classes were seen.

    Args:
        message_id: the post's.
        classes: what was seen, best first.
        readable: whether the detector could read it.
        image: a number that stands for the image's content, the post's unless given.
        model: who looked.
        perceptual_hash: made of the image's number unless given.
    """
    content = message_id if image is None else image
    return DetectionRecord(
        message_id=message_id,
        image_sha256=f"{content:064x}",
        image_path=f"images/{message_id}.jpg",
        image_type="jpeg",
        image_bytes=1000,
        image_width=640,
        image_height=480,
        perceptual_hash=perceptual_hash or f"{content:016x}",
        model=model,
        status="ok" if readable else "failed",
        reason=None if readable else "no image",
        boxes=tuple(
            Box(
                detected_class=name,
                confidence=0.9 - place / 10,
                x=0.1 * place,
                y=2,
                width=30,
                height=40,
            )
            for place, name in enumerate(classes)
        ),
    )


def load(connection: Connection, channel: str, day: int, *posts: Post) -> None:
    """Load a slice's posts and what they say, whatever was loaded before."""
    load_messages(connection, Slice(channel, march(day)), posts, next(_hashes))
    read(connection, channel, day, *posts)


def read(connection: Connection, channel: str, day: int, *posts: Post) -> None:
    """Load what a slice's posts say, whatever was loaded before."""
    load_extractions(
        connection,
        Slice(channel, march(day)),
        [post.id for post in posts],
        [ExtractedPost(post.id, _extractor().extract(post.text)) for post in posts],
        content_sha256=next(_hashes),
        version=_extractor().version,
    )


@cache
def _extractor() -> Extractor:
    return Extractor(load_vocabulary(PROJECT_DIR / "seeds"), SecretStr("pepper"))


def look(connection: Connection, channel: str, day: int, *images: DetectionRecord) -> None:
    """Load a slice's detections, whatever was loaded before."""
    load_detections(connection, Slice(channel, march(day)), images, next(_hashes), "a detector")


def told(channel: str, day: int, subscribers: int | None, about: str = "") -> ChannelObservation:
    """Make the record of a read of what a channel says of itself."""
    return ChannelObservation(
        channel=channel,
        channel_id=77,
        title=f"{channel} {day}",
        about=about,
        subscribers=subscribers,
        username=channel.upper(),
        observed_at=datetime.combine(march(day), time(0, 30), UTC),
    )


def observe(connection: Connection, channel: str, day: int, *seen: ChannelObservation) -> None:
    """Load what a channel said of itself on a day, whatever was loaded before."""
    load_channel_facts(connection, Slice(channel, march(day)), seen, next(_hashes))


def first_loads(connection: Connection, channel: str) -> None:
    """Load three days of a channel with one of everything."""
    load(
        connection,
        channel,
        1,
        edited(post(channel, 1, 1, text="Amoxicillin 1, call 0900 000 011"), text="Amoxicillin 1"),
        post(channel, 2, 1, text="", media=None, views=None),
    )
    web = post(channel, 4, 2, media=Media(kind="webpage"), text="ፓራሲታሞል 500 mg")
    load(connection, channel, 2, post(channel, 3, 2), web)
    note = post(channel, 5, 4, kind="service", text=None, media=None, views=None)
    file = post(channel, 6, 4, media=Media(kind="document"), channel_id=77)
    load(connection, channel, 4, note, file, post(channel, 7, 4))
    observe(connection, channel, 9, told(channel, 9, 100, about="☎️ 0900 000 012"))
    look(connection, channel, 1, seen(1, "bottle", "person"))
    look(connection, channel, 2, seen(3, "box", "giraffe"))
    look(connection, channel, 4, seen(6), seen(7, readable=False))
