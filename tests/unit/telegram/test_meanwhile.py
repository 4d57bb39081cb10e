"""Pictures in passing: how many at once, which not, and when it ends."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from medwh_assets.errors import CoolingDownError, SourceUnreachableError
from medwh_assets.lake.records import Media, Post
from medwh_assets.telegram.loop import LoopThread
from medwh_assets.telegram.meanwhile import Meanwhile
from medwh_assets.telegram.photos import Place
from tests.factories import make_post

pytestmark = pytest.mark.timeout(20)

PAUSE = CoolingDownError("Telegram asked for a pause", datetime(2025, 6, 1, tzinfo=UTC))


@dataclass
class Files:
    """Gives files out when it is told to, and counts who waits."""

    loop: LoopThread
    bad: dict[int, Exception] = field(default_factory=dict[int, Exception])
    bytes: int = 1000
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[int] = field(default_factory=list[int])
    at_once: int = 0
    most_at_once: int = 0
    pauses: list[CoolingDownError] = field(default_factory=list[CoolingDownError])

    def place(self, post: Post) -> Place | None:
        return Place(post.id, 1, b"", 1, "x", self.bytes, document=False)

    async def fetch(self, place: Place) -> bytes:
        self.asked.append(place.file_id)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        if place.file_id in self.bad:
            raise self.bad[place.file_id]
        return b"%d" % place.file_id

    def meanwhile(self) -> Meanwhile:
        turns = asyncio.Semaphore(2)
        return Meanwhile(self.place, self.loop.begin, self.fetch, self.pauses.append, turns)

    def open(self) -> None:
        """Let files through, and wait until all that were begun have come."""

        async def through() -> None:
            self.gate.set()
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0)

        self.loop.run(through())


@pytest.fixture
def files() -> Iterator[Files]:
    loop = LoopThread("test")
    yield Files(loop)
    loop.close()


def posts(*numbers: int) -> list[Post]:
    return [make_post(n, media=Media(kind="photo", photo_id=n)) for n in numbers]


def ids(found: list[tuple[Post, bytes]]) -> list[int]:
    assert all(content == b"%d" % post.id for post, content in found)
    return [post.id for post, _ in found]


def test_two_come_at_once_and_no_more_than_eight_are_held(files: Files) -> None:
    meanwhile = files.meanwhile()
    meanwhile.want(posts(*range(1, 21)))
    files.open()
    assert files.most_at_once == 2
    # Nobody has taken them over, so no further ones were begun.
    assert files.asked == list(range(1, 9))
    assert ids(meanwhile.arrived()) == list(range(1, 9))
    files.open()
    assert ids(meanwhile.arrived()) == list(range(9, 17))


def test_a_file_is_wanted_once_and_a_large_one_is_left_for_later(files: Files) -> None:
    meanwhile = files.meanwhile()
    meanwhile.want(posts(1, 1))
    meanwhile.want(posts(1))
    files.bytes = 3 * 1024**2
    meanwhile.want(posts(2))
    files.open()
    assert files.asked == [1]


def test_the_end_waits_for_what_is_on_its_way_and_begins_no_more(files: Files) -> None:
    meanwhile = files.meanwhile()
    meanwhile.want(posts(1, 2, 3, 4))
    files.loop.run(_until(lambda: len(files.asked) == 2))
    files.loop.begin(_open_when_two_are_left(files.gate))
    assert ids(meanwhile.end(wait_for_last=True)) == [1, 2]
    files.open()
    assert files.asked == [1, 2]
    assert meanwhile.arrived() == []


def test_an_end_that_does_not_wait_breaks_off_what_is_on_its_way(files: Files) -> None:
    meanwhile = files.meanwhile()
    meanwhile.want(posts(1, 2, 3))
    files.loop.run(_until(lambda: len(files.asked) == 2))
    assert meanwhile.end(wait_for_last=False) == []
    files.loop.run(_until(lambda: files.at_once == 0))
    assert files.asked == [1, 2]


def test_after_three_failures_in_a_row_nothing_is_asked_any_more(files: Files) -> None:
    files.bad = {n: SourceUnreachableError("no answer") for n in (1, 2, 4, 5, 6)}
    meanwhile = files.meanwhile()
    meanwhile.want(posts(*range(1, 9)))
    files.open()
    assert ids(meanwhile.arrived()) == [3]
    asked = len(files.asked)
    assert asked <= 7
    meanwhile.want(posts(20, 21))
    files.open()
    assert meanwhile.arrived() == []
    assert len(files.asked) == asked


def test_a_long_pause_is_told_and_ends_it(files: Files) -> None:
    files.bad = {1: PAUSE}
    meanwhile = files.meanwhile()
    meanwhile.want(posts(1, 2, 3, 4))
    files.open()
    meanwhile.arrived()
    assert files.pauses == [PAUSE]
    assert files.asked in ([1], [1, 2])
    meanwhile.want(posts(9))
    files.open()
    assert 9 not in files.asked


async def _until(reached: object) -> None:
    assert callable(reached)
    while not reached():
        await asyncio.sleep(0)


async def _open_when_two_are_left(gate: asyncio.Event) -> None:
    while len(asyncio.all_tasks()) > 3:
        await asyncio.sleep(0)
    gate.set()
