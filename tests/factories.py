"""Posts, readings and foreign records for tests: all invented, each with the least that it needs."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import Content, DateAuthority, Media, Observation, Post, Read
from medwh_assets.lake.store import ImportCounts, Lake
from medwh_assets.slices import Slice

# Surrogates and NUL too, which Hypothesis leaves out unless asked.
ANY_TEXT = st.text(st.characters(exclude_categories=()))

CHANNEL = "demo_shop"
DAY = date(2025, 3, 1)
PIECE = Slice(CHANNEL, DAY)


def moment(text: str) -> datetime:
    """`2025-03-01 10:00` as a UTC time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = moment("2025-03-01 12:00")
FIRST_READ = moment("2025-03-02 00:00")
SECOND_READ = moment("2025-03-09 00:00")
THIRD_READ = moment("2025-03-16 00:00")


def make_post(
    message_id: int = 1,
    text: str | None = "Paracetamol 500 mg, 120 birr",
    *,
    channel: str = CHANNEL,
    at: datetime = NOON,
    authority: DateAuthority = "telegram",
    seen: datetime | None = FIRST_READ,
    views: int | None = None,
    media: Media | None = None,
    edited: datetime | None = None,
    source: str = "recorded",
    extra: dict[str, JsonValue] | None = None,
    **facts: Any,
) -> Post:
    """A post as one reading saw it."""
    return post_from_reading(
        content=Content(text=text, media=media, edit_date=edited),
        observation=Observation(observed_at=seen, views=views),
        source=source,
        extra=extra,
        id=message_id,
        channel=channel,
        date=at,
        date_authority=authority,
        **facts,
    )


def make_reading(
    *posts: Post, piece: Slice = PIECE, at: datetime | None = FIRST_READ, complete: bool = True
) -> SliceReading:
    """A read of a slice that found these posts."""
    return SliceReading(piece, "recorded", at, complete, posts)


def json_values() -> st.SearchStrategy[JsonValue]:
    """Whatever Python's parser can make of a JSON text, NaN and lone surrogates included."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=6,
    )


def take_in(lake: Lake, posts: Sequence[Post]) -> ImportCounts:
    """Import posts of one channel in one batch, as a scraped lake's."""
    reads: dict[date, set[Read]] = {}
    for post in posts:
        for seen in post.observations:
            read = Read(source="scraped_lake", observed_at=seen.observed_at, status="imported")
            reads.setdefault(post.day, set()).add(read)
    with lake.intake(posts[0].channel if posts else CHANNEL) as intake:
        return intake.merge(posts, reads)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder, except locks, which are nobody's data."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and ".locks" not in file.relative_to(root).parts
    }
