"""Every dbt model as an asset, every dbt test as a check: `staging/…` and `marts/…`."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol, cast

import dagster as dg
from dagster_dbt import dbt_assets

from medwh_assets.dbt.project import models_sha256
from medwh_assets.dbt.resource import connections_of
from medwh_assets.run_process import process_tags
from medwh_assets.verdicts import Noted, Verdict

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

    def note_checks(self, results: Sequence[Noted]) -> None:
        """Keep how tests ended."""
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
            tested: list[Noted] = []
            try:
                # Not dagster-dbt's own `fetch_row_counts`: it reads dbt in a thread that no signal
                # reaches, so that Ctrl-C hangs for ever.
                for event in dbt.stream():
                    if isinstance(event, dg.AssetCheckResult):
                        tested.append(_noted(event))
                    yield _with_row_count(context, resources.builds, event)
            finally:
                # A signal leaves it running; what it has not committed is rolled back.
                if dbt.process.poll() is None:
                    dbt.process.kill()
                    dbt.process.wait()
                resources.builds.note_checks(tested)

    return build


def _with_row_count(context: dg.AssetExecutionContext, builds: Builds, event: Any) -> Any:
    """Add to a model's event how many rows it has, for the UI to plot."""
    if not isinstance(event, dg.Output):
        return event
    output = cast("dg.Output[Any]", event)
    schema, table = context.asset_key_for_output(output.output_name).path
    rows = builds.count_rows(schema, table)
    return cast(Any, output).with_metadata({**output.metadata, "dagster/row_count": rows})


def _noted(result: dg.AssetCheckResult) -> Noted:
    """Return how a test of dbt's ended: what fails as an error keeps dbt from what follows."""
    failed = _failed_rows(result)
    said = "holds" if result.passed else f"fails for {failed} rows" if failed else "fails"
    verdict = Verdict(
        result.passed,
        f"{result.check_name} {said}",
        "WARN" if result.severity == dg.AssetCheckSeverity.WARN else "ERROR",
        {} if failed is None else {"failed_rows": failed},
    )
    asset = result.asset_key.to_user_string() if result.asset_key else ""
    return Noted(asset, str(result.check_name), verdict, verdict.severity == "ERROR")


def _failed_rows(result: dg.AssetCheckResult) -> int | None:
    told = (result.metadata or {}).get("dagster_dbt/failed_row_count")
    value = getattr(told, "value", told)
    return value if isinstance(value, int) else None
