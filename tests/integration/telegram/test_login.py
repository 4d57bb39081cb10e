import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from medwh_assets.errors import AccountError, CredentialsError, SourceUnreachableError
from medwh_assets.settings import TelegramSettings
from medwh_assets.slices import DayRun
from medwh_assets.telegram import login
from medwh_assets.telegram.login import LoggedIn, Prompts
from medwh_assets.telegram.telethon_source import TelethonSource
from tests.integration.telegram.live import FIRST, OBSERVED, Live
from tests.mtproto import (
    INTERNAL_ERROR,
    Account,
    DataCentres,
    Drop,
    Fault,
    Silence,
    World,
    flood_wait,
    running_data_centres,
)
from tests.unit.telegram.accounts import RememberedAccount

pytestmark = pytest.mark.timeout(60)

PASSWORD = "correct horse"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def person(world: World) -> Account:
    return world.add_account(phone="251900000001")


@pytest.fixture
def centres(world: World, person: Account) -> Iterator[DataCentres]:
    with running_data_centres(world, count=2) as centres:
        yield centres


@dataclass
class Answers:
    """What a person types, and what the person has been asked and shown."""

    phone: str = "+251900000001"
    codes: list[str] = field(default_factory=lambda: ["12345"])
    passwords: list[str] = field(default_factory=lambda: [PASSWORD])
    asked: list[str] = field(default_factory=list[str])
    shown: list[str] = field(default_factory=list[str])

    def prompts(self) -> Prompts:
        def ask(what: str, answers: list[str]) -> str:
            self.asked.append(what)
            return answers.pop(0)

        return Prompts(
            phone=lambda: ask("phone", [self.phone]),
            code=lambda where: ask(f"code {where}", self.codes),
            password=lambda hint: ask("password", self.passwords),
            show=self.shown.append,
        )


def settings(**fields: object) -> TelegramSettings:
    given = {"api_id": 1, "api_hash": SecretStr("hash"), "phone": None, "session": None}
    return TelegramSettings(_env_file=None, **{**given, **fields})  # pyright: ignore


def works(logged_in: LoggedIn, world: World) -> bool:
    """Whether a run with the session reads a channel."""
    world.add_channel(5001, "demo_shop").post("Offer")
    kept = settings(session=logged_in.session)
    with TelethonSource(
        ["demo_shop"],
        lambda: login.credentials(kept, Path("/nowhere")),
        RememberedAccount(),
        OBSERVED,
        requests_per_second=30,
    ) as source:
        return [len(r.posts) for r in source.read(DayRun("demo_shop", FIRST, FIRST))] == [1]


def test_a_person_logs_in_by_code(world: World, person: Account, centres: DataCentres) -> None:
    answers = Answers()
    logged_in = login.log_in(settings(), answers.prompts())
    assert logged_in.name == "Reader"
    assert answers.asked == ["phone", "code in the Telegram app"]
    assert works(logged_in, world)


def test_a_phone_number_that_is_set_is_not_asked_for(person: Account, centres: DataCentres) -> None:
    answers = Answers()
    login.log_in(settings(phone=SecretStr("+251900000001")), answers.prompts())
    assert "phone" not in answers.asked


def test_what_is_no_phone_number_is_asked_for_again(person: Account, centres: DataCentres) -> None:
    answers = Answers()
    numbers = ["reader", "+", "+251 (900) 000-001"]
    prompts = replace(answers.prompts(), phone=lambda: numbers.pop(0))
    assert login.log_in(settings(), prompts).name == "Reader"
    assert answers.shown == ["That is no phone number; write it as +251…"] * 2
    with pytest.raises(AccountError, match="TELEGRAM_PHONE"):
        login.log_in(settings(phone=SecretStr("reader")), answers.prompts())


def test_a_wrong_code_is_asked_for_again(person: Account, centres: DataCentres) -> None:
    answers = Answers(codes=["99999", "12345"])
    login.log_in(settings(), answers.prompts())
    assert answers.shown == ["That is not the code."]


def test_three_wrong_codes_are_enough(person: Account, centres: DataCentres) -> None:
    with pytest.raises(AccountError, match="wrong 3 times"):
        login.log_in(settings(), Answers(codes=["1", "2", "3"]).prompts())


