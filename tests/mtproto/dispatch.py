"""Which request is answered by what, and who may ask."""

import logging

from . import files, history, login, session
from .faults import INTERNAL_ERROR, USER_DEACTIVATED_BAN, RefusedError
from .requests import Handler, Request, refuse
from .wire import kind_of, serialise

_OPEN: dict[str, Handler] = {**session.OPEN, **login.OPEN}
_LOGGED_IN: dict[str, Handler] = {
    **session.LOGGED_IN, **login.LOGGED_IN, **history.LOGGED_IN, **files.LOGGED_IN,
}  # fmt: skip

_log = logging.getLogger(__name__)


def answer(request: Request) -> bytes:
    """Return the answer to a request as it goes over the wire.

    A mistake in what answers is an error of the server: to end the connection instead would let
    the client ask again for ever.

    Raises:
        RefusedError: the answer is an error.
    """
    kind = kind_of(request.body)
    handler = _OPEN.get(kind)
    if handler is None:
        handler = _LOGGED_IN.get(kind)
        if handler is None:
            _log.error("no answer to %s", kind)
            raise refuse("METHOD_INVALID")
        if request.account.banned:
            raise RefusedError(USER_DEACTIVATED_BAN)
    try:
        return serialise(handler(request))
    except RefusedError:
        raise
    except Exception as error:
        _log.exception("answering %s", kind)
        raise RefusedError(INTERNAL_ERROR) from error
