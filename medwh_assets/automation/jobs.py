"""The pipeline as one job, and the schedule that runs it over the live channels every night."""

from collections.abc import Iterator, Sequence

import dagster as dg

from medwh_assets.automation.plan import daily_ranges, days_to_refresh
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key

JOB_NAME = "telegram_etl_pipeline"
SCHEDULE_NAME = "daily_telegram_etl_schedule"


# Lake, raw, then dbt's models.
PIPELINE = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.all(),
    description=(
        "Read, look at, load and build slices. Run it for one partition or a range of them. For a "
        "backfill go to the asset graph, select the assets and materialize: a backfill of this job "
        "would do only its first partition, so it refuses to."
    ),
)


def daily_schedule(
    channels: Sequence[str], refresh_days: int, deep_refresh_days: int
) -> dg.ScheduleDefinition:
    """Return the schedule: at 00:00 UTC, yesterday and the refresh window of every live channel."""

    @dg.schedule(
        name=SCHEDULE_NAME,
        cron_schedule="0 0 * * *",
        execution_timezone="UTC",
        job_name=JOB_NAME,
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
        days = days_to_refresh(today, refresh_days, deep_refresh_days)
        for first, last in daily_ranges(channels, [*known, *absent], today, days):
            yield dg.RunRequest(
                run_key=f"{today}:{first.channel}:{last.channel}",
                tags={
                    RANGE_START: str(partition_key(first)),
                    RANGE_END: str(partition_key(last)),
                },
            )

    return daily
