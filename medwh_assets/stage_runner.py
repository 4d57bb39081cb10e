"""The pipeline without the UI: stage by stage, in one process, in the same Dagster instance.

A step that raises takes its whole range of partitions from every asset behind it, so each stage is
a run of its own and takes the slices that got through the stage before. What a stage has to do is
read off the lake and the ledger, never off what an earlier run meant to do.
"""

import io
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import dagster as dg

from medwh_assets import keys
from medwh_assets.automation.plan import (
    SliceState,
    detections_due,
    images_due,
    load_due,
    messages_due,
)
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Failed, Outcome
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key
from medwh_assets.run_process import process_tags
from medwh_assets.slices import Slice

DBT_STAGE = "dbt"


class Ledger(Protocol):
    """What has been loaded and built so far."""

    def loaded_messages(self) -> dict[Slice, str]:
        """Return the content hash of every slice of posts as loaded last."""
        ...

    def loaded_detections(self) -> dict[Slice, str]:
        """Return the content hash of every slice of detections as loaded last."""
        ...

    def unbuilt_loads(self) -> int:
        """Return how many loads no finished build holds."""
        ...


class Watcher(Protocol):
    """Who shows the stages go by; also the `progress` resource of the runs."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins, with this many slices to do."""
        ...

    def advance(self, stage: str, outcome: Outcome) -> None:
        """One slice of the stage ended."""
        ...

    def finished(self, name: str, seconds: float) -> None:
        """The stage ended."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which slices a run is about.

    Attributes:
        read: slices whose posts are read again from their source.
        channels: only these channels; all if empty.
        first: no day before this.
        last: no day after this.
    """

    read: tuple[Slice, ...] = ()
    channels: frozenset[str] = frozenset()
    first: date = date.min
    last: date = date.max

    def covers(self, piece: Slice) -> bool:
        """Whether a slice is within the bounds."""
        return (
            not self.channels or piece.channel in self.channels
        ) and self.first <= piece.date <= self.last


@dataclass(slots=True)
class StageResult:
    """How a stage went."""

    name: str
    slices: int
    seconds: float


@dataclass(slots=True)
class RunResult:
    """How a whole run went: every stage, and what failed where, in words."""

    stages: list[StageResult] = field(default_factory=list[StageResult])
    failures: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


