from collections.abc import Iterable
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.lake.merge import absence, merge, merge_posts, post_from_reading, without_absences
from medwh_assets.lake.records import (
    POSTS,
    Content,
    Entity,
    Forward,
    Media,
    Observation,
    Post,
    Reaction,
    to_lines,
)
from tests.factories import (
    FIRST_READ,
    NOON,
    SECOND_READ,
    THIRD_READ,
    make_post,
    moment,
)

# Small pools, so that readings often agree, contradict each other or differ by the least.
TIMES = st.sampled_from([None, FIRST_READ, SECOND_READ, THIRD_READ])
READS = st.sampled_from([FIRST_READ, SECOND_READ, THIRD_READ])
EDITS = st.sampled_from([None, moment("2025-03-01 13:00"), moment("2025-03-05 13:00")])
COUNTS = st.sampled_from([None, 0, 3, 5])
VALUES: st.SearchStrategy[JsonValue] = st.sampled_from(
    [1, True, 1.0, "1", 0.0, -0.0, False, [1], [True], {"a": 1, "b": 2}, {"b": 2, "a": 1}, 2**70]
)
DAY = 86_400
BOLD = (Entity(type="bold", offset=0, length=1),)
PHOTO = Media(kind="photo", photo_id=7)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    return Content(
        text=draw(st.sampled_from([None, "", "5 birr", "6 birr"])),
        entities=draw(st.sampled_from([None, (), BOLD])),
        media=draw(
            st.sampled_from(
                [None, PHOTO, Media(kind="photo", width=80), Media(kind="photo", photo_id=8)]
            )
        ),
        edit_date=draw(EDITS),
    )


@st.composite
def readings(draw: st.DrawFn) -> Post:
    """A post as one reading of one source saw it."""
    return post_from_reading(
        content=draw(contents()),
        observation=Observation(
            observed_at=draw(TIMES),
            views=draw(COUNTS),
            forwards=draw(COUNTS),
            replies=draw(COUNTS),
            reactions=draw(st.sampled_from([None, (), (Reaction(emoji="👍", count=2),)])),
        ),
        source=draw(st.sampled_from(["recorded", "scraped_lake"])),
        extra=draw(st.dictionaries(st.sampled_from(["sender", "pinned", "ünï"]), VALUES))
        | draw(st.sampled_from([{}, {"ttl_period": DAY}, {"ttl_period": 3 * DAY}])),
        id=1,
        channel="demo_shop",
        date=draw(st.sampled_from([NOON, moment("2025-03-01 22:30"), moment("2025-03-02 01:30")])),
        date_authority=draw(st.sampled_from(["telegram", "offset", "naive"])),
        kind=draw(st.sampled_from(["message", "service"])),
        grouped_id=draw(st.sampled_from([None, 4])),
        reply_to=draw(st.sampled_from([None, 2, 3])),
        forwarded_from=draw(
            st.sampled_from([None, Forward(channel_id=4), Forward(channel_id=4, message_id=9)])
        ),
        channel_id=draw(st.sampled_from([None, 100])),
    )


@st.composite
def posts(draw: st.DrawFn) -> Post:
    """A post as it may lie in a lake: some readings, and reads that did not find it."""
    post = reduce(merge, draw(st.lists(readings(), min_size=1, max_size=3)))
    return reduce(absence, draw(st.lists(READS, max_size=2)), post)


def line(post: Post) -> bytes:
    return to_lines([post])


def merged(several: Iterable[Post]) -> bytes:
    return line(reduce(merge, several))


@given(posts(), posts())
def test_merge_does_not_care_which_comes_first(left: Post, right: Post) -> None:
    assert merged([left, right]) == merged([right, left])


@given(posts(), posts(), posts())
def test_merge_does_not_care_how_posts_are_paired(a: Post, b: Post, c: Post) -> None:
    assert line(merge(merge(a, b), c)) == line(merge(a, merge(b, c)))


@given(st.lists(posts(), min_size=1, max_size=4))
def test_merging_at_once_is_merging_one_by_one(several: list[Post]) -> None:
    assert line(merge(*several)) == merged(several)


def test_of_two_texts_that_differ_in_nothing_else_the_undamaged_one_stands() -> None:
    right, wrong = make_post(text="Café à 20 birr"), make_post(text="Caf\ufffd \ufffd 20 birr")
    for post in (merge(right, wrong), merge(wrong, right)):
        assert post.text == "Café à 20 birr"


@given(posts(), posts())
def test_merging_the_same_again_changes_nothing(left: Post, right: Post) -> None:
    both = merge(left, right)
    assert merged([left, left]) == line(left)
    assert merged([both, left]) == merged([right, both]) == line(both)


@given(st.lists(posts(), min_size=4, max_size=4))
@settings(max_examples=20)
def test_four_posts_merge_to_the_same_bytes_in_any_order(several: list[Post]) -> None:
    assert len({merged(order) for order in permutations(several)}) == 1


@given(st.lists(readings(), min_size=1, max_size=4), st.lists(READS, max_size=2))
def test_merge_forgets_no_text_no_counter_and_no_extra_value(
    several: list[Post], misses: list[Any]
) -> None:
    post = reduce(absence, misses, reduce(merge, several))
    texts = {version.text for version in post.versions} | {post.text}
    for reading in several:
        assert reading.text in texts
        seen = reading.observations[0]
        (kept,) = [o for o in post.observations if o.observed_at == seen.observed_at]
        assert kept.present
        assert (kept.views or 0) >= (seen.views or 0)
        for key, (value,) in reading.extra.items():
            assert repr(value) in {repr(known) for known in post.extra[key]}


