from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.jobs import JOB_NAME, SCHEDULE_NAME, daily_schedule
from medwh_assets.definitions import build_defs
from medwh_assets.partitions import CHANNELS
from medwh_assets.slices import DayRun, Slice

MIDNIGHT = datetime(2025, 3, 8, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(CHANNELS.name), ["demo_shop", "chemed123"])
        yield instance


def tick(
    instance: dg.DagsterInstance, channels: Sequence[str], midnight: datetime = MIDNIGHT
) -> Any:
    """What the schedule asks for at midnight, with a refresh window of a week, on Mondays a month."""
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=midnight)
    return schedule(channels).evaluate_tick(context)


def schedule(channels: Sequence[str]) -> dg.ScheduleDefinition:
    def window(today: date) -> list[Slice]:
        days = 30 if today.weekday() == 0 else 7
        runs = (DayRun(c, today - timedelta(days), today - timedelta(1)) for c in channels)
        return [piece for run in runs for piece in run.slices()]

    return daily_schedule(channels, window)


def test_the_schedule_runs_the_pipeline_at_midnight_utc() -> None:
    nightly = schedule(["chemed123"])
    assert (nightly.name, nightly.job_name) == (SCHEDULE_NAME, JOB_NAME)
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("0 0 * * *", "UTC")


def slices(request: dg.RunRequest) -> dict[str, list[str]]:
    """Which slices a run's steps are to work on; all of them hand on."""
    ops = request.run_config["ops"]
    assert all(op["config"]["hand_on"] for op in ops.values())
    return {name: op["config"]["slices"] for name, op in ops.items()}


def test_every_night_the_live_channels_are_read_again_and_no_others_in_one_run(
    instance: dg.DagsterInstance,
) -> None:
    (request,) = tick(instance, ["chemed123", "third_shop"]).run_requests
    days = ["chemed123|2025-03-01..2025-03-07", "third_shop|2025-03-01..2025-03-07"]
    assert slices(request) == {key.to_python_identifier(): days for key in keys.SLICE_STAGES}
    assert request.tags["dagster/asset_partition_range_start"] == "chemed123|2025-03-01"
    # It goes before backfills, which have no priority.
    assert int(request.tags["dagster/priority"]) > 0


def test_on_mondays_the_walk_goes_deeper(instance: dg.DagsterInstance) -> None:
    monday = datetime(2025, 3, 10, tzinfo=UTC)
    (request,) = tick(instance, ["chemed123"], monday).run_requests
    assert slices(request)["lake__telegram_messages"] == ["chemed123|2025-02-08..2025-03-09"]


def test_the_pipeline_takes_the_configuration_of_the_nightly_run(
    instance: dg.DagsterInstance,
) -> None:
    (request,) = tick(instance, ["chemed123"]).run_requests
    assert dg.validate_run_config(build_defs().resolve_job_def(JOB_NAME), request.run_config)


def test_a_live_channel_that_is_new_becomes_a_partition(instance: dg.DagsterInstance) -> None:
    assert tick(instance, ["chemed123", "new_shop"]).run_requests
    known = CHANNELS.get_partition_keys(dynamic_partitions_store=instance)
    assert known == ["demo_shop", "chemed123", "new_shop"]


def test_without_live_channels_the_schedule_says_which_setting_names_them(
    instance: dg.DagsterInstance,
) -> None:
    data = tick(instance, [])
    assert not data.run_requests
    assert data.skip_message is not None
    assert "MEDWH_CHANNELS" in data.skip_message
