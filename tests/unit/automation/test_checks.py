from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.checks import every_slice_is_done
from medwh_assets.automation.jobs import pipeline_config, pipeline_tags
from medwh_assets.errors import ChannelPrivateError
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.partitions import CHANNELS, date_by_channel
from medwh_assets.slice_asset import SilentProgress, slice_asset
from medwh_assets.slices import Slice

# Backfill policies are in beta, as they have been for years.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

FIRST = date(2025, 3, 1)
PARENTS = {
    keys.LAKE_MESSAGES: [],
    keys.LAKE_IMAGES: [keys.LAKE_MESSAGES],
    keys.LAKE_DETECTIONS: [keys.LAKE_IMAGES],
    keys.RAW_MESSAGES: [keys.LAKE_MESSAGES],
    keys.RAW_DETECTIONS: [keys.LAKE_DETECTIONS],
    keys.RAW_EXTRACTIONS: [keys.LAKE_MESSAGES],
}
SLICES = [Slice(name, FIRST + timedelta(days=n)) for name in ("open", "private") for n in range(3)]


def run(bad: str) -> tuple[dg.ExecuteInProcessResult, dict[dg.AssetKey, list[Slice]]]:
    """Run all stages over two channels, one of which cannot be read; say what each did."""
    did: dict[dg.AssetKey, list[Slice]] = {}

    def stage(key: dg.AssetKey) -> dg.AssetsDefinition:
        def work(_: Any, slices: Sequence[Slice]) -> Iterator[Outcome]:
            did[key] = list(slices)
            for piece in slices:
                no = piece.channel == bad
                yield Failed(piece, ChannelPrivateError("not for us")) if no else Done(piece)

        return slice_asset(
            key=key,
            deps=PARENTS[key],
            partitions=date_by_channel(FIRST),
            work=work,
            resources=set(),
            description="a stage",
            kinds={"json"},
        )

    @dg.asset(deps=[keys.RAW_MESSAGES, keys.RAW_DETECTIONS])
    def models() -> None:
        did[dg.AssetKey("models")] = []

    job = dg.Definitions(
        assets=[*map(stage, PARENTS), models],
        asset_checks=[every_slice_is_done],
        resources={"progress": SilentProgress()},
    ).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(CHANNELS.name), ["open", "private"])
        result = job.execute_in_process(
            instance=instance,
            run_config=pipeline_config(SLICES),
            tags=pipeline_tags(SLICES[0]),
            raise_on_error=False,
        )
    return result, did


def test_a_channel_that_fails_costs_itself_alone_and_makes_the_run_red_at_the_end() -> None:
    result, did = run(bad="private")
    assert not result.success
    assert did.pop(keys.LAKE_MESSAGES) == SLICES
    assert did.pop(dg.AssetKey("models")) == []
    assert list(did.values()) == [SLICES[:3]] * 4
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "lake__telegram_messages_every_slice_is_done"
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert "private|2025-03-01..2025-03-03 (3 days): not for us" in str(told.description)


def test_a_run_in_which_nothing_fails_is_green() -> None:
    result, did = run(bad="nobody")
    assert result.success
    assert set(did) == {*keys.SLICE_STAGES, dg.AssetKey("models")}
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.passed
