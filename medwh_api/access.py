"""Who may ask: API keys, of which only hashes are known here.

A key is 256 random bits, so its plain SHA-256 cannot be guessed back; a slow hash would only slow
down each request.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader
from starlette.datastructures import Headers

from medwh_api.errors import KeyMissingError
from medwh_api.settings import ApiSettings

HEADER = "X-API-Key"
_MAX_KEY_LENGTH = 200
_scheme = APIKeyHeader(
    name=HEADER, auto_error=False, description="One of the keys whose hashes MEDWH_API_KEYS holds."
)


def new_key() -> tuple[str, str]:
    """Return a new key and its hash."""
    key = f"medwh_{secrets.token_urlsafe(32)}"
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """Return what MEDWH_API_KEYS holds of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def key_of(headers: Headers) -> str | None:
    """Return the key that a request bears; None where it bears none.

    Programs send it in a header of its own. A browser cannot, so it may ask its user for a name and a
    password, of which the password is the key.
    """
    if HEADER in headers:
        return headers[HEADER]
    scheme, _, sent = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(sent) > 2 * _MAX_KEY_LENGTH:
        return None
    try:
        return base64.b64decode(sent, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return None


def known_key(key: str | None, settings: ApiSettings) -> str | None:
    """Return the hash of a key that is one of the settings'; None if it is not."""
    if not key or len(key) > _MAX_KEY_LENGTH:
        return None
    sent = hash_of(key)
    # Every hash is compared, so that the time taken tells nothing.
    return sent if sum(hmac.compare_digest(sent, known) for known in settings.keys) else None


def asks_for_key(settings: ApiSettings) -> bool:
    """Say whether a client has to send a key."""
    return bool(settings.keys) and not settings.is_local


def require_key(request: Request, _key: Annotated[str | None, Security(_scheme)] = None) -> None:
    """Let a request pass that bears a known key.

    Raises:
        KeyMissingError: it bears none.
    """
    if known_key(key_of(request.headers), request.app.state.settings) is None:
        raise KeyMissingError
