"""Kill -9 inside every asset, and run again: the same lake and the same marts."""

from pathlib import Path

import pytest

from tests.integration.pipeline.conftest import Pipeline
from tests.integration.pipeline.recordings import write_recording

KILLED_RUN = str(Path(__file__).parent / "killed_run.py")
KILLED = -9
# Each run goes on where the one before it was killed; dbt dies once between its tables.
KILLS = (
    ("lake/telegram_messages", "5"),
    ("lake/telegram_images", "3"),
    ("lake/yolo_detections", "2"),
    ("raw/telegram_messages", "4"),
    ("raw/yolo_detections", "1"),
    ("raw/post_extractions", "2"),
    ("dbt", "4"),
)


@pytest.mark.timeout(600)
def test_a_run_killed_inside_every_asset_ends_in_the_same_lake_and_marts(
    pipeline: Pipeline, clean_pipeline: Pipeline
) -> None:
    posts = write_recording(pipeline.folder / "sample", ["demo_one", "demo_two"], days=5)
    write_recording(clean_pipeline.folder / "sample", ["demo_one", "demo_two"], days=5)

    clean_pipeline.medwh("demo", "--no-serve")
    for stage, number in KILLS:
        pipeline.python(KILLED_RUN, stage, number, status=KILLED)
    pipeline.medwh("demo", "--no-serve")

    assert pipeline.rows("select count(*) from marts.fct_messages") == [(posts,)]
    assert pipeline.lake_files() == clean_pipeline.lake_files()
    assert pipeline.marts() == clean_pipeline.marts()
    assert not list(pipeline.lake.rglob("*.tmp"))
    # The killed runs are marked as failed, and none of them holds a slot of a pool.
    dagster = pipeline.database.dagster
    with dagster.connect() as connection:
        alive = connection.execute("select count(*) from runs where status = 'STARTED'").fetchone()
        slots = connection.execute(
            "select count(*) from concurrency_slots where run_id is not null"
        )
        assert (alive, slots.fetchone()) == ((0,), (0,))
