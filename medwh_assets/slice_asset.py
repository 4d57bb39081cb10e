"""The one shape of every asset that is partitioned by date and channel.

A run may be asked for one slice, for a range, or (by `medwh run`) for any slices by name. The
room's plain function works on them and says how each ended; here that becomes Dagster's events:
what is done is recorded even if other slices failed, and failures are listed in one error. No
other module knows how Dagster spells any of this.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from pydantic import Field

from medwh_assets.errors import CoolingDownError, MedwhError, PermanentError
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.partitions import BACKFILL_POLICY, RANGE_START, partition_key, slice_of
from medwh_assets.run_process import process_tags
from medwh_assets.slices import DayRun, Slice

_PARTITION_TAGS = "dagster/partition/"
_LISTED_FAILURES = 20

# What a step that a signal ended says of itself.
INTERRUPTED = "interrupted; what is done is kept"


class Progress(Protocol):
    """Who watches the slices go by: `medwh run`'s display, or nobody in the UI."""

    def advance(self, stage: str, outcome: Outcome) -> None:
        """Take note of one slice's end."""
        ...


class SilentProgress:
    """For runs that the UI watches by their events."""

    def advance(self, stage: str, outcome: Outcome) -> None:
        """Do nothing."""


class StageConfig(dg.Config):
    """What a run works on, where that is not its range of partitions."""

    slices: list[str] = Field(
        default=[],
        description=(
            "Work on these slices (channel|date) or runs of days (channel|first..last) instead, "
            "as `medwh run` does."
        ),
    )
    hand_on: bool = Field(
        default=False,
        description="With `slices`: let the assets behind this one follow in the same run.",
    )


Work = Callable[[Any, Sequence[Slice]], Iterator[Outcome]]


