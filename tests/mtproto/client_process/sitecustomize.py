"""Lets Telethon in this process trust a test's data centre, as soon as it is imported.

Nothing but the standard library is imported here, and nothing happens without the two variables.
In a client's process it stands in the place of any other `sitecustomize`.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

SERVER_KEY = "MTPROTO_TEST_SERVER_KEY"
ADDRESS = "MTPROTO_TEST_ADDRESS"


def _trust_key(module: Any) -> None:
    module.add_key(os.environ[SERVER_KEY], old=False)


def _begin_here(module: Any) -> None:
    number, host, port = os.environ[ADDRESS].split()
    module.DEFAULT_DC_ID, module.DEFAULT_IPV4_IP = int(number), host
    module.DEFAULT_PORT = int(port)


_AFTER: dict[str, Callable[[ModuleType], None]] = {
    "telethon.crypto.rsa": _trust_key,
    "telethon.client.telegrambaseclient": _begin_here,
}


class _AfterImport(MetaPathFinder):
    """Finds two modules of Telethon as Python does, and adds to each what the test says."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        after = _AFTER.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if after else None
        if after and spec and spec.loader:
            _extend(spec.loader, after)
        return spec


def _extend(loader: Loader, after: Callable[[ModuleType], None]) -> None:
    plain = loader.exec_module

    def run(module: ModuleType) -> None:
        plain(module)
        after(module)

    cast("Any", loader).exec_module = run


if SERVER_KEY in os.environ and ADDRESS in os.environ:
    sys.meta_path.insert(0, _AfterImport())
