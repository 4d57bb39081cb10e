"""Who may ask, how often, and what is told of it."""

import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from medwh_api.access import hash_of, new_key
from medwh_api.database import QueryRunner, Row
from medwh_api.main import create_app
from medwh_api.settings import ApiSettings

PUBLIC = "0.0.0.0"


class EmptyMarts:
    async def fetch(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        return []

    async def fetch_json(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[bytes]:
        return []


@asynccontextmanager
async def empty(_settings: ApiSettings) -> AsyncGenerator[QueryRunner, None]:
    yield EmptyMarts()


def client(**settings: object) -> TestClient:
    return TestClient(create_app(ApiSettings.model_validate(settings), empty))


def test_a_key_is_asked_for_where_hashes_are_set():
    key, hashed = new_key()
    other, _ = new_key()
    with client(host=PUBLIC, keys=f"{'0' * 64},{hashed}") as api:
        for headers in ({}, {"X-API-Key": other}, {"X-API-Key": hashed}, {"X-API-Key": ""}):
            refused = api.get("/api/channels", headers=headers)
            assert refused.status_code == 401
            assert refused.json()["type"] == "urn:medwh:problem:key-missing"
            assert "X-API-Key" in refused.headers["WWW-Authenticate"]
        assert api.get("/api/channels", headers={"X-API-Key": key}).status_code == 200
        # Whoever starts and watches the service has no key.
        for address in ("/health/live", "/metrics", "/openapi.json", "/docs"):
            assert api.get(address).status_code == 200
        schema = api.get("/openapi.json").json()
    operation = schema["paths"]["/api/channels"]["get"]
    assert operation["security"] and "401" in operation["responses"]


def test_a_wrong_key_tells_nothing_of_what_is_asked():
    with client(host=PUBLIC, keys="0" * 64) as api:
        assert api.get("/api/channels?nonsense=1").status_code == 401
        assert api.get("/api/channels", headers={b"X-API-Key": b"\xfc" * 10_000}).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_no_key_is_asked_for_and_nothing_counted_on_loopback(host: str):
    with client(host=host, keys="0" * 64, rate_limit="1/minute") as api:
        for _ in range(3):
            assert api.get("/api/channels").status_code == 200
        assert "security" not in api.get("/openapi.json").json()["paths"]["/api/channels"]["get"]


def test_no_key_is_asked_for_where_none_is_set():
    with client(host=PUBLIC) as api:
        assert api.get("/api/channels").status_code == 200


def test_only_hashes_are_taken_for_keys(monkeypatch: pytest.MonkeyPatch):
    key, hashed = new_key()
    assert hash_of(key) == hashed
    monkeypatch.setenv("MEDWH_API_KEYS", key)
    with pytest.raises(ValidationError) as refused:
        ApiSettings()
    assert key not in str(refused.value)


def test_who_asks_too_often_is_told_when_to_go_on():
    with client(host=PUBLIC, rate_limit="3/minute") as api:
        for _ in range(3):
            assert api.get("/api/channels").status_code == 200
        refused = api.get("/api/channels")
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert refused.headers["X-Request-ID"]
        assert api.get("/health/live").status_code == 200


def test_each_key_is_a_client_of_its_own_and_an_unknown_one_is_none():
    keys = [new_key() for _ in range(2)]
    hashes = ",".join(hashed for _, hashed in keys)
    with client(host=PUBLIC, keys=hashes, rate_limit="2/minute") as api:
        for key, _ in keys:
            statuses = [
                api.get("/api/channels", headers={"X-API-Key": key}).status_code for _ in range(3)
            ]
            assert statuses == [200, 200, 429]
        made_up = [
            api.get("/api/channels", headers={"X-API-Key": f"medwh_{n}"}).status_code
            for n in range(3)
        ]
        assert made_up == [401, 401, 429]


@pytest.mark.parametrize("rate", ["often", "0x/minute", "-1/minute", "5/fortnight"])
def test_a_rate_that_says_nothing_is_refused(rate: str):
    with pytest.raises(ValidationError):
        ApiSettings.model_validate({"rate_limit": rate})


def test_other_pages_may_read_it_only_where_they_are_named():
    origin = "https://report.example"
    with client(cors_origins=origin) as api:
        allowed = api.get("/api/channels", headers={"Origin": origin})
        assert allowed.headers["Access-Control-Allow-Origin"] == origin
        assert "Link" in allowed.headers["Access-Control-Expose-Headers"]
        other = api.get("/api/channels", headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        assert api.options("/api/channels", headers=asked).status_code == 400
    with client() as api:
        closed = api.get("/api/channels", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in closed.headers


@pytest.mark.parametrize("given", ["mine-1", "x" * 65, "two words", "<script>", ""])
def test_every_answer_has_a_number_the_clients_own_if_it_is_plain(given: str):
    with client() as api:
        for address in ("/api/channels", "/api/nothing", "/api/channels?x=1", "/health/live"):
            number = api.get(address, headers={"X-Request-ID": given}).headers["X-Request-ID"]
            assert number == given or re.fullmatch("[0-9a-f]{32}", number)
            assert (number == given) == (given == "mine-1")


def test_a_request_is_told_by_its_route_and_never_by_what_was_asked(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.INFO, "medwh_api.requests")
    with client() as api:
        api.get("/api/search/messages?query=secretword", headers={"X-API-Key": "secretkey"})
    (record,) = [record for record in caplog.records if record.name == "medwh_api.requests"]
    told = str(record.__dict__)
    assert "/api/search/messages" in told
    assert "secret" not in told and "testclient" not in told


def test_metrics_count_requests_by_route_and_status():
    with client() as api:
        for address in ("/api/products", "/api/products/ab", "/api/products/cd", "/nothing/here"):
            api.get(address)
        api.request("WHATEVER", "/api/products")
        text = api.get("/metrics").text
    assert 'method="GET",route="/api/products",status="200"} 1.0' in text
    assert 'route="/api/products/{product}",status="404"} 2.0' in text
    assert 'method="GET",route="none",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert "medwh_api_request_seconds_bucket" in text
