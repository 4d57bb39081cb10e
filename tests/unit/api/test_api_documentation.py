"""The API's description: complete, true to the routes, and readable without internet."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from medwh_api.main import create_app
from medwh_api.settings import ApiSettings


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app(ApiSettings()))


def operations(client: TestClient) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = client.get("/openapi.json").json()
    for path, item in schema["paths"].items():
        for operation in item.values():
            yield path, operation


def test_every_address_is_described(client: TestClient):
    assert {path for path, _ in operations(client)} == {
        "/api/reports/top-products",
        "/api/reports/visual-content",
        "/api/reports/visual-engagement",
        "/api/reports/prices",
        "/api/reports/price-changes",
        "/api/reports/trends",
        "/api/products",
        "/api/products/{product}",
        "/api/channels",
        "/api/channels/{channel_username}",
        "/api/channels/{channel_username}/activity",
        "/api/search",
        "/api/search/messages",
        "/api/messages/{channel_username}/{message_id}",
        "/api/images/{image_sha256}",
        "/api/freshness",
        "/api/quality",
        "/health/live",
        "/health/ready",
    }
    for path, operation in operations(client):
        assert operation["tags"] and operation["summary"] and operation["description"], path


def test_every_parameter_is_described(client: TestClient):
    for path, operation in operations(client):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])


def test_every_answer_has_a_schema(client: TestClient):
    for path, operation in operations(client):
        for status, response in operation["responses"].items():
            assert response["description"], (path, status)
            for media_type, content in response.get("content", {}).items():
                assert content["schema"], (path, status)
                assert (media_type == "application/problem+json") == (int(status) >= 400)


def test_every_list_says_that_it_has_pages_and_a_table(client: TestClient):
    for path, operation in operations(client):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        if "after" in names:
            answer = operation["responses"]["200"]
            assert {"application/json", "text/csv"} == set(answer["content"]), path
            assert "Link" in answer["headers"]
            assert "406" in operation["responses"]
            assert {"limit", "format"} <= names


def test_every_address_under_api_names_the_errors_it_can_answer_with(client: TestClient):
    for path, operation in operations(client):
        if path.startswith("/api/") and path != "/api/search":
            assert {"200", "422", "503", "504"} <= set(operation["responses"]), path
            assert "Retry-After" in operation["responses"]["503"]["headers"]


def test_operations_are_named_after_their_functions(client: TestClient):
    names = [operation["operationId"] for _, operation in operations(client)]
    assert "search_messages" in names
    assert len(names) == len(set(names))


def test_the_documentation_page_loads_only_from_this_server(client: TestClient):
    page = client.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    assert "://" not in page
    for address in addresses:
        if not address.startswith("data:"):
            assert client.get(f"/{address}").status_code == 200
    assert '"validatorUrl": null' in page


def test_every_answer_has_a_real_example_that_fits_its_schema(client: TestClient):
    schema = client.get("/openapi.json").json()
    for path, operation in operations(client):
        for media_type, content in operation["responses"].get("200", {}).get("content", {}).items():
            if media_type.startswith("image/"):
                continue
            assert "example" in content, (path, media_type)
            Draft202012Validator(schema | content["schema"]).validate(content["example"])
            assert content["example"] or path == "/api/reports/price-changes"
