"""The pipeline as one job, and the schedule that runs it over the live channels every night."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

import dagster as dg

from medwh_assets import keys
from medwh_assets.automation.following import DAILY_PRIORITY
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key
from medwh_assets.slice_asset import GOES_ON_TAG
from medwh_assets.slices import Slice, day_runs

JOB_NAME = "telegram_etl_pipeline"
SCHEDULE_NAME = "daily_telegram_etl_schedule"


# Lake, raw, then dbt's models.
PIPELINE = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.all(),
    tags={GOES_ON_TAG: JOB_NAME},
    description=(
        "Read, look at, load and build slices. Run it for one partition or a range of them. For a "
        "backfill go to the asset graph, select the assets and materialize: a backfill of this job "
        "would do only its first partition, so it refuses to."
    ),
)


def pipeline_config(read: Iterable[Slice], along: Iterable[Slice] = ()) -> dict[str, object]:
    """Return the configuration of a run of the pipeline over slices, wherever they lie.

    A slice that fails is left out of what follows, and stops no other.

    Args:
        read: what is read from its source.
        along: what lies in the lake and is worked on with it.
    """
    read = set(read)
    first = [str(days) for days in day_runs(read)]
    after = [str(days) for days in day_runs({*read, *along})]
    return {
        "ops": {
            key.to_python_identifier(): {
                "config": {
                    "slices": first if key == keys.LAKE_MESSAGES else after,
                    "hand_on": True,
                }
            }
            for key in keys.SLICE_STAGES
        }
    }


def pipeline_tags(piece: Slice) -> dict[str, str]:
    """Return the tags of such a run: Dagster wants to know of a partition, any of its slices."""
    anchor = str(partition_key(piece))
    return {RANGE_START: anchor, RANGE_END: anchor}


def daily_schedule(
    channels: Sequence[str],
    window: Callable[[date], Sequence[Slice]],
    *,
    is_on: bool = False,
) -> dg.ScheduleDefinition:
    """Return the schedule: at 00:00 UTC, yesterday and the refresh window of every live channel.

    Args:
        channels: the channels to read live.
        window: returns the slices to read on a day.
        is_on: whether it runs until somebody stops it, or does not until somebody starts it.
    """

    @dg.schedule(
        name=SCHEDULE_NAME,
        cron_schedule="0 0 * * *",
        execution_timezone="UTC",
        job_name=JOB_NAME,
        default_status=dg.DefaultScheduleStatus.RUNNING
        if is_on
        else dg.DefaultScheduleStatus.STOPPED,
        description="Yesterday and the refresh window of the channels in MEDWH_CHANNELS.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not channels:
            yield dg.SkipReason("MEDWH_CHANNELS names no channel")
            return
        known = CHANNELS.get_partition_keys(dynamic_partitions_store=context.instance)
        absent = [channel for channel in channels if channel not in known]
        if absent:
            context.instance.add_dynamic_partitions(str(CHANNELS.name), absent)
        today = context.scheduled_execution_time.date()
        due = window(today)
        yield dg.RunRequest(
            run_key=str(today),
            run_config=pipeline_config(due),
            tags={**pipeline_tags(due[0]), **DAILY_PRIORITY},
        )

    return daily
