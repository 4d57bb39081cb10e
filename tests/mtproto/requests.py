"""One request as those who answer it see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .channels import Channel
from .faults import (
    AUTH_KEY_UNREGISTERED,
    CHANNEL_INVALID,
    CHANNEL_PRIVATE,
    Fault,
    Refusal,
    RefusedError,
)
from .media import access_hash
from .world import Account, Key, World


@dataclass(frozen=True)
class Request:
    """What was asked, where, and with whose key."""

    body: Any
    """Telethon's request object, without its wrappers."""
    world: World
    dc_id: int
    key: Key
    fault: Fault | None = None
    """What is planned to go wrong inside the answer."""

    @property
    def account(self) -> Account:
        """Who is asking.

        Raises:
            RefusedError: nobody is logged in.
        """
        if self.key.account is None:
            raise RefusedError(AUTH_KEY_UNREGISTERED)
        return self.key.account

    def channel(self, peer: Any) -> Channel:
        """Return the channel that an input peer means, if this account may read it.

        Raises:
            RefusedError: there is none, the access hash is another account's, or it is private.
        """
        channel = self.world.channels.get(getattr(peer, "channel_id", 0))
        if channel is None:
            raise RefusedError(CHANNEL_INVALID)
        if peer.access_hash != access_hash("channel", channel.id, self.account.id):
            raise RefusedError(CHANNEL_INVALID)
        if channel.private:
            raise RefusedError(CHANNEL_PRIVATE)
        return channel


Handler = Callable[[Request], object]


def refuse(text: str, code: int = 400) -> RefusedError:
    """Make the error that answers a request."""
    return RefusedError(Refusal(code, text))
