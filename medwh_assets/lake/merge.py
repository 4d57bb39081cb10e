"""How two records of one post become one: pure, commutative, associative, idempotent.

A post is a set of readings in compact form. To merge is to unite the sets and to derive the
current state anew, so the order in which sources arrive can never matter:

- `observations` is a set keyed by logical time (two reads at one time: the larger value wins);
- `versions` is the set of distinct contents, each with the span of times at which it was read. It
  is empty while there has been only one, because that one stands in the post itself;
- facts that no author changes (album, reply, origin, channel id) are the known value, the larger
  one where two are known;
- `extra` is a set of values per key;
- the date is the one of the best authority, then the earliest.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import JsonValue

from medwh_assets.lake.records import (
    Content,
    Entity,
    Media,
    Observation,
    Post,
    Record,
    Version,
    canonical,
)

# How far a date can be trusted: the lower, the better.
DATE_RANK = {"telegram": 0, "offset": 1, "naive": 2}
_NEVER = datetime.min.replace(tzinfo=UTC)
T = TypeVar("T")
_FACTS = ("grouped_id", "reply_to", "forwarded_from", "channel_id")


def merge_posts(posts: Iterable[Post]) -> list[Post]:
    """Merge records of one channel, whichever ids they have; sorted by id.

    Raises:
        ValueError: the records are of several channels.
    """
    by_id: dict[int, Post] = {}
    for post in posts:
        known = by_id.get(post.id)
        by_id[post.id] = post if known is None else merge(known, post)
    return [by_id[message_id] for message_id in sorted(by_id)]


def merge(left: Post, right: Post) -> Post:
    """Unite the readings of two records of one post.

    Raises:
        ValueError: the records are of two posts.
    """
    if (left.channel, left.id) != (right.channel, right.id):
        raise ValueError(f"two posts: {left.channel}/{left.id} and {right.channel}/{right.id}")
    dated = min(left, right, key=lambda post: (DATE_RANK[post.date_authority], post.date))
    facts = {name: _known(getattr(left, name), getattr(right, name)) for name in _FACTS}
    return _derive(
        id=left.id,
        channel=left.channel,
        date=dated.date,
        date_authority=dated.date_authority,
        kind="service" if "service" in (left.kind, right.kind) else "message",
        sources=tuple(sorted({*left.sources, *right.sources})),
        extra=_unite_extra(left.extra, right.extra),
        observations=_unite_observations((*left.observations, *right.observations)),
        versions=_unite_versions((*_versions(left), *_versions(right))),
        **facts,
    )


def post_from_reading(
    *,
    content: Content,
    observation: Observation,
    source: str,
    extra: dict[str, JsonValue] | None = None,
    **facts: Any,
) -> Post:
    """Make the record of a single reading of a post.

    Args:
        content: text, entities, media and edit date as read.
        observation: the counters, with the logical time of the read.
        source: the kind of source, such as `recorded` or `scraped_lake`.
        extra: whatever the source said beyond the record's fields; finite numbers only.
        facts: `id`, `channel`, `date`, `date_authority`, and where known `kind`, `grouped_id`,
            `reply_to`, `forwarded_from`, `channel_id`.
    """
    # What `_derive` makes of one version and one observation, at a third of its cost: an import does
    # this for every record.
    return Post(
        sources=(source,),
        extra={key: (_one_spelling(value),) for key, value in sorted((extra or {}).items())},
        observations=(observation,),
        edit_date=content.edit_date,
        text=content.text,
        entities=content.entities,
        media=content.media,
        views=observation.views,
        forwards=observation.forwards,
        replies=observation.replies,
        reactions=observation.reactions,
        missing_since=None if observation.present else observation.observed_at,
        **facts,
    )


def absence(post: Post, observed_at: datetime) -> Post:
    """Record that a complete read at a logical time did not hold the post any more.

    Says nothing of a post that nobody had seen before that read, or that was seen by it.
    """
    known = {o.observed_at for o in post.observations}
    first_seen = min(
        (o.observed_at or _NEVER for o in post.observations if o.present), default=_NEVER
    )
    if observed_at in known or observed_at < first_seen:
        return post
    gone = Observation(observed_at=observed_at, present=False)
    return merge(
        post, post.model_copy(update={"observations": (gone,), "versions": _versions(post)})
    )


def without_absences(post: Post) -> Post:
    """Forget where a post was not: what a read of one day says nothing about on another."""
    seen = tuple(o for o in post.observations if o.present)
    return post.model_copy(update={"observations": seen, "missing_since": None})


def _versions(post: Post) -> tuple[Version, ...]:
    if post.versions:
        return post.versions
    times = [o.observed_at for o in post.observations if o.present and o.observed_at]
    content = Content(
        text=post.text, entities=post.entities, media=post.media, edit_date=post.edit_date
    )
    return (_version(content, min(times, default=None), max(times, default=None)),)


def _version(content: Content, first: datetime | None, last: datetime | None) -> Version:
    return Version(
        text=content.text,
        entities=content.entities,
        media=content.media,
        edit_date=content.edit_date,
        first_observed_at=first,
        last_observed_at=last,
    )


def _content_key(version: Version) -> str:
    return canonical(
        version.model_dump(mode="json", exclude={"first_observed_at", "last_observed_at"})
    )


def _unite_versions(versions: Iterable[Version]) -> tuple[Version, ...]:
    by_content: dict[str, Version] = {}
    for version in versions:
        key = _content_key(version)
        known = by_content.get(key)
        if known is not None and known != version:
            first = [v.first_observed_at for v in (known, version) if v.first_observed_at]
            last = [v.last_observed_at for v in (known, version) if v.last_observed_at]
            known = _version(version, min(first, default=None), max(last, default=None))
        by_content[key] = known or version
    return tuple(
        by_content[key] for key in sorted(by_content, key=lambda k: _precedence(by_content[k], k))
    )


def _precedence(version: Version, key: str) -> tuple[datetime, datetime, int, str]:
    """Later edits stand over earlier ones, later reads over earlier, fuller contents over barer."""
    known = sum(field is not None for field in (version.text, version.entities, version.media))
    return (version.edit_date or _NEVER, version.last_observed_at or _NEVER, known, key)


def _unite_observations(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    by_time: dict[datetime | None, Observation] = {}
    for seen in observations:
        known = by_time.get(seen.observed_at)
        by_time[seen.observed_at] = seen if known is None or known == seen else _larger(known, seen)
    return tuple(by_time[time] for time in sorted(by_time, key=lambda time: time or _NEVER))


def _larger(left: Observation, right: Observation) -> Observation:
    return Observation(
        observed_at=left.observed_at,
        present=left.present or right.present,
        views=_known(left.views, right.views),
        forwards=_known(left.forwards, right.forwards),
        replies=_known(left.replies, right.replies),
        reactions=_known(left.reactions, right.reactions),
    )


def _known(left: Any, right: Any) -> Any:
    """Return the known of two values, the larger where both are known."""
    if left is None or right is None:
        return left if right is None else right
    return max(left, right, key=_order)


def _order(value: Any) -> tuple[int, str]:
    """Numbers by size; records by how much they know, so that a bare one never stands over a full."""
    if isinstance(value, int):
        return value, ""
    if isinstance(value, Record):
        said = value.model_dump(mode="json", exclude_none=True)
        return len(said), canonical(said)
    return 0, canonical([item.model_dump(mode="json") for item in value])


def _unite_extra(
    left: dict[str, tuple[JsonValue, ...]], right: dict[str, tuple[JsonValue, ...]]
) -> dict[str, tuple[JsonValue, ...]]:
    united: dict[str, tuple[JsonValue, ...]] = {}
    for key in sorted({*left, *right}):
        values = {canonical(value): value for value in (*left.get(key, ()), *right.get(key, ()))}
        united[key] = tuple(values[spelling] for spelling in sorted(values))
    return united


def _one_spelling(value: JsonValue) -> JsonValue:
    """Order an object's keys, so that equal values are equal bytes."""
    if not isinstance(value, dict | list):
        return value
    return json.loads(canonical(value))


