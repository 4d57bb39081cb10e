"""The check that makes a run red in which something failed, after everything else is done."""

import dagster as dg

from medwh_assets import keys
from medwh_assets.slice_asset import failed_in_run


@dg.asset_check(
    asset=keys.LAKE_MESSAGES,
    additional_deps=[key for key in keys.SLICE_STAGES if key != keys.LAKE_MESSAGES],
    description=(
        "A run by the schedule or a sensor goes on without the slices that fail. Here it says which, "
        "and fails."
    ),
)
def every_slice_is_done(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Say what the steps of this run have left out, step by step.

    Raises:
        dagster.Failure: it is not nothing. Nothing depends on this step, so it costs no slice.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    failed = failed_in_run(run.tags) if run is not None else {}
    if failed:
        lines = [f"- {step}: {line}" for step, told in failed.items() for line in told]
        raise dg.Failure(
            "Some slices failed; everything else is done:\n" + "\n".join(lines),
            metadata={"reasons": dg.MetadataValue.md("\n".join(lines))},
            allow_retries=False,
        )
    return dg.AssetCheckResult(passed=True)
