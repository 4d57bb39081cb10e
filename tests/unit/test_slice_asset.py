from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from medwh_assets.errors import (
    CoolingDownError,
    CorruptSliceError,
    PermanentError,
    RetryableError,
)
from medwh_assets.home import BATCH_VARIABLE
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.partitions import CHANNELS, date_by_channel, partition_key
from medwh_assets.run_process import PID_TAG
from medwh_assets.slice_asset import (
    SilentProgress,
    Work,
    due_asset,
    failed_in_run,
    refuse_job_backfill,
    slice_asset,
)
from medwh_assets.slices import DayRun, Slice

# Backfill policies are in beta, as they have been for years.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

FIRST = date(2025, 3, 1)
ORDER = ["zeta", "alpha", "mid"]
KEY = dg.AssetKey(["lake", "telegram_messages"])
OP = KEY.to_python_identifier()
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Stage:
    """A stage's work and its watcher: remembers what it was asked for, fails where told to."""

    bad: dict[Slice, Exception] = field(default_factory=dict[Slice, Exception])
    asked: list[list[Slice]] = field(default_factory=list[list[Slice]])
    watched: list[Outcome] = field(default_factory=list[Outcome])

    def work(self, resources: Any, slices: Sequence[Slice]) -> Iterator[Outcome]:
        assert resources.room == "a resource"
        self.asked.append(list(slices))
        for piece in slices:
            if piece in self.bad:
                yield Failed(piece, self.bad[piece])
            else:
                yield Done(piece, {"posts": piece.date.day, "source": piece.channel})

    def advance(self, stage: str, outcome: Outcome) -> None:
        assert stage == "telegram_messages"
        self.watched.append(outcome)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(CHANNELS.name), ORDER)
        yield instance


