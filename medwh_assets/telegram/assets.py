"""The assets that read Telegram into the lake: `lake/telegram_messages` and `lake/telegram_images`."""

import dagster as dg

from medwh_assets import keys
from medwh_assets.slice_asset import slice_asset
from medwh_assets.telegram.reading import read_images, read_slices

_RETRY = dg.RetryPolicy(
    max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)


def telegram_assets(partitions: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the two assets for the given date × channel partitions."""
    return [
        slice_asset(
            key=keys.LAKE_MESSAGES,
            deps=[],
            partitions=partitions,
            work=lambda resources, slices: read_slices(resources.lake, resources.sources, slices),
            content=lambda resources, piece: resources.lake.file_sha256("telegram_messages", piece),
            resources={"lake", "sources"},
            description=(
                "Posts of one channel on one UTC day, as Telegram sent them, one JSON record a post. "
                "Reading a day again adds new posts, edits and counters; it never loses any. "
                "Imported channels are checked where they lie."
            ),
            kinds={"telegram", "json"},
            pool="telegram",
            retry_policy=_RETRY,
        ),
        slice_asset(
            key=keys.LAKE_IMAGES,
            deps=[keys.LAKE_MESSAGES],
            partitions=partitions,
            work=lambda resources, slices: read_images(resources.lake, resources.sources, slices),
            content=lambda resources, piece: resources.lake.file_sha256("telegram_images", piece),
            resources={"lake", "sources"},
            description=(
                "Pictures of one channel on one UTC day: the files under `images/`, and one record "
                "for each with its hash, size and measures, or why it is missing or quarantined."
            ),
            kinds={"telegram", "jpeg"},
            pool="telegram",
            retry_policy=_RETRY,
        ),
    ]
