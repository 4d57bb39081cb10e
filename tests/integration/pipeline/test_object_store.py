"""The lake in an object store: the same marts as on a disk, and workers that share nothing else."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.buckets import bucket, endpoint
from tests.integration.pipeline.conftest import REPOSITORY, Pipeline, settings_of
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


@pytest.mark.timeout(900)
def test_two_workers_that_share_a_database_and_a_bucket_do_one_backfill_together(
    pipeline: Pipeline, clean_pipeline: Pipeline, bucket: Bucket, parsed_project: Path
) -> None:
    posts = write_recording(clean_pipeline.folder / "sample", CHANNELS, days=4)
    clean = replace(clean_pipeline, environment={**clean_pipeline.environment, **WEIGHTS})
    backfill = ["run", *(word for name in CHANNELS for word in ("--channel", name))]
    clean.medwh(*backfill)

    far = replace(pipeline, environment={**pipeline.environment, **bucket.environment})
    # This sets the database up, which both need.
    assert f"{bucket.url}: writable; 0 slices of 0 channels" in far.medwh("doctor", status=None)
    workers: list[subprocess.Popen[str]] = []
    for name in ("worker-one", "worker-two"):
        folder = pipeline.folder / name
        write_recording(folder / "sample", CHANNELS, days=4)
        own = {**settings_of(folder, parsed_project), **WEIGHTS}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "medwh_assets.cli", *backfill],
                env={**pipeline.environment, **own, **bucket.environment},
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    said = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)

    # No duplicate, no lost slice: the lake byte for byte, and the marts, as one run on a disk has
    # made them.
    assert without_clock(bucket.tree()) == without_clock(on_disk(clean.lake))
    assert far.marts() == clean.marts()
    assert far.rows("select count(*) from marts.fct_messages") == [(posts,)]
    # Neither worker kept anything of the lake for itself, and no row says where it lies.
    for name in ("lake", "worker-one/lake", "worker-two/lake"):
        assert not (pipeline.folder / name).exists()
    assert far.rows(
        "select count(*) from raw.telegram_messages where message_data::text like '%%s3:%%'"
    ) == [(0,)]
    assert f"{bucket.url}: writable; 8 slices of 2 channels" in far.medwh("doctor", status=None)
