"""Requests that the API answers in a second, with one worker, on the sample."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measured import Measured

SECONDS, CLIENTS, PORT = 5, 16, 48711
PATHS = {
    "top products": "/api/reports/top-products?limit=10",
    "channel activity": "/api/channels/demo_abay_medical/activity",
    "search": "/api/search/messages?query=paracetamol&limit=20",
    "channels": "/api/channels",
}


def measure(folder: Path) -> Iterator[Measured]:
    """Run the demo into a folder of its own, start the API on it, and ask."""
    environment = {
        **os.environ,
        "MEDWH_STATE": str(folder / "state"),
        "MEDWH_LAKE": str(folder / "lake"),
    }
    medwh = [sys.executable, "-m", "medwh_assets.cli"]
    subprocess.run([*medwh, "db", "start"], env=environment, check=True, stdout=subprocess.DEVNULL)
    try:
        subprocess.run(
            [*medwh, "demo", "--no-serve"], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        api = {
            **environment,
            "MEDWH_API_PORT": str(PORT),
            "MEDWH_API_DB_HOST": str(folder / "state" / "postgres" / "run"),
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "medwh_api"], env=api, stderr=subprocess.DEVNULL
        )
        try:
            _wait()
            for what, path in PATHS.items():
                rate, slowest = _load(path)
                how = f"{CLIENTS} clients on the same cores; 99 % within {slowest:.0f} ms"
                yield Measured(f"API, {what}", rate, "requests/s", how)
        finally:
            server.terminate()
            server.wait()
    finally:
        subprocess.run(
            [*medwh, "db", "stop"], env=environment, check=True, stdout=subprocess.DEVNULL
        )


def _wait() -> None:
    for _ in range(200):
        try:
            _ask(http.client.HTTPConnection("127.0.0.1", PORT), "/health/ready")
        except (OSError, AssertionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the API does not answer")


def _ask(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise AssertionError(f"{path} answers {answer.status}")


def _load(path: str) -> tuple[float, float]:
    """Return requests per second, and the milliseconds that 99 % of them stay under."""
    taken: list[float] = []
    end = time.perf_counter() + SECONDS

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        while (started := time.perf_counter()) < end:
            _ask(connection, path)
            taken.append(time.perf_counter() - started)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(taken) / SECONDS, sorted(taken)[int(len(taken) * 0.99)] * 1000
