"""The addresses over marts that a hand-written fake plays: what is asked, answered, refused."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from fastapi.testclient import TestClient

from medwh_api import queries
from medwh_api.database import QueryRunner, Row
from medwh_api.errors import (
    ApiError,
    DatabaseUnreachableError,
    InvalidParameterError,
    QueryTooSlowError,
    WarehouseNotBuiltError,
)
from medwh_api.main import create_app
from medwh_api.settings import ApiSettings

API_ADDRESSES = [
    "/api/reports/top-products",
    "/api/reports/visual-content",
    "/api/reports/visual-engagement",
    "/api/reports/prices",
    "/api/reports/price-changes",
    "/api/reports/trends",
    "/api/products",
    "/api/products/paracetamol",
    "/api/channels",
    "/api/channels/addis_drugs",
    "/api/channels/addis_drugs/activity",
    "/api/search/messages?query=paracetamol",
    "/api/messages/addis_drugs/1",
    f"/api/images/{'a' * 64}",
    "/api/freshness",
    "/api/quality",
]
FOUND: Row = {
    "channel_username": "addis_drugs",
    "message_id": 1,
    "message_timestamp_utc": datetime(2025, 3, 1, 8, tzinfo=UTC),
    "message_text": "Paracetamol",
    "views_count": 10,
    "forwards_count": 0,
    "replies_count": 0,
    "has_counters": True,
    "has_image": False,
    "image_sha256": None,
    "image_category": None,
    "is_repost": False,
}


class FakeMarts:
    """Answers each query with the rows, or the exception, that it was given for it."""

    def __init__(self) -> None:
        self.answers: dict[bytes, list[Row]] = {}
        self.failure: Exception | None = None
        self.asked: list[tuple[bytes, Mapping[str, object]]] = []

    async def fetch(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        self.asked.append((query, parameters or {}))
        if self.failure:
            raise self.failure
        return self.answers.get(query, [])

    async def fetch_json(
        self, query: bytes, parameters: Mapping[str, object] | None = None
    ) -> list[bytes]:
        return [orjson.dumps(row) for row in await self.fetch(query, parameters)]

    def parameters_of(self, query: bytes) -> Mapping[str, object]:
        return next(parameters for asked, parameters in self.asked if asked == query)

    def parameters_of_all(self, query: bytes) -> list[Mapping[str, object]]:
        return [parameters for asked, parameters in self.asked if asked == query]

    def forget(self) -> None:
        self.answers.clear()
        self.asked.clear()
        self.failure = None


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[TestClient, FakeMarts]]:
    marts = FakeMarts()

    @asynccontextmanager
    async def connect(_settings: ApiSettings) -> AsyncGenerator[QueryRunner, None]:
        yield marts

    with TestClient(create_app(ApiSettings(), connect), raise_server_exceptions=False) as client:
        yield client, marts


@pytest.fixture
def client(_served: tuple[TestClient, FakeMarts]) -> TestClient:
    return _served[0]


@pytest.fixture(autouse=True)
def marts(_served: tuple[TestClient, FakeMarts]) -> FakeMarts:
    _served[1].forget()
    return _served[1]


def test_rows_are_sent_as_a_list_of_objects(client: TestClient, marts: FakeMarts):
    row = {"detected_object_class": "bottle", "detection_count": 3}
    marts.answers[queries.RANK_DETECTED_CLASSES] = [row]
    assert client.get("/api/reports/top-products").json() == [row]


def test_no_rows_are_an_empty_list(client: TestClient):
    assert client.get("/api/channels").json() == []
    assert client.get("/api/reports/visual-content").json() == []


def test_top_products_are_ten_unless_a_limit_is_given(client: TestClient, marts: FakeMarts):
    client.get("/api/reports/top-products")
    client.get("/api/reports/top-products?by=detected_class&limit=100")
    # One more than is sent, to know whether there are more.
    asked = marts.parameters_of_all(queries.RANK_DETECTED_CLASSES)
    assert [parameters["limit"] for parameters in asked] == [11, 101]


@pytest.mark.parametrize("spelling", ["Addis_Drugs", "@addis_drugs", "@ADDIS_DRUGS"])
def test_a_channel_is_found_in_any_spelling(client: TestClient, marts: FakeMarts, spelling: str):
    client.get(f"/api/channels/{spelling}/activity")
    client.get("/api/search/messages", params={"query": "syrup", "channel": spelling})
    asked = [parameters for _, parameters in marts.asked if "channel" in parameters]
    assert len(asked) >= 2
    assert {parameters["channel"] for parameters in asked} == {"addis_drugs"}


def test_activity_takes_its_days_from_and_to(client: TestClient, marts: FakeMarts):
    client.get("/api/channels/addis_drugs/activity?from=2025-03-01&to=2025-03-02")
    asked = marts.parameters_of(queries.LIST_CHANNEL_ACTIVITY)
    assert (asked["first"], asked["last"]) == (date(2025, 3, 1), date(2025, 3, 2))


def test_a_known_channel_without_posts_in_the_days_asked_for_is_an_empty_list(
    client: TestClient, marts: FakeMarts
):
    marts.answers[queries.FIND_CHANNEL] = [{"known": 1}]
    answer = client.get("/api/channels/addis_drugs/activity?from=2030-01-01")
    assert (answer.status_code, answer.json()) == (200, [])


def test_an_unknown_channel_is_not_found(client: TestClient):
    answer = client.get("/api/channels/nobody_here/activity")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:medwh:problem:unknown-channel"


def test_wildcards_in_a_search_are_ordinary_characters(client: TestClient, marts: FakeMarts):
    client.get("/api/search/messages", params={"query": r" 100%_\pure "})
    assert marts.parameters_of(queries.SEARCH_MESSAGES)["pattern"] == r"%100\%\_\\pure%"


def test_a_full_page_leads_to_the_next_and_the_last_to_none(client: TestClient, marts: FakeMarts):
    marts.answers[queries.SEARCH_MESSAGES] = [FOUND | {"message_pk": pk} for pk in ("c", "b", "a")]
    first = client.get("/api/search/messages", params={"query": "ፓራሲ ce", "limit": 2})
    assert len(first.json()) == 2
    address, relation = first.headers["Link"].split("; ")
    assert relation == 'rel="next"'
    following = parse_qs(urlsplit(address.strip("<>")).query)
    assert (following["query"], following["limit"]) == (["ፓራሲ ce"], ["2"])

    marts.asked.clear()
    marts.answers[queries.SEARCH_MESSAGES] = [FOUND | {"message_pk": "a"}]
    last = client.get(f"/api/search/messages{address.strip('<>')}")
    assert "Link" not in last.headers
    asked = marts.parameters_of(queries.SEARCH_MESSAGES)
    assert (asked["after_time"], asked["after_message"]) == (FOUND["message_timestamp_utc"], "b")


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!!!", "bnVsbA==", "WzEsMl0=", "W10=", "WyIyMDI1LTAzLTAxIiwgImEiXQ==", "W1tbW1tb" * 25],
)
def test_a_cursor_that_no_page_gave_is_refused(client: TestClient, cursor: str):
    answer = client.get("/api/search/messages", params={"query": "syrup", "after": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "after"


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/api/reports/top-products?limit=0", "limit"),
        ("/api/reports/top-products?limit=1001", "limit"),
        (f"/api/reports/top-products?limit={'9' * 5000}", "limit"),
        ("/api/reports/top-products?by=price", "by"),
        ("/api/channels/no/activity", "channel_username"),
        ("/api/channels/1drugs/activity", "channel_username"),
        ("/api/channels/addis_drugs'--/activity", "channel_username"),
        ("/api/channels/addis%00drugs/activity", "channel_username"),
        ("/api/channels/%E2%84%AAelvin/activity", "channel_username"),
        (f"/api/channels/{'a' * 33}/activity", "channel_username"),
        ("/api/channels/addis_drugs/activity?from=yesterday", "from"),
        ("/api/channels/addis_drugs/activity?to=99999999999999999999", "to"),
        ("/api/channels/addis_drugs/activity?to=10000-01-01", "to"),
        ("/api/channels/addis_drugs/activity?to=1740787200", "to"),
        ("/api/channels/addis_drugs/activity?to=2025-02-30", "to"),
        ("/api/search/messages", "query"),
        ("/api/search/messages?query=ab", "query"),
        ("/api/search/messages?query=%25%25%25", "query"),
        ("/api/search/messages?query=abc%00", "query"),
        (f"/api/search/messages?query={'a' * 201}", "query"),
        ("/api/search/messages?query=abc&channel=a%20b", "channel"),
        (f"/api/search/messages?query=abc&after={'a' * 401}", "after"),
        ("/api/search/messages?query=a b 12", "query"),
        ("/api/search/messages?query=abc&has_image=yes", "has_image"),
        ("/api/reports/trends?by=year", "by"),
        ("/api/reports/prices?product=%27--", "product"),
        ("/api/products?format=xml", "format"),
        ("/api/products?limit=1.0", "limit"),
        ("/api/products?limit=1&limit=2", "limit"),
        ("/api/products/a%00b", "product"),
        ("/api/messages/addis_drugs/0", "message_id"),
        (f"/api/messages/addis_drugs/{2**63}", "message_id"),
        (f"/api/images/{'A' * 64}", "image_sha256"),
    ],
)
def test_a_wrong_value_is_refused_by_its_parameters_name(
    client: TestClient, marts: FakeMarts, address: str, parameter: str
):
    answer = client.get(address)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]
    assert marts.asked == []


def test_days_that_cross_are_refused(client: TestClient):
    answer = client.get("/api/channels/addis_drugs/activity?from=2025-03-02&to=2025-03-01")
    assert (answer.status_code, answer.json()["detail"]) == (422, "'from' is later than 'to'.")


@pytest.mark.parametrize(
    ("address", "known"),
    [
        (
            "/api/reports/top-products",
            "channel, from, to, limit, after, format, by, count",
        ),
        ("/api/channels", "limit, after, format"),
        ("/api/channels/addis_drugs", "none"),
        ("/api/channels/addis_drugs/activity", "from, to, limit, after, format"),
        (
            "/api/search/messages?query=syrup",
            "product, channel, from, to, limit, after, format, query, has_image",
        ),
        ("/api/search?q=syrup", "q"),
        (f"/api/images/{'a' * 64}", "annotated"),
        ("/health/live", "none"),
        ("/health/ready", "none"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_known_ones(
    client: TestClient, address: str, known: str
):
    answer = client.get(address + ("&" if "?" in address else "?") + "page=2")
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"There is no parameter 'page' here. Known: {known}."


@pytest.mark.parametrize("address", [*API_ADDRESSES, "/health/ready"])
@pytest.mark.parametrize(
    ("failure", "status", "retry_after"),
    [
        (DatabaseUnreachableError(), 503, "2"),
        (WarehouseNotBuiltError(), 503, "30"),
        (QueryTooSlowError(), 504, None),
        (InvalidParameterError(None, "A value is out of range."), 422, None),
    ],
)
def test_a_failing_database_is_a_problem_document(
    client: TestClient,
    marts: FakeMarts,
    address: str,
    failure: ApiError,
    status: int,
    retry_after: str | None,
):
    marts.failure = failure
    answer = client.get(address)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.json()["type"] == failure.kind.uri


def test_what_an_unexpected_exception_says_stays_in_the_log(
    client: TestClient, marts: FakeMarts, caplog: pytest.LogCaptureFixture
):
    marts.failure = RuntimeError("secret of the house")
    answer = client.get("/api/channels")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "secret of the house" in caplog.text


def test_nothing_at_an_address_is_a_problem_document(client: TestClient):
    answer = client.get("/api/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:medwh:problem:not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_sent(client: TestClient, method: str):
    answer = client.request(method, "/api/channels")
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Allow"] == "GET"


def test_the_process_is_alive_without_a_database(client: TestClient, marts: FakeMarts):
    marts.failure = DatabaseUnreachableError()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").status_code == 503
    marts.failure = None
    assert client.get("/health/ready").json() == {"status": "ready"}
