"""Every dbt model as an asset, every dbt test as a check: `staging/…` and `marts/…`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol, cast

import dagster as dg
from dagster_dbt import dbt_assets

from medwh_assets.dbt.project import models_sha256
from medwh_assets.dbt.resource import connections_of
from medwh_assets.run_process import process_tags

# dbt's unit tests say nothing of the data and are no asset checks: whoever changes a model runs them
# by dbt's own command. They were a fifth of a build's time, and a log of every statement a tenth.
_BUILD: Final = ("--log-level-file", "info", "build", "--exclude-resource-type", "unit_test")


class Build(Protocol):
    """A build in progress."""

    @property
    def build_id(self) -> int:
        """The id under which the build's loads are fixed."""
        ...

    @property
    def full_refresh(self) -> bool:
        """Whether every model has to be built from nothing."""
        ...


class Builds(Protocol):
    """Who fixes the loads of a build and closes it. The warehouse implements this."""

    def build(
        self, *, models_sha256: str, full_refresh: bool, every_model: bool
    ) -> AbstractContextManager[Build]:
        """Open a build; closing it without an error marks its loads as built if it covered every model.

        Raises:
            LakeBusyError: another build is running.
        """
        ...

    def count_rows(self, schema: str, table: str) -> int:
        """Count the rows of a model that has just been built."""
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
        # Not `context.assets_def`: that has only the selected keys.
        every_model = context.selected_asset_keys == build.keys
        resources = context.resources
        with resources.builds.build(
            models_sha256=models_sha256(Path(resources.dbt.project_dir)),
            full_refresh=config.full_refresh,
            every_model=every_model,
        ) as opened:
            arguments = [*_BUILD, *(["--full-refresh"] if opened.full_refresh else [])]
            with connections_of(opened.build_id):
                dbt = resources.dbt.cli(arguments, context=context)
            try:
                # Not dagster-dbt's own `fetch_row_counts`: it reads dbt in a thread that no signal
                # reaches, so that Ctrl-C hangs for ever.
                for event in dbt.stream():
                    yield _with_row_count(context, resources.builds, event)
            finally:
                # A signal leaves it running; what it has not committed is rolled back.
                if dbt.process.poll() is None:
                    dbt.process.kill()
                    dbt.process.wait()

    return build


def _with_row_count(context: dg.AssetExecutionContext, builds: Builds, event: Any) -> Any:
    """Add to a model's event how many rows it has, for the UI to plot."""
    if not isinstance(event, dg.Output):
        return event
    output = cast("dg.Output[Any]", event)
    schema, table = context.asset_key_for_output(output.output_name).path
    rows = builds.count_rows(schema, table)
    return cast(Any, output).with_metadata({**output.metadata, "dagster/row_count": rows})
