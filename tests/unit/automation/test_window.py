from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from medwh_assets.automation.window import (
    ReadSoFar,
    WindowSettings,
    daily_window,
    first_day,
    read_so_far,
)
from medwh_assets.lake.store import Lake
from medwh_assets.slices import DayRun, Slice
from tests.factories import make_post, make_reading

TODAY = date(2025, 3, 12)
MONDAY = date(2025, 3, 10)
SETTINGS = WindowSettings(refresh_days=7, deep_refresh_days=30, start_date=date(2018, 1, 1))
SHOP = "demo_shop"


def ago(days: int, today: date = TODAY) -> date:
    return today - timedelta(days=days)


def read(lake: Lake, day: date, on: date) -> None:
    """Read a day whole."""
    at = datetime.combine(on, time(0, 0, 5), UTC)
    post = make_post(day.toordinal(), channel=SHOP, at=datetime.combine(day, time(9), UTC), seen=at)
    lake.merge_readings(
        Slice(SHOP, day), [make_reading(post, piece=Slice(SHOP, day), at=at, complete=on > day)]
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", SETTINGS.start_date)


@pytest.mark.parametrize(("refresh_days", "back"), [(-1, 1), (0, 1), (1, 1), (7, 7)])
def test_a_run_reads_the_refresh_window_and_always_yesterday(refresh_days: int, back: int) -> None:
    settings = WindowSettings(refresh_days, 30, SETTINGS.start_date)
    assert first_day(TODAY, settings, ReadSoFar(ago(1), ago(2))) == ago(back)


@pytest.mark.parametrize(("missed", "back"), [(0, 7), (6, 7), (7, 7), (8, 8), (200, 200)])
def test_after_an_outage_a_run_begins_with_the_first_day_that_was_missed(
    missed: int, back: int
) -> None:
    so_far = ReadSoFar(ago(missed + 1), ago(1))
    assert first_day(TODAY, SETTINGS, so_far) == ago(back)


@pytest.mark.parametrize(
    ("today", "deep_on", "back"),
    [
        (MONDAY, MONDAY - timedelta(days=7), 30),
        (MONDAY, MONDAY, 7),
        (TODAY, MONDAY, 7),
        # The machine was off on Monday.
        (TODAY, MONDAY - timedelta(days=1), 30),
        # Never read so deep: from the next Monday on, not at once.
        (TODAY, None, 7),
        (MONDAY, None, 30),
    ],
)
def test_once_a_week_the_walk_goes_deeper(today: date, deep_on: date | None, back: int) -> None:
    assert first_day(today, SETTINGS, ReadSoFar(ago(1, today), deep_on)) == ago(back, today)


def test_the_deeper_walk_can_be_switched_off() -> None:
    settings = WindowSettings(7, 0, SETTINGS.start_date)
    assert first_day(MONDAY, settings, ReadSoFar(ago(1, MONDAY))) == ago(7, MONDAY)


def test_no_walk_begins_before_the_start_date() -> None:
    settings = WindowSettings(7, 30, ago(3))
    assert first_day(TODAY, settings, ReadSoFar(None, None)) == ago(3)


def test_the_lake_says_how_far_a_channel_was_read(lake: Lake) -> None:
    assert read_so_far(lake, SHOP, TODAY, SETTINGS) == ReadSoFar(None, None)
    read(lake, ago(25), MONDAY)
    read(lake, ago(9), ago(8))
    read(lake, ago(4), ago(4))  # before the day was over
    assert read_so_far(lake, SHOP, TODAY, SETTINGS) == ReadSoFar(ago(9), MONDAY)


def test_each_channel_has_a_window_of_its_own(lake: Lake) -> None:
    read(lake, ago(10), ago(9))
    assert daily_window(lake, [SHOP, "new_shop"], TODAY, SETTINGS) == [
        *DayRun(SHOP, ago(30), ago(1)).slices(),
        *DayRun("new_shop", ago(7), ago(1)).slices(),
    ]
    read(lake, ago(30), ago(1))
    assert daily_window(lake, [SHOP], TODAY, SETTINGS) == list(
        DayRun(SHOP, ago(9), ago(1)).slices()
    )
