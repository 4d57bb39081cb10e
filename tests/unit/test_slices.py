from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.errors import ChannelNameError
from medwh_assets.slices import DayRun, Slice, channel_name, day_runs

CHANNELS = st.from_regex(r"[a-z](?:_?[a-z0-9]){2,15}", fullmatch=True)
SLICES = st.builds(Slice, CHANNELS, st.dates(date(2018, 1, 1), date(2030, 1, 1)))


@pytest.mark.parametrize(
    "spelling",
    [
        "CheMed123",
        "@CheMed123",
        " chemed123 ",
        "t.me/CheMed123",
        "https://t.me/CheMed123",
        "http://telegram.me/chemed123/",
        "https://t.me/s/CheMed123",
        "HTTPS://T.ME/CheMed123",
    ],
)
def test_a_channel_has_one_name_however_it_is_spelled(spelling: str) -> None:
    assert channel_name(spelling) == "chemed123"


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        "ab",
        "1abc",
        "_abc",
        "abc_",
        "a__b",
        "a-b",
        "a b",
        "a" * 33,
        "a" * 300,
        "../../etc",
        "t.me/+invite",
        "t.me/abc/5",
        "abc\n",
        "abc\0",
        "ሰላም",
        "naïve",
        "CheMed Pharmacy",
    ],
)
def test_what_is_no_username_is_no_channel(spelling: str) -> None:
    if spelling == "abc\n":
        assert channel_name(spelling) == "abc"
    else:
        with pytest.raises(ChannelNameError):
            channel_name(spelling)


@given(st.text())
def test_a_channel_name_is_safe_as_a_file_name_whatever_it_came_from(spelling: str) -> None:
    try:
        name = channel_name(spelling)
    except ChannelNameError:
        return
    assert channel_name(name) == name
    assert name.isascii()
    assert name.replace("_", "").isalnum()
    assert 3 <= len(name) <= 32


@given(SLICES)
def test_a_slice_reads_back_from_its_text(piece: Slice) -> None:
    assert Slice.parse(str(piece)) == piece


@pytest.mark.parametrize(
    "text", ["", "demo", "demo|", "|2025-03-01", "demo|2025-02-30", "a/b|2025"]
)
def test_what_is_no_slice_is_refused(text: str) -> None:
    with pytest.raises((ChannelNameError, ValueError)):
        Slice.parse(text)


@given(SLICES, st.integers(0, 400))
def test_a_run_of_days_reads_back_from_its_text(piece: Slice, more: int) -> None:
    run = DayRun(
        piece.channel, piece.date, min(piece.date, date(9990, 1, 1)) + timedelta(days=more)
    )
    assert DayRun.parse(str(run)) == run
    assert DayRun.parse(str(piece)) == DayRun(piece.channel, piece.date, piece.date)


@pytest.mark.parametrize("text", ["", "demo|2025-03-01..", "demo|..2025-03-01", "demo|a..b"])
def test_what_is_no_run_of_days_is_refused_or_a_single_day(text: str) -> None:
    if text == "demo|2025-03-01..":
        assert len(list(DayRun.parse(text).slices())) == 1
        return
    with pytest.raises((ChannelNameError, ValueError)):
        DayRun.parse(text)


def test_a_slice_of_a_channel_in_capitals_is_refused() -> None:
    with pytest.raises(ChannelNameError, match="lower case"):
        Slice("CheMed123", date(2025, 3, 1))


@given(st.sets(SLICES, max_size=20))
def test_runs_of_days_cover_the_slices_exactly_and_never_touch(slices: set[Slice]) -> None:
    runs = day_runs(slices)
    assert [piece for run in runs for piece in run.slices()] == sorted(slices)
    for one, other in pairwise(runs):
        assert one.channel != other.channel or one.last + timedelta(days=1) < other.first


def test_neighbouring_days_are_one_run_over_a_change_of_year() -> None:
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 3)]
    assert day_runs(Slice("demo", day) for day in days) == [
        DayRun("demo", days[0], days[1]),
        DayRun("demo", days[2], days[2]),
    ]
