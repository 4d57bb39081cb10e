"""How packets stand in a TCP stream: the full, the abridged and the intermediate transport.

The client names its transport by the first bytes that it sends; the full one has no name and is
what remains. Lengths are little-endian. A payload of four bytes from the server is no message but a
negative number that says what is wrong with the connection (-404: this key is unknown).
"""

import struct
from asyncio import StreamReader
from typing import Protocol
from zlib import crc32

UNKNOWN_KEY = -404
# A longer packet is a stream that went out of step; the longest honest one is a 1 MB file part.
_MAX_PACKET = 1 << 24


class FramingError(ConnectionError):
    """The stream is not what its transport allows."""


class Framing(Protocol):
    """One transport, with the state of one connection."""

    async def read(self, reader: StreamReader) -> bytes:
        """Return the payload of the next packet.

        Raises:
            IncompleteReadError: the client has gone.
            FramingError: the packet is broken.
        """
        ...

    def wrap(self, payload: bytes) -> bytes:
        """Return the packet that carries a payload."""
        ...


class Abridged:
    """One or four bytes of length, counted in words of four bytes."""

    async def read(self, reader: StreamReader) -> bytes:
        words = (await reader.readexactly(1))[0]
        if words == 0x7F:
            words = int.from_bytes(await reader.readexactly(3), "little")
        return await reader.readexactly(_checked(words * 4))

    def wrap(self, payload: bytes) -> bytes:
        words = len(payload) // 4
        if words < 0x7F:
            return bytes([words]) + payload
        return b"\x7f" + words.to_bytes(3, "little") + payload


class Intermediate:
    """Four bytes of length, counted in bytes."""

    async def read(self, reader: StreamReader) -> bytes:
        (length,) = struct.unpack("<i", await reader.readexactly(4))
        return await reader.readexactly(_checked(length))

    def wrap(self, payload: bytes) -> bytes:
        return struct.pack("<i", len(payload)) + payload


class Full:
    """Length of the whole packet, its number, the payload and a checksum of all before it."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._sent = 0

    async def read(self, reader: StreamReader) -> bytes:
        start = self._head + await reader.readexactly(8 - len(self._head))
        self._head = b""
        length, _ = struct.unpack("<ii", start)
        rest = await reader.readexactly(_checked(length - 8))
        if struct.unpack("<I", rest[-4:])[0] != crc32(start + rest[:-4]):
            raise FramingError("a packet's checksum is wrong")
        return rest[:-4]

    def wrap(self, payload: bytes) -> bytes:
        packet = struct.pack("<ii", len(payload) + 12, self._sent) + payload
        self._sent += 1
        return packet + struct.pack("<I", crc32(packet))


def _checked(length: int) -> int:
    if not 4 <= length <= _MAX_PACKET:
        raise FramingError(f"a packet of {length} bytes")
    return length


async def sniff(reader: StreamReader) -> Framing:
    """Find out which transport the client has chosen.

    Raises:
        IncompleteReadError: the client has gone before it said so.
    """
    head = await reader.readexactly(1)
    if head == b"\xef":
        return Abridged()
    head += await reader.readexactly(3)
    if head == b"\xee\xee\xee\xee":
        return Intermediate()
    return Full(head)