@given(st.lists(posts(), min_size=1, max_size=4))
def test_a_post_comes_back_from_its_file_as_the_same_bytes(several: list[Post]) -> None:
    content = line(reduce(merge, several))
    assert to_lines(POSTS.validate_json(content)) == content
    (back,) = POSTS.validate_json(content)
    assert line(merge(back, back)) == content


def test_the_date_with_the_better_authority_stands_and_a_tie_goes_to_the_earlier() -> None:
    naive = make_post(at=moment("2025-03-01 15:00"), authority="naive")
    offset = make_post(at=moment("2025-03-01 12:00"), authority="offset")
    telegram = make_post(at=moment("2025-03-01 12:30"), authority="telegram")
    assert merge(naive, offset).date == offset.date
    assert merge(telegram, offset).date == telegram.date
    later = make_post(at=moment("2025-03-01 12:31"), authority="telegram")
    assert merge(later, telegram).date == telegram.date


def test_an_edit_becomes_the_current_version_and_the_old_one_is_kept() -> None:
    edited = moment("2025-03-05 10:00")
    first = make_post(text="120 birr", seen=FIRST_READ, views=5)
    second = make_post(text="150 birr", seen=SECOND_READ, views=9, edited=edited)
    post = merge(second, first)
    assert (post.text, post.edit_date, post.views) == ("150 birr", edited, 9)
    assert [version.text for version in post.versions] == ["120 birr", "150 birr"]
    assert [o.views for o in post.observations] == [5, 9]


def test_a_counter_that_a_later_read_did_not_have_stays_as_last_known() -> None:
    post = merge(make_post(views=5), make_post(views=None, seen=SECOND_READ))
    assert post.views == 5
    assert post.observations[-1].views is None


def test_a_media_described_barely_by_a_later_source_keeps_what_is_known_of_it() -> None:
    full = make_post(media=Media(kind="photo", photo_id=7, width=80, height=60))
    bare = make_post(media=Media(kind="photo"), seen=SECOND_READ, source="scraped_lake")
    assert merge(bare, full).media == full.media
    other = make_post(media=Media(kind="photo", photo_id=8), seen=THIRD_READ)
    assert merge(full, other).media == other.media


def test_a_post_that_a_later_read_did_not_find_is_missing_since_the_first_such_read() -> None:
    post = absence(absence(make_post(seen=FIRST_READ), THIRD_READ), SECOND_READ)
    assert post.missing_since == SECOND_READ
    assert post.text == make_post().text


def test_a_post_that_is_seen_again_is_not_missing() -> None:
    post = absence(make_post(seen=FIRST_READ), SECOND_READ)
    assert merge(post, make_post(seen=THIRD_READ)).missing_since is None


def test_an_absence_says_nothing_of_a_post_seen_only_later_or_by_the_same_read() -> None:
    post = make_post(seen=SECOND_READ)
    assert absence(post, FIRST_READ) == post
    assert absence(post, SECOND_READ) == post


def test_a_post_read_at_an_unknown_time_counts_as_seen_before_any_read() -> None:
    assert absence(make_post(seen=None), FIRST_READ).missing_since == FIRST_READ


def test_a_post_whose_timer_was_up_is_not_missing() -> None:
    """No author has taken it back. The second read is days after the first."""
    post = make_post(seen=FIRST_READ, extra={"ttl_period": DAY})
    gone = absence(post, SECOND_READ)
    assert (gone.missing_since, gone.observations[-1].present) == (None, False)
    assert gone.observations[-1].observed_at == SECOND_READ


def test_a_post_that_vanished_well_before_its_timer_was_up_is_missing() -> None:
    timer = int((SECOND_READ - NOON).total_seconds()) + 2 * DAY
    post = make_post(seen=FIRST_READ, extra={"ttl_period": timer})
    assert absence(post, SECOND_READ).missing_since == SECOND_READ
    # A read can come later than its logical time, so at the timer's edge nothing is said.
    post = make_post(seen=FIRST_READ, extra={"ttl_period": timer - DAY})
    assert absence(post, SECOND_READ).missing_since is None


@pytest.mark.parametrize("timer", [0, -5, True, "86400", 10**30, None])
def test_what_is_no_timer_is_none(timer: JsonValue) -> None:
    post = make_post(seen=FIRST_READ, extra={"ttl_period": timer})
    assert absence(post, SECOND_READ).missing_since == SECOND_READ


def test_where_a_post_was_not_can_be_forgotten() -> None:
    post = make_post(seen=FIRST_READ, views=4)
    assert without_absences(absence(post, SECOND_READ)) == post


def test_values_that_python_calls_equal_are_kept_apart() -> None:
    values: list[JsonValue] = [1, True, 1.0, "1"]
    post = reduce(merge, (make_post(extra={"pinned": value}) for value in values))
    assert sorted(map(repr, post.extra["pinned"])) == sorted(map(repr, values))


def test_an_object_that_comes_with_its_keys_in_another_order_is_the_same_value() -> None:
    one = make_post(extra={"reactions": {"a": 1, "b": [{"c": 2, "d": 3}]}})
    other = make_post(extra={"reactions": {"b": [{"d": 3, "c": 2}], "a": 1}})
    assert merged([one, other]) == merged([other, one]) == line(one) == line(other)


def test_posts_of_two_messages_or_two_channels_are_never_merged() -> None:
    with pytest.raises(ValueError, match="two posts"):
        merge(make_post(1), make_post(2))
    with pytest.raises(ValueError, match="two posts"):
        merge(make_post(1), make_post(1, channel="demo_other"))


def test_merged_posts_come_back_sorted_by_id() -> None:
    several = [make_post(30), make_post(4), make_post(30, seen=SECOND_READ)]
    assert [post.id for post in merge_posts(several)] == [4, 30]
