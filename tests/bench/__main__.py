"""Run every benchmark and print one table: `make bench`, or `python -m tests.bench [name …]`."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import (
    api,
    detection,
    extraction,
    idle,
    importing,
    live,
    loading,
    marts,
    overhead,
    page,
    start,
)
from tests.bench.measured import Measured

BENCHMARKS = {
    "start": start.measure,
    "import": importing.measure,
    "live": live.measure,
    "load": loading.measure,
    "extraction": extraction.measure,
    "marts": marts.measure,
    "detection": detection.measure,
    "api": api.measure,
    "page": page.measure,
    "overhead": overhead.measure,
    "idle": idle.measure,
}


def main(chosen: list[str]) -> None:
    """Measure, and print what came out."""
    console = Console()
    table = Table("what", "medwh", "simple way", "times", "how")
    for name in chosen or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="medwh-") as folder, console.status(name):
            for measured in BENCHMARKS[name](Path(folder)):
                table.add_row(*row(measured))
    console.print(table)


def row(measured: Measured) -> tuple[str, str, str, str, str]:
    """Return a line of the table."""
    simple = f"{measured.simple:,.0f}" if measured.simple else "–"
    times = f"{measured.value / measured.simple:.1f}" if measured.simple else "–"
    whole = measured.value >= 100 or float(measured.value).is_integer()
    value = f"{measured.value:,.0f}" if whole else f"{measured.value:,.1f}"
    return measured.what, f"{value} {measured.unit}", simple, times, measured.how


if __name__ == "__main__":
    main(sys.argv[1:])
