"""What goes wrong, and at which request: planned by a test, met by the client.

    world.faults.plan("messages.getHistory", flood_wait(5), at=3)
    world.faults.plan("upload.getFile", Drop(), times=None)

The first line: the third history request from now on is answered with FLOOD_WAIT_5. The second:
every request for a file from now on ends the connection. `"*"` stands for every kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """The request is answered with an error."""

    code: int
    text: str


@dataclass(frozen=True)
class Drop:
    """The connection ends without an answer."""


@dataclass(frozen=True)
class Silence:
    """The request is taken and never answered; the connection stays."""


@dataclass(frozen=True)
class Delay:
    """The answer comes this many seconds late."""

    seconds: float


@dataclass(frozen=True)
class Vanish:
    """The data centre ends every connection and accepts none until it comes back."""


@dataclass(frozen=True)
class ForgetKey:
    """The client's key is unknown from now on: transport error -404, and the connection ends."""


@dataclass(frozen=True)
class Truncate:
    """A part of a file holds only this many bytes, as if the file ended there."""

    length: int


@dataclass(frozen=True)
class ShortPage:
    """A page of history holds only this many posts.

    Those nearest to where the page begins, which a client reads on from; with `far` those at its
    other end, so that posts are left out in the middle.
    """

    keep: int
    far: bool = False


@dataclass(frozen=True)
class Astray:
    """Posts are taken from another channel than the one that was asked for."""

    channel: int


Fault = Refusal | Drop | Silence | Delay | Vanish | ForgetKey | Truncate | ShortPage | Astray


def flood_wait(seconds: int) -> Refusal:
    """Too many requests of this kind: wait."""
    return Refusal(420, f"FLOOD_WAIT_{seconds}")


def flood_premium_wait(seconds: int) -> Refusal:
    """Too many bytes without a paid account: wait."""
    return Refusal(420, f"FLOOD_PREMIUM_WAIT_{seconds}")


def file_migrate(dc_id: int) -> Refusal:
    """The file lies in another data centre."""
    return Refusal(303, f"FILE_MIGRATE_{dc_id}")


AUTH_KEY_UNREGISTERED = Refusal(401, "AUTH_KEY_UNREGISTERED")
AUTH_KEY_DUPLICATED = Refusal(406, "AUTH_KEY_DUPLICATED")
SESSION_REVOKED = Refusal(401, "SESSION_REVOKED")
USER_DEACTIVATED_BAN = Refusal(401, "USER_DEACTIVATED_BAN")
SESSION_PASSWORD_NEEDED = Refusal(401, "SESSION_PASSWORD_NEEDED")
CHANNEL_INVALID = Refusal(400, "CHANNEL_INVALID")
CHANNEL_PRIVATE = Refusal(400, "CHANNEL_PRIVATE")
USERNAME_INVALID = Refusal(400, "USERNAME_INVALID")
USERNAME_NOT_OCCUPIED = Refusal(400, "USERNAME_NOT_OCCUPIED")
FILE_REFERENCE_EXPIRED = Refusal(400, "FILE_REFERENCE_EXPIRED")
INTERNAL_ERROR = Refusal(500, "INTERNAL_SERVER_ERROR")
CALL_FAILED = Refusal(500, "RPC_CALL_FAIL")
TIMED_OUT = Refusal(-503, "Timeout")


class RefusedError(Exception):
    """Raised by what answers a request: the answer is an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass
class _Plan:
    kind: str
    fault: Fault
    wait: int
    left: int | None
    where: Callable[[Any], bool]


class Faults:
    """The faults that are planned. Requests that meet one use it up."""

    def __init__(self) -> None:
        self._plans: list[_Plan] = []

    def plan(
        self,
        kind: str,
        fault: Fault,
        *,
        at: int = 1,
        times: int | None = 1,
        where: Callable[[Any], bool] | None = None,
    ) -> None:
        """Let requests of one kind go wrong.

        Args:
            kind: Telegram's name (`messages.getHistory`), or `*` for any.
            fault: what happens.
            at: which request of this kind, counted from now; 1 is the next.
            times: how many from that one on; None for all.
            where: counts only requests that this says yes to; it gets Telethon's request object.
        """
        self._plans.append(_Plan(kind, fault, at - 1, times, where or _any))

    def clear(self) -> None:
        """Forget all that was planned."""
        self._plans.clear()

    def meet(self, kind: str, request: Any) -> Fault | None:
        """Return what happens to a request, and count it."""
        met: Fault | None = None
        for plan in list(self._plans):
            if plan.kind not in (kind, "*") or not plan.where(request):
                continue
            if plan.wait:
                plan.wait -= 1
            elif met is None:
                met = plan.fault
                if plan.left is not None:
                    plan.left -= 1
                    if not plan.left:
                        self._plans.remove(plan)
        return met


def _any(_: Any) -> bool:
    return True
