"""Data centres that listen: in a test's own event loop, or in a thread for everything else."""

import asyncio
import concurrent.futures
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Self, cast

from telethon.crypto import AuthKey
from telethon.sessions import StringSession
from telethon.tl import types

from .connection import Connection
from .trust import environment, trusted
from .wire import now
from .world import Account, Key, World

_HOST = "127.0.0.1"
# Starting, stopping or cutting connections takes milliseconds; longer means that something hangs.
_PATIENCE_S = 10.0


class DataCentre:
    """One data centre, as an asynchronous context manager.

    While it is open, Telethon in this process trusts its key, and a client without a session begins
    at the data centre with the lowest number. Methods may be called from any thread.
    """

    def __init__(self, world: World, dc_id: int = 1) -> None:
        self.world = world
        self.id = dc_id
        self.salt = _new_salt()
        self.frozen = False
        self._address: tuple[str, int] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closed = False
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._trust = ExitStack()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; they stay the same when it vanishes and comes back.

        Raises:
            RuntimeError: it was never open.
        """
        if self._address is None:
            raise RuntimeError(f"data centre {self.id} is not open")
        return self._address

    def session(self, account: Account | None = None) -> str:
        """Return a session string with a key that this data centre knows.

        It is logged in as the account; as nobody without one.
        """
        session = self.empty_session()
        session.auth_key = AuthKey(self.world.add_key(self.id, account).shared.secret)
        return session.save()

    def empty_session(self) -> StringSession:
        """Return a session that knows this address and has no key yet: the client makes one."""
        session = StringSession()
        session.set_dc(self.id, *self.address)
        return session

    # What goes wrong with the whole data centre.

    def drop_connections(self) -> None:
        """Cut every connection; clients may connect again."""
        self._in_loop(self._cut)

    def vanish(self) -> None:
        """Cut every connection and refuse new ones, until `come_back`."""
        self._in_loop(self._close)

    def come_back(self) -> None:
        """Listen again, at the same address."""
        self._in_loop(self._listen)

    def freeze(self) -> None:
        """Accept connections and read what comes, and answer nothing, not even pings."""
        self.frozen = True

    def thaw(self) -> None:
        """Answer what comes from now on."""
        self.frozen = False

    def change_salt(self) -> None:
        """Let every message with the old salt be sent back once."""
        self.salt = _new_salt()

    # Life.

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._listen()
        self.world.on_scan(self.id, self._token_accepted)
        self._trust.enter_context(trusted(*_first(self.world)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._trust.close()
        self.world.addresses.pop(self.id, None)
        if self._opening:
            await self._opening
        server, tasks = self._server, list(self._connections.values())
        self._close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if server:
            await server.wait_closed()
        self._loop = None

    def _listen(self) -> None:
        """Take connections; they wait in the socket until the loop comes to them."""
        self._closed = False
        if self._server or self._opening:
            return
        listener = socket.create_server(self._address or (_HOST, 0))
        self._address = cast("tuple[str, int]", listener.getsockname()[:2])
        self.world.addresses[self.id] = self._address
        self._opening = asyncio.get_running_loop().create_task(self._open(listener))

    async def _open(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener)
        self._opening = None
        if self._closed:
            self._close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            # It was on its way when the data centre vanished.
            writer.transport.abort()
            return
        connection = Connection(self, reader, writer)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections[connection] = task
        task.add_done_callback(lambda _: self._connections.pop(connection, None))

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.end()

    def _close(self) -> None:
        self._closed = True
        if self._server:
            self._server.close()
            self._server = None
        self._cut()

    def _token_accepted(self, key: Key) -> None:
        def tell() -> None:
            for connection in list(self._connections):
                if connection.key is key and connection.wants_updates:
                    connection.notify(types.UpdateShort(types.UpdateLoginToken(), now()))

        self._in_loop(tell)

    def _in_loop(self, action: Callable[[], None]) -> None:
        """Do something in the server's loop, and wait for it unless we are there."""
        loop = self._loop
        if loop is None:
            raise RuntimeError(f"data centre {self.id} is not open")
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            action()
            return
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def run() -> None:
            try:
                done.set_result(action())
            except Exception as error:
                done.set_exception(error)

        loop.call_soon_threadsafe(run)
        done.result(_PATIENCE_S)


class DataCentres:
    """Data centres that run in a thread. They are numbered from 1; `centres[2]` is the second."""

    def __init__(self, world: World, centres: dict[int, DataCentre]) -> None:
        self.world = world
        self._centres = centres

    def __getitem__(self, dc_id: int) -> DataCentre:
        return self._centres[dc_id]

    def session(self, account: Account | None = None) -> str:
        """Return a session string for the first data centre, logged in unless for nobody."""
        return self[1].session(account)

    def environment(self) -> dict[str, str]:
        """Return what to add to the environment of a client's process.

        A session with a key needs it only to reach a second data centre; a client without one
        begins at the first data centre.
        """
        return environment(*_first(self.world))

    def vanish(self) -> None:
        """Let all of them vanish."""
        for centre in self._centres.values():
            centre.vanish()

    def come_back(self) -> None:
        """Let all of them come back."""
        for centre in self._centres.values():
            centre.come_back()


@contextmanager
def running_data_centres(world: World, count: int = 2) -> Generator[DataCentres]:
    """Run data centres in a thread: for synchronous tests, and for clients in other processes.

    Raises:
        RuntimeError: the thread did not end with the block.
    """
    centres = {number: DataCentre(world, number) for number in range(1, count + 1)}
    started: concurrent.futures.Future[Callable[[], None]] = concurrent.futures.Future()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            for centre in centres.values():
                await stack.enter_async_context(centre)
            started.set_result(lambda: cast("None", loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="data centres", daemon=True)
    thread.start()
    stop = started.result(_PATIENCE_S)
    try:
        yield DataCentres(world, centres)
    finally:
        stop()
        thread.join(_PATIENCE_S)
        if thread.is_alive():
            raise RuntimeError("the data centres' thread did not end")


def _first(world: World) -> tuple[int, str, int]:
    number = min(world.addresses)
    return number, *world.addresses[number]


def _new_salt() -> int:
    return int.from_bytes(os.urandom(8), "little", signed=True)
