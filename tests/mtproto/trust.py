"""How Telethon is made to find the data centres and to trust their key: in this process and others.

Telethon itself stays as it is. It gets one more public key, by its own function for that, and the
address where a client without a session begins.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from telethon import TelegramClient
from telethon.client import telegrambaseclient
from telethon.crypto import rsa

from .client_process.sitecustomize import ADDRESS, SERVER_KEY
from .handshake import SERVER_KEY_PEM

_FOLDER = Path(__file__).with_name("client_process")


@contextmanager
def trusted(dc_id: int, host: str, port: int) -> Generator[None]:
    """Let clients of this process trust the test key, and begin at this address.

    Telethon keeps the list of addresses for the whole process; it is forgotten on both ways.
    """
    base, keys = cast("Any", telegrambaseclient), cast("Any", rsa)
    before = base.DEFAULT_DC_ID, base.DEFAULT_IPV4_IP, base.DEFAULT_PORT
    trusted_before = dict(keys._server_keys)
    keys.add_key(SERVER_KEY_PEM, old=False)
    base.DEFAULT_DC_ID, base.DEFAULT_IPV4_IP, base.DEFAULT_PORT = dc_id, host, port
    cast("Any", TelegramClient)._config = None
    try:
        yield
    finally:
        base.DEFAULT_DC_ID, base.DEFAULT_IPV4_IP, base.DEFAULT_PORT = before
        keys._server_keys.clear()
        keys._server_keys.update(trusted_before)
        cast("Any", TelegramClient)._config = None


def environment(dc_id: int, host: str, port: int) -> dict[str, str]:
    """Return what another Python process needs in its environment for the same."""
    path = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([str(_FOLDER), *([path] if path else [])]),
        SERVER_KEY: SERVER_KEY_PEM,
        ADDRESS: f"{dc_id} {host} {port}",
    }
