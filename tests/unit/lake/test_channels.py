from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.errors import CorruptSliceError
from medwh_assets.lake.channels import (
    ChannelObservation,
    facts_file,
    facts_sha256,
    is_observed,
    keep_facts,
    last_observation,
    last_observations,
    observation,
    observations,
    observed_days,
    united,
)
from medwh_assets.lake.ports import ChannelFacts
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from tests.factories import ANY_TEXT, CHANNEL, FIRST_READ, SECOND_READ, tree

FACTS = ChannelFacts(CHANNEL, 1001, "Selam", "We sell", 120, "Demo_Shop", FIRST_READ)
PIECE = Slice(CHANNEL, FIRST_READ.date())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_what_a_channel_says_lies_under_the_day_of_the_read(lake: Lake) -> None:
    assert keep_facts(lake, FACTS)
    assert list(tree(lake.root)) == [f"channels/{FIRST_READ.date()}/{CHANNEL}.json"]
    assert observations(lake, PIECE) == [observation(FACTS)]
    assert is_observed(lake, CHANNEL, FIRST_READ)
    assert not is_observed(lake, CHANNEL, SECOND_READ)
    assert observed_days(lake) == [PIECE]


def test_reading_again_at_the_same_logical_time_changes_no_byte(lake: Lake) -> None:
    keep_facts(lake, FACTS)
    before = tree(lake.root)
    assert not keep_facts(lake, FACTS)
    assert tree(lake.root) == before


def test_a_later_read_of_the_day_is_one_more_line(lake: Lake) -> None:
    noon = FIRST_READ + timedelta(hours=12)
    keep_facts(lake, replace(FACTS, observed_at=noon, subscribers=121))
    keep_facts(lake, FACTS)
    assert [(o.observed_at, o.subscribers) for o in observations(lake, PIECE)] == [
        (FIRST_READ, 120),
        (noon, 121),
    ]
    content = lake.read(facts_file(PIECE))
    assert content is not None
    assert content.count(b"\n") == 4


def test_the_last_observation_is_that_of_the_newest_file_that_can_be_read(lake: Lake) -> None:
    assert last_observation(lake, CHANNEL) is None
    later = replace(FACTS, observed_at=FIRST_READ + timedelta(days=40), username=None)
    for facts in (later, FACTS, replace(FACTS, channel="demo_other", observed_at=SECOND_READ)):
        keep_facts(lake, facts)
    lake.write(f"channels/2031-01-01/{CHANNEL}.json", b"[")
    lake.write(f"channels/notes/{CHANNEL}.json", b"[]")
    assert last_observation(lake, CHANNEL) == observation(later)


def test_no_files_mean_no_observations(lake: Lake) -> None:
    assert observations(lake, PIECE) == []
    assert facts_sha256(lake, PIECE) is None
    assert observed_days(lake) == []


def test_foreign_files_are_no_observations(lake: Lake) -> None:
    lake.write("channels/notes/demo_shop.json", b"[]")
    lake.write("channels/2025-03-01/NOT A CHANNEL.json", b"[]")
    lake.write("channels/2025-13-01/demo_shop.json", b"[]")
    assert observed_days(lake) == []


@pytest.mark.parametrize(
    "content",
    [b"[", b"{}", b'[{"channel": "demo_shop"}]', b"\xff"],
)
def test_a_file_that_cannot_be_read_is_named_and_left_as_it_is(lake: Lake, content: bytes) -> None:
    lake.write(facts_file(PIECE), content)
    with pytest.raises(CorruptSliceError, match="channels/"):
        keep_facts(lake, FACTS)
    assert lake.read(facts_file(PIECE)) == content


def test_a_read_in_another_channels_file_is_an_error(lake: Lake) -> None:
    keep_facts(lake, FACTS)
    content = lake.read(facts_file(PIECE))
    assert content is not None
    elsewhere = Slice("demo_other", date(2025, 3, 2))
    lake.write(facts_file(elsewhere), content)
    with pytest.raises(CorruptSliceError, match="demo_shop"):
        observations(lake, elsewhere)


@given(title=ANY_TEXT, about=st.none() | ANY_TEXT)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, title: str, about: str
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    keep_facts(lake, replace(FACTS, title=title, about=about))
    (kept,) = observations(lake, PIECE)
    assert len(kept.title) == len(title)
    assert (kept.about is None) == (about is None)


OBSERVATIONS = st.lists(
    st.builds(
        lambda hours, title, subscribers: ChannelObservation(
            channel=CHANNEL,
            channel_id=1,
            title=title,
            subscribers=subscribers,
            observed_at=FIRST_READ + timedelta(hours=hours),
        ),
        st.integers(0, 2),
        st.sampled_from(["a", "b"]),
        st.none() | st.integers(0, 9),
    ),
    max_size=4,
)


@given(OBSERVATIONS, OBSERVATIONS, OBSERVATIONS)
def test_uniting_is_commutative_associative_and_idempotent(
    a: list[ChannelObservation], b: list[ChannelObservation], c: list[ChannelObservation]
) -> None:
    assert united([*a, *b]) == united([*b, *a])
    assert united([*united([*a, *b]), *c]) == united([*a, *united([*b, *c])])
    assert united([*a, *a]) == united(a) == united(united(a))


def test_channels_come_in_the_order_in_which_they_were_first_seen(lake: Lake) -> None:
    keep_facts(lake, replace(FACTS, channel="demo_new", observed_at=SECOND_READ))
    keep_facts(lake, replace(FACTS, channel="demo_other"))
    keep_facts(lake, FACTS)
    keep_facts(lake, replace(FACTS, title="Renamed", observed_at=SECOND_READ))
    assert [(o.channel, o.title) for o in last_observations(lake)] == [
        ("demo_other", "Selam"), (CHANNEL, "Renamed"), ("demo_new", "Selam"),
    ]  # fmt: skip
