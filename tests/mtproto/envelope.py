"""Encrypted messages of MTProto 2.0: opening the client's, sealing the server's.

A packet is the key's id, the message key and AES-256-IGE text. Inside stand salt, session, message
id, sequence number, length, body and 12 to 27 bytes of padding. The message key is the middle of
the SHA-256 of a part of the shared key and all of that; the part depends on who is sending.
"""

import os
import struct
import time
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha1, sha256

from .wire import decrypt, encrypt

_HEAD = struct.Struct("<qqqii")
_FROM_CLIENT, _FROM_SERVER = 0, 8


class EnvelopeError(ConnectionError):
    """A packet was not made with the key that it names."""


@dataclass(frozen=True)
class SharedKey:
    """What a client and a data centre share: 256 secret bytes."""

    secret: bytes = field(repr=False)

    @cached_property
    def id(self) -> int:
        """How both name the key without telling it."""
        return int.from_bytes(sha1(self.secret).digest()[-8:], "little")

    def nonce_hash(self, new_nonce: int, number: int) -> int:
        """Return the proof, at the end of a handshake, that both have made the same key."""
        nonce = new_nonce.to_bytes(32, "little", signed=True)
        text = nonce + bytes([number]) + sha1(self.secret).digest()[:8]
        return int.from_bytes(sha1(text).digest()[4:], "little", signed=True)


@dataclass(frozen=True)
class Message:
    """What stood in one packet."""

    salt: int
    session: int
    id: int
    sequence: int
    body: bytes


class MessageIds:
    """The server's message ids: seconds and a fraction, odd, always rising.

    Ids of answers leave 1 when divided by four, those of notices 3. A client drops a message whose
    id it has seen or whose time is far from its own.
    """

    def __init__(self) -> None:
        self._last = 0

    def next(self, *, answer: bool) -> int:
        """Return the id of the next message."""
        now = time.time_ns()
        seconds, fraction = divmod(now, 1_000_000_000)
        number = max((seconds << 32) | (fraction << 2), (self._last & ~3) + 4)
        self._last = (number & ~3) | (1 if answer else 3)
        return self._last


def key_id(packet: bytes) -> int:
    """Return the id of the key that a packet was encrypted with; 0 if it was not."""
    return int.from_bytes(packet[:8], "little")


def open_packet(key: SharedKey, packet: bytes) -> Message:
    """Decrypt what a client has sent.

    Raises:
        EnvelopeError: the message key or the length does not fit.
    """
    secret, message_key, text = key.secret, packet[8:24], packet[24:]
    if len(text) < _HEAD.size or len(text) % 16:
        raise EnvelopeError(f"{len(text)} bytes of encrypted text")
    plain = decrypt(text, _cipher(secret, message_key, _FROM_CLIENT))
    if _message_key(secret, plain, _FROM_CLIENT) != message_key:
        raise EnvelopeError("the message key does not fit the message")
    salt, session, message_id, sequence, length = _HEAD.unpack_from(plain)
    if not 0 <= length <= len(plain) - _HEAD.size - 12:
        raise EnvelopeError(f"a body of {length} bytes in {len(plain)}")
    body = plain[_HEAD.size : _HEAD.size + length]
    return Message(salt, session, message_id, sequence, body)


def seal(key: SharedKey, message: Message) -> bytes:
    """Encrypt what the server sends."""
    secret = key.secret
    head = (message.salt, message.session, message.id, message.sequence, len(message.body))
    plain = _HEAD.pack(*head) + message.body
    plain += os.urandom(12 + -(len(plain) + 12) % 16)
    message_key = _message_key(secret, plain, _FROM_SERVER)
    text = encrypt(plain, _cipher(secret, message_key, _FROM_SERVER))
    return key.id.to_bytes(8, "little") + message_key + text


def _message_key(secret: bytes, plain: bytes, sender: int) -> bytes:
    return sha256(secret[88 + sender : 120 + sender] + plain).digest()[8:24]


def _cipher(secret: bytes, message_key: bytes, sender: int) -> tuple[bytes, bytes]:
    first = sha256(message_key + secret[sender : sender + 36]).digest()
    second = sha256(secret[sender + 40 : sender + 76] + message_key).digest()
    return (
        first[:8] + second[8:24] + first[24:],
        second[:8] + first[8:24] + second[24:],
    )
