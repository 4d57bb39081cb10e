import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.errors import (
    ChannelPrivateError,
    CoolingDownError,
    PermanentError,
    SourceUnreachableError,
    WeightsError,
)
from medwh_assets.extraction.in_lake import extracted_from
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.partitions import date_by_channel
from medwh_assets.slice_asset import slice_asset
from medwh_assets.slices import Slice
from medwh_assets.stage_runner import Recorder, RunResult, Selection, StageRunner

# Backfill policies are in beta, as they have been for years.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

FIRST = date(2025, 3, 1)
A, B = Slice("alpha", FIRST), Slice("alpha", FIRST + timedelta(days=1))
PARENTS: dict[dg.AssetKey, list[dg.AssetKey]] = {
    keys.LAKE_MESSAGES: [],
    keys.LAKE_IMAGES: [keys.LAKE_MESSAGES],
    keys.LAKE_DETECTIONS: [keys.LAKE_IMAGES],
    keys.RAW_MESSAGES: [keys.LAKE_MESSAGES],
    keys.RAW_DETECTIONS: [keys.LAKE_DETECTIONS],
    keys.RAW_EXTRACTIONS: [keys.LAKE_MESSAGES],
}
# The file that each stage's work leaves in the lake, without a manifest: so every stage is due.
FILES = {
    keys.LAKE_MESSAGES: "telegram_messages",
    keys.LAKE_IMAGES: "telegram_images",
    keys.LAKE_DETECTIONS: "yolo_detections",
}


@dataclass
class Ledger:
    """Nothing is loaded but the extractions that a test names; one load waits to be built.

    Attributes:
        built: the models of the last build.
        waiting: how many loads wait.
        extracted: the extractions that are loaded.
    """

    built: str
    waiting: int = 1
    extracted: dict[Slice, str] = field(default_factory=dict[Slice, str])

    def loaded_messages(self) -> dict[Slice, str]:
        return {}

    def loaded_detections(self) -> dict[Slice, str]:
        return {}

    def loaded_extractions(self) -> dict[Slice, str]:
        return self.extracted

    def loaded_channel_facts(self) -> dict[Slice, str]:
        return {}

    def unbuilt_loads(self) -> int:
        return self.waiting

    def models_changed(self, models_sha256: str) -> bool:
        return self.built != models_sha256


@dataclass
class Watcher:
    """Remembers how many failed in each stage."""

    failed: dict[str, int] = field(default_factory=dict[str, int])

    def stage(self, name: str, total: int) -> None:
        pass

    def advance(self, stage: str, outcome: Outcome) -> None:
        pass

    def finished(self, name: str, seconds: float, failed: int) -> None:
        self.failed[name] = failed

    def waiting(self, seconds: float, why: str) -> None:
        pass


