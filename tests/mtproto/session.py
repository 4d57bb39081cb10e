"""What every client asks: the addresses, its own name, and whether it missed something."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

from .requests import Handler, Request, refuse
from .wire import fill


def get_config(request: Request) -> object:
    now = datetime.now(UTC)
    return fill(
        types.Config,
        date=now,
        expires=now + timedelta(hours=1),
        this_dc=request.dc_id,
        dc_options=[
            types.DcOption(number, host, port)
            for number, (host, port) in sorted(request.world.addresses.items())
        ],
        me_url_prefix="https://t.me/",
        message_length_max=4096,
        caption_length_max=1024,
    )


def get_state(request: Request) -> object:
    return types.updates.State(pts=1, qts=0, date=datetime.now(UTC), seq=1, unread_count=0)


def get_difference(request: Request) -> object:
    return types.updates.DifferenceEmpty(date=datetime.now(UTC), seq=1)


def get_users(request: Request) -> object:
    def one(wanted: Any) -> object:
        if isinstance(wanted, types.InputUserSelf) or wanted.user_id == request.account.id:
            return request.account.as_tl()
        user = request.world.users.get(wanted.user_id)
        return user.as_tl() if user else types.UserEmpty(wanted.user_id)

    return [one(wanted) for wanted in request.body.id]


def export_authorization(request: Request) -> object:
    wanted = request.body.dc_id
    if wanted == request.dc_id or wanted not in request.world.addresses:
        raise refuse("DC_ID_INVALID")
    token = os.urandom(64)
    request.world.exported[token] = request.account
    return types.auth.ExportedAuthorization(id=request.account.id, bytes=token)


def import_authorization(request: Request) -> object:
    account = request.world.exported.pop(request.body.bytes, None)
    if account is None or account.id != request.body.id:
        raise refuse("AUTH_BYTES_INVALID")
    request.key.account = account
    return types.auth.Authorization(user=account.as_tl())


OPEN: dict[str, Handler] = {
    "help.getConfig": get_config,
    "auth.importAuthorization": import_authorization,
}
LOGGED_IN: dict[str, Handler] = {
    "updates.getState": get_state,
    "updates.getDifference": get_difference,
    "users.getUsers": get_users,
    "auth.exportAuthorization": export_authorization,
}
