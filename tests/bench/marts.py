"""Building the marts over generated posts, and asking them, beside views over the raw JSON.

`MEDWH_BENCH_POSTS` says how many posts there are before the days that are added; the README's figures
are of 1,000,000. Models alone, then their tests: every second includes dbt's own start.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import SecretStr

from medwh_assets.dbt.project import dbt_executable
from medwh_assets.dbt.resource import options_of
from medwh_assets.extracted import ExtractedPost
from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary
from medwh_assets.lake.records import Box, DetectionRecord, Post
from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import load_detections, load_extractions, load_messages
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import set_up
from medwh_dbt import PROJECT_DIR
from tests.bench.generated_posts import SEEDS, slices
from tests.bench.measured import Measured

POSTS: Final = int(os.environ.get("MEDWH_BENCH_POSTS", "50000"))
# The posts are those of a year, and a few days come on top.
A_DAY: Final = POSTS // 365
DAYS_MORE: Final = (1, 3)
ROUNDS: Final = 5
# Slices whose posts are read side by side before they are loaded.
_TOGETHER: Final = 100
_CLASSES: Final = ("bottle", "person", "cup", "book", "cell phone")
_MODEL: Final = "yolov8n-000000000000-c0.25-s640-torch_fp32-u8.4-r1"

# What tutorials make of such a table: a view that unpacks, and questions put to it.
VIEW: Final = """
    create view public.tutorial_messages as
    select
        channel_username,
        (message_data ->> 'id')::bigint as message_id,
        (message_data ->> 'date')::timestamptz as message_date,
        message_data ->> 'text' as message_text,
        (message_data ->> 'views')::bigint as views,
        message_data -> 'media' ->> 'kind' as media
    from raw.telegram_messages
