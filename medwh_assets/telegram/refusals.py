"""What Telegram's refusals mean for medwh: one table from its error texts to our errors.

The texts are Telegram's own (https://core.telegram.org/api/errors), so the table needs no Telethon.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from medwh_assets.errors import (
    AccountError,
    ChannelNotFoundError,
    ChannelPrivateError,
    CredentialsError,
    MedwhError,
    SourceUnreachableError,
)
from medwh_assets.lake.ports import ChannelStatus

LOG_IN: Final = "run `medwh login`"
GET_CREDENTIALS: Final = "get your own at https://my.telegram.org (API development tools)"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a refusal means: the channel's status, and the error to raise."""

    status: ChannelStatus
    error: MedwhError


def _logged_out(_: str) -> Meaning:
    return Meaning(
        "unreachable",
        AccountError(f"the Telegram session is not logged in (any more): {LOG_IN}"),
    )


def _two_places(_: str) -> Meaning:
    return Meaning(
        "unreachable",
        AccountError(
            "the Telegram session was used from two addresses at once, so Telegram ended it: "
            f"{LOG_IN}, and give every deployment a session of its own"
        ),
    )


def _banned(_: str) -> Meaning:
    return Meaning(
        "banned",
        AccountError(
            "Telegram has banned this account; write to recover@telegram.org, "
            f"or {LOG_IN} with another account"
        ),
    )


def _frozen(_: str) -> Meaning:
    return Meaning(
        "banned",
        AccountError(
            "Telegram has frozen this account: appeal to @SpamBot in the Telegram app, "
            f"or {LOG_IN} with another account"
        ),
    )


def _too_many_logins(_: str) -> Meaning:
    return Meaning(
        "unreachable",
        AccountError(
            "Telegram takes no login of this phone number for now, after too many: wait a day, then "
            f"{LOG_IN}"
        ),
    )


def _credentials(_: str) -> Meaning:
    return Meaning(
        "unreachable",
        CredentialsError(
            f"Telegram refuses TELEGRAM_API_ID and TELEGRAM_API_HASH: {GET_CREDENTIALS}"
        ),
    )


def _not_found(channel: str) -> Meaning:
    return Meaning(
        "not_found",
        ChannelNotFoundError(
            f"{channel}: no Telegram channel has this name; mend or remove it in MEDWH_CHANNELS"
        ),
    )


def _private(channel: str) -> Meaning:
    return Meaning(
        "private",
        ChannelPrivateError(
            f"{channel}: private, or the account was removed from it; what was read before stays. "
            "Join it with this account, or remove it from MEDWH_CHANNELS"
        ),
    )


_MEANINGS: Final[dict[str, Callable[[str], Meaning]]] = {
    "API_ID_INVALID": _credentials,
    "API_ID_PUBLISHED_FLOOD": _credentials,
    "AUTH_KEY_DUPLICATED": _two_places,
    "AUTH_KEY_INVALID": _logged_out,
    "AUTH_KEY_PERM_EMPTY": _logged_out,
    "AUTH_KEY_UNREGISTERED": _logged_out,
    "SESSION_EXPIRED": _logged_out,
    "SESSION_REVOKED": _logged_out,
    "SESSION_PASSWORD_NEEDED": _logged_out,
    "USER_DEACTIVATED": _banned,
    "USER_DEACTIVATED_BAN": _banned,
    "PHONE_NUMBER_BANNED": _banned,
    "FROZEN_METHOD_INVALID": _frozen,
    "FROZEN_PARTICIPANT_MISSING": _frozen,
    "PHONE_NUMBER_FLOOD": _too_many_logins,
    "PHONE_PASSWORD_FLOOD": _too_many_logins,
    "USERNAME_INVALID": _not_found,
    "USERNAME_NOT_OCCUPIED": _not_found,
    "CHANNEL_INVALID": _not_found,
    "CHANNEL_PRIVATE": _private,
    "CHANNEL_PUBLIC_GROUP_NA": _private,
    "CHAT_ADMIN_REQUIRED": _private,
    "USER_BANNED_IN_CHANNEL": _private,
}


def meaning(text: str, channel: str) -> Meaning:
    """Say what a refusal means.

    Args:
        text: Telegram's error text, such as `CHANNEL_PRIVATE`.
        channel: the channel that was asked about, for the message.
    """
    known = _MEANINGS.get(text)
    if known is not None:
        return known(channel)
    return Meaning(
        "unreachable",
        SourceUnreachableError(f"{channel}: Telegram refused with {text}; try again later"),
    )


def is_about_one_request(text: str) -> bool:
    """Whether a refusal says nothing about the account or a channel."""
    return text not in _MEANINGS


def forgotten_key() -> AccountError:
    """Return the error for a session whose key Telegram does not know."""
    return AccountError(f"Telegram does not know the session's key (any more): {LOG_IN}")
