"""Loading slices into PostgreSQL, beside a SELECT and an INSERT for each row."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from statistics import median

import psycopg2
import psycopg2.extras

from medwh_assets.lake.records import Post
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import load_messages
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import set_up
from tests.bench.measured import Measured, posts

POSTS, A_DAY = 20_000, 1_000
SIMPLE = 2_000
ROUNDS = 5


def measure(folder: Path) -> Iterator[Measured]:
    """Load in three ways, in turns, on a server that waits for the disk; medians of the rounds."""
    server = EmbeddedServer(folder)
    server.ensure()
    try:
        made = posts(POSTS, A_DAY)
        slices = [(day, list(one)) for day, one in groupby(made, key=lambda post: post.day)]
        rates: dict[str, list[float]] = {"slices": [], "commit each": [], "one commit": []}
        for number in range(ROUNDS):
            place = Database(str(server.socket_folder), server.port, f"bench_{number}", server.user)
            set_up(place)
            for each, name in ((True, "commit each"), (False, "one commit")):
                rates[name].append(SIMPLE / _row_by_row(place, made[:SIMPLE], commit_each=each))
            with place.connect("medwh_loader") as connection:
                rates["slices"].append(POSTS / _slice_by_slice(connection, slices))
        ours = median(rates["slices"])
        how = f"{POSTS:,} posts in {len(slices)} slices, phones masked; simple = SELECT, INSERT"
        yield Measured(
            "load into raw", ours, "rows/s", f"{how}, commit per row", median(rates["commit each"])
        )
        yield Measured(
            "load into raw", ours, "rows/s", f"{how}, one commit", median(rates["one commit"])
        )
    finally:
        server.stop()


def _slice_by_slice(connection: Connection, slices: Sequence[tuple[date, list[Post]]]) -> float:
    """Load as the asset does: one transaction with a ledger row for each slice."""
    started = time.perf_counter()
    for day, together in slices:
        load_messages(connection, Slice("demo_bench", day), together, str(day))
    return time.perf_counter() - started


def _row_by_row(place: Database, made: Sequence[Post], *, commit_each: bool) -> float:
    """Load as most scripts do, with psycopg2: look for the row, insert it if it is not there."""
    channel = f"demo_simple_{commit_each}".lower()
    rows = [(post.id, post.day, json.loads(post.model_dump_json()), post.text) for post in made]
    connection = psycopg2.connect(
        host=place.host, port=place.port, dbname=place.name, user=place.user
    )
    started = time.perf_counter()
    with connection.cursor() as cursor:
        for message_id, day, data, masked in rows:
            cursor.execute(
                "select 1 from raw.telegram_messages where channel_username = %s and message_id = %s",
                (channel, message_id),
            )
            if cursor.fetchone() is None:
                cursor.execute(
                    "insert into raw.telegram_messages (channel_username, message_id, message_date,"
                    " message_data, text_masked, load_id) values (%s, %s, %s, %s, %s, 1)",
                    (channel, message_id, day, psycopg2.extras.Json(data), masked),
                )
            if commit_each:
                connection.commit()
        connection.commit()
    seconds = time.perf_counter() - started
    connection.close()
    return seconds