def slice_asset(
    *,
    key: dg.AssetKey,
    deps: Sequence[dg.AssetKey],
    partitions: dg.MultiPartitionsDefinition,
    work: Work,
    resources: set[str],
    description: str,
    kinds: set[str],
    pool: str | None = None,
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Make an asset that works on slices.

    Args:
        key: the asset's address; its first part is the group.
        deps: addresses of what it is made from, same partitions.
        partitions: the one date × channel definition that all share.
        work: takes the resources and the slices, yields an outcome per slice.
        resources: names of the resources that `work` uses.
        description: an analyst's words for the UI.
        kinds: at most three, shown as icons.
        pool: concurrency pool that one step at a time may hold.
        retry_policy: for failures that are not permanent.
    """

    @dg.asset(
        key=key,
        deps=list(deps),
        partitions_def=partitions,
        backfill_policy=BACKFILL_POLICY,
        group_name=key.path[0],
        description=description,
        kinds=kinds,
        pool=pool,
        retry_policy=retry_policy,
        required_resource_keys={*resources, "progress"},
        output_required=False,
    )
    def materialize(
        context: dg.AssetExecutionContext, config: StageConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        refuse_job_backfill(context.run.tags)
        context.instance.add_run_tags(context.run.run_id, process_tags())
        try:
            if config.slices:
                # A range of date × channel partitions is a cross product, and Dagster plans an
                # event for each of its keys (8 ms): slices here and there would pay for all between.
                named = [DayRun.parse(text) for text in config.slices]
                slices = [piece for run in named for piece in run.slices()]
                yield from _run_slices(context, slices, hand_on=config.hand_on)
            else:
                keys = context.partition_keys
                yield from _run_partitions(context, [slice_of(key) for key in keys])
        except PermanentError as error:
            # It is about the step as a whole: no right to load, say.
            raise dg.Failure(str(error), allow_retries=False) from error
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as signal:
            # Dagster would wait out the retry policy, 30 s, and then begin again.
            raise dg.Failure(INTERRUPTED, allow_retries=False) from signal

    def _run_slices(
        context: dg.AssetExecutionContext, slices: Sequence[Slice], *, hand_on: bool
    ) -> Iterator[dg.MaterializeResult[Any]]:
        failed: list[Failed] = []
        # Dagster reports the run's own partition itself when the step hands on to the next.
        its_own = {slice_of(key) for key in context.partition_keys} if hand_on else set[Slice]()
        for outcome in _watched(context, key, work(context.resources, slices)):
            if isinstance(outcome, Failed):
                failed.append(outcome)
            elif outcome.slice in its_own:
                context.add_asset_metadata(
                    dict(outcome.counts), asset_key=key, partition_key=str(outcome.slice)
                )
            else:
                # At once, so that a killed run has reported what it has done.
                _report(context, key, outcome)
        if failed:
            raise _failure(failed, len(slices))
        if hand_on:
            yield dg.MaterializeResult()

    def _run_partitions(
        context: dg.AssetExecutionContext, slices: Sequence[Slice]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        outcomes = list(_watched(context, key, work(context.resources, slices)))
        done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        if failed:
            # Dagster reports all partitions of a step that succeeds and none of one that fails.
            for outcome in done:
                _report(context, key, outcome)
            raise _failure(failed, len(slices))
        for outcome in done:
            context.add_asset_metadata(
                dict(outcome.counts), asset_key=key, partition_key=str(outcome.slice)
            )
        yield dg.MaterializeResult()

    return materialize


def due_asset(
    *,
    key: dg.AssetKey,
    deps: Sequence[dg.AssetKey],
    work: Callable[[Any], Iterator[Outcome]],
    resources: set[str],
    description: str,
    kinds: set[str],
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Make an asset without partitions that works on whatever is due, in pieces.

    Args:
        key: the asset's address; its first part is the group.
        deps: addresses of what it is made from.
        work: takes the resources, finds what is due, yields an outcome per piece.
        resources: names of the resources that `work` uses.
        description: an analyst's words for the UI.
        kinds: at most three, shown as icons.
        retry_policy: for failures that are not permanent.
    """

    @dg.asset(
        key=key,
        deps=list(deps),
        group_name=key.path[0],
        description=description,
        kinds=kinds,
        retry_policy=retry_policy,
        required_resource_keys={*resources, "progress"},
    )
    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        context.instance.add_run_tags(context.run.run_id, process_tags())
        try:
            outcomes = list(_watched(context, key, work(context.resources)))
        except PermanentError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as signal:
            raise dg.Failure(INTERRUPTED, allow_retries=False) from signal
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        if failed:
            raise _failure(failed, len(outcomes))
        return dg.MaterializeResult(metadata={"loaded": len(outcomes)})

    return materialize


def refuse_job_backfill(tags: Mapping[str, str]) -> None:
    """Stop a backfill of the job, which this Dagster cuts down to its first partition.

    Raises:
        dagster.Failure: the run carries both a range and a single partition (dagster#28861).
    """
    if RANGE_START in tags and any(tag.startswith(_PARTITION_TAGS) for tag in tags):
        raise dg.Failure(
            "A backfill of the job would do only its first partition and call all of them done. "
            "Launch the backfill from the asset page instead: select the assets, then Materialize.",
            allow_retries=False,
        )


def _watched(
    context: dg.AssetExecutionContext, key: dg.AssetKey, outcomes: Iterator[Outcome]
) -> Iterator[Outcome]:
    """Hand outcomes on, each shown to whoever watches, failures in the run's log too."""
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            context.log.error(f"{outcome.slice}: {outcome.reason}", exc_info=_unknown(outcome))
        context.resources.progress.advance(key.path[-1], outcome)
        yield outcome


def _unknown(outcome: Failed) -> Exception | None:
    """Return the error if its traceback helps: one of ours says all in its message."""
    return None if isinstance(outcome.error, MedwhError) else outcome.error


def _report(context: dg.AssetExecutionContext, key: dg.AssetKey, outcome: Done) -> None:
    context.log_event(
        dg.AssetMaterialization(
            key, partition=partition_key(outcome.slice), metadata=dict(outcome.counts)
        )
    )


def _failure(failed: Sequence[Failed], total: int) -> dg.Failure:
    lines = [f"- {outcome.slice}: {outcome.reason}" for outcome in failed[:_LISTED_FAILURES]]
    if len(failed) > _LISTED_FAILURES:
        lines.append(f"- and {len(failed) - _LISTED_FAILURES} more, each in the log above")
    return dg.Failure(
        f"{len(failed)} of {total} slices failed, the others are done:\n" + "\n".join(lines),
        metadata={"failed_slices": len(failed), "reasons": dg.MetadataValue.md("\n".join(lines))},
        # What Telegram has put off for hours is asked for by a sensor when the time has come.
        allow_retries=not all(
            isinstance(outcome.error, PermanentError | CoolingDownError) for outcome in failed
        ),
    )
