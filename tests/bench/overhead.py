"""What Dagster adds to the work on a slice: its events, its bookkeeping, its metadata.

The assets of a month of one channel run as one run by a range of partitions, as the UI's backfills
do it. From the whole time is taken what the plain functions behind the assets took: from the time on
the clock, and from this process's processor time, to which all that the database server needs is
added. The second hardly knows what else the machine does.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from tests.bench.idle import cpu_seconds
from tests.bench.measured import Measured

CHANNEL, FIRST, LAST = "demo_selam_pharmacy", date(2025, 3, 1), date(2025, 3, 31)
SLICES = (LAST - FIRST).days + 1


def measure(folder: Path) -> Iterator[Measured]:
    """Run a channel-month twice in a process of its own: the second has nothing new to do."""
    environment = {
        **os.environ,
        "MEDWH_STATE": str(folder / "state"),
        "MEDWH_LAKE": str(folder / "lake"),
    }
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.overhead"],
        env=environment, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    first, again = json.loads(said.splitlines()[-1])
    for what, took in (("", first), (", again", again)):
        pieces = SLICES * took["assets"]
        over = 1000 * (took["seconds"] - took["work"]) / pieces
        how = (
            f"{SLICES} slices, {took['assets']} assets in one run: {took['seconds']:.1f} s, of which "
            f"{took['work']:.1f} s in the plain functions"
        )
        yield Measured(f"overhead per slice and asset{what}", over, "ms", how)
        over = 1000 * (took["cpu"] - took["work_cpu"] + took["server_cpu"]) / pieces
        how = f"of which {1000 * took['server_cpu'] / pieces:.1f} ms are the database server's"
        yield Measured(f"overhead per slice and asset{what}, processor time", over, "ms", how)


@dataclass
class _Clock:
    """Adds up the time that is spent in the plain functions."""

    seconds: float = 0
    cpu: float = 0

    def timed(self, outcomes: Iterator[Any]) -> Iterator[Any]:
        while True:
            started, cpu = time.perf_counter(), time.process_time()
            try:
                outcome = next(outcomes)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - started
                self.cpu += time.process_time() - cpu
            yield outcome


def _main() -> None:
    import dagster as dg

    from medwh_assets import keys, slice_asset
    from medwh_assets.definitions import build_defs
    from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key
    from medwh_assets.session import open_session
    from medwh_assets.slices import Slice
    from medwh_assets.warehouse.server import EmbeddedServer

    clock = _Clock()
    watched = slice_asset._watched

    def timed(context: Any, key: dg.AssetKey, outcomes: Iterator[Any]) -> Iterator[Any]:
        return watched(context, key, clock.timed(outcomes))

    slice_asset._watched = timed
    took: list[dict[str, float]] = []
    with open_session() as session:
        job = build_defs().resolve_implicit_global_asset_job_def()
        session.instance.add_dynamic_partitions(str(CHANNELS.name), [CHANNEL])
        pid = EmbeddedServer(Path(os.environ["MEDWH_STATE"])).status().pid
        assert pid is not None
        server = [psutil.Process(pid)]
        for _ in range(2):
            clock.seconds, clock.cpu, of_server = 0, 0, cpu_seconds(server)
            started, cpu = time.perf_counter(), time.process_time()
            run = job.execute_in_process(
                instance=session.instance,
                asset_selection=list(keys.SLICE_STAGES),
                tags={
                    RANGE_START: partition_key(Slice(CHANNEL, FIRST)),
                    RANGE_END: partition_key(Slice(CHANNEL, LAST)),
                },
                run_config={"loggers": {"medwh": {}}},
            )
            assert run.success
            took.append(
                {
                    "seconds": time.perf_counter() - started,
                    "work": clock.seconds,
                    "cpu": time.process_time() - cpu,
                    "work_cpu": clock.cpu,
                    "server_cpu": cpu_seconds(server) - of_server,
                    "assets": len(keys.SLICE_STAGES),
                }
            )
    print(json.dumps(took))


if __name__ == "__main__":
    _main()