def run(
    instance: dg.DagsterInstance,
    stage: Stage,
    tags: dict[str, str],
    slices: Sequence[Slice | DayRun] = (),
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.ExecuteInProcessResult:
    asset = slice_asset(
        key=KEY,
        deps=[],
        partitions=date_by_channel(FIRST),
        work=stage.work,
        resources={"room"},
        description="what a stage does",
        kinds={"json"},
        retry_policy=retry_policy,
    )
    resources = {"room": "a resource", "progress": stage}
    job = dg.Definitions(
        assets=[asset], resources=resources
    ).resolve_implicit_global_asset_job_def()
    config = {"ops": {OP: {"config": {"slices": [str(piece) for piece in slices]}}}}
    return job.execute_in_process(
        instance=instance, tags=tags, run_config=config, raise_on_error=False
    )


def piece(channel: str, day: int) -> Slice:
    return Slice(channel, FIRST + timedelta(days=day - 1))


def span(first: Slice, last: Slice) -> dict[str, str]:
    return {START: str(partition_key(first)), END: str(partition_key(last))}


def recorded(instance: dg.DagsterInstance) -> dict[str, dict[str, object]]:
    """What the instance knows of the asset: the metadata of every materialized partition."""
    found: dict[str, dict[str, object]] = {}
    for record in instance.fetch_materializations(KEY, limit=100).records:
        event = record.asset_materialization
        assert event is not None
        assert event.partition is not None
        assert event.partition not in found
        found[event.partition] = {name: value.value for name, value in event.metadata.items()}
    return found


def reason(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step says."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return data.description or ""


def test_a_single_partition_is_one_slice(instance: dg.DagsterInstance) -> None:
    stage = Stage()
    result = run(instance, stage, span(piece("alpha", 2), piece("alpha", 2)))
    assert result.success
    assert stage.asked == [[piece("alpha", 2)]]
    assert recorded(instance) == {"alpha|2025-03-02": {"posts": 2, "source": "alpha"}}


def test_a_range_is_every_channel_between_on_every_day_between(
    instance: dg.DagsterInstance,
) -> None:
    stage = Stage()
    result = run(instance, stage, span(piece("zeta", 1), piece("alpha", 3)))
    assert result.success
    expected = {piece(channel, day) for channel in ("zeta", "alpha") for day in (1, 2, 3)}
    assert set(stage.asked[0]) == expected
    assert recorded(instance) == {
        str(one): {"posts": one.date.day, "source": one.channel} for one in expected
    }
    assert {outcome.slice for outcome in stage.watched} == expected


@pytest.mark.parametrize("bad", [False, True])
def test_slices_that_are_done_in_one_moment_are_stored_together_also_before_a_failure(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, bad: bool
) -> None:
    monkeypatch.setenv(BATCH_VARIABLE, "10")
    batches: list[int] = []
    store = instance.event_log_storage.store_event_batch

    def counted(events: Sequence[dg.EventLogEntry]) -> None:
        if events[0].dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            batches.append(len(events))
        store(events)

    monkeypatch.setattr(instance.event_log_storage, "store_event_batch", counted)
    stage = Stage(bad={piece("zeta", 9): CorruptSliceError("no JSON")} if bad else {})
    run(instance, stage, span(piece("zeta", 1), piece("zeta", 24)))
    assert batches == ([10, 10, 3] if bad else [10, 10, 4])
    assert len(recorded(instance)) == sum(batches)


def test_one_failing_slice_leaves_the_others_recorded_and_is_named_in_the_failure(
    instance: dg.DagsterInstance,
) -> None:
    stage = Stage(bad={piece("alpha", 2): CorruptSliceError("alpha|2025-03-02: no JSON")})
    result = run(instance, stage, span(piece("alpha", 1), piece("alpha", 3)))
    assert not result.success
    assert recorded(instance).keys() == {"alpha|2025-03-01", "alpha|2025-03-03"}
    description = reason(result)
    assert "1 of 3 slices failed, the others are done" in description
    assert "alpha|2025-03-02: alpha|2025-03-02: no JSON" in description


def test_slices_by_name_are_the_only_ones_worked_on_and_recorded(
    instance: dg.DagsterInstance,
) -> None:
    stage = Stage()
    asked = [piece("zeta", 3), piece("mid", 20)]
    result = run(instance, stage, span(asked[0], asked[0]), asked)
    assert result.success
    assert stage.asked == [asked]
    assert recorded(instance).keys() == {str(one) for one in asked}


def test_slices_by_name_that_fail_leave_the_others_recorded(instance: dg.DagsterInstance) -> None:
    asked = [piece("zeta", 1), piece("zeta", 2), piece("mid", 9)]
    stage = Stage(bad={asked[0]: PermanentError("bad"), asked[1]: ValueError("worse")})
    result = run(instance, stage, span(asked[0], asked[0]), asked)
    assert not result.success
    assert recorded(instance).keys() == {str(asked[2])}
    assert "2 of 3 slices failed" in reason(result)
    assert "ValueError: worse" in reason(result)


def test_a_long_list_of_failures_is_cut_and_says_so(instance: dg.DagsterInstance) -> None:
    asked = [piece("zeta", day) for day in range(1, 26)]
    stage = Stage(bad={one: PermanentError(f"bad {one}") for one in asked})
    result = run(instance, stage, span(asked[0], asked[-1]))
    assert "and 5 more" in reason(result)


def test_one_reason_for_many_days_is_told_once(instance: dg.DagsterInstance) -> None:
    asked = [piece("zeta", day) for day in range(1, 26)]
    stage = Stage(bad=dict.fromkeys(asked, PermanentError("private")))
    result = run(instance, stage, span(asked[0], asked[-1]))
    assert reason(result).count("private") == 1
    assert "zeta|2025-03-01..2025-03-25 (25 days): private" in reason(result)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (PermanentError("for ever"), 1),
        (RetryableError("for now"), 3),
        # In hours, not in the seconds of a retry policy: a sensor asks for it.
        (CoolingDownError("for hours", datetime(2025, 3, 1, 12, tzinfo=UTC)), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(
    instance: dg.DagsterInstance, error: Exception, attempts: int
) -> None:
    stage = Stage(bad={piece("zeta", 1): error})
    tags = span(piece("zeta", 1), piece("zeta", 2))
    run(instance, stage, tags, retry_policy=dg.RetryPolicy(max_retries=2, delay=0))
    assert len(stage.asked) == attempts


def test_runs_of_days_by_name_are_all_their_slices(instance: dg.DagsterInstance) -> None:
    stage = Stage()
    named = [DayRun("zeta", piece("zeta", 2).date, piece("zeta", 4).date), piece("mid", 9)]
    result = run(instance, stage, span(piece("zeta", 2), piece("zeta", 2)), named)
    assert result.success
    expected = [*(piece("zeta", day) for day in (2, 3, 4)), piece("mid", 9)]
    assert stage.asked == [expected]
    assert recorded(instance).keys() == {str(one) for one in expected}


BEHIND = dg.AssetKey(["raw", "telegram_messages"])


def two_stages(
    instance: dg.DagsterInstance,
    stages: Sequence[Work],
    named: Sequence[Slice],
    *,
    hand_on: bool = True,
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.ExecuteInProcessResult:
    """Run two assets, one made from the other, over slices by name."""
    assets = [
        slice_asset(
            key=key,
            deps=deps,
            partitions=date_by_channel(FIRST),
            work=work,
            resources={"room"},
            description="a stage",
            kinds={"json"},
            retry_policy=retry_policy,
        )
        for key, deps, work in zip((KEY, BEHIND), ([], [KEY]), stages, strict=True)
    ]
    job = dg.Definitions(
        assets=assets, resources={"room": "a resource", "progress": SilentProgress()}
    ).resolve_implicit_global_asset_job_def()
    config = {"slices": [str(one) for one in named], "hand_on": hand_on}
    ops = {key.to_python_identifier(): {"config": config} for key in (KEY, BEHIND)}
    return job.execute_in_process(
        instance=instance,
        tags=span(named[0], named[0]),
        run_config={"ops": ops},
        raise_on_error=False,
    )


def done_slices(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Which partitions of an asset are recorded."""
    records = instance.fetch_materializations(key, limit=100).records
    return sorted(str(record.partition_key) for record in records)


@pytest.mark.parametrize("hand_on", [False, True])
def test_slices_by_name_let_the_assets_behind_follow_only_where_that_is_asked_for(
    instance: dg.DagsterInstance, hand_on: bool
) -> None:
    named = [piece("zeta", 2), piece("zeta", 3)]
    before, after = Stage(), Stage()
    result = two_stages(instance, [before.work, after.work], named, hand_on=hand_on)
    assert result.success
    assert after.asked == ([named] if hand_on else [])
    assert done_slices(instance, KEY) == [str(one) for one in named]
    assert done_slices(instance, BEHIND) == ([str(one) for one in named] if hand_on else [])


def test_a_slice_that_fails_is_left_out_of_what_follows_and_stops_no_other(
    instance: dg.DagsterInstance,
) -> None:
    named = [piece("zeta", 2), piece("zeta", 3), piece("mid", 2)]
    before = Stage(bad=dict.fromkeys(named[:2], PermanentError("private")))
    after = Stage(bad={named[2]: CorruptSliceError("no JSON")})
    result = two_stages(instance, [before.work, after.work], named)
    assert result.success
    assert after.asked == [named[2:]]
    # Not even the partition that Dagster takes the run for is said to be there.
    assert done_slices(instance, KEY) == [str(named[2])]
    assert done_slices(instance, BEHIND) == []
    (kept,) = instance.get_runs()
    assert failed_in_run(kept.tags) == {
        "lake__telegram_messages": ["zeta|2025-03-02..2025-03-03 (2 days): private"],
        "raw__telegram_messages": [f"{named[2]}: no JSON"],
    }


def test_a_step_that_cannot_even_begin_lets_the_others_follow(
    instance: dg.DagsterInstance,
) -> None:
    def no_right(resources: Any, slices: Sequence[Slice]) -> Iterator[Outcome]:
        raise PermanentError("no right to load")
        yield

    named = [piece("zeta", 2), piece("zeta", 3)]
    after = Stage()
    result = two_stages(instance, [no_right, after.work], named)
    assert result.success
    assert after.asked == [[]]
    (kept,) = instance.get_runs()
    assert "no right to load" in str(failed_in_run(kept.tags))


def test_what_may_pass_is_tried_again_before_a_run_goes_on_without_it(
    instance: dg.DagsterInstance,
) -> None:
    named = [piece("zeta", 2), piece("zeta", 3)]
    before, after = Stage(bad={named[0]: RetryableError("for now")}), Stage()
    policy = dg.RetryPolicy(max_retries=2, delay=0)
    result = two_stages(instance, [before.work, after.work], named, retry_policy=policy)
    assert result.success
    assert len(before.asked) == 3
    assert after.asked == [named[1:]]


@pytest.mark.parametrize("bad", [False, True])
def test_an_asset_without_partitions_works_on_what_is_due_and_names_what_failed(
    instance: dg.DagsterInstance, bad: bool
) -> None:
    watched: list[Outcome] = []

    class Watcher:
        def advance(self, stage: str, outcome: Outcome) -> None:
            watched.append(outcome)

    def work(resources: Any) -> Iterator[Outcome]:
        assert resources.room == "a resource"
        yield Done(piece("zeta", 1))
        if bad:
            yield Failed(piece("zeta", 2), CorruptSliceError("no JSON"))
        yield Done(piece("zeta", 3))

    asset = due_asset(
        key=dg.AssetKey(["raw", "due"]),
        deps=[],
        work=work,
        resources={"room"},
        description="what is due",
        kinds={"json"},
    )
    result = dg.materialize(
        [asset],
        instance=instance,
        resources={"room": "a resource", "progress": Watcher()},
        raise_on_error=False,
    )
    assert result.success is not bad
    assert len(watched) == 2 + bad
    if bad:
        assert "1 of 3 slices failed" in reason(result)
        assert "zeta|2025-03-02: no JSON" in reason(result)


def test_a_run_says_which_process_it_lives_in(instance: dg.DagsterInstance) -> None:
    run(instance, Stage(), span(piece("zeta", 1), piece("zeta", 1)))
    (kept,) = instance.get_runs()
    assert PID_TAG in kept.tags


def test_a_backfill_of_the_job_is_refused_and_says_what_to_do(
    instance: dg.DagsterInstance,
) -> None:
    stage = Stage()
    tags = {
        **span(piece("zeta", 1), piece("zeta", 9)),
        "dagster/partition/channel": "zeta",
        "dagster/partition/date": str(FIRST),
    }
    result = run(instance, stage, tags)
    assert not result.success
    assert "from the asset page" in reason(result)
    assert stage.asked == []
    assert recorded(instance) == {}


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"dagster/partition/channel": "zeta", "dagster/partition/date": "2025-03-01"},
        {START: "zeta|2025-03-01", END: "zeta|2025-03-09"},
    ],
)
def test_every_other_way_to_start_a_run_is_welcome(tags: dict[str, str]) -> None:
    refuse_job_backfill(tags)
