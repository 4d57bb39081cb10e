"""The Diffie-Hellman exchange by which a client and a data centre come to share a key.

Three questions and answers, unencrypted on the outside. The RSA key is fixed and public: it is
there to be trusted in tests, and making one takes seconds. `SERVER_KEY_PEM` is its public half.
"""

import os
import struct
import time
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

import rsa
from telethon.tl import TLObject, functions, types

from .envelope import SharedKey
from .wire import decrypt, encrypt, parse

_RSA_N = int(
    "995071d70c077e948ec1fb4cd5987a13a55e7b7fed34a4c33c16b3d28ae62cca417fad9a6cd25c28"
    "e763b502866b5d4de587f7bbbfa2a1c85b275a4ffd1d6daa3ecb21dde660bdc163f54d2ce119500e"
    "406d153ca1efc507ca6f757a6e346b587412021ee7fe14fdad5b4b7d5b5b07662b15bf352dfd5b44"
    "ec6171f6d866dfb0ddd362e51511a543fade09f8c3904e11b149ca2967256b153373ea44d64ea91b"
    "436d09aedaecd7afc66d590d8d2942ec60d5c4220148823d211159f9c61256e09802aa3a0aec6964"
    "5c78465db0612b647771bca8689ca68df451056cdde36ea5a57a00db3712c9f8557d201a773edff4"
    "cfe26294628e49fb6e1a3ee73dbc640b",
    16,
)
_RSA_D = int(
    "1e8cb41278d82975eab8669dd9d6074550e771ce7cf2c77e0bc42e52ded09cce349cff77cd0561cd"
    "d8c5ba74e55a117e8b253bcd1293928f3cf2ab8152db8155b22b81f51889e065dfc82a77ade70057"
    "c6a8b5d99e1f0bf0d07ac33b0128bad72651cc506243f3e4d49d637e782cbc5db46a21eeb3da4f4c"
    "57c4b32da0617d796c61c9dd9bfb19ad676079ce69d6fa262151d861803c6e2ebbfd2838f147ceb6"
    "69059fd3af27c708074065927e91301b63de152028bb8539ab3d6525d0a1183c272251e3459eda3f"
    "ec004b3cc0d42dff611dc5edf721d7ed6eaf9a630037f56a9500e68c31e54eeaa91e5a4f4b2c8f00"
    "dafee542ab0ee48397ad7889d3eb2579",
    16,
)
_RSA_E = 65537

SERVER_KEY_PEM: str = rsa.PublicKey(_RSA_N, _RSA_E).save_pkcs1().decode()

# The 2048-bit safe prime that Telegram's servers use, with generator 3; clients know it as good.
DH_PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058"
    "229493d22530f4dbfa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13ab"
    "dc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f"
    "3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754"
    "fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0"
    "f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf"
    "6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
DH_GENERATOR = 3

# Two primes whose product fits 63 bits: the proof of work, always the same, for it guards nothing.
_P, _Q = 0x494C553B, 0x53911073

_KEY_BYTES = 256


class HandshakeError(ConnectionError):
    """The client's part of the exchange is not what it must be."""


@dataclass
class Handshake:
    """One exchange on one connection: `take` its three questions in their order."""

    nonce: int = 0
    server_nonce: int = 0
    new_nonce: int = 0
    exponent: int = 0
    key: SharedKey | None = None
    """The shared key, once the exchange is over."""

    def take(self, packet: bytes) -> TLObject:
        """Return the answer to the client's next question, which is not encrypted.

        Raises:
            WireError: it cannot be read.
            HandshakeError: a question out of order, or a proof that does not hold.
        """
        # Before it stand eight zero bytes, the message's id and its length.
        question: Any = parse(packet[20:])
        if isinstance(question, functions.ReqPqMultiRequest):
            return self._challenge(question)
        if isinstance(question, functions.ReqDHParamsRequest) and self.server_nonce:
            return self._offer(question)
        if isinstance(question, functions.SetClientDHParamsRequest) and self.exponent:
            return self._agree(question)
        raise HandshakeError(f"{type(question).__name__} is not what comes next")

    def _challenge(self, question: functions.ReqPqMultiRequest) -> TLObject:
        self.nonce = question.nonce
        self.server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        return types.ResPQ(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            pq=(_P * _Q).to_bytes(8, "big"),
            server_public_key_fingerprints=[_fingerprint()],
        )

    def _offer(self, question: functions.ReqDHParamsRequest) -> TLObject:
        number = pow(int.from_bytes(question.encrypted_data, "big"), _RSA_D, _RSA_N)
        # The padding before RSA_PAD, which Telethon still uses: sha1, the data, random bytes.
        plain = number.to_bytes(_KEY_BYTES, "big")[1:]
        inner = parse(plain[20:])
        if not isinstance(inner, types.PQInnerData) or {inner.p, inner.q} != {
            _P.to_bytes(4, "big"),
            _Q.to_bytes(4, "big"),
        }:
            raise HandshakeError("the proof of work does not hold")
        self.new_nonce = inner.new_nonce
        self.exponent = int.from_bytes(os.urandom(_KEY_BYTES), "big")
        public = pow(DH_GENERATOR, self.exponent, DH_PRIME)
        answer = bytes(
            types.ServerDHInnerData(
                nonce=self.nonce,
                server_nonce=self.server_nonce,
                g=DH_GENERATOR,
                dh_prime=DH_PRIME.to_bytes(_KEY_BYTES, "big"),
                g_a=public.to_bytes(_KEY_BYTES, "big"),
                server_time=int(time.time()),
            )
        )
        return types.ServerDHParamsOk(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            encrypted_answer=encrypt(sha1(answer).digest() + answer, self._cipher()),
        )

    def _agree(self, question: functions.SetClientDHParamsRequest) -> TLObject:
        plain = decrypt(question.encrypted_data, self._cipher())
        inner = parse(plain[20:])
        if not isinstance(inner, types.ClientDHInnerData):
            raise HandshakeError("the client's half of the key cannot be read")
        shared = pow(int.from_bytes(inner.g_b, "big"), self.exponent, DH_PRIME)
        key = SharedKey(shared.to_bytes(_KEY_BYTES, "big"))
        self.exponent = 0
        if not key.secret[0]:
            # One key in 256 begins with a zero byte, which Telethon leaves out: begin again.
            return types.DhGenRetry(
                self.nonce, self.server_nonce, key.nonce_hash(self.new_nonce, 2)
            )
        self.key = key
        return types.DhGenOk(self.nonce, self.server_nonce, key.nonce_hash(self.new_nonce, 1))

    def _cipher(self) -> tuple[bytes, bytes]:
        """The temporary AES key and vector, made of both nonces."""
        server = self.server_nonce.to_bytes(16, "little", signed=True)
        client = self.new_nonce.to_bytes(32, "little", signed=True)
        first, second, third = (
            sha1(text).digest() for text in (client + server, server + client, client + client)
        )
        return first + second[:12], second[12:] + third + client[:4]


def _fingerprint() -> int:
    """How a client tells which of its keys is meant."""
    numbers = b"".join(
        TLObject.serialize_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        for number in (_RSA_N, _RSA_E)
    )
    (value,) = struct.unpack("<q", sha1(numbers).digest()[-8:])
    return value
