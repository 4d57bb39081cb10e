from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.cooldown import RestRun, cooldown_sensor, rest_runs, run_config
from medwh_assets.automation.jobs import JOB_NAME
from medwh_assets.definitions import build_defs
from medwh_assets.partitions import CHANNELS
from medwh_assets.slices import DayRun, Slice

NOW = datetime(2025, 3, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day(number: int) -> date:
    return date(2025, 3, number)


REST = [*(Slice("shop", day(n)) for n in (1, 2, 3, 7)), Slice("abay", day(5))]


@dataclass
class Pauses:
    """What a pause has cut off."""

    left: list[Slice] = field(default_factory=lambda: list(REST))
    until: datetime | None = None
    missing: str | None = None

    def rest(self) -> list[Slice]:
        return self.left

    def cooldown(self) -> datetime | None:
        return self.until

    def unloaded(self, channel: str) -> list[Slice]:
        return [Slice(channel, day(4))]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(CHANNELS.name), ["shop"])
        yield instance


def test_nothing_is_requested_while_the_pause_lasts() -> None:
    assert rest_runs(REST, NOW + HOUR, NOW) == []
    assert rest_runs([], NOW - HOUR, NOW) == []


def test_when_the_pause_is_over_every_channel_gets_a_run_of_its_rest() -> None:
    abay, shop = rest_runs(REST, NOW - HOUR, NOW)
    assert (abay.channel, abay.days) == ("abay", (DayRun("abay", day(5), day(5)),))
    assert shop.days == (DayRun("shop", day(1), day(3)), DayRun("shop", day(7), day(7)))
    assert abay.key != shop.key


def test_a_rest_is_requested_once_and_once_more_the_next_day_or_after_the_next_pause() -> None:
    def key(until: datetime, now: datetime) -> str:
        return rest_runs(REST, until, now)[0].key

    first = key(NOW - HOUR, NOW)
    assert key(NOW - HOUR, NOW + HOUR) == first
    assert key(NOW - HOUR, NOW + timedelta(days=1)) != first
    assert key(NOW + HOUR, NOW + 2 * HOUR) != first


def test_the_run_reads_the_rest_and_takes_along_what_was_read_and_never_loaded() -> None:
    run = RestRun("key", "shop", (DayRun("shop", day(1), day(3)),))
    ops = run_config(run, [Slice("shop", day(4)), Slice("shop", day(9))])["ops"]
    assert isinstance(ops, dict)
    slices = {name: op["config"]["slices"] for name, op in ops.items()}
    assert slices.pop("lake__telegram_messages") == ["shop|2025-03-01..2025-03-03"]
    assert len(slices) == len(keys.SLICE_STAGES) - 1
    for named in slices.values():
        assert named == ["shop|2025-03-01..2025-03-04", "shop|2025-03-09..2025-03-09"]


def test_the_pipeline_takes_the_configuration_of_such_a_run() -> None:
    run = RestRun("key", "shop", (DayRun("shop", day(1), day(3)),))
    job = build_defs().resolve_job_def(JOB_NAME)
    assert dg.validate_run_config(job, run_config(run, []))


def test_the_sensor_waits_then_requests_the_pipeline_for_the_rest(
    instance: dg.DagsterInstance,
) -> None:
    pauses = Pauses(until=datetime.now(UTC) + HOUR)
    sensor = cooldown_sensor(pauses)
    data = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert not data.run_requests
    assert data.skip_message is not None
    assert "5 slices wait until" in data.skip_message

    pauses.until = datetime.now(UTC) - HOUR
    requests = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).run_requests
    assert requests is not None
    assert [r.tags["dagster/asset_partition_range_start"] for r in requests] == [
        "abay|2025-03-05",
        "shop|2025-03-01",
    ]
    assert "abay" in CHANNELS.get_partition_keys(dynamic_partitions_store=instance)


def test_without_a_rest_the_sensor_requests_nothing(instance: dg.DagsterInstance) -> None:
    sensor = cooldown_sensor(Pauses(left=[]))
    data = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert not data.run_requests


def test_the_sensor_runs_by_itself_and_waits_for_a_login(instance: dg.DagsterInstance) -> None:
    sensor = cooldown_sensor(Pauses(missing="run `medwh login`"))
    assert (sensor.name, sensor.default_status.value) == ("telegram_cooldown_sensor", "RUNNING")
    data = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert not data.run_requests
    assert data.skip_message == "5 slices wait: run `medwh login`"
