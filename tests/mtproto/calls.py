"""What was asked, by whom, and when: the log that tests read."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request that reached a data centre, whatever became of it."""

    kind: str
    """Telegram's name, such as `messages.getHistory`."""
    at: float
    """When it came, in seconds of `time.monotonic()`."""
    dc_id: int
    account_id: int | None
    request: Any
    """Telethon's request object, without its wrappers."""


class Calls:
    """All requests since the world began or was last `reset`. Pings are not counted."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._counts: Counter[str] = Counter()
        self._arrived = threading.Condition()

    def __getitem__(self, kind: str) -> int:
        """How many requests of a kind came."""
        return self._counts[kind]

    def kinds(self) -> dict[str, int]:
        """How many requests of each kind came."""
        return dict(self._counts)

    def all(self, kind: str | None = None) -> list[Call]:
        """Return the requests (of one kind), in the order in which they came."""
        return [call for call in list(self._calls) if kind in (None, call.kind)]

    def times(self, kind: str) -> list[float]:
        """When the requests of a kind came, in seconds of `time.monotonic()`."""
        return [call.at for call in self.all(kind)]

    def reset(self) -> None:
        """Count from zero."""
        with self._arrived:
            self._calls.clear()
            self._counts.clear()

    def wait_for(self, kind: str, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until so many requests of a kind have come; never from the server's own thread.

        Raises:
            TimeoutError: they did not come in that many seconds.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._counts[kind] >= count, timeout):
                raise TimeoutError(
                    f"{self._counts[kind]} of {count} {kind} in {timeout} s; came: {self.kinds()}"
                )

    def record(self, kind: str, dc_id: int, account_id: int | None, request: Any) -> None:
        """Add a request that came now."""
        with self._arrived:
            self._calls.append(Call(kind, time.monotonic(), dc_id, account_id, request))
            self._counts[kind] += 1
            self._arrived.notify_all()
