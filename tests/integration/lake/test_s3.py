import subprocess
import sys
from pathlib import Path

import pytest

from medwh_assets.errors import LakeUnreachableError, SettingError
from medwh_assets.lake import s3
from medwh_assets.lake.object_store import ABSENT, ConflictError
from medwh_assets.lake.s3 import S3Store
from medwh_assets.lake.store import Lake
from tests.factories import CHANNEL, PIECE, make_post, make_reading, tree
from tests.moto_store import REPOSITORY, Bucket
from tests.unit.lake.test_objects import work_of_every_kind


def test_a_write_is_refused_unless_the_object_is_as_expected(bucket: Bucket) -> None:
    store = bucket.store
    assert (store.get("a"), store.version("a")) == (None, ABSENT)
    first = store.put("a", b"1", ABSENT)
    assert store.get("a") == (b"1", first)
    with pytest.raises(ConflictError):
        store.put("a", b"2", ABSENT)
    second = store.put("a", b"2", first)
    with pytest.raises(ConflictError):
        store.put("a", b"3", first)
    store.delete("a")
    store.delete("a")
    with pytest.raises(ConflictError):
        store.put("a", b"3", second)
    assert store.put("a", b"3") != second
    assert store.get("a", 0) == (b"3", store.version("a"))
    store.put("empty", b"")
    assert store.get("empty", 5) == (b"", store.version("empty"))


def test_a_copy_is_made_inside_the_store(bucket: Bucket) -> None:
    store = bucket.store
    with pytest.raises(ConflictError):
        store.copy("a", "b", ABSENT)
    store.put("a", b"picture")
    copied = store.copy("a", "b", ABSENT)
    assert store.get("b") == (b"picture", copied)


def test_listings_of_more_than_a_page_are_whole_and_sorted(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAGE", 3)
    store = bucket.store
    names = [f"folder/{number:04}" for number in range(7)]
    for key in (*names, "folder/sub/x"):
        store.put(key, b"")
    assert [key for key, _ in store.find("folder/")] == [*names, "folder/sub/x"]
    assert store.folders("folder/") == ["sub"]
    assert list(store.find("nothing/")) == []


def test_a_lake_in_s3_holds_the_same_bytes_as_one_on_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    lake, on_disk = Lake(bucket.url), Lake(tmp_path)
    for one in (lake, on_disk):
        work_of_every_kind(one)
        one.rename_channel(CHANNEL, "new_shop")
    files = tree(tmp_path)
    files.pop("yolo_cache/.lock")
    assert bucket.tree() == files
    lake.check()
    assert [(f.path, f.slice, f.kind) for f in lake.listing()] == [
        (f.path, f.slice, f.kind) for f in on_disk.listing()
    ]


def test_a_bucket_that_is_not_there_is_no_empty_lake(bucket: Bucket) -> None:
    lake = Lake("s3://no-such-bucket/lake")
    for ask in (lake.slices, lambda: lake.posts(PIECE), lake.check):
        with pytest.raises(SettingError, match="there is no bucket 'no-such-bucket'"):
            ask()


def test_a_store_that_does_not_answer_is_no_empty_lake(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(LakeUnreachableError, match="check AWS_ENDPOINT_URL"):
        Lake(bucket.url).posts(PIECE)


def test_without_credentials_it_is_said_what_to_set(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(SettingError, match="AWS_ACCESS_KEY_ID"):
        Lake(bucket.url).posts(PIECE)


def writer(bucket: Bucket, tmp_path: Path, first: int, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "tests.unit.lake.writer", bucket.url, str(first), str(count),
            str(tmp_path / f"started-{first}"),
        ],
        cwd=REPOSITORY,
        env={**bucket.environment, "PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_processes_that_write_one_slice_at_once_lose_nothing(
    bucket: Bucket, tmp_path: Path
) -> None:
    from tests.unit.lake import writer as work

    writers = [writer(bucket, tmp_path, first, 8) for first in (1, 9)]
    assert [process.wait(120) for process in writers] == [0, 0]
    work.write(tmp_path / "alone", 1, 16)
    assert bucket.tree() == tree(tmp_path / "alone")


def test_a_killed_writer_holds_nobody_up_and_leaves_nothing_broken(
    bucket: Bucket, tmp_path: Path
) -> None:
    from tests.unit.lake import writer as work

    lake = Lake(bucket.url)
    for count in (1, 2):
        killed = writer(bucket, tmp_path, 1, 100)
        while not killed.poll() and len(lake.post_days(CHANNEL)) < 3 * count:
            pass
        killed.kill()
        assert killed.wait(10) == -9
    with lake.lock(CHANNEL, 10):
        there = max(lake.post_days(CHANNEL))
    last = there + 1
    work.write(bucket.url, 1, last)
    work.write(tmp_path / "alone", 1, last)
    assert bucket.tree() == tree(tmp_path / "alone")


def test_a_prefix_is_no_part_of_what_the_lake_calls_a_file(bucket: Bucket) -> None:
    lake = Lake(bucket.url)
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    assert [found.path.split("/")[0] for found in lake.listing()] == ["telegram_messages"]
    assert lake.channels() == [CHANNEL]
    assert [key.split("/")[0] for key, _ in S3Store(bucket.name, "").find("")] == ["the"] * 3
