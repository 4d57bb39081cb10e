"""The lake is the truth: what is made of it again is the same, whatever chance had a hand in it."""

import dataclasses
import shutil
from pathlib import Path
from random import Random

import pytest

from medwh_assets.warehouse.connection import Database
from tests.integration.pipeline.conftest import Pipeline
from tests.integration.pipeline.recordings import write_recording

REBUILT = str(Path(__file__).parent / "rebuilt.py")


@pytest.mark.timeout(600)
def test_a_rebuild_in_any_order_and_with_any_hash_seed_gives_the_same_marts(
    pipeline: Pipeline, clean_pipeline: Pipeline, unmade_database: Database
) -> None:
    write_recording(pipeline.folder / "sample", ["demo_one", "demo_two"], days=5)
    first = with_settings(pipeline, MEDWH_PII_PEPPER="a pepper for tests", PYTHONHASHSEED="0")
    first.medwh("demo", "--no-serve")

    again = with_settings(
        clean_pipeline,
        MEDWH_PII_PEPPER="a pepper for tests",
        MEDWH_LAKE=str(copied(pipeline.lake, pipeline.folder / "first copy", Random(1))),
        PYTHONHASHSEED="1",
    )
    again.python(REBUILT, "1")
    once_more = with_settings(
        dataclasses.replace(again, database=unmade_database),
        MEDWH_LAKE=str(copied(pipeline.lake, pipeline.folder / "second copy", Random(2))),
        POSTGRES_DB=unmade_database.name,
        PYTHONHASHSEED="2",
    )
    once_more.python(REBUILT, "2")

    assert first.rows("select count(*) from marts.fct_offers") > [(0,)]
    assert first.marts() == again.marts() == once_more.marts()


def with_settings(pipeline: Pipeline, **settings: str) -> Pipeline:
    """Return the pipeline with settings of its own."""
    return dataclasses.replace(pipeline, environment={**pipeline.environment, **settings})


def copied(lake: Path, to: Path, random: Random) -> Path:
    """Copy a lake's files in an order of chance, so that its folders list them in another."""
    files = [file for file in lake.rglob("*") if file.is_file()]
    random.shuffle(files)
    for file in files:
        copy = to / file.relative_to(lake)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return to