"""
QUESTIONS: Final = {
    "a channel's days": (
        "select activity_date, message_count, total_views from marts.mart_channel_daily_activity"
        " where channel_username = 'bench_shop_one' order by 1",
        "select message_date::date, count(*), sum(views) from public.tutorial_messages"
        " where channel_username = 'bench_shop_one' group by 1 order by 1",
    ),
    "the channels": (
        "select channel_username, message_count, average_views from marts.dim_channels order by 1",
        "select channel_username, count(*), avg(views) from public.tutorial_messages"
        " group by 1 order by 1",
    ),
    "posts that name a product, by channel": (
        "select channel_username, count(*) from marts.fct_product_mentions"
        " inner join marts.dim_products using (product_pk)"
        " where dim_products.product_key = 'amoxicillin' group by 1 order by 1",
        "select channel_username, count(*) from public.tutorial_messages"
        " where message_text ilike '%%amoxicillin%%' group by 1 order by 1",
    ),
}


def measure(folder: Path) -> Iterator[Measured]:
    """Load, build in full, add a day, build again, test, and ask."""
    server = EmbeddedServer(folder)
    server.ensure()
    try:
        place = Database(str(server.socket_folder), server.port, "bench", server.user)
        set_up(place)
        made = slices((365 + sum(DAYS_MORE)) * A_DAY, posts_a_day=A_DAY)
        year = timedelta(days=365)
        with place.connect("medwh_loader") as loader, ProcessPoolExecutor(os.cpu_count()) as pool:
            first = None
            latest: list[tuple[Slice, list[Post]]] = []
            started = time.perf_counter()
            while together := list(islice(made, _TOGETHER)):
                first = first or together[0][0].date
                latest += [one for one in together if one[0].date - first >= year]
                _load(loader, pool, [one for one in together if one[0].date - first < year])
            seconds = time.perf_counter() - started
            posts = 365 * A_DAY
            rows = posts * 2 + posts * 2 // 3
            yield Measured(
                "load generated posts", rows / seconds, "rows/s",
                f"{posts:,} posts made, read on all cores and loaded, with what they say and show",
            )  # fmt: skip
            loader.execute("analyze")
            seconds = _built(place, loader, folder, full=True)
            how = f"{365 * A_DAY:,} posts; models alone"
            yield Measured("marts, full build", seconds, "s", how)
            yield _tested(place, folder, "all rows")
            days = sorted({place.date for place, _ in latest})
            for count in DAYS_MORE:
                added = [one for one in latest if one[0].date in days[:count]]
                del days[:count]
                _load(loader, pool, added)
                seconds = _built(place, loader, folder, full=False)
                how = f"{count} of {A_DAY:,} posts; models alone"
                yield Measured("marts, days more", seconds, "s", how)
            yield from _asked(place)
    finally:
        server.stop()


@cache
def _extractor() -> Extractor:
    return Extractor(load_vocabulary(SEEDS), SecretStr("a pepper for the bench"))


def read(posts: Sequence[Post]) -> list[ExtractedPost]:
    """Read what the posts of a slice say, in a process of its own."""
    return [ExtractedPost(post.id, _extractor().extract(post.text)) for post in posts]


def _load(
    loader: Connection, pool: ProcessPoolExecutor, together: list[tuple[Slice, list[Post]]]
) -> None:
    said = pool.map(read, [posts for _, posts in together], chunksize=5)
    for (place, posts), extracted in zip(together, said, strict=True):
        content = str(place)
        load_messages(loader, place, posts, content)
        ids = [post.id for post in posts]
        version = _extractor().version
        load_extractions(loader, place, ids, extracted, content_sha256=content, version=version)
        shown = [_seen(post) for post in posts if post.media]
        load_detections(loader, place, shown, content, "a detector")


def _seen(post: Post) -> DetectionRecord:
    """Nine of ten pictures are those of another post."""
    picture = post.id // 10
    return DetectionRecord(
        message_id=post.id, image_sha256=f"{picture:064x}", image_path=f"images/{picture}.jpg",
        image_type="jpeg", image_bytes=40_000, image_width=640, image_height=480,
        perceptual_hash=f"{picture * 2_654_435_761 % 2**64:016x}", model=_MODEL, status="ok",
        reason=None,
        boxes=tuple(
            Box(
                detected_class=_CLASSES[(picture + place) % len(_CLASSES)],
                confidence=0.9 - place / 10, x=1, y=2, width=30, height=40,
            )
            for place in range(picture % 3)
        ),
    )  # fmt: skip


def _dbt(place: Database, folder: Path, build_id: int | None, *arguments: str) -> float:
    """Return how many seconds dbt took, its start included.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    environment = {
        **os.environ,
        "MEDWH_DBT_HOST": place.host,
        "MEDWH_DBT_PORT": str(place.port),
        "MEDWH_DBT_DB": place.name,
        "MEDWH_DBT_USER": place.user,
        "MEDWH_DBT_PASSWORD": "",
        "DBT_TARGET_PATH": str(folder / "dbt"),
        "DBT_LOG_PATH": str(folder / "dbt"),
        "PGOPTIONS": "" if build_id is None else options_of(build_id),
    }
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    started = time.perf_counter()
    subprocess.run(
        [dbt_executable(), "--quiet", "--log-level-file", "info", *arguments, *folders],
        env=environment, check=True,
    )  # fmt: skip
    return time.perf_counter() - started


def _built(place: Database, loader: Connection, folder: Path, *, full: bool) -> float:
    """Return how many seconds a build took, dbt's start included."""
    _dbt(place, folder, None, "parse")
    build_id = open_build(loader, full, "bench").build_id
    # Seeds are made anew with the models only, as in a run.
    arguments = ["build", "--resource-type", "model", "seed", *(["--full-refresh"] if full else [])]
    seconds = _dbt(place, folder, build_id, *arguments)
    finish_build(loader, build_id, ok=True)
    return seconds


def _tested(place: Database, folder: Path, what: str) -> Measured:
    seconds = _dbt(place, folder, None, "test", "--exclude-resource-type", "unit_test")
    return Measured("marts, their tests", seconds, "s", what)


def _asked(place: Database) -> Iterator[Measured]:
    with place.connect() as connection:
        connection.execute(VIEW)
        for what, (ours, plain) in QUESTIONS.items():
            rates = [1 / _seconds(connection, question) for question in (ours, plain)]
            how = f"{(365 + sum(DAYS_MORE)) * A_DAY:,} posts; simple = a view over the JSON"
            yield Measured(f"ask for {what}", rates[0], "times/s", how, rates[1])


def _seconds(connection: Connection, question: str) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        connection.execute(question.encode()).fetchall()
        taken.append(time.perf_counter() - started)
    return median(taken)
