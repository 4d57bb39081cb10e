"""Everything at once in the real UI, daemon and code server, and nobody starts the marts."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pipeline.conftest import Pipeline
from tests.integration.pipeline.recordings import write_recording, write_scraped_lake
from tests.integration.pipeline.services import SELECTOR, Ui, medwh_up
from tests.integration.pipeline.test_same_marts_from_the_ui import (
    ADD_CHANNEL,
    BACKFILL,
    SLICE_ASSETS,
)

CHANNELS = ["demo_one", "demo_two"]
DAYS = 20
DROPPED, DROPPED_DAYS = "copied_shop", 4
RUNS = """
query($statuses: [RunStatus!]) {
  runsOrError(filter: {statuses: $statuses}) {
    ... on Runs { results { runId status tags { key value } assetSelection { path } } }
  }
}"""
PARTITIONS = """
{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed numMaterializing } } }"""
SENSORS = """
query($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) {
    ... on Sensors { results { name sensorState { status ticks(limit: 20) { status error { message } } } } }
  }
}"""
SCHEDULES = """
query($selector: RepositorySelector!) {
  schedulesOrError(repositorySelector: $selector) {
    ... on Schedules { results { name scheduleState { status } } }
  }
}"""
PATIENCE_SECONDS = 600


def until(holds: Callable[[], Any], what: str, pause: float = 1.0) -> Any:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not yet: {what}"
        time.sleep(pause)
    return found


def runs(ui: Ui, *statuses: str) -> list[dict[str, Any]]:
    return ui.ask(RUNS, statuses=list(statuses))["runsOrError"]["results"]


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["tags"]}


def kill_a_worker(ui: Ui) -> str:
    """Kill the process of a run of the backfill with -9; return the run's id."""

    def working() -> tuple[str, int] | None:
        for run in runs(ui, "STARTED"):
            tags = tags_of(run)
            if "dagster/backfill" in tags and "medwh/pid" in tags:
                return run["runId"], int(tags["medwh/pid"])
        return None

    run_id, pid = until(working, "a run of the backfill works", pause=0.1)
    os.kill(pid, signal.SIGKILL)
    return run_id


def drop(found: Path, lake: Path) -> None:
    """Copy posts and pictures of a channel into a lake, as somebody's script would: no manifest."""
    shutil.copytree(found / "images" / DROPPED, lake / "images" / DROPPED)
    for file in sorted(found.glob(f"telegram_messages/*/{DROPPED}.json")):
        target = lake / file.relative_to(found)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


@pytest.mark.timeout(1800)
def test_a_backfill_files_dropped_into_the_lake_and_a_killed_worker_end_in_the_marts_of_a_clean_run(
    pipeline: Pipeline, clean_pipeline: Pipeline
) -> None:
    for one in (pipeline, clean_pipeline):
        write_recording(one.folder / "sample", CHANNELS, days=DAYS, posts_a_day=2)
    scraped = clean_pipeline.folder / "scraped"
    write_scraped_lake(scraped, DROPPED, days=DROPPED_DAYS)
    clean_pipeline.medwh("import", str(scraped))
    named = [word for channel in (*CHANNELS, DROPPED) for word in ("--channel", channel)]
    clean_pipeline.medwh("run", *named)
    expected = clean_pipeline.marts()
    days = [str(date(2025, 3, 1) + timedelta(days=n)) for n in range(DAYS)]

    with medwh_up(pipeline) as ui:
        for channel in CHANNELS:
            added = ui.ask(ADD_CHANNEL, key=channel, selector=SELECTOR)["addDynamicPartition"]
            assert added["__typename"] == "AddDynamicPartitionSuccess", added
        launched = ui.ask(
            BACKFILL,
            params={
                "assetSelection": [{"path": path} for path in SLICE_ASSETS],
                "partitionNames": [f"{channel}|{day}" for channel in CHANNELS for day in days],
                "fromFailure": False,
            },
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        killed = kill_a_worker(ui)
        drop(clean_pipeline.lake, pipeline.lake)

        slices = len(CHANNELS) * DAYS + DROPPED_DAYS

        def green() -> bool:
            stats = {
                "/".join(node["assetKey"]["path"]): node["partitionStats"]
                for node in ui.ask(PARTITIONS)["assetNodes"]
                if node["partitionStats"] is not None
            }
            return len(stats) == len(SLICE_ASSETS) and all(
                (one["numMaterialized"], one["numFailed"], one["numMaterializing"])
                == (slices, 0, 0)
                for one in stats.values()
            )

        until(green, f"{slices} slices of every asset")

        def built() -> bool:
            try:
                return pipeline.marts() == expected
            except AssertionError:
                return False

        until(built, "the marts are those of the clean run")
        unfinished = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED")
        until(lambda: not runs(ui, *unfinished), "every run has ended")

        # The killed run was taken up by another one, and nothing else failed.
        assert [run["runId"] for run in runs(ui, "FAILURE", "CANCELED")] == [killed]
        states = ui.ask(SENSORS, selector=SELECTOR)["sensorsOrError"]["results"]
        assert {one["name"]: one["sensorState"]["status"] for one in states} == dict.fromkeys(
            [
                "automation_sensor", "checks_sensor", "lake_sensor", "marts_sensor",
                "run_failure_sensor", "telegram_cooldown_sensor",
            ],
            "RUNNING",
        )  # fmt: skip
        failed = [
            (one["name"], tick["error"])
            for one in states
            for tick in one["sensorState"]["ticks"]
            if tick["status"] == "FAILURE"
        ]
        assert failed == []
        # Nobody is logged in, so nothing is read at night.
        (schedule,) = ui.ask(SCHEDULES, selector=SELECTOR)["schedulesOrError"]["results"]
        assert schedule["scheduleState"]["status"] == "STOPPED"

    # What the copy brought was told once; of what runs brought, at most the killed one's was.
    told = pipeline.rows(
        "select channel_username, kind, count(*) from ops.lake_seen group by 1, 2 order by 1, 2"
    )
    assert (DROPPED, "messages", DROPPED_DAYS) in told
    assert len({channel for channel, _, _ in told} - {DROPPED}) <= 1
    said = (pipeline.folder / "state" / "logs" / "failures.log").read_text()
    assert f"({killed[:8]}) failed for demo_" in said
    assert pipeline.rows("select passed from ops.check_results where not passed") == []
    # dbt's tests are among them.
    assert pipeline.rows(
        "select count(*) > 50 from ops.check_results where asset like %s", "marts/%"
    ) == [(True,)]
    assert pipeline.rows("select distinct status from ops.freshness") == [("archived",)]
