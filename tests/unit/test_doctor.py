from datetime import UTC, datetime, timedelta

import pytest

from medwh_assets.doctor import Finding, telegram_findings
from medwh_assets.lake.ports import ChannelStatus
from medwh_assets.telegram.refusals import forgotten_key, meaning
from medwh_assets.warehouse.account_state import ChannelNote

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def note(
    channel: str = "demo_shop",
    status: ChannelStatus = "ok",
    detail: str = "",
    at: datetime = NOON,
    last_ok_at: datetime | None = NOON,
) -> ChannelNote:
    return ChannelNote(channel, status, detail, at, last_ok_at)


def account(
    *notes: ChannelNote,
    missing: str | None = None,
    wrong: str | None = None,
    until: datetime | None = None,
    logged_in: datetime | None = None,
) -> Finding:
    """What is said of the account."""
    found = telegram_findings(missing, wrong, notes, until, logged_in)
    assert [finding.subject for finding in found] == ["Telegram", *(n.channel for n in notes)]
    return found[0]


def test_a_session_with_which_channels_were_read_is_fine() -> None:
    assert account().level == "ok"
    assert account(note()).level == "ok"
    assert account(note(status="private", detail="not for us")).level == "ok"


def test_a_session_that_cannot_be_used_is_no_session() -> None:
    found = account(note(), wrong="TELEGRAM_API_ID is not set")
    assert (found.level, found.text) == ("missing", "TELEGRAM_API_ID is not set")


@pytest.mark.parametrize(
    "refusal", ["USER_DEACTIVATED_BAN", "AUTH_KEY_UNREGISTERED", "API_ID_INVALID", None]
)
def test_an_account_that_telegram_let_in_no_more_is_told_until_the_next_login(
    refusal: str | None,
) -> None:
    if refusal is None:
        told = note(status="unreachable", detail=str(forgotten_key()))
    else:
        meant = meaning(refusal, "demo_shop")
        told = note(status=meant.status, detail=str(meant.error))
    before = note("demo_before", at=NOON - timedelta(days=1))
    found = account(before, told)
    assert found.level == "missing"
    assert told.detail in found.text
    assert account(told, logged_in=NOON - timedelta(hours=1)).level == "missing"
    assert account(told, logged_in=NOON + timedelta(hours=1)).level == "ok"
    assert account(told, note("demo_since", at=NOON + timedelta(hours=1))).level == "ok"


def test_who_has_never_read_live_need_not_log_in_and_who_has_must() -> None:
    assert account(missing="run `medwh login`").level == "note"
    assert account(note(last_ok_at=None), missing="run `medwh login`").level == "note"
    assert account(note(), missing="run `medwh login`").level == "missing"


def test_a_pause_is_told_while_it_lasts() -> None:
    hour = timedelta(hours=1)
    assert "cooling down until" in account(note(), until=datetime.now(UTC) + hour).text
    assert account(note(), until=datetime.now(UTC) - hour).level == "ok"
