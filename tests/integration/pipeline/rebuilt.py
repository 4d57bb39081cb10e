"""A warehouse made again from the lake, whose slices are loaded in an order of chance.

`rebuilt.py <seed>`: each stage has an order of its own, and so has the processing of every slice.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from random import Random

from medwh_assets.definitions import DBT_PROJECT
from medwh_assets.extraction.in_lake import extract_in_lake
from medwh_assets.outcomes import Failed, Outcome
from medwh_assets.resources import extractor_of
from medwh_assets.session import open_session
from medwh_assets.settings import ExtractionSettings
from medwh_assets.slices import Slice
from medwh_assets.warehouse.from_lake import load_detection_slices, load_message_slices


class Silent:
    """Shows nothing of what goes by."""

    def stage(self, name: str, total: int) -> None: ...
    def advance(self, stage: str, outcome: Outcome) -> None: ...
    def finished(self, name: str, seconds: float, failed: int) -> None: ...
    def waiting(self, seconds: float, why: str) -> None: ...


def rebuild(random: Random) -> None:
    """Load everything in any order, then build.

    Raises:
        SystemExit: a slice or the build failed.
    """
    with open_session() as session:
        lake, warehouse = session.lake, session.warehouse
        extractor = extractor_of(ExtractionSettings(), session.places, DBT_PROJECT)
        stages: list[Callable[[Sequence[Slice]], Iterable[Outcome]]] = [
            lambda pieces: load_message_slices(lake, warehouse, pieces),
            lambda pieces: load_detection_slices(lake, warehouse, pieces),
            lambda pieces: extract_in_lake(lake, extractor, warehouse, pieces),
        ]
        random.shuffle(stages)
        for stage in stages:
            slices = [*lake.slices()]
            random.shuffle(slices)
            if failed := [outcome for outcome in stage(slices) if isinstance(outcome, Failed)]:
                sys.exit(str(failed))
        if not session.build(Silent()).ok:
            sys.exit("the build failed")


if __name__ == "__main__":
    rebuild(Random(int(sys.argv[1])))
