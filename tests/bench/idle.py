"""What `medwh up` costs while nobody asks anything of it: processor time and memory, on the sample."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from medwh_assets.warehouse.server import EmbeddedServer
from tests.bench.measured import Measured

# The daemon begins with what was missed, the sensors look around for the first time.
SETTLE_SECONDS, SECONDS = 60, 300
UI_PORT, API_PORT = 48712, 48713


def measure(folder: Path) -> Iterator[Measured]:
    """Run the demo into a folder of its own, serve, wait, and add up every process."""
    environment = {
        **os.environ,
        "MEDWH_STATE": str(folder / "state"),
        "MEDWH_LAKE": str(folder / "lake"),
        "MEDWH_UI_PORT": str(UI_PORT),
        "MEDWH_API_PORT": str(API_PORT),
    }
    medwh = [sys.executable, "-m", "medwh_assets.cli"]
    subprocess.run(
        [*medwh, "demo", "--no-serve"], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    up = subprocess.Popen(
        [*medwh, "up"], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert up.stdout is not None
        next(line for line in up.stdout if "Ctrl-C" in line)
        time.sleep(SETTLE_SECONDS)
        server = EmbeddedServer(folder / "state").status().pid
        assert server is not None
        roots = [psutil.Process(up.pid), psutil.Process(server)]
        before, started = cpu_seconds(roots), time.monotonic()
        time.sleep(SECONDS)
        share = (cpu_seconds(roots) - before) / (time.monotonic() - started)
        how = f"over {SECONDS} s after a demo, all processes and the database"
        yield Measured("`medwh up`, idle", 100 * share, "% of a core", how)
        memory = sum(one.memory_full_info().pss for one in _all(roots)) / 2**20
        yield Measured("`medwh up`, memory", memory, "MB", "the same; shared pages count once")
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


def _all(roots: list[psutil.Process]) -> list[psutil.Process]:
    return [one for root in roots for one in (root, *root.children(recursive=True))]


def cpu_seconds(roots: list[psutil.Process]) -> float:
    """Return the processor time so far, of processes that have ended since too."""
    times = [one.cpu_times() for one in _all(roots)]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)
