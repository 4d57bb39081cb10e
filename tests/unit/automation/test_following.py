from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import (
    build_run_requests_with_backfill_policies,
)
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context

from medwh_assets import keys
from medwh_assets.automation.following import FOLLOWING
from medwh_assets.automation.jobs import JOB_NAME
from medwh_assets.automation.lake_watch import events_of
from medwh_assets.definitions import build_defs
from medwh_assets.lake.journal import Seen
from medwh_assets.partitions import CHANNELS, partition_key
from medwh_assets.slice_asset import GOES_ON_TAG
from medwh_assets.slices import DayRun, Slice

# Days of last year: nothing is late enough to be passed by.
OLD = date(2024, 2, 1)
SLICES = [Slice("shop", OLD + timedelta(days=n)) for n in range(3)]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(CHANNELS.name), ["shop"])
        yield instance


class Ticks:
    """Evaluates the conditions again and again, as the sensor does."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._definitions = definitions
        self._instance = instance
        self._cursor: Any = None
        # Something has always happened before.
        (before,) = events_of([Seen(1, ("messages", Slice("shop", date(2020, 1, 1))), "a", 1)])
        instance.report_runless_asset_event(before)
        self.next()

    def next(self) -> dict[dg.AssetKey, set[str]]:
        """Return which partitions of which assets are asked for."""
        result = dg.evaluate_automation_conditions(
            self._definitions,
            self._instance,
            dg.AssetSelection.assets(*FOLLOWING),
            cursor=self._cursor,
        )
        self._cursor = result.cursor
        found: dict[dg.AssetKey, set[str]] = {}
        for key in FOLLOWING:
            if result.get_num_requested(key):
                found[key] = {str(part) for part in result.get_requested_partitions(key)}
        return found


def come(instance: dg.DagsterInstance) -> None:
    for event in events_of(
        Seen(n, ("messages", piece), "abc", 1) for n, piece in enumerate(SLICES)
    ):
        instance.report_runless_asset_event(event)


def test_everything_before_the_marts_follows_on_slices_that_came_into_the_lake(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(definitions, instance)
    assert ticks.next() == {}
    come(instance)
    asked = ticks.next()
    assert set(asked) == set(FOLLOWING)
    expected = {str(partition_key(piece)) for piece in SLICES}
    for key in keys.SLICE_STAGES:
        if key != keys.LAKE_MESSAGES:
            assert asked[key] == expected
    # And once: the next tick asks for nothing.
    assert ticks.next() == {}


def report(instance: dg.DagsterInstance, definitions: dg.Definitions, tags: dict[str, str]) -> None:
    """Report the slices' posts as a run with these tags does."""
    run = instance.create_run_for_job(
        definitions.resolve_implicit_global_asset_job_def(),
        asset_selection=frozenset({keys.LAKE_MESSAGES}),
        tags=tags,
    )
    for piece in SLICES:
        event = dg.AssetMaterialization(keys.LAKE_MESSAGES, partition=partition_key(piece))
        instance.report_dagster_event(
            dg.DagsterEvent(
                dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                run.job_name,
                event_specific_data=_data(event),
            ),
            run.run_id,
        )
    instance.report_run_failed(run)


def _data(event: dg.AssetMaterialization) -> Any:
    from dagster._core.events import StepMaterializationData

    return StepMaterializationData(event)


def test_posts_that_somebody_materialized_alone_are_followed_on(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(definitions, instance)
    report(instance, definitions, {})
    assert set(ticks.next()) == set(FOLLOWING)


def test_a_run_that_goes_on_by_itself_is_not_followed_on(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(definitions, instance)
    report(instance, definitions, {GOES_ON_TAG: "medwh run"})
    assert ticks.next() == {}
    assert definitions.resolve_job_def(JOB_NAME).tags[GOES_ON_TAG]


def test_a_year_of_twenty_channels_is_a_few_hundred_runs_of_a_channel_month(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    channels = [f"shop_{n}" for n in range(20)]
    instance.add_dynamic_partitions(str(CHANNELS.name), channels)
    last = date(2024, 12, 30)
    year = [
        piece for name in channels for piece in DayRun(name, last - timedelta(364), last).slices()
    ]
    asked = [
        AssetKeyPartitionKey(key, str(partition_key(piece)))
        for key in keys.SLICE_STAGES
        for piece in year
    ]
    with partition_loading_context(dynamic_partitions_store=instance):
        requests = build_run_requests_with_backfill_policies(
            asked, definitions.resolve_asset_graph(), instance
        )
    assert len(requests) == 20 * 12
    assert all(set(keys.SLICE_STAGES) == set(one.asset_selection or ()) for one in requests)