@dataclass
class World:
    """Stages that write empty files, and do what a test tells them to do instead."""

    lake: Lake
    instance: dg.DagsterInstance
    bad: dict[tuple[dg.AssetKey, Slice], Exception] = field(
        default_factory=dict[tuple[dg.AssetKey, Slice], Exception]
    )
    broken: dict[dg.AssetKey, Exception] = field(default_factory=dict[dg.AssetKey, Exception])
    killed_in: dg.AssetKey | None = None
    no_model: Exception | None = None
    ledger: Ledger = field(default_factory=lambda: Ledger("models"))
    models: str = "models"
    did: dict[dg.AssetKey, list[Slice]] = field(default_factory=dict[dg.AssetKey, list[Slice]])
    tries: int = 0
    refreshed: list[bool] = field(default_factory=list[bool])
    watcher: Watcher = field(default_factory=Watcher)
    rules: str = "rules"
    hindrances: list[str] = field(default_factory=list[str])

    def run(self, selection: Selection | None = None, **options: bool) -> RunResult:
        recorder = Recorder(self.watcher)
        runner = StageRunner(
            self._definitions(recorder),
            self.instance,
            self.lake,
            self.ledger,
            self._model,
            lambda: self.rules,
            lambda: self.models,
            recorder,
            lambda: self.hindrances,
        )
        return runner.run(selection or Selection(read=(A, B)), **options)

    def _model(self) -> str:
        if self.no_model:
            raise self.no_model
        return "model"

    def _work(self, key: dg.AssetKey, slices: Sequence[Slice]) -> Iterator[Outcome]:
        self.did[key] = list(slices)
        self.tries += 1
        for piece in slices:
            if key == self.killed_in:
                os.kill(os.getpid(), signal.SIGINT)
            if error := self.bad.get((key, piece)):
                yield Failed(piece, error)
                continue
            if layer := FILES.get(key):
                self.lake.write(f"{layer}/{piece.date}/{piece.channel}.json", b"[]\n")
            yield Done(piece, {})
        if error := self.broken.get(key):
            raise error

    def _definitions(self, recorder: Recorder) -> dg.Definitions:
        def work_of(key: dg.AssetKey) -> Any:
            return lambda resources, slices: self._work(key, slices)

        @dg.op(name="dbt_build", out=dg.Out(dg.Nothing))
        def build(config: RefreshConfig) -> None:
            self.refreshed.append(config.full_refresh)

        stages = [
            slice_asset(
                key=key,
                deps=parents,
                partitions=date_by_channel(FIRST),
                work=work_of(key),
                resources=set(),
                description="a stage",
                kinds={"json"},
                pool="telegram",
                retry_policy=dg.RetryPolicy(max_retries=1, delay=60),
            )
            for key, parents in PARENTS.items()
        ]
        model = dg.AssetsDefinition.from_op(
            build, keys_by_output_name={"result": dg.AssetKey(["marts", "all_of_it"])}
        )
        return dg.Definitions(
            assets=[*stages, channel_facts, model],
            resources={"progress": recorder},
            executor=dg.in_process_executor,
            loggers={"medwh": dg.colored_console_logger},
        )


@dg.asset(key=keys.RAW_CHANNELS)
def channel_facts() -> None:
    """Nothing is known of channels here."""


class RefreshConfig(dg.Config):
    full_refresh: bool = False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(Lake(tmp_path / "lake", FIRST), instance)


def test_pictures_that_fail_do_not_keep_the_posts_of_their_slice_from_being_loaded(
    world: World,
) -> None:
    world.bad[keys.LAKE_IMAGES, A] = PermanentError("bad pictures")
    result = world.run()
    assert result.failures == [("lake/telegram_images", str(A), "bad pictures")]
    assert world.did[keys.LAKE_DETECTIONS] == [B]
    assert world.did[keys.RAW_MESSAGES] == [A, B]
    assert world.did[keys.RAW_DETECTIONS] == [B]
    assert world.watcher.failed["lake/telegram_images"] == 1


def test_posts_that_fail_take_their_slice_out_of_every_stage_behind(world: World) -> None:
    world.bad[keys.LAKE_MESSAGES, A] = PermanentError("bad posts")
    world.lake.write(f"telegram_messages/{A.date}/{A.channel}.json", b"[")
    world.run()
    behind = [world.did[key] for key in keys.SLICE_STAGES[1:]]
    assert behind == [[B]] * (len(keys.SLICE_STAGES) - 1)


def test_texts_are_read_again_when_their_slice_or_the_rules_have_changed(world: World) -> None:
    world.run()
    assert world.did.pop(keys.RAW_EXTRACTIONS) == [A, B]
    messages = {piece: world.lake.file_sha256("telegram_messages", piece) for piece in (A, B)}
    world.ledger.extracted = {
        piece: extracted_from(str(sha256), "rules") for piece, sha256 in messages.items()
    }
    world.run()
    assert keys.RAW_EXTRACTIONS not in world.did
    world.rules = "other rules"
    world.run()
    assert world.did[keys.RAW_EXTRACTIONS] == [A, B]


def test_without_a_detector_posts_are_loaded_and_built_and_the_fix_is_told(world: World) -> None:
    world.no_model = WeightsError("there are no weights: set MEDWH_YOLO_WEIGHTS")
    result = world.run()
    assert result.failures == [("lake/yolo_detections", "not begun", str(world.no_model))]
    assert world.did[keys.RAW_MESSAGES] == [A, B]
    assert world.refreshed == [False]
    assert world.watcher.failed["lake/yolo_detections"] == 1


