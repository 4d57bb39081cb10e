"""Logging in and out, by a person at a prompt, and where the session is kept.

A session is as good as the account itself: it stands in one file with mode 0600 or in a secret
store, and in no message, log or repr.

A person answers in the thread that called, between two requests: so Ctrl-C ends a prompt as it ends
everything else. Every request has a time limit and is sent once: a second login code makes the
first one void, and a few too many lock the number for a day.
"""

import asyncio
import io
import os
import re
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from medwh_assets.errors import (
    AccountError,
    CredentialsError,
    MedwhError,
    SourceUnreachableError,
)
from medwh_assets.settings import TelegramSettings
from medwh_assets.telegram.client import Credentials, make_client, refusal_text
from medwh_assets.telegram.loop import LoopThread
from medwh_assets.telegram.refusals import GET_CREDENTIALS, LOG_IN, forgotten_key, meaning

T = TypeVar("T")

SESSION_FILE: Final = "telegram.session"
_TRIES: Final = 3
# A QR code is shown anew when it is old, for five minutes in all.
_QR_CODES: Final = 10
_ANSWER_SECONDS: Final = 15.0
_GOODBYE_SECONDS: Final = 3.0
# Telegram's QR codes are good for thirty seconds; then come two answers.
_SCAN_SECONDS: Final = 75.0
_WHERE: Final = {
    "SentCodeTypeApp": "in the Telegram app",
    "SentCodeTypeSms": "by SMS",
    "SentCodeTypeCall": "by a call",
    "SentCodeTypeFlashCall": "by a missed call",
    "SentCodeTypeEmailCode": "by e-mail",
}
_ANSWERS: Final = {
    "PHONE_NUMBER_INVALID": "Telegram knows no such phone number; write it as +251…",
    "PHONE_NUMBER_UNOCCUPIED": "no Telegram account has this number; make one with the app first",
    "PHONE_CODE_EXPIRED": f"the login code is too old: {LOG_IN} again for a new one",
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """How a person is asked.

    Attributes:
        phone: returns the phone number in international form.
        code: returns the login code that Telegram has sent; told where it was sent.
        password: returns the password of two-step verification; told its hint, if there is one.
        show: shows a text, such as the QR code or why something is asked again.
    """

    phone: Callable[[], str]
    code: Callable[[str], str]
    password: Callable[[str], str]
    show: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who is logged in now.

    Attributes:
        name: the account's name, for a greeting.
        session: to be kept.
    """

    name: str
    session: SecretStr


# -- the session ---------------------------------------------------------------------------------


def session_file(state: Path) -> Path:
    """Return where the session is kept inside the state folder."""
    return state / SESSION_FILE


def find_session(settings: TelegramSettings, state: Path) -> SecretStr | None:
    """Return the session of `TELEGRAM_SESSION`, else of the file, or None.

    What it returns may be no session string; `credentials` says so.

    Raises:
        AccountError: the file is there and cannot be read.
    """
    if settings.session is not None:
        return settings.session
    file = session_file(state)
    try:
        text = file.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccountError(
            f"the Telegram session in {file} cannot be read ({error.strerror}): mend that, "
            f"or remove the file and {LOG_IN}"
        ) from error
    return SecretStr(text) if text else None


def keep_session(session: SecretStr, state: Path) -> Path:
    """Write the session to its file, which only its owner may read, and return the path."""
    file = session_file(state)
    state.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(session.get_secret_value() + "\n")
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return file


def session_name(session: SecretStr) -> str:
    """Return a name for a session that tells nothing about it: what is remembered hangs on it."""
    return sha256(session.get_secret_value().encode()).hexdigest()[:16]


def application(settings: TelegramSettings) -> tuple[int, SecretStr]:
    """Return the application's id and hash.

    Raises:
        CredentialsError: one is missing; the message names the setting.
    """
    if settings.api_id is None or settings.api_hash is None:
        missing = "TELEGRAM_API_ID" if settings.api_id is None else "TELEGRAM_API_HASH"
        raise CredentialsError(f"{missing} is not set: {GET_CREDENTIALS}")
    return settings.api_id, settings.api_hash


def credentials(settings: TelegramSettings, state: Path) -> Credentials:
    """Return all that a run needs to ask Telegram. It never prompts.

    Raises:
        CredentialsError: the application's id or hash is missing.
        AccountError: nobody is logged in.
    """
    api_id, api_hash = application(settings)
    session = find_session(settings, state)
    if session is None:
        raise AccountError(f"nobody is logged in to Telegram: {LOG_IN}, or set TELEGRAM_SESSION")
    _check(session)
    return Credentials(api_id, api_hash, session)


def _check(session: SecretStr) -> None:
    if not _is_session(session):
        raise AccountError(f"the Telegram session is no session string: {LOG_IN} again")


def _is_session(session: SecretStr) -> bool:
    from telethon.sessions import StringSession

    try:
        StringSession(session.get_secret_value())
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold the session
        return False
    return True


# -- logging in -----------------------------------------------------------------------------------


def log_in(
    settings: TelegramSettings,
    prompts: Prompts,
    *,
    qr: bool = False,
) -> LoggedIn:
    """Log in by a code, or by a QR code that the Telegram app scans; a person answers.

    Args:
        settings: the application, and the phone number if it is set.
        prompts: how the person is asked.
        qr: whether to show a QR code instead of asking for phone number and code.

    Raises:
        CredentialsError: the application's id or hash is missing or refused.
        AccountError: the answers were wrong, or the account is banned.
        SourceUnreachableError: Telegram did not answer, or asks to wait.
    """
    api_id, api_hash = application(settings)
    with _conversation(Credentials(api_id, api_hash, SecretStr("")), updates=qr) as telegram:
        if qr:
            _by_qr(telegram, prompts)
        else:
            _by_code(telegram, settings, prompts)
        me = telegram.ask(telegram.client.get_me)
        name = " ".join(filter(None, (me.first_name, me.last_name))) or str(me.id)
        return LoggedIn(name, SecretStr(telegram.client.session.save()))


def log_out(settings: TelegramSettings, state: Path) -> bool:
    """End the session at Telegram and remove its file; say whether there was one.

    Raises:
        CredentialsError: the application's id or hash is missing.
        AccountError: TELEGRAM_SESSION holds something else.
        SourceUnreachableError: Telegram did not answer; the file stays.
    """
    session = find_session(settings, state)
    if session is None:
        return False
    if _is_session(session):
        _end_session(settings, session)
    elif settings.session is not None:
        raise AccountError("TELEGRAM_SESSION holds no session string: remove it")
    if settings.session is None:
        session_file(state).unlink(missing_ok=True)
    return True


def end_kept_session(settings: TelegramSettings, state: Path) -> str:
    """End the session that the file holds, before another login takes its place.

    Returns:
        In words what is left to do about it; empty if nothing is.
    """
    from_file = settings.model_copy(update={"session": None})
    try:
        session = find_session(from_file, state)
        if session is not None and _is_session(session):
            _end_session(from_file, session)
    except MedwhError as error:
        return (
            f"the session before is still logged in ({error}): end it in the Telegram app, under "
            "Settings > Devices"
        )
    return ""


class _Telegram:
    """Telegram as a person at a prompt talks to it: one request at a time, each sent once."""

    def __init__(self, loop: LoopThread, client: Any) -> None:
        self._loop = loop
        self.client = client

    def answer(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Send what a person has typed, once more if the connection broke while they did."""
        try:
            return self.ask(request)
        except ConnectionError:
            # That shows only with the next request. Typed again it would be the same.
            return self.ask(request)

    def ask(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Send a request, connecting anew if the connection broke since; wait for the answer."""
        from telethon import errors

        moved = (errors.PhoneMigrateError, errors.NetworkMigrateError, errors.UserMigrateError)
        try:
            return self._loop.run(self._in_time(request))
        except moved:
            # Telethon is connected to the right data centre now; nothing has been sent yet.
            return self._loop.run(self._in_time(request))

    def wait(self, waiting: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for something that a person does elsewhere."""
        return self._loop.run(self._in_time(waiting, _SCAN_SECONDS))

    async def _in_time(
        self, request: Callable[[], Coroutine[Any, Any, T]], seconds: float | None = None
    ) -> T:
        async with asyncio.timeout(seconds or _ANSWER_SECONDS):
            if not self.client.is_connected():
                await self.client.connect()
            return await request()


@contextmanager
def _conversation(credentials: Credentials, *, updates: bool = False) -> Generator[_Telegram]:
    """Talk to Telegram within this block; raise in our own words what goes wrong."""
    loop = LoopThread("login")
    try:
        with _clearly():
            client = loop.run(_made(credentials, updates=updates))
            try:
                yield _Telegram(loop, client)
            finally:
                loop.run(_goodbye(client))
    finally:
        loop.close()


async def _made(credentials: Credentials, *, updates: bool) -> Any:
    return make_client(credentials, updates=updates)


def _by_code(telegram: _Telegram, settings: TelegramSettings, prompts: Prompts) -> None:
    from telethon import errors

    client = telegram.client
    phone = _phone(settings, prompts)
    sent = telegram.ask(lambda: client.send_code_request(phone))
    where = _WHERE.get(type(sent.type).__name__, "by Telegram")
    for _ in range(_TRIES):
        code = prompts.code(where)
        try:
            telegram.answer(
                lambda code=code: client.sign_in(phone, code, phone_code_hash=sent.phone_code_hash)
            )
        except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError):
            prompts.show("That is not the code.")
        except errors.SessionPasswordNeededError:
            _by_password(telegram, prompts)
            return
        else:
            return
    raise AccountError(f"the login code was wrong {_TRIES} times: {LOG_IN} again for a new one")


def _phone(settings: TelegramSettings, prompts: Prompts) -> str:
    """Return a number that looks like one, without what stands between its digits."""
    if settings.phone is not None:
        if number := _digits(settings.phone.get_secret_value()):
            return number
        raise AccountError("TELEGRAM_PHONE is no phone number: write it as +251…, or remove it")
    for _ in range(_TRIES):
        if number := _digits(prompts.phone()):
            return number
        prompts.show("That is no phone number; write it as +251…")
    raise AccountError(f"no phone number was given: {LOG_IN} again")


def _digits(text: str) -> str:
    number = re.sub(r"[\s()./-]", "", text)
    return number if re.fullmatch(r"\+?[0-9]{5,20}", number) else ""


def _by_qr(telegram: _Telegram, prompts: Prompts) -> None:
    from telethon import errors

    shown = telegram.ask(telegram.client.qr_login)
    for _ in range(_QR_CODES):
        prompts.show(qr_text(shown.url))
        try:
            try:
                telegram.wait(shown.wait)
                return
            except TimeoutError:
                telegram.ask(shown.recreate)
        except errors.SessionPasswordNeededError:
            _by_password(telegram, prompts)
            return
        if not hasattr(shown, "token"):
            # It was scanned in the moment between two codes.
            return
    raise AccountError(f"the QR code was not scanned: {LOG_IN} --qr again")


def _by_password(telegram: _Telegram, prompts: Prompts) -> None:
    from telethon import errors
    from telethon.tl import functions

    client = telegram.client
    question = telegram.ask(lambda: client(functions.account.GetPasswordRequest()))
    for _ in range(_TRIES):
        password = prompts.password(question.hint or "")
        try:
            telegram.answer(lambda password=password: client.sign_in(password=password))
        except (errors.PasswordHashInvalidError, errors.SrpIdInvalidError):
            prompts.show("That is not the password.")
        else:
            return
    raise AccountError(f"the password was wrong {_TRIES} times: {LOG_IN} again")


def qr_text(url: str) -> str:
    """Draw a QR code in half blocks, light on dark as terminals are."""
    import qrcode

    code = qrcode.QRCode(border=2)
    code.add_data(url)
    drawn = io.StringIO()
    code.print_ascii(out=drawn, invert=True)
    return drawn.getvalue()


def _end_session(settings: TelegramSettings, session: SecretStr) -> None:
    from telethon.tl import functions

    api_id, api_hash = application(settings)
    # Where Telegram does not know the session any more, nothing is left to end.
    with suppress(AccountError), _conversation(Credentials(api_id, api_hash, session)) as telegram:
        telegram.ask(lambda: telegram.client(functions.auth.LogOutRequest()))


async def _goodbye(client: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await client.disconnect()


@contextmanager
def _clearly() -> Generator[None]:
    """Raise in our own words what Telegram and Telethon raise to somebody who logs in."""
    from telethon import errors

    try:
        yield
    except errors.AuthKeyNotFound as error:
        raise forgotten_key() from error
    except errors.FloodWaitError as error:
        raise SourceUnreachableError(
            f"too many logins: Telegram asks to wait {error.seconds:,} s before the next"
        ) from error
    except errors.RPCError as error:
        text = refusal_text(error)
        if text in _ANSWERS:
            raise AccountError(_ANSWERS[text]) from error
        meant = meaning(text, "login").error
        raise meant from error
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        raise SourceUnreachableError(
            f"no answer from Telegram ({type(error).__name__}): see whether this machine reaches "
            "the internet, and try again"
        ) from error
