import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from medwh_assets.errors import SettingError
from medwh_assets.extraction.pepper import pepper_of


def test_a_pepper_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = pepper_of(None, state)
    assert pepper_of(None, state) == first
    assert len(first.get_secret_value()) == 64
    [file] = state.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_runs_that_begin_at_once_share_one_pepper(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: pepper_of(None, tmp_path).get_secret_value(), range(16)))
    assert len(set(made)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    setting = SecretStr("set by somebody, somewhere")
    assert pepper_of(setting, tmp_path) is setting
    assert list(tmp_path.iterdir()) == []


def test_a_pepper_that_was_cut_off_is_no_pepper(tmp_path: Path) -> None:
    (tmp_path / "pii_pepper").write_text("short\n")
    with pytest.raises(SettingError, match="too short"):
        pepper_of(None, tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="MEDWH_PII_PEPPER"):
        pepper_of(None, tmp_path / "file" / "below")
