"""What Telegram and the network do to a run, and that it never loops, hangs or loses a post."""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from medwh_assets.errors import (
    AccountError,
    CoolingDownError,
    MedwhError,
    RetryableError,
    SourceUnreachableError,
)
from medwh_assets.outcomes import Done, Failed
from medwh_assets.slices import DayRun
from tests.integration.telegram.live import FIRST, IMPATIENT, OBSERVED, Live, posts_in, reasons
from tests.mtproto import (
    AUTH_KEY_DUPLICATED,
    AUTH_KEY_UNREGISTERED,
    CALL_FAILED,
    FIRST_DAY,
    INTERNAL_ERROR,
    TIMED_OUT,
    USER_DEACTIVATED_BAN,
    Drop,
    Fault,
    ForgetKey,
    Post,
    Refusal,
    Silence,
    Vanish,
    flood_wait,
)
from tests.unit.telegram.accounts import RememberedAccount

pytestmark = pytest.mark.timeout(60)

HISTORY = "messages.getHistory"
SHOP = "demo_shop"
LAST = FIRST + timedelta(days=2)
RESOLVE = "contacts.resolveUsername"
ALL = list(range(1, 301))


class BusyAccount(RememberedAccount):
    """While this run waits for its turn, the run before is asked for a pause."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.then = until

    @contextmanager
    def operation(self) -> Generator[None]:
        with super().operation():
            self.cool_down(self.then, "too fast")
            yield


def post(number: int) -> Post:
    """A hundred a day."""
    date = FIRST_DAY + timedelta(seconds=864 * (number - 1))
    return Post(id=number, date=date, text=str(number))


@pytest.fixture(autouse=True)
def shop(live: Live) -> None:
    live.world.add_channel(5001, SHOP).generate(300, post)


def failure(live: Live, **options: object) -> MedwhError:
    """What ends a run."""
    with live.source(**options) as source, pytest.raises(MedwhError) as raised:
        list(source.read(DayRun(SHOP, FIRST, LAST)))
    return raised.value


# -- flood waits ----------------------------------------------------------------------------------


def test_a_short_flood_wait_is_slept_with_a_countdown(live: Live) -> None:
    live.world.faults.plan(HISTORY, flood_wait(5), at=2)
    assert reasons(live.read([SHOP], FIRST, LAST)) == []
    assert posts_in(live.lake, SHOP) == ALL
    assert [left for left, _ in live.waits] == [5, 4, 3, 2, 1, 0]
    assert live.waits[0][1] == "Telegram asks for a pause"
    assert live.state.last(SHOP) == "ok"


def test_a_flood_wait_of_minutes_is_waited_for_too(live: Live) -> None:
    live.world.faults.plan(HISTORY, flood_wait(600), at=2)
    assert reasons(live.read([SHOP], FIRST, LAST)) == []
    assert live.waits[0][0] == 600
    assert live.clock.passed >= 600


def test_a_flood_wait_of_an_hour_ends_the_run_and_keeps_what_was_read(live: Live) -> None:
    live.world.channels[5001].generate(100, post)
    live.world.faults.plan(HISTORY, flood_wait(3600), at=5)
    outcomes = live.read([SHOP], FIRST, LAST + timedelta(days=1))
    error = next(o.error for o in outcomes if isinstance(o, Failed))
    assert isinstance(error, CoolingDownError)
    assert isinstance(error, RetryableError)
    assert error.until >= OBSERVED + timedelta(hours=1)
    assert live.state.until == error.until
    assert "3,600 s (GetHistory)" in live.state.why
    assert live.state.last(SHOP) == "flood"
    assert posts_in(live.lake, SHOP) == list(range(1, 101))


def test_nothing_is_asked_before_a_cooldown_is_over(live: Live) -> None:
    live.state.cool_down(OBSERVED + timedelta(hours=1), "too fast")
    error = failure(live)
    assert isinstance(error, CoolingDownError)
    assert error.until == OBSERVED + timedelta(hours=1)
    assert live.world.calls.kinds() == {}
    live.clock.passed = 3601
    assert reasons(live.read([SHOP], FIRST, LAST)) == []


def test_a_pause_made_while_waiting_for_the_turn_is_kept(live: Live) -> None:
    until = OBSERVED + timedelta(hours=1)
    state = BusyAccount(until)
    live.state = state
    error = failure(live)
    assert isinstance(error, CoolingDownError)
    assert error.until == until
    assert live.world.calls.kinds() == {}
    assert not state.busy


def test_a_long_pause_of_looking_names_up_stops_no_channel_that_is_known(live: Live) -> None:
    live.read([SHOP], FIRST, LAST)
    live.world.add_channel(5002, "demo_new_shop").post("New")
    live.world.faults.plan(RESOLVE, flood_wait(80_000), times=None)
    names = ["demo_new_shop", SHOP]
    for _ in range(2):
        outcomes = live.read(names, FIRST, FIRST)
        assert {o.slice.channel: type(o) for o in outcomes} == {
            "demo_new_shop": Failed,
            SHOP: Done,
        }
    assert live.world.calls[RESOLVE] == 2
    assert live.state.until is None
    assert live.state.names_until is not None
    assert "ResolveUsername" in live.state.why
    assert live.state.last("demo_new_shop") == "flood"
    live.world.faults.clear()
    live.clock.passed = 90_000
    assert reasons(live.read(names, FIRST, FIRST)) == []


def test_many_short_waits_are_one_long_one(live: Live) -> None:
    live.world.faults.plan(HISTORY, flood_wait(30), times=None)
    assert isinstance(failure(live), CoolingDownError)
    assert live.world.calls[HISTORY] == 31


# -- a server that does not answer ------------------------------------------------------------------


@pytest.mark.parametrize("fault", [CALL_FAILED, TIMED_OUT, Drop(), Silence()])
def test_one_failed_answer_costs_nothing(live: Live, fault: Drop) -> None:
    live.world.faults.plan(HISTORY, fault, at=3)
    patience = IMPATIENT if isinstance(fault, Silence) else None
    options = {} if patience is None else {"patience": patience}
    assert reasons(live.read([SHOP], FIRST, LAST, **options)) == []
    assert posts_in(live.lake, SHOP) == ALL


def test_a_server_that_drops_every_time_is_left_alone_soon(live: Live) -> None:
    live.world.faults.plan(HISTORY, Drop(), times=None)
    assert isinstance(failure(live, patience=IMPATIENT), SourceUnreachableError)
    assert live.world.calls[HISTORY] == 3
    assert live.state.last(SHOP) == "unreachable"


def test_a_server_that_is_silent_is_left_alone_soon(live: Live) -> None:
    live.world.faults.plan(HISTORY, Silence(), times=None)
    assert isinstance(failure(live, patience=IMPATIENT), SourceUnreachableError)
    assert live.world.calls[HISTORY] == 3


def test_a_server_that_is_silent_from_the_start_is_left_alone_soon(live: Live) -> None:
    live.centres[1].freeze()
    assert isinstance(failure(live, patience=IMPATIENT), SourceUnreachableError)


def test_a_server_that_vanishes_is_left_alone_soon(live: Live) -> None:
    live.world.faults.plan(HISTORY, Vanish(), at=2)
    outcomes = live.read([SHOP], FIRST, LAST, patience=IMPATIENT)
    assert len(reasons(outcomes)) == 3
    assert "internet" in reasons(outcomes)[0]
    live.centres.come_back()
    assert reasons(live.read([SHOP], FIRST, LAST)) == []
    assert posts_in(live.lake, SHOP) == ALL


def test_a_server_that_was_never_there_is_left_alone_soon(live: Live) -> None:
    live.centres.vanish()
    assert isinstance(failure(live, patience=IMPATIENT), SourceUnreachableError)


def test_when_the_server_is_gone_the_other_channels_do_not_wait_for_it(live: Live) -> None:
    names = [f"demo_shop_{number}" for number in range(20)]
    for number, name in enumerate(names):
        live.world.add_channel(7000 + number, name)
    live.world.faults.plan("*", Silence(), times=None)
    outcomes = live.read(names, FIRST, FIRST, patience=IMPATIENT)
    assert len(reasons(outcomes)) == 20
    assert sum(live.world.calls.kinds().values()) == 3
    assert {live.state.last(name) for name in names} == {"unreachable"}


@pytest.mark.parametrize("fault", [INTERNAL_ERROR, Silence(), Drop()])
def test_a_channel_that_is_never_answered_stops_no_other(live: Live, fault: Fault) -> None:
    live.world.add_channel(5000, "demo_bad")
    live.world.faults.plan(
        HISTORY, fault, times=None, where=lambda request: request.peer.channel_id == 5000
    )
    patience = replace(IMPATIENT, answer=3.0) if fault is INTERNAL_ERROR else IMPATIENT
    outcomes = live.read(["demo_bad", SHOP], FIRST, FIRST, patience=patience)
    assert {o.slice.channel: type(o) for o in outcomes} == {"demo_bad": Failed, SHOP: Done}
    assert live.state.last("demo_bad") == "unreachable"
    assert live.state.last(SHOP) == "ok"


def test_a_consumer_may_stop_in_the_middle(live: Live) -> None:
    with live.source() as source:
        walk = source.read(DayRun(SHOP, FIRST, LAST))
        next(walk)
        walk.close()
    assert not live.state.busy


# -- an account that may not ask any more -----------------------------------------------------------


def test_a_forgotten_key_says_to_log_in(live: Live) -> None:
    live.world.forget_keys()
    error = failure(live)
    assert isinstance(error, AccountError)
    assert "medwh login" in str(error)


def test_a_key_forgotten_in_the_middle_says_to_log_in(live: Live) -> None:
    live.world.faults.plan(HISTORY, ForgetKey(), at=2)
    error = failure(live)
    assert isinstance(error, AccountError)
    assert "medwh login" in str(error)


@pytest.mark.parametrize(
    ("refusal", "words", "status"),
    [
        (AUTH_KEY_UNREGISTERED, "medwh login", "unreachable"),
        (AUTH_KEY_DUPLICATED, "session of its own", "unreachable"),
        (USER_DEACTIVATED_BAN, "banned", "banned"),
        (Refusal(400, "API_ID_INVALID"), "TELEGRAM_API_ID", "unreachable"),
    ],
)
def test_an_account_that_is_refused_says_why(
    live: Live, refusal: Refusal, words: str, status: str
) -> None:
    live.world.faults.plan(HISTORY, refusal, times=None)
    error = failure(live)
    assert not isinstance(error, RetryableError)
    assert words in str(error)
    assert live.state.last(SHOP) == status
    assert live.world.calls[HISTORY] == 1


def test_a_banned_account_is_asked_for_no_other_channel(live: Live) -> None:
    names = [f"demo_shop_{number}" for number in range(4)]
    for number, name in enumerate(names):
        live.world.add_channel(7000 + number, name)
    live.account.banned = True
    outcomes = live.read(names, FIRST, FIRST)
    assert len(reasons(outcomes)) == 4
    assert {live.state.last(name) for name in names} == {"banned"}
    assert live.world.calls[RESOLVE] == 1


def test_a_session_asks_once_whose_it_is(live: Live) -> None:
    live.state.user_id = None
    asked: list[int] = []
    for _ in range(2):
        before = live.world.calls["users.getUsers"]
        assert reasons(live.read([SHOP], FIRST, LAST)) == []
        asked.append(live.world.calls["users.getUsers"] - before)
    assert live.state.user_id == live.account.id
    # Telethon asks once more at each connection, for itself.
    assert asked == [2, 1]


def test_a_logged_out_session_says_to_log_in(live: Live) -> None:
    live.world.log_out(live.account)
    error = failure(live)
    assert isinstance(error, AccountError)
    assert "medwh login" in str(error)


def test_a_banned_account_says_so(live: Live) -> None:
    live.account.banned = True
    error = failure(live)
    assert isinstance(error, AccountError)
    assert "banned" in str(error)
    assert live.state.last(SHOP) == "banned"


def test_no_error_holds_the_session(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    found: list[Callable[[], str]] = []
    for fault in (AUTH_KEY_UNREGISTERED, Drop(), flood_wait(3600)):
        live.world.faults.clear()
        live.world.faults.plan(HISTORY, fault, times=None)
        error = failure(live, patience=IMPATIENT)
        found.append(lambda error=error: repr(error) + str(error.__cause__))
    shown = "".join(text() for text in found) + caplog.text + repr(live.source())
    assert live.session not in shown
    assert "0123456789abcdef" not in shown


@pytest.mark.timeout(20)
def test_an_interrupt_ends_a_wait_for_telegram_at_once(live: Live) -> None:
    live.world.faults.plan(HISTORY, Silence(), times=None)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with live.source(patience=None) as source, pytest.raises(KeyboardInterrupt):
        list(source.read(DayRun(SHOP, FIRST, LAST)))
    assert not live.state.busy
