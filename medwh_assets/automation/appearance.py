"""How assets look in the UI and what follows them: conditions, owners, freshness, links, columns.

Rules cross rooms, so they are laid over the rooms' assets here.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg

from medwh_assets import keys
from medwh_assets.automation.following import FOLLOWING, follows
from medwh_assets.settings import ServeSettings, WatchSettings

OWNERS: Final = ("team:medwh",)
# What the badge is about: what is loaded, and what is read by people.
_WITH_FRESHNESS: Final = (keys.RAW_MESSAGES, dg.AssetKey(["marts", "fct_messages"]))

# Tables of `raw`: name, type, what it is.
_COLUMNS: Final[dict[dg.AssetKey, tuple[tuple[str, str, str], ...]]] = {
    keys.RAW_MESSAGES: (
        ("channel_username", "text", "the channel's name in the lake; part of the key"),
        ("message_id", "bigint", "the post's number in its channel; part of the key"),
        ("message_date", "date", "UTC day of the post"),
        ("message_data", "jsonb", "the record as it lies in the lake; may hold phone numbers"),
        ("text_masked", "text", "the text, phone numbers masked"),
        ("versions_masked", "text[]", "the texts of all its versions, likewise; null if one alone"),
        ("load_id", "bigint", "the load that brought it, in raw.loads"),
        ("loaded_at", "timestamptz", "when it was loaded"),
    ),
    keys.RAW_DETECTIONS: (
        ("channel_username", "text", "the channel's name in the lake; part of the key"),
        ("message_id", "bigint", "the post's number in its channel; part of the key"),
        ("image_date", "date", "UTC day of the post"),
        ("image_sha256", "text", "hash of the picture's file"),
        ("model", "text", "fingerprint of the model that looked"),
        ("detection_data", "jsonb", "the boxes, or why nothing could be seen"),
        ("load_id", "bigint", "the load that brought it, in raw.loads"),
        ("loaded_at", "timestamptz", "when it was loaded"),
    ),
    keys.RAW_EXTRACTIONS: (
        ("channel_username", "text", "the channel's name in the lake; part of the key"),
        ("message_id", "bigint", "the post's number in its channel; part of the key"),
        ("message_date", "date", "UTC day of the post"),
        ("extraction_version", "text", "rules, vocabulary and pepper that the text was read with"),
        ("language", "text", "of the text"),
        ("post_kind", "text", "what the post is for"),
        ("offers", "jsonb", "products with strength, form, pack and price"),
        ("vendor_keys", "text[]", "sellers, as keyed hashes of their phone numbers"),
        ("load_id", "bigint", "the load that brought it, in raw.loads"),
        ("loaded_at", "timestamptz", "when it was loaded"),
    ),
    keys.RAW_CHANNELS: (
        ("channel_username", "text", "the channel's name in the lake; part of the key"),
        ("observed_at", "timestamptz", "when the channel was read; part of the key"),
        ("observed_date", "date", "UTC day of that read"),
        ("facts_data", "jsonb", "what the channel said of itself"),
        ("title_masked", "text", "its title, phone numbers masked"),
        ("about_masked", "text", "its description, phone numbers masked"),
        ("load_id", "bigint", "the load that brought it, in raw.loads"),
        ("loaded_at", "timestamptz", "when it was loaded"),
    ),
}
# Which answer of the API shows what an asset holds.
_ANSWERS: Final = {
    keys.LAKE_MESSAGES: "/api/channels",
    keys.RAW_MESSAGES: "/api/channels",
    keys.LAKE_DETECTIONS: "/api/reports/visual-content",
    keys.RAW_DETECTIONS: "/api/reports/top-products",
    dg.AssetKey(["marts", "fct_messages"]): "/api/search/messages?query=paracetamol",
    dg.AssetKey(["marts", "dim_channels"]): "/api/channels",
    dg.AssetKey(["marts", "fct_image_detections"]): "/api/reports/top-products",
    dg.AssetKey(["marts", "mart_visual_engagement"]): "/api/reports/visual-content",
}


# Where an asset that is no model is made, below the package.
_MADE_IN: Final = {
    keys.LAKE_MESSAGES: "telegram/assets.py",
    keys.LAKE_IMAGES: "telegram/assets.py",
    keys.LAKE_DETECTIONS: "detection/assets.py",
    keys.RAW_MESSAGES: "warehouse/assets.py",
    keys.RAW_DETECTIONS: "warehouse/assets.py",
    keys.RAW_CHANNELS: "warehouse/assets.py",
    keys.RAW_EXTRACTIONS: "extraction/assets.py",
}


def presented(
    assets: Sequence[dg.AssetsDefinition],
    serve: ServeSettings,
    watch: WatchSettings | None,
    dbt_project: Path,
) -> list[dg.AssetsDefinition]:
    """Return assets as the UI shows them.

    Args:
        assets: the rooms' assets.
        serve: where the API answers.
        watch: when what is read live is late; None if no channel is, and so nothing can be.
        dbt_project: folder of the dbt project.
    """
    package = Path(__file__).parents[1]
    files = {key: package / name for key, name in _MADE_IN.items()}
    models = {
        file.stem: file
        for folder, ending in (("models", "sql"), ("seeds", "csv"))
        for file in (dbt_project / folder).rglob(f"*.{ending}")
    }

    def dressed(spec: dg.AssetSpec) -> dg.AssetSpec:
        changes: dict[str, Any] = {
            "owners": list(spec.owners or OWNERS),
            "metadata": {
                **spec.metadata,
                **_metadata(spec.key, serve),
                **_code(files.get(spec.key) or models.get(spec.key.path[-1])),
            },
        }
        if spec.key in FOLLOWING:
            changes["automation_condition"] = follows(spec.key)
        if watch is not None and spec.key in _WITH_FRESHNESS:
            changes["freshness_policy"] = dg.FreshnessPolicy.time_window(
                fail_window=timedelta(hours=watch.freshness_fail_hours),
                warn_window=timedelta(hours=watch.freshness_warn_hours),
            )
        return spec.replace_attributes(**changes)

    return [one.map_asset_specs(dressed) for one in assets]


def _code(file: Path | None) -> dict[str, Any]:
    """Return the link to the file in which an asset is made, which opens in an editor."""
    if file is None:
        return {}
    reference = dg.LocalFileCodeReference(file_path=str(file), line_number=1, label=file.name)
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


def _metadata(key: dg.AssetKey, serve: ServeSettings) -> dict[str, Any]:
    address = f"http://{serve.api_host}:{serve.api_port}"
    found: dict[str, Any] = {"documentation": dg.MetadataValue.url(f"{address}/warehouse")}
    if key in _ANSWERS:
        found["api"] = dg.MetadataValue.url(address + _ANSWERS[key])
    if key in _COLUMNS:
        columns = [
            dg.TableColumn(name, kind, description) for name, kind, description in _COLUMNS[key]
        ]
        found["dagster/column_schema"] = dg.TableSchema(columns)
    return found
