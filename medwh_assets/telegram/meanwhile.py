"""Pictures that are fetched in the time which a walk through a history leaves.

A history is asked for a page a second, which leaves room for files. What goes wrong here is left to
the step that fetches pictures, which asks again with patience; the posts do not notice.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, wait
from typing import Final

from medwh_assets.errors import CoolingDownError, SourceUnreachableError
from medwh_assets.lake.records import Post
from medwh_assets.telegram.photos import Place

# Fetched or on their way, and not taken over yet: 16 MB at most.
_AT_MOST: Final = 8
_LARGEST: Final = 2 * 1024**2
# Posts whose pictures are waited for; some kilobytes each.
_WAITING: Final = 500
# After so many failures one after another, or one pause, nothing is asked any more.
_FAILURES: Final = 3
# How long the end of a walk waits for what is on its way, in seconds.
_LAST_WAIT: Final = 3.0


class Meanwhile:
    """Fetches pictures while posts are read; the thread that reads comes by between two days.

    Args:
        place: returns where a post's picture lies, as the walk saw it.
        begin: starts a coroutine in the loop that talks to Telegram.
        fetch: fetches a picture there, or gives up at the first trouble.
        paused: told when Telegram asks for a long pause.
        turns: how many may be on their way at once.
    """

    def __init__(
        self,
        place: Callable[[Post], Place | None],
        begin: Callable[[Coroutine[None, None, bytes]], Future[bytes]],
        fetch: Callable[[Place], Awaitable[bytes]],
        paused: Callable[[CoolingDownError], None],
        turns: asyncio.Semaphore,
    ) -> None:
        """Start with nothing to do."""
        self._place = place
        self._begin = begin
        self._fetch = fetch
        self._paused = paused
        self._turns = turns
        self._waiting: deque[tuple[Post, Place]] = deque()
        self._coming: list[tuple[Post, Place, Future[bytes]]] = []
        self._begun: set[int] = set()
        self._files: set[int] = set()
        self._failures = 0
        self._stopped = False

    def want(self, posts: Sequence[Post]) -> None:
        """Hear whose pictures will be wanted when the walk is over; fetch those there is time for."""
        for post in posts:
            place = self._place(post)
            if place is None or place.bytes > _LARGEST or place.file_id in self._files:
                continue
            if self._stopped or len(self._waiting) >= _WAITING:
                break
            self._waiting.append((post, place))
            self._files.add(place.file_id)
        self._begin_some()

    def arrived(self) -> list[tuple[Post, bytes]]:
        """Return the pictures that have come since the last call, and let the next ones come."""
        found = self._take()
        self._begin_some()
        return found

    def end(self, *, wait_for_last: bool) -> list[tuple[Post, bytes]]:
        """Begin no more, and return what has come.

        Args:
            wait_for_last: whether those that are on their way are waited for, for a moment.
        """
        self._waiting.clear()
        for _, place, future in self._coming:
            if place.file_id not in self._begun:
                future.cancel()
        if wait_for_last:
            wait([future for _, _, future in self._coming], _LAST_WAIT)
        for _, _, future in self._coming:
            future.cancel()
        found = self._take()
        self._files.clear()
        return found

    def _begin_some(self) -> None:
        while self._waiting and len(self._coming) < _AT_MOST:
            post, place = self._waiting.popleft()
            future = self._begin(self._in_turn(place))
            self._coming.append((post, place, future))

    async def _in_turn(self, place: Place) -> bytes:
        async with self._turns:
            if self._stopped:
                raise SourceUnreachableError("too many pictures did not come")
            self._begun.add(place.file_id)
            try:
                content = await self._fetch(place)
            except Exception as error:
                self._failures += 1
                if self._failures >= _FAILURES or isinstance(error, CoolingDownError):
                    self._stopped = True
                raise
            self._failures = 0
            return content

    def _take(self) -> list[tuple[Post, bytes]]:
        found: list[tuple[Post, bytes]] = []
        left: list[tuple[Post, Place, Future[bytes]]] = []
        for post, place, future in self._coming:
            if not future.done():
                left.append((post, place, future))
                continue
            self._files.discard(place.file_id)
            self._begun.discard(place.file_id)
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                found.append((post, future.result()))
            elif isinstance(error, CoolingDownError):
                self._paused(error)
        self._coming = left
        return found
