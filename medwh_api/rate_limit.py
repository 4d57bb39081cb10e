"""How often one client may ask.

A client is its key where it sends a known one, else its address. The counts are in this process's
memory, so each process counts for itself.
"""

import ipaddress
import math
import time

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from medwh_api.access import key_of, known_key
from medwh_api.errors import TOO_MANY_REQUESTS, problem_response
from medwh_api.settings import UNLIMITED, ApiSettings

# Whoever restarts, balances and watches the service must always be answered.
_FREE = ("/health/", "/metrics")


def limits_requests(settings: ApiSettings) -> bool:
    """Say whether requests are counted."""
    return settings.rate_limit != UNLIMITED and not settings.is_local


class RateLimit:
    """ASGI middleware that answers 429 to whoever asks too often."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._rates = parse_many(settings.rate_limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application."""
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            client = self._client(scope)
            for rate in self._rates:
                if not await self._limiter.hit(rate, client):
                    wait = await self._wait(rate, client)
                    answer = problem_response(TOO_MANY_REQUESTS, retry_after=wait)
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _wait(self, rate: RateLimitItem, client: str) -> int:
        window = await self._limiter.get_window_stats(rate, client)
        return max(math.ceil(window.reset_time - time.time()), 1)

    def _client(self, scope: Scope) -> str:
        key = known_key(key_of(Headers(scope=scope)), self._settings)
        if key is not None:
            return key
        host = scope["client"][0] if scope.get("client") else "local"
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host
        if isinstance(address, ipaddress.IPv6Address):
            # A network of this size belongs to one customer, who can use any address in it.
            return str(ipaddress.ip_network((address, 64), strict=False))
        return host
