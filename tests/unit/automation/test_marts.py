from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.marts import LONGEST_WAIT, build_due, marts_sensor
from medwh_assets.definitions import build_defs
from medwh_assets.verdicts import Unbuilt

NOW = datetime(2025, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACTS = dg.AssetKey(["marts", "fct_messages"])
NOTHING = Unbuilt(0, 0, None, None)


def loads(count: int = 3, newest: int = 7, oldest_ago: int = 5, newest_ago: int = 2) -> Unbuilt:
    return Unbuilt(count, newest, NOW - oldest_ago * MINUTE, NOW - newest_ago * MINUTE)


def due(
    unbuilt: Unbuilt, *, models: str | None = None, blocked: tuple[str, ...] = (), **runs: bool
) -> Any:
    loading, building = runs.get("loading", False), runs.get("building", False)
    return build_due(unbuilt, models, blocked, NOW, loading=loading, building=building)


def test_what_is_loaded_is_built_once_no_more_loads_come() -> None:
    assert due(loads()).key == "3 loads up to 7"
    assert due(loads(newest_ago=0)).key is None
    assert due(loads(), loading=True).key is None


def test_a_backfill_that_loads_for_hours_is_built_in_between() -> None:
    waited = int(LONGEST_WAIT / MINUTE)
    assert due(loads(oldest_ago=waited, newest_ago=0), loading=True).key is not None


def test_nothing_is_built_where_nothing_waits() -> None:
    assert due(NOTHING).key is None
    assert due(NOTHING, models="abc").key == "0 loads up to 0, models abc"


def test_one_build_is_on_its_way_at_a_time() -> None:
    assert due(loads(), building=True).key is None
    assert due(NOTHING, models="abc", building=True).key is None


def test_a_slice_that_is_not_as_it_was_loaded_keeps_everything_from_the_marts() -> None:
    found = due(loads(), blocked=("the lake and raw differ in shop|2025-03-01",))
    assert found.key is None
    assert "shop|2025-03-01" in found.why


def test_a_build_that_failed_is_asked_for_again_when_there_is_something_else_to_build() -> None:
    assert due(loads()).key == due(loads()).key
    assert due(loads(newest=8)).key != due(loads()).key
    assert due(loads(), models="abc").key != due(loads()).key


@dataclass
class Ledger:
    waiting: Unbuilt
    changed: bool = False

    def unbuilt(self) -> Unbuilt:
        return self.waiting

    def models_changed(self, models_sha256: str) -> bool:
        return self.changed


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def tick(instance: dg.DagsterInstance, ledger: Ledger) -> Any:
    sensor = marts_sensor([FACTS], ledger, lambda: "digest", list)
    context = dg.build_sensor_context(
        instance=instance, repository_def=build_defs().get_repository_def()
    )
    return sensor.evaluate_tick(context)


def test_the_sensor_asks_for_every_model_in_one_run(instance: dg.DagsterInstance) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    (request,) = tick(instance, Ledger(Unbuilt(2, 9, past, past))).run_requests
    assert request.asset_selection == [FACTS]
    assert request.run_key == "2 loads up to 9"


def test_the_sensor_waits_for_runs_that_load_or_build(instance: dg.DagsterInstance) -> None:
    past = datetime.now(UTC) - timedelta(seconds=90)
    job = build_defs().resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(
        job,
        asset_selection=frozenset({keys.RAW_MESSAGES}),
        status=dg.DagsterRunStatus.STARTED,
    )
    ledger = Ledger(Unbuilt(2, 9, past, past))
    assert not tick(instance, ledger).run_requests
    instance.report_run_canceled(run)
    assert tick(instance, ledger).run_requests
