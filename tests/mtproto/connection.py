"""One TCP connection: handshake or known key, salts, containers, answers and notices."""

import asyncio
import contextlib
import struct
from asyncio import StreamReader, StreamWriter
from typing import Any, Protocol

from telethon.tl import TLObject, functions, types

from . import dispatch
from .envelope import Message, MessageIds, key_id, open_packet, seal
from .faults import Delay, Drop, Fault, ForgetKey, Refusal, RefusedError, Silence, Vanish
from .framing import UNKNOWN_KEY, Framing, sniff
from .handshake import Handshake
from .requests import Request
from .wire import kind_of, pack, parse, serialise, unpack, unwrap
from .world import Key, World

_RPC_RESULT = 0xF35C6D01
_BAD_SALT = 48
# Shorter answers do not get shorter by being compressed.
_WORTH_PACKING = 512
_NOT_ANSWERED = (types.MsgsAck, types.HttpWait, functions.GetFutureSaltsRequest)


class Home(Protocol):
    """The data centre of a connection, as the connection sees it."""

    @property
    def id(self) -> int: ...
    @property
    def world(self) -> World: ...
    @property
    def salt(self) -> int: ...
    @property
    def frozen(self) -> bool: ...
    def vanish(self) -> None: ...


class CutError(ConnectionError):
    """The server ends the connection."""


class Connection:
    """Serves one client until it goes or is sent away."""

    def __init__(self, home: Home, reader: StreamReader, writer: StreamWriter) -> None:
        self.key: Key | None = None
        self.wants_updates = False
        self._home = home
        self._reader = reader
        self._writer = writer
        self._framing: Framing | None = None
        self._handshake = Handshake()
        self._ids = MessageIds()
        self._session = 0
        self._greeted: int | None = None
        self._sequence = 0

    async def serve(self) -> None:
        """Answer until the connection ends, whoever ends it."""
        try:
            self._framing = await sniff(self._reader)
            while True:
                packet = await self._framing.read(self._reader)
                if not self._home.frozen:
                    self._take(packet)
                    await self._writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    def end(self) -> None:
        """Cut the connection now."""
        self._writer.transport.abort()

    def notify(self, update: TLObject) -> None:
        """Tell the client something that it did not ask for."""
        self._send(bytes(update), content=True)

    def _take(self, packet: bytes) -> None:
        number = key_id(packet)
        if not number:
            self._shake_hands(packet)
            return
        with self._home.world.lock:
            self.key = key = self._home.world.keys.get((self._home.id, number))
        if key is None:
            raise self._unknown_key()
        message, salt = open_packet(key.shared, packet), self._home.salt
        self._session = message.session
        if self._home.world.check_salts and message.salt != salt:
            notice = types.BadServerSalt(message.id, message.sequence, _BAD_SALT, salt)
            self._send(bytes(notice))
            return
        if self._greeted != message.session:
            self._greeted = message.session
            created = types.NewSessionCreated(message.id, message.session, salt)
            self._send(bytes(created), content=True)
        for message_id, content in unpack(message.id, parse(message.body)):
            self._receive(message_id, content)

    def _shake_hands(self, packet: bytes) -> None:
        body = serialise(self._handshake.take(packet))
        if self._handshake.key is not None:
            self._home.world.know(Key(self._handshake.key, self._home.id))
            self._handshake = Handshake()
        self._write(struct.pack("<qqi", 0, self._ids.next(answer=True), len(body)) + body)

    def _receive(self, message_id: int, content: Any) -> None:
        if isinstance(content, functions.PingRequest | functions.PingDelayDisconnectRequest):
            self._send(bytes(types.Pong(message_id, content.ping_id)), answer=True)
        elif not isinstance(content, _NOT_ANSWERED):
            self._request(message_id, content)

    def _request(self, message_id: int, content: Any) -> None:
        body, wants_updates = unwrap(content)
        self.wants_updates |= wants_updates
        key, world, kind = _present(self.key), self._home.world, kind_of(body)
        with world.lock:
            world.calls.record(kind, self._home.id, key.account and key.account.id, body)
            fault = world.faults.meet(kind, body)
            delay = world.delay_of(kind)
            self._suffer(fault)
            if isinstance(fault, Silence):
                return
            if isinstance(fault, Delay):
                delay += fault.seconds
            try:
                if isinstance(fault, Refusal):
                    raise RefusedError(fault)
                answer = dispatch.answer(Request(body, world, self._home.id, key, fault))
            except RefusedError as error:
                answer = bytes(types.RpcError(error.refusal.code, error.refusal.text))
        if world.gzip and len(answer) > _WORTH_PACKING:
            answer = pack(answer)
        result = struct.pack("<Iq", _RPC_RESULT, message_id) + answer
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._send_later, result)
        else:
            self._send(result, content=True, answer=True)

    def _suffer(self, fault: Fault | None) -> None:
        """Let what ends connections happen."""
        if isinstance(fault, Drop):
            raise CutError("dropped")
        if isinstance(fault, Vanish):
            self._home.vanish()
            raise CutError("vanished")
        if isinstance(fault, ForgetKey):
            key = _present(self.key)
            self._home.world.keys.pop((key.dc_id, key.shared.id), None)
            raise self._unknown_key()

    def _unknown_key(self) -> CutError:
        """Tell the client that its key is unknown, which ends the connection."""
        self._write(struct.pack("<i", UNKNOWN_KEY))
        return CutError("unknown key")

    def _send_later(self, result: bytes) -> None:
        if not self._writer.is_closing():
            self._send(result, content=True, answer=True)

    def _send(self, body: bytes, *, content: bool = False, answer: bool = False) -> None:
        """Send a message; what the client must acknowledge is `content` and counts."""
        number = self._sequence * 2 + content
        self._sequence += content
        message_id = self._ids.next(answer=answer)
        message = Message(self._home.salt, self._session, message_id, number, body)
        self._write(seal(_present(self.key).shared, message))

    def _write(self, payload: bytes) -> None:
        if self._framing is None:
            raise CutError("the client has not said how it wants to talk")
        self._writer.write(self._framing.wrap(payload))


def _present(key: Key | None) -> Key:
    if key is None:
        raise CutError("no key yet")
    return key
