"""The lake in an object store: the same marts as on a disk, and workers that share nothing else."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.buckets import bucket, endpoint
from tests.integration.pipeline.conftest import REPOSITORY, TIMEOUT_SECONDS, Pipeline, settings_of
from tests.integration.pipeline.recordings import write_recording
from tests.moto_store import Bucket

__all__ = ["bucket", "endpoint"]

CHANNELS = ["demo_one", "demo_two"]
WEIGHTS = {
    "MEDWH_YOLO_WEIGHTS": str(REPOSITORY / "data/demo_weights/medwh_demo_drawings.pt"),
    "MEDWH_YOLO_IMAGE_SIZE": "256",
}


def without_clock(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """When a picture was looked at, which the cache tells, is left out."""
    return {
        name: re.sub(rb'"made_at":"[^"]*"', b"", content)
        for name, content in files.items()
        if ".lock" not in name
    }


def on_disk(lake: Path) -> dict[str, bytes]:
    return {
        file.relative_to(lake).as_posix(): file.read_bytes()
        for file in sorted(lake.rglob("*"))
        if file.is_file()
    }


def in_bucket(pipeline: Pipeline, bucket: Bucket) -> Pipeline:
    return replace(pipeline, environment={**pipeline.environment, **bucket.environment})


def test_a_lake_in_an_object_store_gives_the_marts_of_one_on_a_disk(
    pipeline: Pipeline, clean_pipeline: Pipeline, bucket: Bucket
) -> None:
    for one in (pipeline, clean_pipeline):
        write_recording(one.folder / "sample", CHANNELS, days=3)
    far = in_bucket(pipeline, bucket)
    clean_pipeline.medwh("demo", "--no-serve")
    far.medwh("demo", "--no-serve")
    assert without_clock(bucket.tree()) == without_clock(on_disk(clean_pipeline.lake))
    assert far.marts() == clean_pipeline.marts()
    assert not pipeline.lake.exists()
    # A run again finds nothing to do, and the doctor says what there is.
    before = bucket.tree()
    assert "dbt" in far.medwh("run")
    assert bucket.tree() == before
    assert re.search(
        rf"{bucket.url}: writable; 6 slices of 2 channels", far.medwh("doctor", status=None)
    )
    # No row says where the lake lies.
    assert far.rows(
        "select count(*) from raw.telegram_messages where message_data::text like '%%s3:%%'"
    ) == [(0,)]
    far.medwh("demo", "--remove")
    assert not [key for key in bucket.tree() if not key.startswith("yolo_cache/")]


@pytest.mark.timeout(600)
def test_two_workers_that_share_a_database_and_a_bucket_do_one_backfill_together(
    pipeline: Pipeline, clean_pipeline: Pipeline, bucket: Bucket, parsed_project: Path
) -> None:
    posts = write_recording(clean_pipeline.folder / "sample", CHANNELS, days=6)
    clean = replace(clean_pipeline, environment={**clean_pipeline.environment, **WEIGHTS})
    backfill = ["run", *(word for name in CHANNELS for word in ("--channel", name))]
    clean.medwh(*backfill)

    # What both need once: the database set up.
    in_bucket(pipeline, bucket).medwh("run")
    workers: list[subprocess.Popen[str]] = []
    for name in ("worker-one", "worker-two"):
        folder = pipeline.folder / name
        folder.mkdir()
        write_recording(folder / "sample", CHANNELS, days=6)
        environment = {
            **pipeline.environment,
            **settings_of(folder, parsed_project),
            **bucket.environment,
            **WEIGHTS,
        }
        workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "medwh_assets.cli", *backfill],
                env=environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    for worker in workers:
        said, _ = worker.communicate(timeout=TIMEOUT_SECONDS)
        assert worker.returncode == 0, said

    assert without_clock(bucket.tree()) == without_clock(on_disk(clean.lake))
    assert pipeline.marts() == clean.marts()
    assert pipeline.rows("select count(*) from marts.fct_messages") == [(posts,)]
    # Neither worker kept anything of the lake for itself.
    for name in ("worker-one", "worker-two"):
        assert not list((pipeline.folder / name).rglob("telegram_messages/*/*.json"))
