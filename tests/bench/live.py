"""Reading live channels, from data centres on loopback that run in a process of their own."""

import asyncio
import io
import json
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from PIL import Image
from pydantic import SecretStr
from telethon import TelegramClient
from telethon.sessions import StringSession

from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Failed, Outcome
from medwh_assets.slices import DayRun
from medwh_assets.telegram.client import Credentials
from medwh_assets.telegram.reading import SourceDirectory, read_images, read_slices
from medwh_assets.telegram.telethon_source import TelethonSource
from tests.bench.measured import Measured, at, text
from tests.mtproto import Photo, Post, World, running_data_centres
from tests.unit.telegram.accounts import RememberedAccount

CHANNEL, A_DAY, PAGE = "demo_bench", 100, 100
# Of ten posts nine show a picture that another one has shown.
POSTS_A_PICTURE = 10
PACED, UNPACED, REPOSTED, MANY = 3_000, 20_000, 1_000, 100_000
WEEK = 7
ROUNDS = 3
# No request waits for its turn.
AT_ONCE = 1e9
# All days are over by then.
OBSERVED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Centre:
    """A data centre in another process."""

    session: str
    asked: Callable[[], dict[str, int]]
    """Returns how many requests of each kind came since it was last called."""


def measure(folder: Path) -> Iterator[Measured]:
    """Read a channel at Telegram's pace, as fast as it goes, again, and for long."""
    yield _paced(folder)
    yield _unpaced(folder)
    yield from _reposts(folder)
    yield _memory(folder)


def _paced(folder: Path) -> Measured:
    with _data_centre(PACED, seconds_a_page=1.0) as centre:
        rate = PACED / _seconds(_read, centre.session, folder / "paced", PACED, 1.0)
    how = f"{PACED:,} posts; the server answers {PAGE} posts a second"
    return Measured("live, at Telegram's limit", rate, "posts/s", how)


def _unpaced(folder: Path) -> Measured:
    """Read in two ways, in turns; medians of the rounds."""
    ours: list[float] = []
    simple: list[float] = []
    with _data_centre(UNPACED) as centre:
        for number in range(ROUNDS):
            plain, lake = folder / f"simple-{number}", folder / f"unpaced-{number}"
            simple.append(_seconds(asyncio.run, _plain(centre.session, plain)))
            ours.append(_seconds(_read, centre.session, lake, UNPACED, AT_ONCE, PostsAlone))
    how = (
        f"{UNPACED:,} posts, without pictures, into {UNPACED // A_DAY} slices;"
        " simple = iter_messages(wait_time=0), json.dumps(to_dict()) per day"
    )
    return Measured(
        "live, no limit", UNPACED / median(ours), "posts/s", how, UNPACED / median(simple)
    )


def _reposts(folder: Path) -> Iterator[Measured]:
    """Read posts and pictures, then the last week of both once more, in a run of its own."""
    lake, state = Lake(folder / "reposts"), RememberedAccount()
    with _data_centre(REPOSTED) as centre:
        whole, week = _days(REPOSTED), _days(REPOSTED, last=WEEK)
        _read_both(lake, _source(centre.session, state, OBSERVED, AT_ONCE), whole)
        first = centre.asked()
        _read_both(lake, _source(centre.session, state, OBSERVED + timedelta(1), AT_ONCE), week)
        again = centre.asked()
    yield Measured(
        "live, pictures downloaded",
        100 * first.get("upload.getFile", 0) / REPOSTED,
        "%",
        f"{REPOSTED:,} posts with a picture, 90 % of them reposts",
    )
    posts = WEEK * A_DAY
    yield Measured(
        "live, an unchanged week again",
        again.get("messages.getHistory", 0),
        "history requests",
        f"{posts} posts; at most ⌈posts/{PAGE}⌉ + 1 = {-(-posts // PAGE) + 1}",
    )
    yield Measured(
        "live, an unchanged week again",
        again.get("upload.getFile", 0),
        "downloads",
        f"{posts} posts with a picture",
    )


def _memory(folder: Path) -> Measured:
    with (
        _data_centre(MANY) as centre,
        ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as alone,
    ):
        before, tenth, peak = alone.submit(_weigh, centre.session, folder / "many").result()
    how = (
        f"{MANY:,} posts in a process of its own;"
        f" {before:.0f} MB before the first, {tenth:.0f} MB after a tenth"
    )
    return Measured("live, peak memory", peak, "MB", how)


# -- medwh ----------------------------------------------------------------------------------------


class PostsAlone(TelethonSource):
    """Leaves pictures to the step behind it."""

    @property
    def meanwhile(self) -> None:
        """None are fetched."""
        return


