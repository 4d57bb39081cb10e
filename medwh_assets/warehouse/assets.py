"""The assets that load the lake into PostgreSQL: `raw/…`."""

import dagster as dg

from medwh_assets import keys
from medwh_assets.slice_asset import due_asset, slice_asset
from medwh_assets.warehouse.channel_facts import load_facts
from medwh_assets.warehouse.from_lake import load_detection_slices, load_message_slices

_RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)


def warehouse_assets(partitions: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the assets, those of slices for the given date × channel partitions."""
    return [
        slice_asset(
            key=keys.RAW_MESSAGES,
            deps=[keys.LAKE_MESSAGES],
            partitions=partitions,
            work=lambda resources, slices: load_message_slices(
                resources.lake, resources.warehouse, slices
            ),
            resources={"lake", "warehouse"},
            description=(
                "Table of posts, one row a post: the record as it lies in the lake, and its text "
                "with phone numbers masked. A slice is loaded in one transaction or not at all; "
                "an unchanged one is skipped."
            ),
            kinds={"postgres", "table"},
            retry_policy=_RETRY,
        ),
        slice_asset(
            key=keys.RAW_DETECTIONS,
            deps=[keys.LAKE_DETECTIONS],
            partitions=partitions,
            work=lambda resources, slices: load_detection_slices(
                resources.lake, resources.warehouse, slices
            ),
            resources={"lake", "warehouse"},
            description=(
                "Table of looked-at pictures, one row a picture, with what the configured model "
                "saw on it. Loaded slice by slice like the posts."
            ),
            kinds={"postgres", "table"},
            retry_policy=_RETRY,
        ),
        due_asset(
            key=keys.RAW_CHANNELS,
            deps=[keys.LAKE_MESSAGES],
            work=lambda resources: load_facts(resources.lake, resources.warehouse),
            resources={"lake", "warehouse"},
            description=(
                "Table of what live channels say of themselves, one row for each time they were "
                "read: title, description, subscribers. Loads every day that is not loaded yet."
            ),
            kinds={"postgres", "table"},
            retry_policy=_RETRY,
        ),
    ]
