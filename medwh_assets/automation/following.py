"""What follows by itself on what is new: the slices' assets, one after another, by conditions.

dbt's models have no condition, on purpose: a build takes a fixed set of loads through every model at
once, and conditions would ask for some models now and others a tick later. `marts` watches the
ledger instead.
"""

from typing import Any

import dagster as dg

from medwh_assets import keys
from medwh_assets.slice_asset import GOES_ON_TAG

SENSOR_NAME = "automation_sensor"
FOLLOWING = (*(key for key in keys.SLICE_STAGES if key != keys.LAKE_MESSAGES), keys.RAW_CHANNELS)

# Backfills wait behind the daily run.
DAILY_PRIORITY = {"dagster/priority": "10"}
FOLLOWING_PRIORITY = {"dagster/priority": "1"}


def on_news() -> dg.AutomationCondition[Any]:
    """Return the condition of an asset that follows whatever it is made from, old days included.

    Runs that go on by themselves, as the schedule's and `medwh run`'s do, are no news. Dagster's own
    `executed_with_root_target` cannot tell: it knows the run of an asset's last partition alone.
    """
    condition = dg.AutomationCondition
    updated = condition.any_deps_match(
        (
            condition.newly_updated()
            & ~condition.all_new_updates_have_run_tags(tag_keys={GOES_ON_TAG})
        ).with_label("updated by no run that goes on itself")
        | condition.will_be_requested()
    ).with_label("any_deps_updated")
    return (
        updated.since_last_handled() & ~condition.any_deps_in_progress() & ~condition.in_progress()
    ).with_label("on_news")


def follows(key: dg.AssetKey) -> dg.AutomationCondition[Any]:
    """Return the condition of one of `FOLLOWING`.

    Channel facts are few, and loading them is asked for where there are any; by this only once, so
    that the UI does not show the asset as never made.
    """
    return on_news() & dg.AutomationCondition.missing() if key == keys.RAW_CHANNELS else on_news()


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that evaluates the conditions; on unless somebody stops it."""
    return dg.AutomationConditionSensorDefinition(
        SENSOR_NAME,
        target=dg.AssetSelection.assets(*FOLLOWING),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        run_tags=FOLLOWING_PRIORITY,
        description="Looks at pictures, loads and reads texts of slices that came into the lake.",
    )
