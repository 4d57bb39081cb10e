"""The border with Telethon: what its untyped parts read and write, under types of our own.

Telethon knows every constructor of its layer, so the server reads and writes with the very classes
of the client; a new layer needs no change here.
"""

import inspect
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast, get_origin

from telethon.crypto import AES
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import TLObject, functions
from telethon.tl.core import GzipPacked, MessageContainer

_BOOL_TRUE, _BOOL_FALSE, _VECTOR = 0x997275B5, 0xBC799737, 0x1CB5C415

_WRAPPERS = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeAfterMsgRequest,
)

_Object = TypeVar("_Object")


class Serialised(TLObject):
    """An object that was written before; stands wherever an object of its type may stand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _bytes(self) -> bytes:
        return self._data


class WireError(ConnectionError):
    """Bytes that are no object of this layer."""


def parse(data: bytes) -> Any:
    """Read one object, of whatever type it says to be; bytes after it are padding.

    Raises:
        WireError: it cannot be read.
    """
    try:
        return cast("Any", BinaryReader(data)).tgread_object()
    except (TypeNotFoundError, BufferError, RuntimeError, ValueError, struct.error) as error:
        raise WireError(str(error)) from error


def serialise(value: object) -> bytes:
    """Write an object, a bool or a list of objects."""
    if isinstance(value, bool):
        return struct.pack("<I", _BOOL_TRUE if value else _BOOL_FALSE)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return struct.pack("<Ii", _VECTOR, len(items)) + b"".join(map(serialise, items))
    return bytes(cast("TLObject", value))


def encrypt(plain: bytes, cipher: tuple[bytes, bytes]) -> bytes:
    """Encrypt by AES-256-IGE with a key and a vector; what is short of a block is filled up."""
    return cast("Any", AES).encrypt_ige(plain, *cipher)


def decrypt(text: bytes, cipher: tuple[bytes, bytes]) -> bytes:
    """Decrypt whole blocks by AES-256-IGE with a key and a vector."""
    return cast("Any", AES).decrypt_ige(text, *cipher)


def unpack(message_id: int, content: Any) -> Iterator[tuple[int, Any]]:
    """Take messages out of compression and containers.

    Yields:
        Each message's id and what it holds.
    """
    if isinstance(content, GzipPacked):
        content = parse(cast("Any", content).data)
    if not isinstance(content, MessageContainer):
        yield message_id, content
        return
    messages: list[Any] = cast("Any", content).messages
    for message in messages:
        yield from unpack(message.msg_id, message.obj)


def unwrap(request: Any) -> tuple[Any, bool]:
    """Take a request out of its wrappers.

    Returns:
        The request, and whether its client wants to be told what happens.
    """
    wants_updates = True
    while True:
        if isinstance(request, functions.InvokeWithoutUpdatesRequest):
            wants_updates = False
        elif not isinstance(request, _WRAPPERS):
            return request, wants_updates
        request = cast("Any", request).query


def pack(answer: bytes) -> bytes:
    """Compress an answer."""
    return bytes(GzipPacked(answer))


def kind_of(request: object) -> str:
    """Telegram's name of a request: `messages.getHistory` for Telethon's `GetHistoryRequest`."""
    constructor = type(request)
    return _kind(constructor.__module__.rpartition(".")[2], constructor.__name__)


@cache
def _kind(room: str, name: str) -> str:
    name = name.removesuffix("Request")
    name = name[:1].lower() + name[1:]
    return name if room == "functions" else f"{room}.{name}"


_EMPTY: Mapping[Any, Callable[[], object]] = {
    int: int, str: str, bytes: bytes, bool: bool, list: list, float: float,
}  # fmt: skip


@cache
def _required(constructor: Callable[..., Any]) -> dict[str, Callable[[], object]]:
    blanks: dict[str, Callable[[], object]] = {}
    for name, parameter in inspect.signature(constructor).parameters.items():
        if parameter.default is inspect.Parameter.empty:
            annotation = parameter.annotation
            blank = _EMPTY.get(get_origin(annotation) or annotation)
            if blank is None and "datetime" in str(annotation):
                blank = now
            if blank is not None:
                blanks[name] = blank
    return blanks


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def fill(constructor: Callable[..., _Object], **fields: object) -> _Object:
    """Make an object of which only some fields matter.

    A required field that is not given is empty if it is a number, a string, bytes, a bool or a
    list, and now if it is a time. Constructors grow with every layer; what this serves does not.

    Raises:
        TypeError: a required field of another type was not given.
    """
    blanks = {name: blank() for name, blank in _required(constructor).items() if name not in fields}
    return constructor(**blanks, **fields)