def _derive(
    *, observations: tuple[Observation, ...], versions: tuple[Version, ...], **fields: Any
) -> Post:
    """Work out the current state. `versions` is in ascending precedence, `observations` in time."""
    current = versions[-1]
    text = _last(version.text for version in versions) if current.text is None else current.text
    return Post(
        edit_date=max((v.edit_date for v in versions if v.edit_date), default=None),
        text=text,
        entities=_entities(versions, text),
        media=_media(versions),
        views=_last(o.views for o in observations),
        forwards=_last(o.forwards for o in observations),
        replies=_last(o.replies for o in observations),
        reactions=_last(o.reactions for o in observations),
        missing_since=_missing_since(observations),
        observations=observations,
        versions=versions if len(versions) > 1 else (),
        **fields,
    )


def _last(values: Iterable[T | None]) -> T | None:
    found: T | None = None
    for value in values:
        found = found if value is None else value
    return found


def _entities(versions: tuple[Version, ...], text: str | None) -> tuple[Entity, ...] | None:
    return _last(version.entities for version in versions if version.text == text)


def _media(versions: tuple[Version, ...]) -> Media | None:
    """Take the last known media, its gaps filled from earlier readings of the same thing."""
    found: Media | None = None
    for version in reversed(versions):
        media = version.media
        if media is None:
            continue
        if found is None:
            found = media
        elif media.kind == found.kind and found.photo_id in (None, media.photo_id):
            gaps = {
                name: value
                for name, value in media.model_dump().items()
                if value is not None and getattr(found, name) is None
            }
            found = found.model_copy(update=gaps) if gaps else found
    return found


def _missing_since(observations: tuple[Observation, ...]) -> datetime | None:
    seen = max((o.observed_at or _NEVER for o in observations if o.present), default=_NEVER)
    absent = [o.observed_at for o in observations if not o.present and o.observed_at]
    return min((time for time in absent if time > seen), default=None)
