"""What holds of every answer: its model, its pages, its two formats, and what a client has of it."""

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from medwh_api.main import create_app
from medwh_api.schemas.channels import Channel, ChannelActivity, ChannelDetails
from medwh_api.schemas.messages import MessageDetails
from medwh_api.schemas.operations import ChannelFreshness, CheckResult
from medwh_api.schemas.products import Product, ProductDetails
from medwh_api.schemas.reports import (
    DetectedClass,
    MentionedProduct,
    OfferedProduct,
    Price,
    PriceChange,
    Trend,
    VisualContent,
    VisualEngagement,
)
from medwh_api.schemas.search import FoundMessage
from tests.integration.api.addresses import CLOCKED, LISTS, SINGLE, with_parameters
from tests.integration.api.api_marts import Marts

# The first that begins an address counts.
MODELS: dict[str, Any] = {
    "/api/reports/top-products?by=mentions": list[MentionedProduct],
    "/api/reports/top-products?by=offers": list[OfferedProduct],
    "/api/reports/top-products": list[DetectedClass],
    "/api/reports/visual-content": list[VisualContent],
    "/api/reports/visual-engagement": list[VisualEngagement],
    "/api/reports/prices": list[Price],
    "/api/reports/price-changes": list[PriceChange],
    "/api/reports/trends": list[Trend],
    "/api/products/": ProductDetails,
    "/api/products": list[Product],
    "/api/channels/addis_drugs/activity": list[ChannelActivity],
    "/api/channels/": ChannelDetails,
    "/api/channels": list[Channel],
    "/api/search": list[FoundMessage],
    "/api/messages": MessageDetails,
    "/api/freshness": list[ChannelFreshness],
    "/api/quality": list[CheckResult],
}


def next_page(headers: Any) -> str:
    return headers.get("Link", "").partition(";")[0].strip("<>")


@pytest.mark.parametrize("address", [*LISTS, *SINGLE, *CLOCKED])
def test_what_postgresql_makes_fits_the_model(client: TestClient, address: str):
    model = next(model for start, model in MODELS.items() if address.startswith(start))
    answer = client.get(address)
    assert answer.status_code == 200
    read = TypeAdapter[Any](model).validate_json(answer.content)
    rows: list[Any] = read if isinstance(read, list) else [read]
    assert rows
    given = answer.json() if isinstance(read, list) else [answer.json()]
    for row, as_sent in zip(rows, given, strict=True):
        assert set(as_sent) == set(type(row).model_fields)


@pytest.mark.parametrize("address", [*LISTS, "/api/quality"])
def test_pages_of_one_row_hold_every_row_once(client: TestClient, address: str):
    whole = client.get(address).json()
    found: list[Any] = []
    path, _, query = with_parameters(address, "limit=1").partition("?")
    while query:
        answer = client.get(f"{path}?{query}")
        assert len(answer.json()) == 1
        found += answer.json()
        query = next_page(answer.headers).removeprefix("?")
    assert found == whole


@pytest.mark.parametrize("address", [*LISTS, "/api/quality"])
def test_csv_holds_what_json_holds(client: TestClient, address: str):
    rows = client.get(address).json()
    by_parameter = client.get(with_parameters(address, "format=csv"))
    by_header = client.get(address, headers={"Accept": "text/csv, application/json;q=0.5"})
    assert by_parameter.content == by_header.content
    assert by_parameter.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert ".csv" in by_parameter.headers["Content-Disposition"]
    assert by_parameter.content.startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(io.StringIO(by_parameter.content.decode("utf-8-sig"))))
    assert len(read) == len(rows)
    for as_csv, row in zip(read, rows, strict=True):
        assert list(as_csv) == list(row)
        for name, value in row.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert float(as_csv[name]) == value
            elif value is None:
                assert as_csv[name] == ""


def test_what_a_spreadsheet_would_run_has_an_apostrophe_before_it(client: TestClient):
    table = client.get("/api/channels?format=csv").content.decode("utf-8-sig")
    titles = [row["channel_title"] for row in csv.DictReader(io.StringIO(table))]
    assert titles == ["Addis Drugs", """'=HYPERLINK("http://x","ጤና")""", ""]
    found = client.get("/api/quality?format=csv").text
    assert "'=2 orphans" in found


def test_a_limited_table_leads_on_and_a_whole_one_crosses_pages(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    limited = client.get("/api/channels?format=csv&limit=1")
    assert limited.text.count("\r\n") == 2
    assert "format=csv" in next_page(limited.headers)
    whole = client.get("/api/channels?format=csv")
    monkeypatch.setattr("medwh_api.answers._CSV_PAGE", 1)
    assert client.get("/api/channels?format=csv").content == whole.content


def test_json_is_sent_where_the_client_does_not_say(client: TestClient):
    for accept in ("*/*", "application/*", "text/html, */*;q=0.1", "application/json, text/csv"):
        answer = client.get("/api/channels", headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "application/json"
    refused = client.get("/api/channels", headers={"Accept": "image/png"})
    assert (refused.status_code, refused.json()["status"]) == (406, 406)
    assert client.get("/api/channels?format=json", headers={"Accept": "image/png"}).is_success


@pytest.mark.parametrize("address", [*LISTS, *SINGLE])
def test_what_the_client_has_is_not_sent_again(client: TestClient, address: str):
    answer = client.get(address)
    tag = answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "no-cache"
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_answers_of_other_addresses_and_formats_have_other_tags(client: TestClient):
    addresses = [*LISTS, *SINGLE, "/api/channels?format=csv", "/api/channels?limit=1"]
    tags = [client.get(address).headers["ETag"] for address in addresses]
    tags.append(client.get("/api/channels", headers={"Accept": "text/csv"}).headers["ETag"])
    assert len(set(tags)) == len(tags)


def test_another_build_has_other_tags_and_a_running_one_none(
    own_marts: Marts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("medwh_api.content._KNOWN_FOR_S", 0)

    def build(status: str, content: str) -> None:
        own_marts.run(
            "insert into ops.builds (status, full_refresh, content_sha256)"
            f" values ('{status}', false, {content})"
        )

    with TestClient(create_app(own_marts.settings())) as client:
        first = client.get("/api/channels").headers["ETag"]
        build("running", "null")
        assert "ETag" not in client.get("/api/channels").headers
        build("failed", "null")
        assert "ETag" not in client.get("/api/channels").headers
        build("done", "repeat('1', 64)")
        assert client.get("/api/channels").headers["ETag"] != first
        build("done", "repeat('0', 64)")
        assert client.get("/api/channels").headers["ETag"] == first


def test_what_depends_on_the_clock_is_kept_by_nobody(client: TestClient):
    for address in CLOCKED:
        answer = client.get(address)
        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_not_there_is_not_known_either(client: TestClient):
    tag = client.get("/api/products/paracetamol").headers["ETag"]
    missing = client.get("/api/products/nothing", headers={"If-None-Match": tag})
    assert missing.status_code == 404