def test_a_pause_is_told_once_with_all_that_it_cut_off(world: World) -> None:
    noon = datetime(2025, 3, 1, 12, tzinfo=UTC)
    for hours, piece in enumerate((A, B)):
        until = noon + timedelta(hours=hours)
        world.bad[keys.LAKE_MESSAGES, piece] = CoolingDownError("Telegram asked for a pause", until)
    result = world.run()
    assert result.failures == [
        (
            "lake/telegram_messages",
            "cooling down: 2 slices of alpha",
            "Telegram asked for a pause",
        )
    ]
    assert result.cooling_down_until == noon + timedelta(hours=1)
    assert world.refreshed == [False]


def test_a_channel_of_which_no_day_can_be_read_is_told_once(world: World) -> None:
    for piece in (A, B):
        world.bad[keys.LAKE_MESSAGES, piece] = ChannelPrivateError("alpha: private")
    result = world.run()
    assert result.failures == [
        ("lake/telegram_messages", "alpha|2025-03-01..2025-03-02 (2 days)", "alpha: private")
    ]
    assert world.watcher.failed["lake/telegram_messages"] == 2


def test_a_step_that_breaks_after_its_last_slice_is_a_failure_too(world: World) -> None:
    world.broken[keys.RAW_MESSAGES] = PermanentError("broke at the very end")
    result = world.run()
    assert not result.ok
    assert world.watcher.failed["raw/telegram_messages"] == 1


def test_an_interrupt_ends_the_run_at_once_instead_of_trying_again(world: World) -> None:
    world.killed_in = keys.LAKE_IMAGES
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert keys.LAKE_DETECTIONS not in world.did
    assert world.refreshed == []


def test_what_may_pass_is_not_tried_again_while_somebody_waits_for_it(world: World) -> None:
    unreachable = SourceUnreachableError("no answer")
    world.bad[keys.LAKE_MESSAGES, A] = unreachable
    world.broken[keys.RAW_MESSAGES] = unreachable
    result = world.run()
    stages = [stage for stage, _, reason in result.failures if "no answer" in reason]
    assert stages == ["lake/telegram_messages", "raw/telegram_messages"]
    assert world.tries == len(keys.SLICE_STAGES)


def test_a_slot_that_a_killed_run_holds_keeps_nobody_waiting(world: World) -> None:
    storage = world.instance.event_log_storage
    storage.set_concurrency_slots("telegram", 1)
    assert storage.claim_concurrency_slot("telegram", "killed", "step").is_claimed
    assert world.run().ok
    assert world.did[keys.RAW_DETECTIONS] == [A, B]


def test_changed_models_are_built_from_nothing_though_no_load_waits(world: World) -> None:
    world.ledger.waiting = 0
    world.run(Selection())
    assert world.refreshed == []
    world.models = "changed"
    world.run(Selection())
    assert world.refreshed == [True]


def test_a_full_refresh_reaches_the_models(world: World) -> None:
    world.run(Selection(), full_refresh=True)
    assert world.refreshed == [True]


def test_slices_outside_the_bounds_are_left_alone(world: World) -> None:
    world.run(Selection(read=(A, B), last=A.date))
    assert world.did[keys.RAW_MESSAGES] == [A]


def test_slices_before_the_start_date_are_no_partitions(world: World) -> None:
    world.lake.write("telegram_messages/2020-01-01/alpha.json", b"[]\n")
    world.run()
    assert world.did[keys.LAKE_MESSAGES] == [A, B]


def test_that_nothing_is_known_of_channels_is_told_once_so_that_the_ui_misses_nothing(
    world: World,
) -> None:
    world.run()
    world.run()
    told = world.instance.fetch_materializations(keys.RAW_CHANNELS, limit=5).records
    assert len(told) == 1


def test_slices_that_are_not_as_they_were_loaded_keep_the_marts_from_being_built(
    world: World,
) -> None:
    world.hindrances.append("the lake and raw differ in alpha|2025-03-01")
    result = world.run()
    assert world.refreshed == []
    assert result.failures == [("dbt", "not begun", "the lake and raw differ in alpha|2025-03-01")]
    world.hindrances.clear()
    assert world.run().ok
    assert world.refreshed == [False]
