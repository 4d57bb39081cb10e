"""Every dbt model as an asset, every dbt test as a check: `staging/…` and `marts/…`."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
from dagster_dbt import dbt_assets

from medwh_assets.run_process import process_tags


class Build(Protocol):
    """A build in progress: its id, and whether it covers every model."""

    @property
    def build_id(self) -> int:
        """The id under which the build's loads are fixed."""
        ...


class Builds(Protocol):
    """Who fixes the loads of a build and closes it. The warehouse implements this."""

    def build(self, *, full_refresh: bool, every_model: bool) -> AbstractContextManager[Build]:
        """Open a build; closing it without an error marks its loads as built if it covered every model.

        Raises:
            LakeBusyError: another build is running.
        """
        ...


class BuildConfig(dg.Config):
    """How to build the models."""

    full_refresh: bool = False


def dbt_models(manifest: Path) -> dg.AssetsDefinition:
    """Return the models of a manifest as one asset definition.

    They are not partitioned: a build takes every load that is not built yet, whatever its day.
    """

    @dbt_assets(
        manifest=manifest, name="dbt_build", pool="dbt", required_resource_keys={"dbt", "builds"}
    )
    def build(context: dg.AssetExecutionContext, config: BuildConfig) -> Iterator[Any]:
        context.instance.add_run_tags(context.run.run_id, process_tags())
        every_model = context.selected_asset_keys == context.assets_def.keys
        resources = context.resources
        with resources.builds.build(
            full_refresh=config.full_refresh, every_model=every_model
        ) as opened:
            arguments = ["build", "--vars", json.dumps({"build_id": opened.build_id})]
            if config.full_refresh:
                arguments.append("--full-refresh")
            yield from resources.dbt.cli(arguments, context=context).stream().fetch_row_counts()

    return build
