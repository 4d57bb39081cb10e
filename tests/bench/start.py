"""How long the code location takes to load: every run worker pays it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measured import Measured


def measure(folder: Path) -> Iterator[Measured]:
    """Import the definitions in fresh processes; the first also parses dbt's project."""
    seconds: list[float] = []
    for _ in range(4):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "import medwh_assets.definitions"],
            env={"MEDWH_STATE": str(folder), "PATH": ""},
            check=True,
        )
        seconds.append(time.perf_counter() - started)
    yield Measured(
        "import medwh_assets.definitions",
        min(seconds[1:]),
        "s",
        f"best of 3; {seconds[0]:.1f} s if dbt must be parsed",
    )
