"""An event loop in a thread of its own, for a client that may never change loops."""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_ROUND_S: Final = 0.2


class LoopThread:
    """Runs coroutines for callers that are not asynchronous."""

    def __init__(self, name: str) -> None:
        """Start the thread; it ends with `close`, or with the process."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(quietly)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def begin(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine and return at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt here (Ctrl-C) cancels it there."""
        future = self.begin(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self, patience: float = 5.0) -> None:
        """Cancel what still runs and end the thread."""
        if self._loop.is_closed():
            return
        ended = asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop)
        try:
            ended.result(patience)
        except concurrent.futures.TimeoutError:
            ended.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(patience)


def quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep it off the terminal when Telethon leaves an error of a given-up connection unread."""
    _LOG.debug("%s: %r", context.get("message"), context.get("exception"))


async def _cancel_others() -> None:
    """Cancel until nothing runs: Telethon swallows some cancellations, and begins tasks in others."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=_ROUND_S)
    # A transport that was closed lets go of its socket one step later.
    await asyncio.sleep(0)
