"""The pipeline without the UI: stage by stage, in one process, in the same Dagster instance.

A step that raises takes its whole range of partitions from every asset behind it, so each stage is
a run of its own and takes the slices that got through the stage before. What a stage has to do is
read off the lake and the ledger, never off what an earlier run meant to do. Steps neither wait for
Dagster's pools nor are they tried again.
"""

import io
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import compress
from typing import Protocol

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError

from medwh_assets import keys
from medwh_assets.automation.plan import (
    SliceState,
    detections_due,
    images_due,
    load_due,
    messages_due,
)
from medwh_assets.errors import CoolingDownError, DatabaseUnreachableError, PermanentError
from medwh_assets.extraction.in_lake import extracted_from
from medwh_assets.lake.paths import Layer
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Failed, Outcome, by_reason
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key
from medwh_assets.run_process import process_tags
from medwh_assets.slice_asset import GOES_ON_TAG, INTERRUPTED
from medwh_assets.slices import Slice
from medwh_assets.warehouse.channel_facts import facts_due

DBT_STAGE = "dbt"
_DBT_OP = "dbt_build"
_DETECTION_STAGES = (keys.LAKE_DETECTIONS, keys.RAW_DETECTIONS)


class Ledger(Protocol):
    """What has been loaded and built so far."""

    def loaded_messages(self) -> dict[Slice, str]:
        """Return the content hash of every slice of posts as loaded last."""
        ...

    def loaded_detections(self) -> dict[Slice, str]:
        """Return the content hash of every slice of detections as loaded last."""
        ...

    def loaded_extractions(self) -> dict[Slice, str]:
        """Return the content hash of every slice of extractions as loaded last."""
        ...

    def loaded_channel_facts(self) -> dict[Slice, str]:
        """Return the content hash of every day of channel facts as loaded last."""
        ...

    def unbuilt_loads(self) -> int:
        """Return how many loads no finished build holds."""
        ...

    def models_changed(self, models_sha256: str) -> bool:
        """Whether the marts were built last by models other than these."""
        ...


