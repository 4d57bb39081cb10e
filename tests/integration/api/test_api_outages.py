"""A database that is away, back, frozen, busy or not built: always an answer, never a 500."""

import os
import signal
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from medwh_api.main import create_app
from medwh_api.settings import ApiSettings
from tests.integration.api.addresses import CLOCKED, LISTS, SINGLE
from tests.integration.api.api_marts import Marts

ADDRESSES = [*LISTS, *SINGLE, *CLOCKED, "/health/ready"]
UNREACHABLE = "urn:medwh:problem:database-unreachable"
NOT_BUILT = "urn:medwh:problem:warehouse-not-built"
# What is promised, in seconds.
REFUSED_WITHIN = 1
BACK_WITHIN = 5
WAIT = ApiSettings.model_fields["connection_timeout"].default


def seconds_until_answered(client: TestClient) -> float:
    """Ask until the marts are read again; nothing but 503 and 504 may come before."""
    started = time.monotonic()
    while time.monotonic() < started + 30:
        answer = client.get("/api/channels")
        if answer.status_code == 200:
            break
        assert answer.status_code in (503, 504)
        time.sleep(0.05)
    return time.monotonic() - started


@contextmanager
def locked(marts: Marts) -> Generator[None, None, None]:
    """Let every query on messages wait."""
    with marts.connect() as connection, connection.transaction():
        connection.execute("lock table marts.fct_messages in access exclusive mode")
        yield


def test_a_database_that_was_stopped_is_refused_at_once_and_found_again(marts: Marts):
    with TestClient(create_app(marts.settings())) as client:
        with ThreadPoolExecutor(6) as many:
            assert {answer.status_code for answer in many.map(client.get, ADDRESSES)} == {200}
        marts.server.stop()
        took: list[float] = []
        for address in ADDRESSES:
            answer = client.get(address)
            assert (answer.status_code, answer.json()["type"]) == (503, UNREACHABLE)
            assert int(answer.headers["Retry-After"]) <= BACK_WITHIN
            took.append(answer.elapsed.total_seconds())
        # The quickest: the others may have waited for a busy machine.
        assert min(took) < REFUSED_WITHIN
        assert client.get("/health/live").status_code == 200
        marts.server.ensure()
        assert seconds_until_answered(client) < BACK_WITHIN


def test_an_outage_under_load_is_503_and_nothing_else(marts: Marts):
    statuses: set[int] = set()
    over = threading.Event()

    def ask(client: TestClient) -> None:
        while not over.is_set():
            statuses.update(client.get(address).status_code for address in ADDRESSES)

    with (
        TestClient(create_app(marts.settings(pool_size=3, connection_timeout=WAIT))) as client,
        ThreadPoolExecutor(8) as many,
    ):
        asking = [many.submit(ask, client) for _ in range(8)]
        try:
            marts.server.stop()
            while 503 not in statuses:
                time.sleep(0.01)
            marts.server.ensure()
            assert seconds_until_answered(client) < BACK_WITHIN
        finally:
            over.set()
        for each in asking:
            each.result()
    assert statuses <= {200, 503}


def test_a_restart_between_two_requests_goes_unnoticed(marts: Marts):
    with TestClient(create_app(marts.settings())) as client:
        with ThreadPoolExecutor(6) as many:
            list(many.map(client.get, ADDRESSES))
        marts.server.stop()
        marts.server.ensure()
        for address in ADDRESSES:
            assert client.get(address).status_code == 200


def test_it_starts_without_a_database_and_finds_it_later(marts: Marts):
    marts.server.stop()
    with TestClient(create_app(marts.settings())) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").json()["type"] == UNREACHABLE
        marts.server.ensure()
        assert seconds_until_answered(client) < BACK_WITHIN


def test_a_frozen_database_is_too_slow_and_found_again(marts: Marts):
    settings = marts.settings(connection_timeout=WAIT, query_timeout=1.0)
    with TestClient(create_app(settings)) as client:
        seconds_until_answered(client)
        with marts.connect() as connection:
            pids = [
                row[0]
                for row in connection.execute(
                    "select pid from pg_stat_activity where usename = 'medwh_api'"
                )
            ]
        pids.append(marts.server.status().pid)
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            assert client.get("/api/channels").status_code == 504
            assert client.get("/api/channels").status_code in (503, 504)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert seconds_until_answered(client) < BACK_WITHIN


def test_a_slow_query_is_given_up(marts: Marts):
    with TestClient(create_app(marts.settings(query_timeout=1.0))) as client:
        with locked(marts):
            answer = client.get("/api/search/messages?query=paracetamol")
        assert answer.status_code == 504
        assert answer.json()["type"] == "urn:medwh:problem:query-too-slow"
        assert client.get("/api/search/messages?query=paracetamol").status_code == 200


def test_a_request_beyond_the_pool_is_refused_and_the_pool_lives_on(marts: Marts):
    with TestClient(create_app(marts.settings(pool_size=1, connection_timeout=WAIT))) as client:
        seconds_until_answered(client)
        with ThreadPoolExecutor(1) as other, locked(marts):
            waiting = other.submit(client.get, "/api/search/messages?query=paracetamol")
            marts.until_somebody_waits()
            assert client.get("/api/channels").json()["type"] == UNREACHABLE
        assert waiting.result().status_code == 200
        assert client.get("/api/channels").status_code == 200


@pytest.mark.parametrize(
    "sql",
    [
        "drop schema marts cascade",
        "revoke usage on schema marts from medwh_api",
        "revoke select on all tables in schema marts from medwh_api",
    ],
)
def test_marts_that_are_not_there_are_not_built_yet(own_marts: Marts, sql: str):
    own_marts.run(sql)
    with TestClient(create_app(own_marts.settings())) as client:
        for address in [*LISTS, *SINGLE, f"/api/images/{'a' * 64}", "/health/ready"]:
            answer = client.get(address)
            assert (answer.status_code, answer.json()["type"]) == (503, NOT_BUILT)


def test_a_database_that_does_not_exist_is_unreachable(marts: Marts):
    with TestClient(create_app(marts.settings(db_name="nowhere"))) as client:
        assert client.get("/health/ready").json()["type"] == UNREACHABLE