class StageRunner:
    """Runs stages of one code location in one Dagster instance.

    Args:
        definitions: the code location; its `progress` resource is this runner's recorder.
        instance: where the runs are recorded.
        lake: the lake that the assets work on.
        ledger: what the database has.
        model: gives the fingerprint of the configured detection model.
        recorder: the `progress` resource that `definitions` was built with.
    """

    def __init__(
        self,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        lake: Lake,
        ledger: Ledger,
        model: Callable[[], str],
        recorder: "Recorder",
    ) -> None:
        """Remember the parts; nothing runs yet."""
        self._job = definitions.resolve_implicit_global_asset_job_def()
        self._instance = instance
        self._lake = lake
        self._ledger = ledger
        self._model = model
        self._recorder = recorder

    def run(self, selection: Selection, *, detect: bool = True) -> RunResult:
        """Work on everything that is due within a selection, then build.

        Args:
            selection: which slices, and which of them to read again.
            detect: False leaves detections out, where no detector is installed.
        """
        result = RunResult()
        self._add_channels({*self._lake.channels(), *(piece.channel for piece in selection.read)})
        failed: set[Slice] = set()
        for key in keys.SLICE_STAGES:
            if not detect and key in (keys.LAKE_DETECTIONS, keys.RAW_DETECTIONS):
                continue
            due = [s for s in self._due(key, selection) if s not in failed and selection.covers(s)]
            failed |= self._stage(key, due, result)
        self._build(result)
        return result

    def build(self) -> RunResult:
        """Bring every load that is not built yet into the marts."""
        result = RunResult()
        self._build(result)
        return result

    def _due(self, key: dg.AssetKey, selection: Selection) -> list[Slice]:
        states = [self._state(piece) for piece in self._lake.slices()]
        if key == keys.LAKE_MESSAGES:
            return sorted({*selection.read, *(s.slice for s in states if messages_due(s))})
        if key == keys.LAKE_IMAGES:
            return [s.slice for s in states if images_due(s)]
        if key == keys.LAKE_DETECTIONS:
            model = self._model() if states else ""
            return [s.slice for s in states if detections_due(s, model)]
        if key == keys.RAW_MESSAGES:
            ledger = self._ledger.loaded_messages()
            return [s.slice for s in states if load_due(s.messages, s.slice, ledger)]
        ledger = self._ledger.loaded_detections()
        return [s.slice for s in states if load_due(s.detections, s.slice, ledger)]

    def _state(self, piece: Slice) -> SliceState:
        return SliceState(
            slice=piece,
            manifest=self._lake.manifest(piece),
            messages=self._lake.file_sha256("telegram_messages", piece),
            images=self._lake.file_sha256("telegram_images", piece),
            detections=self._lake.file_sha256("yolo_detections", piece),
        )

    def _stage(self, key: dg.AssetKey, due: Sequence[Slice], result: RunResult) -> set[Slice]:
        name = key.to_user_string()
        started = time.monotonic()
        self._recorder.begin(name, len(due))
        failed: set[Slice] = set()
        if due:
            # Dagster wants to know of a partition wherever an asset has one upstream; the slices
            # to work on stand in the configuration, for the reason given in `slice_asset`.
            anchor = str(partition_key(due[0]))
            run = self._job.execute_in_process(
                instance=self._instance,
                asset_selection=[key],
                tags={**process_tags(), RANGE_START: anchor, RANGE_END: anchor},
                run_config={
                    **_QUIET,
                    "ops": {
                        key.to_python_identifier(): {
                            "config": {"slices": [str(piece) for piece in due]}
                        }
                    },
                },
                raise_on_error=False,
            )
            # A slice may have been tried more than once; its last outcome counts.
            ends = {outcome.slice: outcome for outcome in self._recorder.take()}
            failures = {o.slice: o.reason for o in ends.values() if isinstance(o, Failed)}
            result.failures += [(name, str(piece), why) for piece, why in sorted(failures.items())]
            failed |= set(failures)
            unreached = set(due) - set(ends)
            if not run.success and unreached:
                # The step itself broke, so nothing is known of the slices it did not get to.
                failed |= unreached
                result.failures.append((name, f"{len(unreached)} slices", _step_error(run)))
        self._finish(name, len(due), started, result)
        return failed

    def _build(self, result: RunResult) -> None:
        waiting = self._ledger.unbuilt_loads()
        started = time.monotonic()
        self._recorder.begin(DBT_STAGE, waiting)
        if waiting:
            models = [
                key
                for key in self._job.asset_layer.executable_asset_keys
                if key not in keys.SLICE_STAGES
            ]
            # dagster-dbt echoes dbt's lines; they stand in dbt's own log too.
            with redirect_stdout(io.StringIO()):
                run = self._job.execute_in_process(
                    instance=self._instance,
                    asset_selection=models,
                    tags=process_tags(),
                    run_config=_QUIET,
                    raise_on_error=False,
                )
            if not run.success:
                result.failures.append((DBT_STAGE, "build", _step_error(run)))
        self._finish(DBT_STAGE, waiting, started, result)

    def _finish(self, name: str, slices: int, started: float, result: RunResult) -> None:
        seconds = time.monotonic() - started
        result.stages.append(StageResult(name, slices, seconds))
        self._recorder.end(name, seconds)

    def _add_channels(self, channels: Collection[str]) -> None:
        absent = sorted(set(channels) - set(self._channel_order()))
        if absent:
            self._instance.add_dynamic_partitions(str(CHANNELS.name), absent)

    def _channel_order(self) -> Sequence[str]:
        return CHANNELS.get_partition_keys(dynamic_partitions_store=self._instance)


class Recorder:
    """The `progress` resource of the runner's runs: hands on to the watcher, remembers outcomes."""

    def __init__(self, watcher: Watcher) -> None:
        """Remember who watches."""
        self._watcher = watcher
        self._outcomes: list[Outcome] = []
        self._stage = ""

    def begin(self, stage: str, total: int) -> None:
        """A stage begins."""
        self._stage = stage
        self._watcher.stage(stage, total)

    def advance(self, stage: str, outcome: Outcome) -> None:
        """One slice ended."""
        self._outcomes.append(outcome)
        self._watcher.advance(self._stage, outcome)

    def end(self, stage: str, seconds: float) -> None:
        """The stage ended."""
        self._watcher.finished(stage, seconds)

    def take(self) -> list[Outcome]:
        """Return the outcomes since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes


# The terminal belongs to the watcher; what Dagster has to say goes to medwh's log file.
_QUIET: dict[str, object] = {"loggers": {"medwh": {}}}


def _step_error(run: dg.ExecuteInProcessResult) -> str:
    for event in run.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data is not None and failure.user_failure_data.description:
                return failure.user_failure_data.description
            if failure.error is not None:
                cause = failure.error.cause or failure.error
                return cause.message.strip()
    return "the run ended before its first step"
