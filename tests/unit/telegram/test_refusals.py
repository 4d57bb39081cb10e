import subprocess
import sys

import pytest

from medwh_assets.errors import (
    AccountError,
    ChannelNotFoundError,
    ChannelPrivateError,
    CredentialsError,
    MedwhError,
    PermanentError,
    SourceUnreachableError,
)
from medwh_assets.telegram.client import Patience, refusal_text
from medwh_assets.telegram.refusals import meaning


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        ("USERNAME_NOT_OCCUPIED", "not_found", ChannelNotFoundError),
        ("USERNAME_INVALID", "not_found", ChannelNotFoundError),
        ("CHANNEL_INVALID", "not_found", ChannelNotFoundError),
        ("CHANNEL_PRIVATE", "private", ChannelPrivateError),
        ("AUTH_KEY_UNREGISTERED", "unreachable", AccountError),
        ("AUTH_KEY_DUPLICATED", "unreachable", AccountError),
        ("SESSION_REVOKED", "unreachable", AccountError),
        ("USER_DEACTIVATED_BAN", "banned", AccountError),
        ("FROZEN_METHOD_INVALID", "banned", AccountError),
        ("PHONE_NUMBER_FLOOD", "unreachable", AccountError),
        ("API_ID_INVALID", "unreachable", CredentialsError),
        ("MSG_ID_INVALID", "unreachable", SourceUnreachableError),
    ],
)
def test_a_refusal_has_a_meaning(text: str, status: str, kind: type[MedwhError]) -> None:
    meant = meaning(text, "demo_shop")
    assert meant.status == status
    assert type(meant.error) is kind


@pytest.mark.parametrize("text", ["AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "SESSION_EXPIRED"])
def test_who_is_logged_out_is_told_to_log_in(text: str) -> None:
    error = meaning(text, "demo_shop").error
    assert isinstance(error, PermanentError)
    assert "medwh login" in str(error)


def test_a_refusal_that_nobody_knows_is_named() -> None:
    assert "SOMETHING_NEW" in str(meaning("SOMETHING_NEW", "demo_shop").error)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (400, "CHANNEL_PRIVATE"),
        (400, "FILE_REFERENCE_EXPIRED"),
        (401, "USER_DEACTIVATED_BAN"),
        (406, "AUTH_KEY_DUPLICATED"),
        (400, "SOMETHING_NEW"),
    ],
)
def test_telegrams_own_text_of_a_refusal_is_found(code: int, text: str) -> None:
    from telethon.errors import rpc_message_to_error
    from telethon.tl.types import RpcError

    assert refusal_text(rpc_message_to_error(RpcError(code, text), None)) == text


def test_a_session_that_is_refused_for_a_new_reason_is_logged_out() -> None:
    from telethon.errors import rpc_message_to_error
    from telethon.tl.types import RpcError

    error = rpc_message_to_error(RpcError(401, "SESSION_MELTED"), None)
    assert refusal_text(error) == "AUTH_KEY_UNREGISTERED"


def test_a_server_that_is_gone_is_given_up_within_a_minute() -> None:
    patience = Patience()
    attempts = len(patience.pauses) + 1
    assert attempts * (patience.answer + patience.goodbye) + sum(patience.pauses) < 60


def test_telethon_is_not_imported_before_it_is_needed() -> None:
    rooms = "medwh_assets.telegram.assets, medwh_assets.telegram.login"
    code = (
        f"import sys, {rooms}, medwh_assets.telegram.telethon_source; "
        "print('telethon' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