class Watcher(Protocol):
    """Who shows the stages go by; also the `progress` resource of the runs."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins, with this many slices to do."""
        ...

    def advance(self, stage: str, outcome: Outcome) -> None:
        """One slice of the stage ended."""
        ...

    def finished(self, name: str, seconds: float, failed: int) -> None:
        """The stage ended, and this many of what it had to do failed."""
        ...

    def waiting(self, seconds: float, why: str) -> None:
        """A source waits, for so many more seconds; 0 means that it goes on."""
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
    """How a whole run went: every stage, and what failed where, in words.

    Attributes:
        stages: how each stage went.
        failures: stage, what failed there, and why.
        cooling_down_until: until when Telegram wants to be left alone, if it does.
        not_live: what hinders channels from being read live that should be, if anything does.
    """

    stages: list[StageResult] = field(default_factory=list[StageResult])
    failures: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    cooling_down_until: datetime | None = None
    not_live: str = ""

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
        model: gives the name of the configured detection model, as far as it makes slices due.
        rules: gives the version of the rules that texts are read by.
        models_sha256: gives the hash of the models that a build would build.
        recorder: the `progress` resource that `definitions` was built with.
        blocked: says what speaks against building what was loaded.
    """

    def __init__(
        self,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        lake: Lake,
        ledger: Ledger,
        model: Callable[[], str],
        rules: Callable[[], str],
        models_sha256: Callable[[], str],
        recorder: "Recorder",
        blocked: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Remember the parts; nothing runs yet. The definitions are this runner's own from now on."""
        _let_steps_run_at_once(definitions)
        self._job = definitions.resolve_implicit_global_asset_job_def()
        self._instance = instance
        self._lake = lake
        self._ledger = ledger
        self._model = model
        self._rules = rules
        self._models_sha256 = models_sha256
        self._recorder = recorder
        self._blocked = blocked

    def run(
        self, selection: Selection, *, detect: bool = True, full_refresh: bool = False
    ) -> RunResult:
        """Work on everything that is due within a selection, then build.

        Args:
            selection: which slices, and which of them to read again.
            detect: False leaves detections out, where no detector is installed.
            full_refresh: whether the models are built from nothing, even if no load waits.

        Raises:
            KeyboardInterrupt: the run was interrupted, also where Dagster kept that to itself.
            DatabaseUnreachableError: the server went away.
        """
        result = RunResult()
        self._add_channels({*self._lake.channels(), *(piece.channel for piece in selection.read)})
        failed: dict[dg.AssetKey, set[Slice]] = {}
        for key in keys.SLICE_STAGES:
            if not detect and key in _DETECTION_STAGES:
                continue
            # A stage leaves out what failed in the stages that it is made from, and no more: the
            # posts of a slice are loaded, whatever became of its pictures.
            without: set[Slice] = set()
            for parent in self._job.asset_layer.asset_graph.get(key).parent_keys:
                without |= failed.get(parent, set())
            try:
                due = [piece for piece in self._due(key, selection) if piece not in without]
            except PermanentError as error:
                # No detector, say. The other stages can do without.
                name = key.to_user_string()
                result.failures.append((name, "not begun", str(error)))
                self._recorder.begin(name, 0)
                self._finish(name, 0, time.monotonic(), result, failed=1)
                continue
            failed[key] = without | self._stage(key, due, result)
        facts = facts_due(self._lake, self._ledger.loaded_channel_facts())
        self._stage(keys.RAW_CHANNELS, facts, result)
        if not facts and not self._instance.get_latest_materialization_event(keys.RAW_CHANNELS):
            # That there is nothing is known now: the UI would show the asset as never made.
            self._execute([keys.RAW_CHANNELS], {})
        self._build(result, full_refresh=full_refresh)
        return result

    def build(self) -> RunResult:
        """Bring every load that is not built yet into the marts."""
        result = RunResult()
        self._build(result, full_refresh=False)
        return result

    def _due(self, key: dg.AssetKey, selection: Selection) -> list[Slice]:
        # What is older than the first partition can be no partition's.
        start = self._lake.start_date
        slices = [s for s in self._lake.slices() if s.date >= start and selection.covers(s)]
        if key == keys.LAKE_MESSAGES:
            read = {piece for piece in selection.read if selection.covers(piece)}
            return sorted(
                read
                | {
                    one.slice
                    for one in self._states(slices, "telegram_messages")
                    if messages_due(one)
                }
            )
        if key == keys.LAKE_IMAGES:
            layers: tuple[Layer, ...] = ("telegram_messages", "telegram_images")
            return [one.slice for one in self._states(slices, *layers) if images_due(one)]
        if key == keys.LAKE_DETECTIONS:
            model = self._model() if slices else ""
            layers = ("telegram_images", "yolo_detections")
            states = self._states(slices, *layers)
            return [one.slice for one in states if detections_due(one, model)]
        if key == keys.RAW_MESSAGES:
            return self._to_load("telegram_messages", slices, self._ledger.loaded_messages())
        if key == keys.RAW_DETECTIONS:
            return self._to_load("yolo_detections", slices, self._ledger.loaded_detections())
        return self._to_extract(slices)

    def _to_load(
        self, layer: Layer, slices: Sequence[Slice], ledger: Mapping[Slice, str]
    ) -> list[Slice]:
        def due(piece: Slice) -> bool:
            return load_due(self._lake.file_sha256(layer, piece), piece, ledger)

        return self._chosen(due, slices)

    def _to_extract(self, slices: Sequence[Slice]) -> list[Slice]:
        """Return the slices whose texts were not read as they are by the rules as they are."""
        rules = self._rules() if slices else ""
        ledger = self._ledger.loaded_extractions()

        def made(piece: Slice) -> str | None:
            messages = self._lake.file_sha256("telegram_messages", piece)
            return None if messages is None else extracted_from(messages, rules)

        return self._chosen(lambda piece: load_due(made(piece), piece, ledger), slices)

    def _chosen(self, due: Callable[[Slice], bool], slices: Sequence[Slice]) -> list[Slice]:
        return list(compress(slices, self._lake.files.together(due, slices)))

    def _states(self, slices: Sequence[Slice], *layers: Layer) -> list[SliceState]:
        return self._lake.files.together(lambda piece: self._state(piece, *layers), slices)

    def _state(self, piece: Slice, *layers: Layer) -> SliceState:
        """Look at some files of a slice; all stages over 5,000 slices look for 3 s."""

        def now(layer: Layer) -> str | None:
            return self._lake.file_sha256(layer, piece) if layer in layers else None

        return SliceState(
            slice=piece,
            manifest=self._lake.manifest(piece),
            messages=now("telegram_messages"),
            images=now("telegram_images"),
            detections=now("yolo_detections"),
        )

    def _stage(self, key: dg.AssetKey, due: Sequence[Slice], result: RunResult) -> set[Slice]:
        name = key.to_user_string()
        started = time.monotonic()
        self._recorder.begin(name, len(due))
        failed: set[Slice] = set()
        broke = False
        if due:
            run = self._execute_stage(key, due)
            # A slice may have been tried more than once; its last outcome counts.
            ends = {outcome.slice: outcome for outcome in self._recorder.take()}
            failures = {o.slice: o for o in ends.values() if isinstance(o, Failed)}
            _tell_failures(name, failures, result)
            failed |= set(failures)
            unreached = set(due) - set(ends)
            broke = not run.success and bool(unreached or not failures)
            if broke:
                # The step itself broke, so nothing is known of the slices it did not get to.
                failed |= unreached
                what = f"{len(unreached)} slices" if unreached else "the step"
                result.failures.append((name, what, _step_error(run)))
        self._finish(name, len(due), started, result, failed=max(len(failed), broke))
        return failed

    def _execute_stage(self, key: dg.AssetKey, due: Sequence[Slice]) -> dg.ExecuteInProcessResult:
        if key not in keys.SLICE_STAGES:
            return self._execute([key], {})
        # Dagster wants to know of a partition wherever an asset has one upstream; the slices to
        # work on stand in the configuration, for the reason given in `slice_asset`.
        anchor = str(partition_key(due[0]))
        return self._execute(
            [key],
            {key.to_python_identifier(): {"slices": [str(piece) for piece in due]}},
            {RANGE_START: anchor, RANGE_END: anchor},
        )

    def _build(self, result: RunResult, *, full_refresh: bool) -> None:
        waiting = self._ledger.unbuilt_loads()
        full_refresh = full_refresh or self._ledger.models_changed(self._models_sha256())
        if full_refresh:
            ledgers = (self._ledger.loaded_messages(), self._ledger.loaded_detections())
            waiting = max(waiting, sum(map(len, ledgers)))
        started = time.monotonic()
        self._recorder.begin(DBT_STAGE, waiting)
        failed = False
        hindrances = self._blocked() if waiting or full_refresh else ()
        if hindrances:
            failed = True
            result.failures += [(DBT_STAGE, "not begun", why) for why in hindrances]
        elif waiting or full_refresh:
            models = [
                key
                for key in self._job.asset_layer.executable_asset_keys
                if key not in (*keys.SLICE_STAGES, keys.RAW_CHANNELS)
            ]
            # dagster-dbt echoes dbt's lines; they stand in dbt's own log too.
            with redirect_stdout(io.StringIO()):
                run = self._execute(models, {_DBT_OP: {"full_refresh": full_refresh}})
            failed = not run.success
            if failed:
                result.failures.append((DBT_STAGE, "build", _step_error(run)))
        self._finish(DBT_STAGE, waiting, started, result, failed=failed)

    def _execute(
        self,
        assets: Sequence[dg.AssetKey],
        config: Mapping[str, Mapping[str, object]],
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        try:
            run = self._job.execute_in_process(
                instance=self._instance,
                asset_selection=list(assets),
                tags={**process_tags(), GOES_ON_TAG: "medwh run", **(tags or {})},
                run_config={
                    # The terminal belongs to the watcher; what Dagster has to say goes to the log.
                    "loggers": {"medwh": {}},
                    "ops": {op: {"config": dict(values)} for op, values in config.items()},
                },
                raise_on_error=False,
            )
        except (DBAPIError, DagsterPostgresException) as error:
            raise DatabaseUnreachableError(
                "PostgreSQL went away during the run: what is done is kept; run again when it is back"
            ) from error
        if _was_interrupted(run):
            raise KeyboardInterrupt
        return run

    def _finish(
        self, name: str, slices: int, started: float, result: RunResult, *, failed: int
    ) -> None:
        seconds = time.monotonic() - started
        result.stages.append(StageResult(name, slices, seconds))
        self._recorder.end(name, seconds, failed)

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

    def waiting(self, seconds: float, why: str) -> None:
        """A source waits."""
        self._watcher.waiting(seconds, why)

    def end(self, stage: str, seconds: float, failed: int) -> None:
        """The stage ended."""
        self._watcher.finished(stage, seconds, failed)

    def take(self) -> list[Outcome]:
        """Return the outcomes since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes


def _tell_failures(name: str, failures: Mapping[Slice, Failed], result: RunResult) -> None:
    """List what failed, each reason once; what a pause has cut off is told as one thing."""
    ordered = [outcome for _, outcome in sorted(failures.items(), key=lambda item: item[0])]
    cut_off: list[Failed] = []
    for outcome in ordered:
        if isinstance(outcome.error, CoolingDownError):
            cut_off.append(outcome)
            until = outcome.error.until
            result.cooling_down_until = max(until, result.cooling_down_until or until)
    others = [outcome for outcome in ordered if outcome not in cut_off]
    result.failures += [(name, what, reason) for what, reason in by_reason(others)]
    if cut_off:
        channels = ", ".join(sorted({outcome.slice.channel for outcome in cut_off}))
        what = "slice" if len(cut_off) == 1 else "slices"
        said = f"cooling down: {len(cut_off)} {what} of {channels}"
        result.failures.append((name, said, cut_off[0].reason))


def _let_steps_run_at_once(definitions: dg.Definitions) -> None:
    """Take the steps out of their pools, and let none be tried again by itself.

    Whoever waits for a pool in this process spins (Dagster's pause between two looks is at most 0),
    and waits for ever if the run that holds the slot was killed. The Telegram account, the lake and
    the builds have locks of their own, which die with their holder. And who sits before a terminal
    wants to know within a minute that a server is gone, and tries again when it is back.
    """
    for assets in definitions.assets or ():
        if isinstance(assets, dg.AssetsDefinition) and assets.is_executable:
            for attribute in ("_pool", "_retry_policy"):
                # There is no public way; the tests see to it that these names still mean it.
                setattr(assets.op, attribute, None)


def _was_interrupted(run: dg.ExecuteInProcessResult) -> bool:
    """Whether the run ended by a signal, which Dagster turns into a failure like any other."""
    return any(
        (
            event.is_job_failure
            and event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
        )
        or (event.is_step_failure and _description(event) == INTERRUPTED)
        for event in run.all_events
    )


def _description(event: dg.DagsterEvent) -> str | None:
    told = event.step_failure_data.user_failure_data
    return told.description if told is not None else None


def _step_error(run: dg.ExecuteInProcessResult) -> str:
    for event in run.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if told := _description(event):
                return told
            if failure.error is not None:
                cause = failure.error.cause or failure.error
                return cause.message.strip()
    return "the run ended before its first step"
