from datetime import UTC, date, datetime

from medwh_assets.automation.judging import (
    channels_are_fresh,
    counts_agree,
    no_drift,
    no_orphans,
    quarantine_is_small,
)
from medwh_assets.verdicts import ChannelFreshness, UnequalSlice

DAY = date(2025, 3, 1)


def channel(name: str, status: str, age: float | None = 1.0) -> ChannelFreshness:
    live = status != "archived"
    return ChannelFreshness(
        name, live, status, datetime(2025, 3, 1, tzinfo=UTC), "ok", DAY, age if live else None,
        30.0 if live else None, 54.0 if live else None,
    )  # fmt: skip


def test_a_live_channel_does_not_hide_a_dead_one() -> None:
    verdict = channels_are_fresh([channel("alive", "fresh"), channel("dead", "overdue", 99)])
    assert (verdict.passed, verdict.severity) == (False, "ERROR")
    assert "dead (99 h" in verdict.description
    assert "alive" not in verdict.description


def test_a_late_channel_is_a_warning_before_it_is_a_failure() -> None:
    verdict = channels_are_fresh([channel("slow", "late", 40)])
    assert (verdict.passed, verdict.severity) == (False, "WARN")


def test_archives_have_no_deadline() -> None:
    verdict = channels_are_fresh([channel("sample", "archived")])
    assert verdict.passed
    assert verdict.details == {"live": 0, "late": 0, "overdue": 0, "archived": 1}


def test_slices_with_other_counts_are_named_and_the_rest_is_counted() -> None:
    unequal = [UnequalSlice(f"shop{n}", DAY, {"raw": 1, "marts": 2}, 40) for n in range(10)]
    verdict = counts_agree(unequal, 0, "raw and the marts")
    assert not verdict.passed
    assert "shop0|2025-03-01" in verdict.description
    assert "and 30 more" in verdict.description
    assert len(verdict.table) == 10


def test_slices_that_are_not_loaded_yet_are_no_fault() -> None:
    verdict = counts_agree([], 4, "the lake and raw")
    assert verdict.passed
    assert "4 slices wait" in verdict.description


def test_a_few_entries_in_the_quarantine_are_life_and_many_are_a_change_upstream() -> None:
    assert quarantine_is_small({}, 0).passed
    assert quarantine_is_small({"images": 1}, 635).passed
    verdict = quarantine_is_small({"posts": 60, "images": 10}, 100)
    assert (verdict.passed, verdict.severity) == (False, "WARN")
    assert verdict.details["of posts"] == 60


def test_a_picture_without_a_post_is_named_by_its_slice() -> None:
    assert no_orphans([], [], 7).passed
    verdict = no_orphans([("shop", DAY, 3)], [], 7)
    assert not verdict.passed
    assert "3 pictures of 1 slices" in verdict.description


def test_a_file_of_a_picture_without_a_post_is_named_by_its_place() -> None:
    verdict = no_orphans([], [("shop", 12)], 7)
    assert (verdict.passed, verdict.severity) == (False, "WARN")
    assert "1 pictures lie in the lake without a post: images/shop/12" in verdict.description
    assert verdict.details["files_listed"] == 7


def test_what_the_models_do_not_know_is_named() -> None:
    assert no_drift({}).passed
    verdict = no_drift({"price": 7, "schema_version 2": 9})
    assert (verdict.passed, verdict.severity) == (False, "ERROR")
    assert "price, schema_version 2" in verdict.description
