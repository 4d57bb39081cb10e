from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.telegram.live import Live, new_lake
from tests.mtproto import World, running_data_centres


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """One account that is logged in, two data centres, an empty lake."""
    world = World()
    account = world.add_account()
    with running_data_centres(world, count=2) as centres:
        yield Live(world, centres, account, new_lake(tmp_path))
