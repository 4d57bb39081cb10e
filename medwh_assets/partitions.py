"""Dagster's partitions of slices: every UTC day since the start date × every channel known so far.

All assets before dbt share one partitions definition and one backfill policy, because Dagster puts
assets into the same backfill run only if both are equal.
"""

from datetime import UTC, date, datetime

import dagster as dg

from medwh_assets.slices import Slice

# Dagster's tags for a run over a range of partitions (both ends included).
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

CHANNELS = dg.DynamicPartitionsDefinition(name="channel")

# A channel-month per run: one run per slice would cost 3 s of start-up each, one run per channel
# and year would lose a year to one crash.
BACKFILL_POLICY = dg.BackfillPolicy.multi_run(max_partitions_per_run=31)


def date_by_channel(start_date: date) -> dg.MultiPartitionsDefinition:
    """Return the date × channel partitions; today is included, its slices stay partial."""
    daily = dg.DailyPartitionsDefinition(
        start_date=datetime(start_date.year, start_date.month, start_date.day, tzinfo=UTC),
        timezone="UTC",
        end_offset=1,
    )
    return dg.MultiPartitionsDefinition({"date": daily, "channel": CHANNELS})


def partition_key(piece: Slice) -> dg.MultiPartitionKey:
    """Return a slice's partition key. Dagster spells it `channel|date`, as `Slice` does."""
    return dg.MultiPartitionKey({"date": piece.date.isoformat(), "channel": piece.channel})


def slice_of(key: str) -> Slice:
    """Return the slice that a partition key stands for."""
    return Slice.parse(str(key))
