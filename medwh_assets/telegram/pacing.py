"""How fast an account asks, and what it does when Telegram says that it was too fast. Pure.

Telegram publishes no limits. Clients that ask for about one page of history in a second are left
alone for months; beyond that come FLOOD_WAIT answers, and waits that grow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Countdown = Callable[[float, str], None]
"""Told again and again how many seconds a wait still takes, and why; at last 0."""

LONGEST_WAIT: Final = timedelta(minutes=15)
# How often a countdown is told, in seconds: each second near the end, seldom far from it.
_NEAR, _TICK, _FAR_TICK = 60.0, 1.0, 15.0


@dataclass(slots=True)
class Effort:
    """What a source has cost so far.

    Attributes:
        requests: how many went out, parts of files included.
        seconds_waited: how long Telegram made it wait.
    """

    requests: int = 0
    seconds_waited: float = 0.0


class Pacer:
    """A token bucket: so many requests in a second, and after a rest at once.

    Args:
        per_second: requests in a second, on the long run.
        burst: requests that may go out together after a rest.
    """

    def __init__(self, per_second: float, burst: int = 1) -> None:
        """Start with a full bucket."""
        self._interval = 1 / per_second
        self._slack = (burst - 1) * self._interval
        self._free: float | None = None

    def reserve(self, now: float) -> float:
        """Take the next place and return in how many seconds it comes.

        Args:
            now: seconds of a clock that never goes back.
        """
        free = now - self._slack if self._free is None else max(self._free, now - self._slack)
        self._free = free + self._interval
        return max(0.0, free - now)


@dataclass(frozen=True, slots=True)
class Wait:
    """Sit the flood wait out."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CoolDown:
    """The flood wait is too long for a run: ask nothing until then."""

    until: datetime


def after_flood(
    asked: float, waited: float, now: datetime, longest: timedelta = LONGEST_WAIT
) -> Wait | CoolDown:
    """Decide what a run does about a flood wait.

    It waits 15 minutes for one answer, so that many short waits for it are one long one. Waits that
    an answer has followed count no more: downloads of an ordinary account are slowed down by some
    seconds every now and then, for hours.

    Args:
        asked: seconds that Telegram asks for.
        waited: seconds that the run has waited for the same answer before.
        now: the time, for the cooldown's end.
        longest: what a run may wait for one answer.
    """
    # Some FLOOD_WAIT_0 have been seen: asking again at once would be a loop.
    seconds = max(1.0, asked)
    if waited + seconds > longest.total_seconds():
        return CoolDown(now + timedelta(seconds=seconds))
    return Wait(seconds)


def next_tick(left: float) -> float:
    """Return how many seconds of a wait pass before its countdown is told again."""
    if left > _NEAR:
        return min(_FAR_TICK, left - _NEAR)
    return min(_TICK, left)
