"""Import of dumps without images by the command, in a process of its own, so that its memory shows."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.measured import Measured, write_scraped_lake
from tests.integration.imports.large_dumps import write_csv, write_desktop, write_telethon

POSTS, A_DAY = 100_000, 100
_IDS = range(1, POSTS + 1)
# What people write first: the whole file at once, one JSON file a day, no merging, no checks.
_SIMPLE = """
import json, pathlib, sys
from collections import defaultdict
days = defaultdict(list)
for post in json.load(open(sys.argv[1]))["messages"]:
    days[post["date"][:10]].append(post)
for day, posts in days.items():
    pathlib.Path(sys.argv[2], day + ".json").write_text(json.dumps(posts))
"""


def measure(folder: Path) -> Iterator[Measured]:
    """Import each shape into an empty lake, and the first of them again."""
    shapes: dict[str, Callable[[Path], object]] = {
        "Telegram Desktop export": lambda path: write_desktop(path, _IDS),
        "scraped lake": lambda path: write_scraped_lake(path, POSTS, A_DAY),
        "Telethon dump": lambda path: write_telethon(path, _IDS),
        "CSV dump": lambda path: write_csv(path, _IDS),
    }
    for shape, write in shapes.items():
        dump = folder / shape.replace(" ", "_")
        dump.mkdir()
        write(dump)
        command = [sys.executable, "-m", "medwh_assets.cli", "import", str(dump)]
        again = ", the same again"
        for times in ("", again) if shape == "Telegram Desktop export" else ("",):
            seconds, megabytes = _run(command, folder / "lakes" / shape)
            simple = None
            if not times and shape == "Telegram Desktop export":
                (file,) = dump.rglob("result.json")
                (folder / "days").mkdir()
                taken, held = _run([sys.executable, "-c", _SIMPLE, str(file), str(folder / "days")])
                simple = POSTS / taken
                how = f"{megabytes:.0f} MB; simple: json.load and a file a day, {held:.0f} MB"
            else:
                how = f"{megabytes:.0f} MB"
            yield Measured(f"import, {shape}{times}", POSTS / seconds, "posts/s", how, simple)


def _run(command: list[str], lake: Path | None = None) -> tuple[float, float]:
    """Return the seconds that a command took, and the most memory that it held, in MB."""
    environment = dict(os.environ)
    if lake is not None:
        environment |= {"MEDWH_LAKE": str(lake), "MEDWH_STATE": str(lake / ".." / "state")}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    # Kilobytes on Linux, bytes on macOS.
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return time.perf_counter() - started, usage.ru_maxrss / scale