def _source(
    session: str,
    state: RememberedAccount,
    observed_at: datetime,
    requests_per_second: float,
    kind: type[TelethonSource] = TelethonSource,
) -> TelethonSource:
    return kind(
        [CHANNEL],
        lambda: Credentials(1, SecretStr("hash"), SecretStr(session)),
        state,
        observed_at,
        requests_per_second=requests_per_second,
    )


def _days(posts: int, last: int | None = None) -> DayRun:
    """Return the days of so many posts, or the last of them."""
    end = at(posts - 1, A_DAY).date()
    start = at(0, A_DAY).date() if last is None else end - timedelta(days=last - 1)
    return DayRun(CHANNEL, start, end)


def _read(
    session: str,
    folder: Path,
    posts: int,
    requests_per_second: float,
    kind: type[TelethonSource] = TelethonSource,
) -> None:
    source = _source(session, RememberedAccount(), OBSERVED, requests_per_second, kind)
    with source:
        outcomes = read_slices(Lake(folder), SourceDirectory([source]), list(_days(posts).slices()))
        found = _sum(outcomes, "posts")
    if found != posts:
        raise AssertionError(f"{found} of {posts} posts are in the lake")


def _read_both(lake: Lake, source: TelethonSource, days: DayRun) -> None:
    sources, slices = SourceDirectory([source]), list(days.slices())
    with source:
        posts = _sum(read_slices(lake, sources, slices), "posts")
        images = _sum(read_images(lake, sources, slices), "images")
    if posts != images or posts != len(slices) * A_DAY:
        raise AssertionError(f"{posts} posts and {images} pictures of {len(slices)} days")


def _sum(outcomes: Iterable[Outcome], name: str) -> int:
    total = 0
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            raise outcome.error
        total += int(outcome.counts[name])
    return total


def _weigh(session: str, folder: Path) -> tuple[float, float, float]:
    """Return the process's memory in MB: before reading, after a tenth of the days, at most."""
    process, slices = psutil.Process(), list(_days(MANY).slices())

    def megabytes() -> float:
        return process.memory_info().rss / 1e6

    before = megabytes()
    seen: list[float] = []
    with _source(session, RememberedAccount(), OBSERVED, AT_ONCE) as source:
        for outcome in read_slices(Lake(folder), SourceDirectory([source]), slices):
            _sum([outcome], "posts")
            seen.append(megabytes())
    return before, seen[len(slices) // 10], max(seen)


# -- the simple way -------------------------------------------------------------------------------


async def _plain(session: str, folder: Path) -> None:
    """Read as most scripts do: all messages, then a file for each day."""
    folder.mkdir()
    client: Any = TelegramClient(StringSession(session), 1, "hash", receive_updates=False)
    await client.connect()
    days: dict[date, list[dict[str, Any]]] = defaultdict(list)
    async for message in client.iter_messages(CHANNEL, wait_time=0):
        days[message.date.date()].append(message.to_dict())
    await client.disconnect()
    for day, messages in days.items():
        content = json.dumps(messages, ensure_ascii=False, default=str)
        (folder / f"{day}.json").write_text(content)


def _seconds(work: Callable[..., None], *arguments: Any) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


# -- the data centre ------------------------------------------------------------------------------


@contextmanager
def _data_centre(posts: int, seconds_a_page: float = 0.0) -> Generator[Centre]:
    """Serve one channel of invented posts from another process, so that each has its own core."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, posts, seconds_a_page), daemon=True)
    process.start()
    there.close()

    def asked() -> dict[str, int]:
        here.send("asked")
        return here.recv()

    try:
        yield Centre(here.recv(), asked)
    finally:
        here.close()
        process.join()


def _serve(pipe: Connection, posts: int, seconds_a_page: float) -> None:
    """Send a session, then what was asked whenever it is wanted, until the pipe is closed."""
    world = World()
    account = world.add_account()
    channel = world.add_channel(5001, CHANNEL, about="Medicines", subscribers=1200)
    pictures = [
        world.add_photo(_jpeg(number), date=at(0, A_DAY))
        for number in range(posts // POSTS_A_PICTURE)
    ]
    channel.generate(posts, lambda number: _post(number, pictures))
    if seconds_a_page:
        world.pace("messages.getHistory", seconds_a_page)
    with running_data_centres(world, count=1) as centres:
        pipe.send(centres.session(account))
        try:
            while pipe.recv():
                pipe.send(world.calls.kinds())
                world.calls.reset()
        except EOFError:
            return


def _post(number: int, pictures: list[Photo]) -> Post:
    return Post(
        id=number,
        date=at(number - 1, A_DAY),
        text=text(number - 1),
        media=pictures[number % len(pictures)],
        views=number,
        forwards=1,
    )


def _jpeg(number: int) -> bytes:
    """Return a small picture that no other number has."""
    content = io.BytesIO()
    comment = str(number).encode()
    Image.new("RGB", (16, 16)).save(content, "JPEG", comment=comment)
    return content.getvalue()
