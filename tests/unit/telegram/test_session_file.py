import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from medwh_assets.errors import AccountError, CredentialsError
from medwh_assets.settings import LiveSettings, TelegramSettings
from medwh_assets.telegram.login import (
    credentials,
    find_session,
    keep_session,
    log_out,
    qr_text,
    session_file,
    session_name,
)
from medwh_assets.telegram.telethon_source import live_source
from tests.factories import FIRST_READ
from tests.unit.telegram.accounts import RememberedAccount

SECRET = "1BJWap1sBu0-secret"


def settings(**fields: object) -> TelegramSettings:
    given = {"api_id": 1, "api_hash": SecretStr("hash"), "session": None, **fields}
    return TelegramSettings(_env_file=None, **given)  # pyright: ignore


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = keep_session(SecretStr(SECRET), tmp_path / "state")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["telegram.session"]


def test_a_file_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    session_file(tmp_path).write_text("old")
    session_file(tmp_path).chmod(0o644)
    file = keep_session(SecretStr(SECRET), tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    assert find_session(settings(), tmp_path) is None
    keep_session(SecretStr("from the file"), tmp_path)
    assert _secret(find_session(settings(), tmp_path)) == "from the file"
    in_environment = settings(session=SecretStr("from the environment"))
    assert _secret(find_session(in_environment, tmp_path)) == "from the environment"


def _secret(found: SecretStr | None) -> str | None:
    return found.get_secret_value() if found else None


def test_without_a_session_a_run_says_to_log_in(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="medwh login"):
        credentials(settings(), tmp_path)


@pytest.mark.parametrize("missing", ["api_id", "api_hash"])
def test_without_an_application_a_run_says_which_setting_and_where_to_get_it(
    tmp_path: Path, missing: str
) -> None:
    keep_session(SecretStr(SECRET), tmp_path)
    with pytest.raises(CredentialsError) as raised:
        credentials(settings(**{missing: None}), tmp_path)
    assert f"TELEGRAM_{missing.upper()}" in str(raised.value)
    assert "https://my.telegram.org" in str(raised.value)


def test_a_session_that_is_none_is_an_error_that_does_not_show_it(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="no session string") as raised:
        credentials(settings(session=SecretStr(SECRET)), tmp_path)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize("content", ["ዕ", "not a session", "\x00\x01"])
def test_a_file_that_holds_no_session_is_said_and_can_be_forgotten(
    tmp_path: Path, content: str
) -> None:
    session_file(tmp_path).write_text(content, "utf-8")
    with pytest.raises(AccountError, match="no session string"):
        credentials(settings(), tmp_path)
    assert log_out(settings(), tmp_path)
    assert not session_file(tmp_path).exists()


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    session_file(tmp_path).mkdir()
    with pytest.raises(AccountError, match="cannot be read"):
        find_session(settings(), tmp_path)


def test_an_environment_that_holds_no_session_is_to_be_mended(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="TELEGRAM_SESSION") as raised:
        log_out(settings(session=SecretStr(SECRET)), tmp_path)
    assert SECRET not in str(raised.value)


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(settings(session=SecretStr(SECRET), phone=SecretStr("+251900000001")))
    assert SECRET not in shown
    assert "251900000001" not in shown
    assert "hash='hash" not in shown


def test_a_sessions_name_tells_nothing_and_stays(tmp_path: Path) -> None:
    name = session_name(SecretStr(SECRET))
    assert name == session_name(SecretStr(SECRET)) != session_name(SecretStr("another"))
    assert len(name) == 16


def test_logging_out_of_nothing_is_nothing(tmp_path: Path) -> None:
    assert not log_out(settings(), tmp_path)


def test_a_qr_code_is_drawn_in_blocks() -> None:
    drawn = qr_text("tg://login?token=abc")
    assert len(drawn.splitlines()) > 10
    assert set(drawn) <= set("█▀▄\xa0 \n")


def test_there_is_no_live_source_without_telegram(tmp_path: Path) -> None:
    nothing = TelegramSettings(_env_file=None, api_id=None, api_hash=None, session=None)  # pyright: ignore
    live = LiveSettings(_env_file=None)  # pyright: ignore
    state = RememberedAccount()
    assert live_source(["a_shop"], nothing, live, tmp_path, state, FIRST_READ) is None
    half = live_source(["a_shop"], settings(), live, tmp_path, state, FIRST_READ)
    assert half is not None
    with pytest.raises(AccountError, match="medwh login"):
        half.facts("a_shop")
    assert state.last("a_shop") == "unreachable"
    assert not state.busy
