"""The one shape of every asset that is partitioned by date and channel.

A run may be asked for one slice, for a range, or (by `medwh run`) for any slices by name. The
room's plain function works on them and says how each ended; here that becomes Dagster's events:
what is done is recorded even if other slices failed, and failures are listed in one error. No
other module knows how Dagster spells any of this.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    generate_event_batch_id,
)
from pydantic import Field

from medwh_assets.errors import CoolingDownError, MedwhError, PermanentError
from medwh_assets.outcomes import Done, Failed, Outcome, by_reason
from medwh_assets.partitions import BACKFILL_POLICY, RANGE_START, partition_key, slice_of
from medwh_assets.run_process import process_tags
from medwh_assets.slices import DayRun, Slice, day_runs

# On runs that take their slices through the stages behind them by themselves.
GOES_ON_TAG = "medwh/goes_on"
_PARTITION_TAGS = "dagster/partition/"
# Which slices a step of the run could not do and handed on without; as JSON.
_FAILED_TAGS = "medwh/failed."
# With this Dagster takes a step's output for granted and reports no partition for it.
_UNREPORTED = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
_LISTED_FAILURES = 20
# For so long slices that are done wait for others, to be reported together.
_REPORT_SECONDS: Final = 1.0
# The hash of a slice's file, so that whoever finds the file can tell that a run has brought it.
CONTENT = "content_sha256"

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
        description=(
            "With `slices`: let the assets behind this one follow in the same run, with all slices "
            "but those that failed."
        ),
    )


Work = Callable[[Any, Sequence[Slice]], Iterator[Outcome]]
Content = Callable[[Any, Slice], str | None]


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
    content: Content | None = None,
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
        content: takes the resources and a slice, returns the hash of the file that the asset leaves.
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
                if config.hand_on:
                    yield from _run_and_hand_on(context, slices)
                elif failed := _run_slices(context, slices):
                    raise _failure(failed, len(slices))
            else:
                keys = context.partition_keys
                yield from _run_partitions(context, [slice_of(key) for key in keys])
        except PermanentError as error:
            # It is about the step as a whole: no right to load, say.
            raise dg.Failure(str(error), allow_retries=False) from error
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as signal:
            # Dagster would wait out the retry policy, 30 s, and then begin again.
            raise dg.Failure(INTERRUPTED, allow_retries=False) from signal

    def metadata_of(context: dg.AssetExecutionContext, outcome: Done) -> dict[str, Any]:
        sha256 = content(context.resources, outcome.slice) if content is not None else None
        return {**_metadata(outcome), **({} if sha256 is None else {CONTENT: sha256})}

    def _run_slices(context: dg.AssetExecutionContext, slices: Sequence[Slice]) -> list[Failed]:
        reports = _Reports(context, key)
        failed: list[Failed] = []
        try:
            for outcome in _watched(context, key, work(context.resources, slices)):
                if isinstance(outcome, Failed):
                    failed.append(outcome)
                else:
                    reports.add(outcome.slice, metadata_of(context, outcome))
        finally:
            reports.flush()
        return failed

    def _run_and_hand_on(
        context: dg.AssetExecutionContext, slices: Sequence[Slice]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # A step that fails takes the assets behind it along, for every slice: so it does not fail.
        without = _failed_before(context, deps)
        slices = [piece for piece in slices if piece not in without]
        try:
            failed = _run_slices(context, slices)
        except PermanentError as error:
            # No detector, say. The other assets can do without.
            context.log.error(str(error))
            failed = [Failed(piece, error) for piece in slices]
        tries_left = retry_policy is not None and context.retry_number < retry_policy.max_retries
        if tries_left and _may_pass(failed):
            raise _failure(failed, len(slices))
        _note_failures(context, key, failed, without)
        yield dg.MaterializeResult(metadata=_UNREPORTED)

    def _run_partitions(
        context: dg.AssetExecutionContext, slices: Sequence[Slice]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # Dagster reports all partitions of a step that succeeds and none of one that fails, each
        # with a look at all partitions there are (50 ms): so it reports none.
        if failed := _run_slices(context, slices):
            raise _failure(failed, len(slices))
        yield dg.MaterializeResult(metadata=_UNREPORTED)

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


def failed_in_run(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what the steps of a run have handed on without: step names with slices and reasons.

    Args:
        tags: the run's tags, read anew.
    """
    told = {
        tag.removeprefix(_FAILED_TAGS): json.loads(value)["reasons"]
        for tag, value in tags.items()
        if tag.startswith(_FAILED_TAGS)
    }
    return {step: reasons for step, reasons in told.items() if reasons}


