"""What the API answers over the marts of `posts.sql`."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from medwh_api.main import create_app
from tests.integration.api.api_marts import Marts

HOSTILE = [
    "'; drop table marts.fct_messages; --",
    "' or '1'='1",
    '" or ""="',
    "1 union select 1, 2, 3 from raw.telegram_messages",
    "%(limit)s %s {} {0} $1 $$ ::int",
    "\\'; select pg_sleep(10); --",
    "abc\0def",
    "\ud800abc".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "\u202eabc\u200b\ufeff",
    "💊💊💊",
    "\\\\\\abc\\",
    "a" * 10_000,
    "-1",
    "0",
    "1e308",
    "NaN",
    "infinity",
    "9223372036854775808",
    "9" * 400,
    "0001-01-01",
    "9999-12-31",
    "",
    " ",
    "null",
]


def messages(answer: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["channel_username"], row["message_id"]) for row in answer]


def test_top_products_count_boxes_by_class_without_people(client: TestClient):
    assert client.get("/api/reports/top-products").json() == [
        {"detected_object_class": "bottle", "detection_count": 3},
        {"detected_object_class": "blister", "detection_count": 1},
        {"detected_object_class": "cup", "detection_count": 1},
    ]
    assert len(client.get("/api/reports/top-products?limit=1").json()) == 1


def test_visual_content_averages_only_views_that_are_known(client: TestClient):
    assert client.get("/api/reports/visual-content").json() == [
        {
            "channel_username": "addis_drugs",
            "image_category": "product_display",
            "message_count": 2,
            "share": 0.6667,
            "average_views": 400.0,
        },
        {
            "channel_username": "addis_drugs",
            "image_category": "promotional",
            "message_count": 1,
            "share": 0.3333,
            "average_views": 100.0,
        },
        {
            "channel_username": "selam_pharmacy",
            "image_category": "other",
            "message_count": 1,
            "share": 1.0,
            "average_views": None,
        },
    ]


def test_channels_are_listed_by_name(client: TestClient):
    channels = client.get("/api/channels").json()
    assert [row["channel_username"] for row in channels] == [
        "addis_drugs",
        "quiet_channel",
        "selam_pharmacy",
    ]
    assert channels[0] == {
        "channel_username": "addis_drugs",
        "channel_spelling": "Addis_Drugs",
        "channel_title": "Addis Drugs",
        "message_count": 4,
        "image_count": 3,
        "average_views": 250.0,
        "first_post_at": "2025-03-01T08:00:00Z",
        "last_post_at": "2025-03-02T09:00:00Z",
    }


def test_activity_has_one_row_per_day_with_posts(client: TestClient):
    assert client.get("/api/channels/@Addis_Drugs/activity").json() == [
        {
            "activity_date": "2025-03-01",
            "message_count": 3,
            "detection_count": 5,
            "total_views": 500,
            "total_forwards": 4,
            "total_replies": 6,
            "messages_with_media": 3,
        },
        {
            "activity_date": "2025-03-02",
            "message_count": 1,
            "detection_count": 0,
            "total_views": 250,
            "total_forwards": 0,
            "total_replies": 0,
            "messages_with_media": 0,
        },
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("from=2025-03-02", ["2025-03-05"]),
        ("to=2025-03-04", ["2025-03-01"]),
        ("from=2025-03-01&to=2025-03-05", ["2025-03-01", "2025-03-05"]),
        ("from=2025-03-02&to=2025-03-04", []),
    ],
)
def test_activity_keeps_to_the_days_asked_for(client: TestClient, days: str, expected: list[str]):
    answer = client.get(f"/api/channels/selam_pharmacy/activity?{days}")
    assert [row["activity_date"] for row in answer.json()] == expected


def test_a_channel_without_posts_is_not_found(client: TestClient):
    assert client.get("/api/channels/nobody_here/activity").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("paracetamol", [("selam_pharmacy", 1), ("addis_drugs", 2), ("addis_drugs", 1)]),
        ("PARACETAMOL 5", [("addis_drugs", 1)]),
        ("ፓራሲታሞል", [("selam_pharmacy", 2), ("selam_pharmacy", 1)]),
        ("100%", [("addis_drugs", 1)]),
        ("paracetamol_", [("addis_drugs", 2)]),
        ("Sunday \\", [("addis_drugs", 4)]),
        ("para%mol", []),
        ("nothing of the kind", []),
    ],
)
def test_search_finds_the_text_as_it_is_typed(
    client: TestClient, query: str, expected: list[tuple[str, int]]
):
    answer = client.get("/api/search/messages", params={"query": query})
    assert messages(answer.json()) == expected


def test_search_keeps_to_a_channel(client: TestClient):
    answer = client.get("/api/search/messages?query=paracetamol&channel=Selam_Pharmacy")
    assert messages(answer.json()) == [("selam_pharmacy", 1)]


def test_pages_of_a_search_hold_every_post_once(client: TestClient):
    found: list[tuple[str, int]] = []
    address = "?query=paracetamol&limit=1"
    while address:
        answer = client.get(f"/api/search/messages{address}")
        found += messages(answer.json())
        address = answer.headers.get("Link", "").partition(";")[0].strip("<>")
    assert found == [("selam_pharmacy", 1), ("addis_drugs", 2), ("addis_drugs", 1)]


def test_it_is_ready_when_the_marts_can_be_read(client: TestClient):
    assert client.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_hostile_values_in_any_parameter_are_answered_or_refused(client: TestClient, text: str):
    schema = client.get("/openapi.json").json()
    for path, item in schema["paths"].items():
        for parameter in item["get"].get("parameters", []):
            address = path.replace("{channel_username}", "addis_drugs")
            asked = {"query": "paracetamol"} if address.startswith("/api/search") else {}
            if parameter["in"] == "path":
                answer = client.get(f"/api/channels/{quote(text, safe='') or '%20'}/activity")
            else:
                answer = client.get(address, params=asked | {parameter["name"]: text})
            assert answer.status_code in (200, 404, 422), (path, parameter["name"])
    assert len(client.get("/api/channels").json()) == 3


def test_empty_marts_are_empty_lists(own_marts: Marts):
    own_marts.run(
        "truncate marts.fct_messages, marts.fct_image_detections, marts.dim_channels,"
        " marts.dim_dates"
    )
    with TestClient(create_app(own_marts.settings())) as client:
        assert client.get("/health/ready").status_code == 200
        for address in ("channels", "reports/top-products", "search/messages?query=abc"):
            assert client.get(f"/api/{address}").json() == []


def test_a_rebuild_with_other_types_goes_unnoticed(own_marts: Marts):
    with TestClient(create_app(own_marts.settings(pool_size=1))) as client:
        addresses = ["search/messages?query=abc", "channels/addis_drugs/activity", "channels"]
        for address in addresses * 8:  # psycopg prepares a statement at its sixth use
            assert client.get(f"/api/{address}").status_code == 200
        own_marts.run(
            """
            create table marts.rebuilt as select * from marts.fct_messages;
            alter table marts.rebuilt alter views_count type integer,
                alter message_id type integer;
            drop table marts.fct_messages cascade;
            alter table marts.rebuilt rename to fct_messages;
            grant select on marts.fct_messages to medwh_api
            """
        )
        for address in addresses:
            assert client.get(f"/api/{address}").status_code == 200
