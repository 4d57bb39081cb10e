"""The asset that reads what posts say: `raw/post_extractions`."""

import dagster as dg

from medwh_assets import keys
from medwh_assets.extraction.in_lake import extract_in_lake
from medwh_assets.slice_asset import slice_asset

_RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)


def extraction_assets(partitions: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the asset for the given date × channel partitions."""
    return [
        slice_asset(
            key=keys.RAW_EXTRACTIONS,
            deps=[keys.LAKE_MESSAGES],
            partitions=partitions,
            work=lambda resources, slices: extract_in_lake(
                resources.lake, resources.extractor, resources.warehouse, slices
            ),
            resources={"lake", "extractor", "warehouse"},
            description=(
                "Table of what posts say, one row a post: products, prices, strength, expiry, "
                "sellers as keyed hashes, language and kind of post. Read again when the rules, "
                "the vocabulary or the pepper change. Loaded slice by slice like the posts."
            ),
            kinds={"python", "postgres", "table"},
            retry_policy=_RETRY,
        )
    ]
