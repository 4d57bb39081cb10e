"""How long somebody waits who opens the page for the first time, on the sample, in Chromium."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from medwh_assets.warehouse.server import EmbeddedServer
from tests.bench.measured import Measured
from tests.integration.api.looked_at import LookedAt
from tests.integration.pipeline.browser import page

ADDRESS, PORT = "http://127.0.0.1:48714", 48714
_READABLE = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure(folder: Path) -> Iterator[Measured]:
    """Run the demo into a folder of its own, serve its API, and look at the page as a newcomer."""
    settings = {"MEDWH_STATE": str(folder / "state"), "MEDWH_LAKE": str(folder / "lake")}
    subprocess.run(
        [sys.executable, "-m", "medwh_assets.cli", "demo", "--no-serve"],
        env=os.environ | settings,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    server = EmbeddedServer(folder / "state")
    server.ensure()
    api = subprocess.Popen(
        [sys.executable, "-m", "medwh_api"],
        env=os.environ
        | {
            "MEDWH_API_DB_HOST": str(server.socket_folder),
            "MEDWH_API_LAKE": str(folder / "lake"),
            "MEDWH_API_PORT": str(PORT),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait()
        first, read, drawn = _look()
        how = f"sample, nothing kept; readable after {read:.0f} ms; the very first {first:.0f} ms"
        yield Measured("the page, charts drawn", drawn, "ms", how)
    finally:
        api.terminate()
        api.wait()
        server.stop()


def _wait() -> None:
    while True:
        try:
            urllib.request.urlopen(f"{ADDRESS}/health/ready").close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return


def _look() -> tuple[float, float, float]:
    """Return the time to the charts of the very first view, and medians of more, in milliseconds.

    Each view is of a browser that keeps nothing from the one before.
    """
    views: list[tuple[float, float]] = []
    for _ in range(6):
        with page() as shown:
            looked_at = LookedAt(shown)
            started = time.perf_counter()
            looked_at.open(ADDRESS)
            drawn = (time.perf_counter() - started) * 1000
            views.append((float(shown.evaluate(_READABLE)), drawn))
    middle = sorted(views[1:], key=lambda view: view[1])[2]
    return views[0][1], *middle
