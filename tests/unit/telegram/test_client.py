import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from medwh_assets.errors import CoolingDownError
from medwh_assets.lake.ports import Realm
from medwh_assets.telegram.client import Credentials, Patience, TelegramClient, name_of_request
from medwh_assets.telegram.pacing import Effort, Pacer

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@dataclass
class Skipping:
    """Waits take no time, but the clock shows them."""

    passed: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def seconds(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        # What happens at the same moment happens before.
        for _ in range(5):
            await asyncio.sleep(0)
        self.passed += seconds


@dataclass
class Server:
    """Answers requests once so many are waiting; the first ones with a flood wait each."""

    floods: list[int]
    together: int
    clock: Skipping
    waiting: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    answered_at: list[float] = field(default_factory=list[float])

    async def __call__(self, request: Any) -> Any:
        if not self.floods:
            self.answered_at.append(self.clock.passed)
            return request
        seconds = self.floods.pop(0)
        mine = asyncio.Event()
        self.waiting.append(mine)
        if len(self.waiting) >= self.together:
            for event in self.waiting:
                event.set()
        await mine.wait()
        raise flood(seconds)


def flood(seconds: int) -> Exception:
    from telethon.errors import FloodWaitError
    from telethon.tl import functions

    return FloodWaitError(
        functions.InvokeWithoutUpdatesRequest(functions.help.GetConfigRequest()), capture=seconds
    )


def asked(server: Server, clock: Skipping, told: list[float], *realms: Realm) -> tuple[Effort, Any]:
    """Ask once in each realm, all at once."""

    async def ask() -> tuple[Effort, Any]:
        effort = Effort()
        client = TelegramClient(
            Credentials(1, SecretStr("hash"), SecretStr("")),
            Pacer(1000),
            effort=effort,
            on_wait=lambda left, _: told.append(left),
            clock=clock,
            patience=Patience(pauses=()),
        )
        client._client = server  # pyright: ignore
        answers = [client.ask(n, realm=realm) for n, realm in enumerate(realms)]
        return effort, await asyncio.gather(*answers, return_exceptions=True)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("floods", "waited"), [([100, 100], 100), ([100, 30], 100), ([30, 50], 50)]
)
def test_pauses_that_telegram_asks_for_at_once_are_one_pause(
    floods: list[int], waited: int
) -> None:
    clock, told = Skipping(), list[float]()
    server = Server(floods, 2, clock)
    effort, answers = asked(server, clock, told, "all", "all")
    assert answers == [0, 1]
    assert effort.seconds_waited == pytest.approx(waited, abs=0.01)
    assert all(at >= waited for at in server.answered_at)
    assert told[-1] == 0


def test_pauses_that_an_answer_follows_do_not_add_up() -> None:
    clock = Skipping()
    server = Server([], 1, clock)

    async def ask() -> float:
        effort = Effort()
        client = TelegramClient(
            Credentials(1, SecretStr("hash"), SecretStr("")),
            Pacer(1000),
            effort=effort,
            clock=clock,
        )
        client._client = server  # pyright: ignore
        for number in range(60):
            server.floods.append(20)
            server.waiting.clear()
            assert await client.ask(number) == number
        return effort.seconds_waited

    assert asyncio.run(ask()) == pytest.approx(60 * 20, abs=1)


def test_pauses_that_no_answer_follows_add_up() -> None:
    clock = Skipping()
    _, (cooling,) = asked(Server([20] * 50, 0, clock), clock, [], "all")
    assert isinstance(cooling, CoolingDownError)


def test_a_long_pause_of_one_realm_stops_no_other() -> None:
    clock = Skipping()
    _, (cooling, answer) = asked(Server([5000], 1, clock), clock, [], "names", "all")
    assert isinstance(cooling, CoolingDownError)
    assert answer == 1


def test_a_pause_of_files_holds_up_no_history() -> None:
    clock, told = Skipping(), list[float]()
    server = Server([40], 1, clock)
    _, answers = asked(server, clock, told, "files", "all")
    assert answers == [0, 1]
    assert server.answered_at[0] < 1
    assert server.answered_at[1] >= 40


def test_the_request_that_telegram_refused_is_named_without_its_wrapping() -> None:
    assert name_of_request(flood(3)) == "GetConfig"


def test_it_is_told_what_a_pause_was_for() -> None:
    clock = Skipping()
    _, (cooling,) = asked(Server([5000], 1, clock), clock, [], "all")
    assert "5,000 s (GetConfig)" in str(cooling)
