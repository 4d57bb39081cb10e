"""Builds of what comes in any order are compared with a rebuild of the same database."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from medwh_assets.lake.records import Media, Post
from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection
from medwh_assets.warehouse.load import remove_slices
from tests.integration.dbt.dbt_command import DbtCommand
from tests.integration.dbt.slices_of_posts import (
    edited,
    load,
    look,
    march,
    observe,
    on_day,
    post,
    read,
    seen,
    told,
)
from tests.marts_identity import marts_identity

PRODUCTS = ["Amoxicillin 500 mg", "Paracetamol", "Nido 1.8kg", "ፓራሲታሞል", "Vitamin C", "Zz unknown"]
PRICES = ["Price 500 birr", "Price 1,200 birr", "ዋጋ 300 ብር", ""]
# Not footers by their words: only the other texts of a channel tell.
TAGLINES = ["Your health is our wealth", "እናንተን ማገልገል ደስታችን ነው", "Quality you can trust", ""]
FOOTERS = ["Call 0911 00 00 01", "Call 0911 00 00 02\nDelivery fee 70 birr - 500 birr", ""]
CLASSES = ["person", "bottle", "box", "giraffe"]


@dataclass
class RandomLoads:
    """Loads that a seed decides: new and changed slices, moved and vanished posts, late readings."""

    connection: Connection
    chance: random.Random
    slices: dict[tuple[str, int], list[Post]] = field(default_factory=dict)

    def one(self) -> None:
        """Load one thing."""
        actions: list[Callable[[], None]] = [
            self.fill,
            self.fill,
            self.fill,
            self.move,
            self.remove,
        ]
        self.chance.choice([*actions, self.look_again, self.read_late, self.observe])()

    def fill(self) -> None:
        channel, day = self._anywhere()
        posts = [
            post(channel, 100 * day + number, day, **self._content())
            for number in range(self.chance.randint(0, 6))
        ]
        again = [
            edited(one, **self._content()) if self.chance.random() < 0.4 else one for one in posts
        ]
        self._load(channel, day, again)
        self._look(channel, day)

    def move(self) -> None:
        """A better date takes a post to another day; only its new day is loaded."""
        full = [place for place, posts in sorted(self.slices.items()) if posts]
        if not full:
            return
        channel, day = self.chance.choice(full)
        moved = self.slices[channel, day].pop()
        other = self.chance.choice([another for another in range(1, 8) if another != day])
        again = on_day(moved, other)
        self._load(channel, other, [*self.slices.get((channel, other), []), again])

    def remove(self) -> None:
        channel, day = self._anywhere()
        remove_slices(self.connection, [Slice(channel, march(day))])
        self.slices.pop((channel, day), None)

    def look_again(self) -> None:
        self._look(*self._anywhere())

    def read_late(self) -> None:
        """Texts of posts that the warehouse may not have."""
        channel, day = self._anywhere()
        posts = self.slices.get((channel, day)) or [
            post(channel, 100 * day, day, **self._content())
        ]
        read(self.connection, channel, day, *posts)

    def observe(self) -> None:
        channel, day = self._anywhere()
        observe(self.connection, channel, day, told(channel, day, self.chance.randint(0, 90)))

    def _anywhere(self) -> tuple[str, int]:
        return f"random_{self.chance.randint(1, 3)}", self.chance.randint(1, 7)

    def _content(self) -> dict[str, object]:
        products = self.chance.sample(PRODUCTS, self.chance.choice([0, 1, 1, 2]))
        lines = [*products, *(self.chance.choice(some) for some in (PRICES, TAGLINES, FOOTERS))]
        media = self.chance.choice([None, Media(kind="photo")])
        return {
            "text": "\n".join(line for line in lines if line),
            "media": media,
            "views": self.chance.choice([None, 0, 10, 50]),
        }

    def _load(self, channel: str, day: int, posts: list[Post]) -> None:
        self.slices[channel, day] = posts
        load(self.connection, channel, day, *posts)

    def _look(self, channel: str, day: int) -> None:
        posts = [one for one in self.slices.get((channel, day), []) if one.media]
        images = (
            seen(
                one.id,
                *self.chance.sample(CLASSES, self.chance.randint(0, 2)),
                image=self.chance.randint(1, 9),
                readable=self.chance.random() < 0.9,
            )
            for one in posts
        )
        look(self.connection, channel, day, *images)


@pytest.mark.parametrize("seed", range(2))
def test_incremental_builds_equal_a_full_refresh_after_each_of_many_random_loads(
    warehouse: Connection, dbt: DbtCommand, seed: int
) -> None:
    chance = random.Random(seed)
    loads = RandomLoads(warehouse, chance)
    for round_number in range(4):
        for _ in range(chance.randint(1, 12)):
            loads.one()
        build_id = open_build(warehouse, False, "models").build_id
        if chance.random() < 0.4:
            # The build fails half way, and what is loaded then is built together with what it left.
            dbt.run(build_id, "--select", "staging", "intermediate")
            finish_build(warehouse, build_id, ok=False)
            loads.one()
            build_id = open_build(warehouse, False, "models").build_id
        dbt.run(build_id)
        finish_build(warehouse, build_id, ok=True)
        # Not after each: what a build leaves is what the next one begins with.
        if round_number == 3 or chance.random() < 0.5:
            built = marts_identity(warehouse)
            dbt.rebuild()
            assert built == marts_identity(warehouse)