def _failed_before(context: dg.AssetExecutionContext, deps: Sequence[dg.AssetKey]) -> set[Slice]:
    """Return the slices that failed in the steps before, as far as those stand in this run."""
    run = context.instance.get_run_by_id(context.run.run_id)
    tags: Mapping[str, str] = run.tags if run is not None else {}
    found: set[Slice] = set()
    for parent in deps:
        told = json.loads(tags.get(_failed_tag(parent), '{"slices": []}'))
        found |= {piece for days in told["slices"] for piece in DayRun.parse(days).slices()}
    return found


def _note_failures(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    failed: Sequence[Failed],
    without: set[Slice],
) -> None:
    slices = {*without, *(outcome.slice for outcome in failed)}
    if slices:
        told = {"slices": [str(days) for days in day_runs(slices)], "reasons": _lines(failed)}
        tags = {_failed_tag(key): json.dumps(told, ensure_ascii=False)}
        context.instance.add_run_tags(context.run.run_id, tags)


def _failed_tag(key: dg.AssetKey) -> str:
    return _FAILED_TAGS + key.to_python_identifier()


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


class _Reports:
    """Tells Dagster what is done as soon as a second has passed since it was told last.

    An event that is stored by itself opens three connections, a batch of events no more. So where a
    slice takes a second each is told at once, and where it takes milliseconds a kill costs the UI
    what was done in the last second: the lake's sensor or the next run tells it.
    """

    def __init__(self, context: dg.AssetExecutionContext, key: dg.AssetKey) -> None:
        self._step = context.get_step_execution_context()
        self._key = key
        self._waiting: list[dg.AssetMaterialization] = []
        self._told_at = time.monotonic()

    def add(self, piece: Slice, metadata: Mapping[str, Any]) -> None:
        """Report a slice, now or with those that follow it."""
        self._waiting.append(
            dg.AssetMaterialization(self._key, partition=partition_key(piece), metadata=metadata)
        )
        if time.monotonic() - self._told_at >= _REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Report what waits. `AssetExecutionContext.log_event` would do it one by one."""
        events, self._waiting = self._waiting, []
        batch = generate_event_batch_id()
        for number, event in enumerate(events, start=1):
            DagsterEvent.asset_materialization(
                self._step, event, DagsterEventBatchMetadata(batch, is_end=number == len(events))
            )
        self._told_at = time.monotonic()


def _metadata(outcome: Done) -> dict[str, Any]:
    of_run = {title: dg.MetadataValue.md(text) for title, text in outcome.of_run.items()}
    return {**outcome.counts, **of_run}


def _failure(failed: Sequence[Failed], total: int) -> dg.Failure:
    lines = [f"- {line}" for line in _lines(failed)]
    return dg.Failure(
        f"{len(failed)} of {total} slices failed, the others are done:\n" + "\n".join(lines),
        metadata={"failed_slices": len(failed), "reasons": dg.MetadataValue.md("\n".join(lines))},
        allow_retries=_may_pass(failed),
    )


def _lines(failed: Sequence[Failed]) -> list[str]:
    told = by_reason(failed)
    lines = [f"{what}: {reason}" for what, reason in told[:_LISTED_FAILURES]]
    if len(told) > _LISTED_FAILURES:
        lines.append(f"and {len(told) - _LISTED_FAILURES} more, each in the log above")
    return lines


def _may_pass(failed: Sequence[Failed]) -> bool:
    """Whether trying again in seconds may help.

    What Telegram has put off for hours is asked for by a sensor when the time has come.
    """
    return any(not isinstance(one.error, PermanentError | CoolingDownError) for one in failed)
