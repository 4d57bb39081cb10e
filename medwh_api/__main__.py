"""`python -m medwh_api`: the service, until SIGTERM or Ctrl-C.

With `new-key` it prints a key and its hash; with `report --out FILE` it writes the page as one file.
"""

import argparse
import asyncio
import contextlib
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from medwh_api.access import new_key
from medwh_api.database import open_database
from medwh_api.errors import ApiError, InvalidParameterError
from medwh_api.main import create_app
from medwh_api.observation import log_as_json
from medwh_api.page.export import export_page, write_whole
from medwh_api.page.filters import PageFilters, Refused, read_filters
from medwh_api.page.scripts import bundle
from medwh_api.pictures import Pictures
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
    if sys.argv[1:2] == ["report"]:
        _write_report(sys.argv[2:])
        return
    settings = _read_settings()
    listener = _listen(settings)
    print(f"medwh API on http://{settings.host}:{settings.port}, described at /docs", flush=True)
    log_as_json()
    app = create_app(settings)
    # Takes a second or two: whoever looks at the page first shall not wait for it.
    app.state.chart_library.prepare()
    config = uvicorn.Config(
        app,
        # As the rest of the process logs.
        log_config=None,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        # It would write what people search for.
        access_log=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _write_report(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m medwh_api report", description="Write the report page as one HTML file."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to")
    for name, what in (
        ("channel", "only this channel"),
        ("product", "the product whose prices are shown, by its product_key"),
        ("from", "first day, such as 2025-03-31"),
        ("to", "last day"),
        ("query", "a text that posts hold, to be listed"),
    ):
        parser.add_argument(f"--{name}", help=what)
    given = vars(parser.parse_args(arguments))
    file: Path = given.pop("out")
    asked = read_filters([(name, value) for name, value in given.items() if value is not None])
    if isinstance(asked, Refused):
        wrong = (
            f"--{name}: {message}" if name else message for name, message in asked.wrong.items()
        )
        parser.error("\n".join(wrong))
    try:
        page = asyncio.run(_exported(_read_settings(), asked))
        write_whole(page, file)
    except InvalidParameterError as error:
        sys.exit(error.message)
    except ApiError as error:
        sys.exit(f"{error.kind.title}. {error.kind.detail}")
    except subprocess.SubprocessError as error:
        sys.exit(f"The library that draws the charts could not be made: {error}")
    except OSError as error:
        sys.exit(
            f"Cannot write {file} ({error.strerror}): name a file in a folder that you may write to"
        )


async def _exported(settings: ApiSettings, asked: PageFilters) -> str:
    library = await asyncio.to_thread(bundle)
    async with open_database(settings) as marts:
        return await export_page(marts, Pictures(settings.lake), asked, library, datetime.now(UTC))


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
