"""Import of a scraped lake without images."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from medwh_assets.imports.scraped_lake import import_lake, survey
from medwh_assets.lake.store import Lake
from tests.bench.measured import Measured, write_scraped_lake

POSTS, A_DAY = 20_000, 100


def measure(folder: Path) -> Iterator[Measured]:
    """Import into an empty lake, then the same again."""
    write_scraped_lake(folder / "old", POSTS, A_DAY)
    lake = Lake(folder / "lake")
    for what in ("import, first time", "import, the same again"):
        started = time.perf_counter()
        import_lake(lake, survey(folder / "old"), now=datetime.now(UTC), progress=lambda *_: None)
        seconds = time.perf_counter() - started
        yield Measured(
            what, POSTS / seconds, "posts/s", f"{POSTS:,} posts in {POSTS // A_DAY} slices"
        )
