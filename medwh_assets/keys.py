"""The address of every asset that is not a dbt model. Rooms depend on each other by these alone.

A key is an address, its first part the group. dbt's sources and models get theirs from dbt:
`raw/<table>`, `staging/<model>`, `marts/<model>`.
"""

import dagster as dg

LAKE_MESSAGES = dg.AssetKey(["lake", "telegram_messages"])
LAKE_IMAGES = dg.AssetKey(["lake", "telegram_images"])
LAKE_DETECTIONS = dg.AssetKey(["lake", "yolo_detections"])
RAW_MESSAGES = dg.AssetKey(["raw", "telegram_messages"])
RAW_DETECTIONS = dg.AssetKey(["raw", "yolo_detections"])
RAW_EXTRACTIONS = dg.AssetKey(["raw", "post_extractions"])
RAW_CHANNELS = dg.AssetKey(["raw", "channel_facts"])

# In the order in which one slice passes them.
SLICE_STAGES = (
    LAKE_MESSAGES,
    LAKE_IMAGES,
    LAKE_DETECTIONS,
    RAW_MESSAGES,
    RAW_DETECTIONS,
    RAW_EXTRACTIONS,
)
