"""Requests that the API answers, with one worker, beside an API as tutorials write it.

Both read the same posts, on the same server, asked by the same clients on the same cores, one after
the other. MEDWH_BENCH_POSTS says how many posts (100,000 unless given), MEDWH_BENCH_SECONDS for how long
each address is asked.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import set_up
from tests.bench.generated_posts import generate
from tests.bench.measured import Measured
from tests.integration.api.contracts import create_statements

POSTS = int(os.environ.get("MEDWH_BENCH_POSTS", "100000"))
SECONDS = float(os.environ.get("MEDWH_BENCH_SECONDS", "5"))
CLIENTS, PORT, TUTORIAL_PORT = 16, 48711, 48712
WORDS = ("paracetamol", "ፓራሲታሞል", "ciprofloxacin", "no such word")
PAGE = 20
RATE = 200


def measure(folder: Path) -> Iterator[Measured]:
    """Make the marts, start both services, and ask."""
    server = EmbeddedServer(folder / "state", durable=False)
    server.ensure()
    try:
        database = Database(str(server.socket_folder), server.port, "bench", server.user)
        channel = _fill(database)
        with ExitStack() as stack:
            stack.enter_context(_served(database, "medwh_api", PORT))
            stack.enter_context(_served(database, "tutorial", TUTORIAL_PORT))
            yield from _compare(channel)
    finally:
        server.stop()


def _fill(database: Database) -> str:
    """Make the marts of generated posts; return the largest channel's name."""
    set_up(database)
    with database.connect("medwh_transformer") as connection:
        for statement in create_statements():
            connection.execute(statement.encode())
    with database.connect() as connection:
        connection.execute("create schema bench")
        connection.execute(
            "create table bench.posts (channel text, id bigint, body text, posted_at timestamptz)"
        )
        with (
            connection.cursor() as cursor,
            cursor.copy("copy bench.posts from stdin") as copy,
        ):
            for post in generate(POSTS):
                copy.write_row((post.channel, post.message_id, post.text, post.at))
        connection.execute(Path(__file__).with_name("api_marts.sql").read_bytes())
        row = connection.execute(
            "select channel_username from marts.dim_channels order by message_count desc limit 1"
        ).fetchone()
        assert row
        return str(row[0])


@contextmanager
def _served(database: Database, what: str, port: int) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if "MEDWH" not in name}
    command = [sys.executable, "-m", "medwh_api"]
    if what == "tutorial":
        environment["TUTORIAL_DATABASE"] = (
            f"postgresql+psycopg://medwh_api@/{database.name}?host={quote(database.host)}"
            f"&port={database.port}"
        )
        module = "tests.bench.tutorial_api:app"
        command = [sys.executable, "-m", "uvicorn", module, "--port", str(port), "--no-access-log"]
    environment |= {
        "MEDWH_API_PORT": str(port),
        "MEDWH_API_DB_HOST": database.host,
        "MEDWH_API_DB_NAME": database.name,
    }
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield
    finally:
        process.terminate()
        process.wait()


def _compare(channel: str) -> Iterator[Measured]:
    of = f"{POSTS:,} posts, {CLIENTS} clients on the same cores"
    for what, path in (
        ("top products", "/api/reports/top-products?limit=10"),
        ("channel activity", f"/api/channels/{channel}/activity"),
    ):
        rate, slowest = _load(PORT, path)
        simple, _ = _load(TUTORIAL_PORT, path)
        how = f"{of}; 99 % within {slowest:.0f} ms"
        yield Measured(f"API, {what}", rate, "requests/s", how, simple)
    for word in WORDS:
        path = f"/api/search/messages?query={quote(word)}&limit={PAGE}"
        ours, theirs = _median(PORT, path), _median(TUTORIAL_PORT, path)
        how = f"{POSTS:,} posts; median, one client; {theirs / ours:.0f} times as fast"
        yield Measured(f"API, newest {PAGE} with {word!r}", ours, "ms", how, theirs)
    first = f"/api/search/messages?query=paracetamol&limit={PAGE}"
    pages, last = _pages(first, 1000)
    how = f"page 1 {_median(PORT, first):.1f} ms; median, one client"
    offset = f"{first}&offset={PAGE * (pages - 1)}"
    simple = _median(TUTORIAL_PORT, offset)
    yield Measured(f"API, search, page {pages:,}", _median(PORT, last), "ms", how, simple)
    slowest, errors = _steady(
        [
            "/api/reports/top-products?limit=10",
            f"/api/channels/{channel}/activity",
            first,
            "/api/channels",
        ]
    )
    how = f"{POSTS:,} posts, {RATE} requests/s in turn; {errors} errors"
    yield Measured("API, 99 % of the answers within", slowest, "ms", how)


def _wait(port: int) -> None:
    for _ in range(400):
        try:
            http.client.HTTPConnection("127.0.0.1", port).connect()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


def _ask(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise AssertionError(f"{path} answers {answer.status}")
    return answer


def _load(port: int, path: str) -> tuple[float, float]:
    """Return requests per second, and the milliseconds that 99 % of them stay under."""
    taken: list[float] = []
    started_at = time.perf_counter()
    end = started_at + SECONDS

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while (started := time.perf_counter()) < end:
            _ask(connection, path)
            taken.append(time.perf_counter() - started)

    _at_once([client] * CLIENTS)
    return len(taken) / (time.perf_counter() - started_at), _slowest(taken)


def _steady(paths: list[str]) -> tuple[float, int]:
    """Ask at a fixed rate, whether or not answers come; return 99 % in ms, and the errors."""
    taken: list[float] = []
    errors: list[Exception] = []
    begin = time.perf_counter() + 0.1
    count = int(RATE * SECONDS)

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        for turn in range(number, count, CLIENTS):
            due = begin + turn / RATE
            time.sleep(max(due - time.perf_counter(), 0))
            try:
                _ask(connection, paths[turn % len(paths)])
            except (AssertionError, OSError, http.client.HTTPException) as error:
                errors.append(error)
                connection.close()
            # From when it was due, so that a queue is seen.
            taken.append(time.perf_counter() - due)

    _at_once([lambda number=number: client(number) for number in range(CLIENTS)])
    return _slowest(taken), len(errors)


def _at_once(clients: list[object]) -> None:
    threads = [threading.Thread(target=client) for client in clients]  # pyright: ignore
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _slowest(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)] * 1000


def _median(port: int, path: str) -> float:
    """Return the median of up to 30 answers, in ms."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    taken: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(taken) < 30 and (len(taken) < 3 or time.perf_counter() < end):
        started = time.perf_counter()
        _ask(connection, path)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def _pages(path: str, most: int) -> tuple[int, str]:
    """Walk through pages; return how many there are up to so many, and the last one's address."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    for page in range(1, most + 1):
        link = _ask(connection, path).getheader("Link", "")
        if not link or page == most:
            return page, path
        path = path.partition("?")[0] + link.partition(";")[0].strip("<>")
    raise AssertionError(json.dumps(path))
