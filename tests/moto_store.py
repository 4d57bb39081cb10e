"""An object store on this machine: moto's server, which answers one request at a time.

One at a time, because moto looks at a write's condition first and writes afterwards. As a program it
prints its port and serves until its standard input ends.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from medwh_assets.lake.s3 import S3Store

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bucket:
    """A bucket of the tests' own.

    Attributes:
        name: its name.
        environment: the settings that lead a command of its own process to it.
    """

    name: str
    environment: Mapping[str, str]

    @property
    def store(self) -> S3Store:
        """What lies in the lake's folder of the bucket."""
        return S3Store(self.name, "the/lake")

    @property
    def url(self) -> str:
        return self.store.url

    def tree(self) -> dict[str, bytes]:
        """Every object of the lake but the leases, which are nobody's data."""
        found: dict[str, bytes] = {}
        for key, _ in self.store.find(""):
            if not key.startswith("."):
                content = self.store.get(key)
                assert content is not None
                found[key] = content[0]
        return found


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve, and yield the endpoint."""
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.moto_store"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.close()
        server.stdout.close()
        server.wait(10)


def credentials(endpoint: str) -> dict[str, str]:
    """What every AWS program reads."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }


def make_bucket() -> str:
    """Make a bucket with the credentials of this process."""
    import fsspec

    filesystem: Any = fsspec.filesystem("s3", use_listings_cache=False)
    name = f"t-{uuid4().hex[:12]}"
    filesystem.call_s3("create_bucket", Bucket=name)
    return name


def _serve() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve()
