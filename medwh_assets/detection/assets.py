"""The asset that looks at images: `lake/yolo_detections`."""

import dagster as dg

from medwh_assets import keys
from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.slice_asset import slice_asset


def detection_assets(partitions: dg.MultiPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the asset for the given date × channel partitions."""
    return [
        slice_asset(
            key=keys.LAKE_DETECTIONS,
            deps=[keys.LAKE_IMAGES],
            partitions=partitions,
            work=lambda resources, slices: detect_in_lake(
                resources.lake, resources.detector, slices
            ),
            content=lambda resources, piece: resources.lake.file_sha256("yolo_detections", piece),
            resources={"lake", "detector"},
            description=(
                "What the model sees on each picture of one channel on one UTC day: class, "
                "confidence and box. A picture on which it sees nothing has a row too; a picture "
                "posted before is not looked at again."
            ),
            kinds={"yolo", "json"},
            pool="yolo",
        )
    ]