def test_the_password_of_two_step_verification_is_asked_for(
    world: World, person: Account, centres: DataCentres
) -> None:
    person.password = PASSWORD
    answers = Answers(passwords=["battery staple", PASSWORD])
    logged_in = login.log_in(settings(), answers.prompts())
    assert answers.shown == ["That is not the password."]
    assert works(logged_in, world)


@pytest.mark.parametrize(
    ("password", "home_dc"), [(None, None), (PASSWORD, None), (None, 2), (PASSWORD, 2)]
)
def test_a_person_scans_a_qr_code(
    world: World,
    person: Account,
    centres: DataCentres,
    password: str | None,
    home_dc: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person.password = password
    person.home_dc = home_dc
    monkeypatch.setattr(login, "qr_text", lambda url: url)
    answers = Answers()
    prompts = answers.prompts()

    def scan(url: str) -> None:
        prompts.show(url)
        threading.Timer(0.2, world.scan, (url, person)).start()

    logged_in = login.log_in(
        settings(), Prompts(prompts.phone, prompts.code, prompts.password, scan), qr=True
    )
    assert len(answers.shown) == 1
    assert answers.asked == (["password"] if password else [])
    assert works(logged_in, world)


def test_a_qr_code_that_grew_old_is_shown_anew(
    world: World, person: Account, centres: DataCentres, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.login_token_seconds = 0.3
    monkeypatch.setattr(login, "qr_text", lambda url: url)
    shown: list[str] = []

    def show(url: str) -> None:
        shown.append(url)
        if len(shown) == 3:
            world.scan(url, person)

    prompts = Answers().prompts()
    login.log_in(settings(), Prompts(prompts.phone, prompts.code, prompts.password, show), qr=True)
    assert len(set(shown)) == 3


def test_a_number_without_an_account_says_so(person: Account, centres: DataCentres) -> None:
    with pytest.raises(AccountError, match="no such phone number"):
        login.log_in(settings(), Answers(phone="+251900000099").prompts())


def test_a_banned_number_says_so(person: Account, centres: DataCentres) -> None:
    person.banned = True
    with pytest.raises(AccountError, match="banned"):
        login.log_in(settings(), Answers().prompts())


def test_too_many_logins_say_how_long_to_wait(
    world: World, person: Account, centres: DataCentres
) -> None:
    world.faults.plan("auth.sendCode", flood_wait(3600))
    with pytest.raises(SourceUnreachableError, match="3,600 s"):
        login.log_in(settings(), Answers().prompts())


@pytest.mark.parametrize("fault", [Silence(), Drop(), INTERNAL_ERROR])
def test_a_login_code_is_asked_for_once_whatever_the_server_does(
    world: World,
    person: Account,
    centres: DataCentres,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login, "_ANSWER_SECONDS", 3.0)
    world.faults.plan("auth.sendCode", fault, times=None)
    with pytest.raises(SourceUnreachableError):
        login.log_in(settings(), Answers().prompts())
    assert world.calls["auth.sendCode"] == 1


def test_a_connection_that_broke_while_the_code_was_typed_costs_no_second_code(
    world: World, person: Account, centres: DataCentres
) -> None:
    prompts = Answers().prompts()

    def code(where: str) -> str:
        centres.vanish()
        centres.come_back()
        return prompts.code(where)

    broken = Prompts(prompts.phone, code, prompts.password, prompts.show)
    assert works(login.log_in(settings(), broken), world)
    assert world.calls["auth.sendCode"] == 1


def test_a_key_that_telethon_refuses_is_made_anew(
    world: World, person: Account, centres: DataCentres, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telethon.errors import SecurityError
    from telethon.network import authenticator

    made, make = list[object](), authenticator.do_authentication

    async def refused_once(sender: object) -> object:
        made.append(sender)
        if len(made) == 1:
            raise SecurityError("Step 3 invalid new nonce hash")
        return await make(sender)

    monkeypatch.setattr(authenticator, "do_authentication", refused_once)
    assert works(login.log_in(settings(), Answers().prompts()), world)


@pytest.mark.parametrize("asked_for", ["phone", "code"])
def test_an_interrupt_ends_a_prompt(person: Account, centres: DataCentres, asked_for: str) -> None:
    def interrupt(*_: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        # The answer that never comes.
        threading.Event().wait(30)
        raise AssertionError("the prompt went on")

    prompts = Answers().prompts()
    changed = replace(prompts, **{asked_for: interrupt})
    with pytest.raises(KeyboardInterrupt):
        login.log_in(settings(), changed)


def test_an_account_at_home_in_another_data_centre_logs_in_there(
    world: World, person: Account, centres: DataCentres
) -> None:
    person.home_dc = 2
    assert works(login.log_in(settings(), Answers().prompts()), world)


def test_logging_out_ends_the_session_and_removes_its_file(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    session = SecretStr(centres.session(person))
    file = login.keep_session(session, tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert login.log_out(settings(), tmp_path)
    assert not file.exists()
    assert world.calls["auth.logOut"] == 1
    assert not login.log_out(settings(), tmp_path)


def test_logging_out_of_a_session_that_telegram_forgot_removes_its_file(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    file = login.keep_session(SecretStr(centres.session(person)), tmp_path)
    world.forget_keys()
    assert login.log_out(settings(), tmp_path)
    assert not file.exists()


def test_logging_out_without_a_network_keeps_the_file(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    file = login.keep_session(SecretStr(centres.session(person)), tmp_path)
    centres.vanish()
    with pytest.raises(SourceUnreachableError):
        login.log_out(settings(), tmp_path)
    assert file.exists()


def test_the_session_before_is_ended_when_another_login_takes_its_place(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    assert login.end_kept_session(settings(), tmp_path) == ""
    login.keep_session(SecretStr(centres.session(person)), tmp_path)
    in_environment = settings(session=SecretStr("another one"))
    assert login.end_kept_session(in_environment, tmp_path) == ""
    assert world.calls["auth.logOut"] == 1


def test_a_session_before_that_cannot_be_ended_is_told(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    login.keep_session(SecretStr(centres.session(person)), tmp_path)
    centres.vanish()
    assert "Settings > Devices" in login.end_kept_session(settings(), tmp_path)


def test_logging_out_is_not_claimed_when_telegram_refuses_it(
    world: World, person: Account, centres: DataCentres, tmp_path: Path
) -> None:
    file = login.keep_session(SecretStr(centres.session(person)), tmp_path)
    world.faults.plan("auth.logOut", flood_wait(60))
    with pytest.raises(SourceUnreachableError):
        login.log_out(settings(), tmp_path)
    assert file.exists()


def test_without_an_application_nobody_is_asked(person: Account, centres: DataCentres) -> None:
    answers = Answers()
    with pytest.raises(CredentialsError, match=r"TELEGRAM_API_HASH.*my\.telegram\.org"):
        login.log_in(settings(api_hash=None), answers.prompts())
    assert answers.asked == []


def test_nothing_that_is_shown_or_logged_holds_the_session_or_the_phone_number(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answers = Answers()
    logged_in = login.log_in(settings(), answers.prompts())
    session = logged_in.session.get_secret_value()
    assert len(session) > 300
    said = repr(logged_in) + caplog.text + "".join(answers.shown)
    assert session not in said
    with pytest.raises(AccountError) as refused:
        login.log_in(settings(), Answers(codes=["1", "2", "3"]).prompts())
    said += str(refused.value) + caplog.text
    assert answers.phone.strip("+") not in said


def test_who_presses_ctrl_c_at_a_prompt_is_told_that_nobody_is_logged_in(tmp_path: Path) -> None:
    mine, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "medwh_assets.cli", "login"],
        env={
            **os.environ,
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": "hash",
            "TELEGRAM_PHONE": "",
            "MEDWH_STATE": str(tmp_path / "state"),
            "MEDWH_LAKE": str(tmp_path / "lake"),
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = ""
    while "Phone number" not in said:
        said += os.read(mine, 1000).decode()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    # A terminal whose other end has closed answers with an error.
    with suppress(OSError):
        while piece := os.read(mine, 1000):
            said += piece.decode()
    os.close(mine)
    assert "Interrupted. Nobody was logged in by this." in said
