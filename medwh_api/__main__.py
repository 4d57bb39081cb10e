"""`python -m medwh_api`: the service, until SIGTERM or Ctrl-C; with `new-key`, a key and its hash."""

import contextlib
import socket
import sys

import uvicorn
from pydantic import ValidationError

from medwh_api.access import new_key
from medwh_api.main import create_app
from medwh_api.observation import log_as_json
from medwh_api.settings import ApiSettings

# Longer than a query may take by default, so that a request in flight is answered.
_SHUTDOWN_S = 5


def main() -> None:
    """Serve until told to stop. A wrong setting or a taken port ends with exit code 1."""
    if sys.argv[1:] == ["new-key"]:
        key, hashed = new_key()
        print(
            f"key, to be given to the client:   {key}\nhash, to be added to MEDWH_API_KEYS: {hashed}"
        )
        return
    settings = _read_settings()
    listener = _listen(settings)
    print(f"medwh API on http://{settings.host}:{settings.port}, described at /docs", flush=True)
    log_as_json()
    config = uvicorn.Config(
        create_app(settings),
        # As the rest of the process logs.
        log_config=None,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        # It would write what people search for.
        access_log=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _read_settings() -> ApiSettings:
    try:
        return ApiSettings()
    except ValidationError as error:
        # Without the values: one of them may be a password.
        for found in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in found["loc"])
            print(f"MEDWH_API_{name.upper()}: {found['msg']}", file=sys.stderr)
        sys.exit(1)


def _listen(settings: ApiSettings) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        print(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
            "Stop what listens there, or set MEDWH_API_PORT (or MEDWH_API_HOST) to another.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
