"""Logging in by code or by QR code, the password of two-step verification, and logging out.

The password is proven by SRP as Telegram does it: neither it nor what would replace it crosses the
wire, and the server's check is its own, not the client's turned round.
"""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

from .faults import SESSION_PASSWORD_NEEDED, RefusedError
from .handshake import DH_GENERATOR, DH_PRIME
from .requests import Handler, Request, refuse
from .wire import fill
from .world import Account, LoginToken

_SALTS = b"\x5a" * 8 + bytes(range(32)), bytes(range(16))
_ITERATIONS = 100_000
_NUMBER_BYTES = 256


def send_code(request: Request) -> object:
    phone = _digits(request.body.phone_number)
    account = _by_phone(request, phone)
    if account.home_dc not in (None, request.dc_id):
        raise refuse(f"PHONE_MIGRATE_{account.home_dc}", 303)
    ticket = os.urandom(9).hex()
    request.world.codes[phone] = (ticket, account.code)
    how: Any = types.auth.SentCodeTypeApp(len(account.code))
    return types.auth.SentCode(how, phone_code_hash=ticket, timeout=120)


def sign_in(request: Request) -> object:
    phone = _digits(request.body.phone_number)
    account = _by_phone(request, phone)
    ticket, code = request.world.codes.get(phone, ("", ""))
    if not ticket or ticket != request.body.phone_code_hash:
        raise refuse("PHONE_CODE_EXPIRED")
    if code != request.body.phone_code:
        raise refuse("PHONE_CODE_INVALID")
    del request.world.codes[phone]
    return _enter(request, account)


def export_login_token(request: Request) -> object:
    tokens, key = request.world.login_tokens, request.key
    for token, shown in list(tokens.items()):
        if shown.key is key:
            account = shown.accepted_by
            if account and account.home_dc not in (None, request.dc_id):
                return types.auth.LoginTokenMigrateTo(dc_id=account.home_dc, token=token)
            del tokens[token]
            if account:
                return _by_token(request, account)
    token = os.urandom(32)
    expires = datetime.now(UTC) + timedelta(seconds=request.world.login_token_seconds)
    tokens[token] = LoginToken(key, expires)
    return types.auth.LoginToken(expires=expires, token=token)


def import_login_token(request: Request) -> object:
    shown = request.world.login_tokens.pop(request.body.token, None)
    if shown is None or shown.accepted_by is None:
        raise refuse("AUTH_TOKEN_INVALID")
    return _by_token(request, shown.accepted_by)


def accept_login_token(request: Request) -> object:
    shown = request.world.login_tokens.get(request.body.token)
    if shown is None:
        raise refuse("AUTH_TOKEN_INVALID")
    if shown.expires < datetime.now(UTC):
        raise refuse("AUTH_TOKEN_EXPIRED")
    request.world.accept(request.body.token, request.account)
    return fill(types.Authorization, app_name="Scanned", country="Ethiopia")


def get_password(request: Request) -> object:
    account = request.key.half_way or request.account
    unknown: dict[str, Any] = {
        "new_algo": _algorithm(),
        "new_secure_algo": types.SecurePasswordKdfAlgoUnknown(),
    }
    if account.password is None:
        return fill(types.account.Password, has_password=False, **unknown)
    secret = int.from_bytes(os.urandom(_NUMBER_BYTES), "big")
    question = int.from_bytes(os.urandom(7), "big")
    request.key.srp = (question, secret)
    return fill(
        types.account.Password,
        has_password=True,
        current_algo=_algorithm(),
        srp_B=_padded(_server_number(_verifier(account.password), secret)),
        srp_id=question,
        **unknown,
    )


def check_password(request: Request) -> object:
    account, srp, proof = request.key.half_way, request.key.srp, request.body.password
    if account is None or account.password is None:
        raise refuse("AUTH_KEY_UNREGISTERED", 401)
    request.key.srp = None
    if srp is None or srp[0] != proof.srp_id:
        raise refuse("SRP_ID_INVALID")
    if not _proves(account.password, srp[1], proof.A, proof.M1):
        raise refuse("PASSWORD_HASH_INVALID")
    return _entered(request, account)


def log_out(request: Request) -> object:
    request.key.account = None
    return types.auth.LoggedOut()


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))


def _by_phone(request: Request, phone: str) -> Account:
    for account in request.world.accounts.values():
        if account.phone == phone:
            if account.banned:
                raise refuse("PHONE_NUMBER_BANNED")
            return account
    raise refuse("PHONE_NUMBER_INVALID")


def _enter(request: Request, account: Account) -> object:
    if account.password is not None:
        request.key.half_way = account
        raise RefusedError(SESSION_PASSWORD_NEEDED)
    return _entered(request, account)


def _entered(request: Request, account: Account) -> object:
    request.key.half_way = None
    request.key.account = account
    return types.auth.Authorization(user=account.as_tl())


def _by_token(request: Request, account: Account) -> object:
    authorization: Any = _enter(request, account)
    return types.auth.LoginTokenSuccess(authorization=authorization)


# Secure Remote Password, as core.telegram.org/api/srp has it.


def _algorithm() -> Any:
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        salt1=_SALTS[0], salt2=_SALTS[1], g=DH_GENERATOR, p=_padded(DH_PRIME)
    )


def _padded(number: int) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big")


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _number(*parts: bytes) -> int:
    return int.from_bytes(_hash(*parts), "big")


def _verifier(password: str) -> int:
    """What a server keeps instead of the password."""
    first, second = _SALTS
    inner = _hash(second, _hash(first, password.encode(), first), second)
    slow = hashlib.pbkdf2_hmac("sha512", inner, first, _ITERATIONS)
    return pow(DH_GENERATOR, _number(second, slow, second), DH_PRIME)


def _server_number(verifier: int, secret: int) -> int:
    multiplier = _number(_padded(DH_PRIME), _padded(DH_GENERATOR))
    return (multiplier * verifier + pow(DH_GENERATOR, secret, DH_PRIME)) % DH_PRIME


def _proves(password: str, secret: int, client_number: bytes, proof: bytes) -> bool:
    verifier = _verifier(password)
    theirs, ours = client_number, _padded(_server_number(verifier, secret))
    mixed = _number(theirs, ours)
    base = int.from_bytes(theirs, "big") * pow(verifier, mixed, DH_PRIME) % DH_PRIME
    shared = _hash(_padded(pow(base, secret, DH_PRIME)))
    group = bytes(
        a ^ b for a, b in zip(_hash(_padded(DH_PRIME)), _hash(_padded(DH_GENERATOR)), strict=True)
    )
    return proof == _hash(group, _hash(_SALTS[0]), _hash(_SALTS[1]), theirs, ours, shared)


OPEN: dict[str, Handler] = {
    "auth.sendCode": send_code,
    "auth.signIn": sign_in,
    "auth.exportLoginToken": export_login_token,
    "auth.importLoginToken": import_login_token,
    "account.getPassword": get_password,
    "auth.checkPassword": check_password,
}
LOGGED_IN: dict[str, Handler] = {
    "auth.acceptLoginToken": accept_login_token,
    "auth.logOut": log_out,
}
