"""What the marts hold, in one word: so that an answer that a client has need not be sent again."""

import asyncio
import time

from medwh_api import queries
from medwh_api.database import QueryRunner
from medwh_api.errors import WarehouseNotBuiltError

# A build takes seconds; asking at each request would cost a fifth of the requests.
_KNOWN_FOR_S = 1.0


class BuiltContent:
    """The hash of what was built last, asked for once a second at most."""

    def __init__(self, marts: QueryRunner) -> None:
        self._marts = marts
        self._asking = asyncio.Lock()
        self._asked_at: float | None = None
        self._hash: str | None = None

    async def hash(self) -> str | None:
        """Return it; None while a build runs, and where none was ever done.

        Raises:
            ApiError: the database does not answer.
        """
        if not self._is_known():
            async with self._asking:
                if not self._is_known():
                    self._hash = await self._ask()
                    self._asked_at = time.monotonic()
        return self._hash

    def _is_known(self) -> bool:
        return self._asked_at is not None and time.monotonic() < self._asked_at + _KNOWN_FOR_S

    async def _ask(self) -> str | None:
        try:
            found = await self._marts.fetch(queries.FIND_BUILT_CONTENT)
        except WarehouseNotBuiltError:
            # Set up by an older medwh: everything can be answered, only not compared.
            return None
        return found[0]["content_sha256"] if found else None
