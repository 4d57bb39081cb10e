import importlib.util
import sys
from datetime import date
from pathlib import Path

import pytest

from medwh_assets.errors import SettingError
from medwh_assets.lake.disk import DiskFiles
from medwh_assets.lake.roots import files_at
from medwh_assets.lake.store import Lake
from medwh_assets.settings import LakeSettings


@pytest.mark.parametrize(
    "url", ["s3://bucket/a/lake", "s3://bucket//a/lake/", "S3://bucket/a/lake"]
)
def test_a_lake_may_lie_in_a_bucket(url: str) -> None:
    files = files_at(url)
    assert (files.url, files.folder) == ("s3://bucket/a/lake", None)


def test_a_whole_bucket_may_be_a_lake() -> None:
    assert files_at("s3://bucket").url == files_at("s3://bucket/").url == "s3://bucket"


def test_a_folder_is_one_with_or_without_a_scheme(tmp_path: Path) -> None:
    for root in (str(tmp_path), f"file://{tmp_path}", tmp_path.name):
        assert isinstance(files_at(root), DiskFiles)
    assert files_at(f"file://{tmp_path}").folder == tmp_path


@pytest.mark.parametrize("root", ["gs://bucket/lake", "https://shop.example/lake", "memory://lake"])
def test_an_unknown_protocol_is_named_with_what_would_do(root: str) -> None:
    with pytest.raises(
        SettingError, match=r"MEDWH_LAKE is .* s3://bucket/prefix.*AWS_ENDPOINT_URL"
    ):
        Lake(root)


@pytest.mark.parametrize("root", ["s3://", "s3:///lake", "s3://bucket/../other", "s3://a b/lake"])
def test_a_url_without_a_bucket_is_refused(root: str) -> None:
    with pytest.raises(SettingError, match="write it as s3://bucket/prefix"):
        Lake(root)


def test_a_missing_package_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'medwh\[s3\]'"):
        Lake("s3://bucket/lake")


def test_naming_a_bucket_neither_connects_nor_loads_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDWH_LAKE", "s3://bucket/lake")
    for name in [name for name in sys.modules if name.partition(".")[0] == "s3fs"]:
        monkeypatch.delitem(sys.modules, name)
    lake = Lake.of(LakeSettings())
    assert (lake.url, lake.start_date) == ("s3://bucket/lake", date(2018, 1, 1))
    assert "s3fs" not in sys.modules
