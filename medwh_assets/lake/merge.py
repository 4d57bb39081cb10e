"""How two records of one post become one: pure, commutative, associative, idempotent.

A post is a set of readings in compact form. To merge is to unite the sets and to derive the
current state anew, so the order in which sources arrive can never matter:

- `observations` is a set keyed by logical time (two reads at one time: the larger value wins);
- `versions` is the set of distinct contents, each with the span of times at which it was read. It
  is empty while there has been only one, because that one stands in the post itself;
- facts that no author changes (album, reply, origin, channel id) are the known value, the larger
  one where two are known;
- `extra` is a set of values per key;
- the date is the one of the best authority, then the earliest;
- a post is missing since the first read that did not find it any more, but for one with a timer of
  Telegram's (`ttl_period`) that was up by then: nobody has taken it back.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
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
# A read may come so much later than its logical time, which is its run's start.
_LONGEST_RUN = timedelta(days=1)
T = TypeVar("T")
_FACTS = ("grouped_id", "reply_to", "forwarded_from", "channel_id")


def merge_posts(posts: Iterable[Post]) -> list[Post]:
    """Merge records of one channel, whichever ids they have; sorted by id.

    Raises:
        ValueError: the records are of several channels.
    """
    by_id: defaultdict[int, list[Post]] = defaultdict(list)
    for post in posts:
        by_id[post.id].append(post)
    return [merge(*by_id[message_id]) for message_id in sorted(by_id)]


def merge(*posts: Post) -> Post:
    """Unite the readings of some records of one post, at once: one by one would cost their square.

    A record alone is returned as it is.

    Raises:
        ValueError: the records are of two posts.
    """
    first = posts[0]
    if len(posts) == 1:
        return first
    for post in posts:
        if (post.channel, post.id) != (first.channel, first.id):
            raise ValueError(f"two posts: {first.channel}/{first.id} and {post.channel}/{post.id}")
    dated = min(posts, key=lambda post: (DATE_RANK[post.date_authority], post.date))
    facts = {name: _largest(getattr(post, name) for post in posts) for name in _FACTS}
    return _derive(
        id=first.id,
        channel=first.channel,
        date=dated.date,
        date_authority=dated.date_authority,
        kind="service" if any(post.kind == "service" for post in posts) else "message",
        sources=tuple(sorted({source for post in posts for source in post.sources})),
        extra=_unite_extra([post.extra for post in posts]),
        observations=_unite_observations(o for post in posts for o in post.observations),
        versions=_unite_versions(v for post in posts for v in _versions(post)),
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

    Says nothing of a post that nobody had seen before that read, or that was seen by it: then the
    post itself is returned.
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


def _precedence(version: Version, key: str) -> tuple[datetime, datetime, int, int, str]:
    """Later edits stand over earlier ones, later reads over earlier, fuller contents over barer.

    Of two that differ in nothing else, the text with fewer replaced characters is the right one.
    """
    known = sum(field is not None for field in (version.text, version.entities, version.media))
    replaced = (version.text or "").count("\ufffd")
    times = version.edit_date or _NEVER, version.last_observed_at or _NEVER
    return (*times, known, -replaced, key)


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
    return _largest((left, right))


def _largest(values: Iterable[Any]) -> Any:
    return max((value for value in values if value is not None), key=_order, default=None)


def _order(value: Any) -> tuple[int, str]:
    """Numbers by size; records by how much they know, so that a bare one never stands over a full."""
    if isinstance(value, int):
        return value, ""
    if isinstance(value, Record):
        said = value.model_dump(mode="json", exclude_none=True)
        return len(said), canonical(said)
    return 0, canonical([item.model_dump(mode="json") for item in value])


def _unite_extra(
    extras: Sequence[dict[str, tuple[JsonValue, ...]]],
) -> dict[str, tuple[JsonValue, ...]]:
    united: dict[str, tuple[JsonValue, ...]] = {}
    for key in sorted({key for extra in extras for key in extra}):
        found = [values for extra in extras if (values := extra.get(key)) is not None]
        if len(found) == 1:
            united[key] = found[0]
            continue
        spelled = {canonical(value): value for values in found for value in values}
        united[key] = tuple(spelled[spelling] for spelling in sorted(spelled))
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
        missing_since=_missing_since(observations, _expiry(fields["date"], fields["extra"])),
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


def _missing_since(
    observations: tuple[Observation, ...], expiry: datetime | None
) -> datetime | None:
    seen = max((o.observed_at or _NEVER for o in observations if o.present), default=_NEVER)
    absent = [o.observed_at for o in observations if not o.present and o.observed_at]
    if expiry is not None:
        absent = [time for time in absent if time < expiry - _LONGEST_RUN]
    return min((time for time in absent if time > seen), default=None)


def _expiry(date: datetime, extra: dict[str, tuple[JsonValue, ...]]) -> datetime | None:
    """Return when Telegram deletes a post by itself, or None if it has no timer."""
    told = extra.get("ttl_period", ())
    timers = [n for n in told if isinstance(n, int) and not isinstance(n, bool) and n > 0]
    try:
        return date + timedelta(seconds=min(timers)) if timers else None
    except OverflowError:
        return None
