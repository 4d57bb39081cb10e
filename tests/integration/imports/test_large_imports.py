"""Imports of 100,000 posts by the command: all of them arrive, and memory stays flat."""

import pytest

from medwh_assets.lake.store import Lake
from tests.integration.imports.conftest import Place
from tests.integration.imports.large_dumps import (
    CHANNEL,
    POSTS,
    WRITERS,
    in_disorder,
    write_desktop,
)

MOST_MEMORY = 300e6
CHAT = "1000000001=demo_shop"


def posts_of(lake: Lake) -> int:
    """Count a channel's posts by what stands in its slices; each is in one of them only."""
    days = lake.post_days(CHANNEL)
    assert all(len(several) == 1 for several in days.values())
    return len(days)


@pytest.mark.parametrize("shape", WRITERS)
def test_a_hundred_thousand_posts_come_in_with_flat_memory(shape: str, place: Place) -> None:
    path = WRITERS[shape](place.folder, range(1, POSTS + 1))
    chats = ("--chat", CHAT) if shape.startswith("Telegram") else ()
    said, memory = place.measured("import", path, *chats)
    assert f"{shape}: 1 file, 100,000 records" in said
    assert f"{CHANNEL}  100,000 records in 1 file, 2018-01-02 … 2020-09-28" in said
    assert "posts   100,000 new, 0 merged, 0 unchanged, 0 twice, 0 quarantined" in said
    assert posts_of(place.lake) == POSTS
    assert len(place.lake.slices()) == 1001
    assert memory < MOST_MEMORY
    assert not list(place.imports.glob("*"))


def test_posts_of_eight_years_in_no_order_and_some_twice_come_in_with_flat_memory(
    place: Place,
) -> None:
    numbers = in_disorder(POSTS, POSTS // 10)
    path = write_desktop(place.folder, numbers, a_day=POSTS / 2900)
    said, memory = place.measured("import", path, "--chat", CHAT)
    assert f"{CHANNEL}  110,000 records in 1 file, 2018-01-02 … 2025-12-11" in said
    assert "posts   100,000 new, 0 merged, 0 unchanged, 10,000 twice, 0 quarantined" in said
    assert posts_of(place.lake) == POSTS
    assert memory < MOST_MEMORY
