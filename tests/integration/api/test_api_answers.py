"""What the API answers over the marts of `posts.sql`."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from medwh_api.main import create_app
from tests.integration.api.addresses import LISTS
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
        {
            "detected_object_class": "bottle",
            "detection_count": 3,
            # One picture was posted twice.
            "distinct_detection_count": 2,
        },
        {"detected_object_class": "blister", "detection_count": 1, "distinct_detection_count": 1},
        {"detected_object_class": "cup", "detection_count": 1, "distinct_detection_count": 1},
    ]
    assert len(client.get("/api/reports/top-products?limit=1").json()) == 1


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("by=mentions", [("paracetamol", 4), ("syrup", 1)]),
        ("by=mentions&count=distinct", [("paracetamol", 3), ("syrup", 1)]),
        ("by=mentions&channel=addis_drugs", [("paracetamol", 3), ("syrup", 1)]),
        (
            "by=mentions&channel=addis_drugs&count=distinct",
            [("paracetamol", 2), ("syrup", 1)],
        ),
        ("by=mentions&from=2025-03-02", [("paracetamol", 1)]),
        ("by=offers", [("paracetamol", 3)]),
        ("by=offers&to=2025-03-31&count=distinct", [("paracetamol", 2)]),
        ("by=offers&channel=selam_pharmacy", []),
        ("by=offers&channel=addis_drugs", [("paracetamol", 3)]),
        ("by=offers&channel=addis_drugs&count=distinct", [("paracetamol", 2)]),
        ("from=2025-03-02", [("cup", 1)]),
        ("channel=addis_drugs", [("bottle", 3), ("blister", 1)]),
        ("channel=addis_drugs&count=distinct", [("bottle", 2), ("blister", 1)]),
        ("count=distinct", [("bottle", 2), ("blister", 1), ("cup", 1)]),
    ],
)
def test_products_are_ranked_by_what_is_counted(
    client: TestClient, asked: str, expected: list[tuple[str, int]]
):
    counted = {"mentions": "message_count", "offers": "offer_count"}
    by = next((name for by, name in counted.items() if f"by={by}" in asked), "detection_count")
    name = f"distinct_{by}" if "count=distinct" in asked else by
    rows = client.get(f"/api/reports/top-products?{asked}").json()
    assert [(next(iter(row.values())), row[name]) for row in rows] == expected


def test_visual_content_averages_only_views_that_are_known(client: TestClient):
    rows = client.get("/api/reports/visual-content").json()
    assert [
        (row["channel_username"], row["image_category"], row["message_count"], row["share"])
        for row in rows
    ] == [
        ("addis_drugs", "product_display", 2, 0.6667),
        ("addis_drugs", "promotional", 1, 0.3333),
        ("selam_pharmacy", "other", 1, 1.0),
    ]
    assert [row["average_views"] for row in rows] == [400, 100, None]
    assert [row["views_ratio"] for row in rows] == [1.6, 0.4, None]
    assert [row["new_message_count"] for row in rows] == [1, 1, 1]
    assert rows[0]["example_image_sha256"] == "b" * 64


def test_prices_are_told_by_product_channel_and_month(client: TestClient):
    rows = client.get("/api/reports/prices?product=paracetamol").json()
    assert [(row["month_start"], row["channel_username"], row["median_price"]) for row in rows] == [
        ("2025-03-01", "selam_pharmacy", 90),
        ("2025-03-01", "addis_drugs", 100.5),
        ("2025-02-01", "addis_drugs", 100),
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # A day chooses the month that it lies in.
        ("from=2025-03-31", 2),
        ("to=2025-03-01", 3),
        ("to=2025-02-28", 1),
        ("channel=@Addis_Drugs", 2),
        ("product=Paracetamol", 3),
        ("product=nothing", 0),
    ],
)
def test_prices_keep_to_what_is_asked_for(client: TestClient, asked: str, expected: int):
    assert len(client.get(f"/api/reports/prices?{asked}").json()) == expected


def test_price_changes_compare_a_month_with_the_one_before(client: TestClient):
    (together,) = client.get("/api/reports/price-changes").json()
    assert together == {
        "month_start": "2025-03-01",
        "product_key": "paracetamol",
        "product_name": "Paracetamol",
        "channel_username": None,
        "median_price": 100.5,
        "previous_month_start": "2025-02-01",
        "previous_median_price": 100,
        "price_change": 0.5,
        "relative_change": 0.005,
        "offer_count": 3,
        "previous_offer_count": 1,
    }
    (alone,) = client.get("/api/reports/price-changes?channel=addis_drugs").json()
    assert (alone["channel_username"], alone["price_change"]) == ("addis_drugs", 10.25)
    # The month before the first day is still what the first month is compared with.
    assert len(client.get("/api/reports/price-changes?from=2025-03-01").json()) == 1
    assert client.get("/api/reports/price-changes?from=2025-04-01").json() == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", [("2025-03-01", 4), ("2025-03-02", 1), ("2025-03-05", 1), ("2025-03-09", 1)]),
        ("by=week", [("2025-02-24", 5), ("2025-03-03", 2)]),
        ("by=month", [("2025-03-01", 7)]),
        ("by=week&channel=addis_drugs", [("2025-02-24", 4)]),
        ("from=2025-03-02&to=2025-03-05", [("2025-03-02", 1), ("2025-03-05", 1)]),
    ],
)
def test_trends_add_up_periods(client: TestClient, asked: str, expected: list[tuple[str, int]]):
    rows = client.get(f"/api/reports/trends?{asked}").json()
    assert [(row["period_start"], row["message_count"]) for row in rows] == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ["paracetamol", "syrup", "unseen"]),
        ("query=PANA", ["paracetamol"]),
        ("query=ፓራ", ["paracetamol"]),
        ("query=0%25", ["syrup"]),
        ("query=%25", ["syrup"]),
        ("seen=false", ["unseen"]),
        ("category=medicine&seen=true", ["paracetamol", "syrup"]),
    ],
)
def test_products_are_found_by_any_of_their_names(
    client: TestClient, asked: str, expected: list[str]
):
    rows = client.get(f"/api/products?{asked}").json()
    assert [row["product_key"] for row in rows] == expected


def test_a_product_comes_with_prices_offers_and_vendors(client: TestClient):
    product = client.get("/api/products/Paracetamol").json()
    assert [month["median_price"] for month in product["price_history"]] == [100, 100.5]
    assert [offer["message_id"] for offer in product["newest_offers"]] == [3, 2, 1]
    assert product["vendors"] == [
        {
            "vendor_pk": "v1",
            "channel_usernames": "addis_drugs",
            "offer_count": 2,
            "distinct_offer_count": 2,
            "first_offered_at": "2025-03-01T08:00:00+00:00",
            "last_offered_at": "2025-03-01T09:00:00+00:00",
        }
    ]
    unseen = client.get("/api/products/unseen").json()
    assert [unseen[name] for name in ("price_history", "newest_offers", "vendors")] == [[], [], []]


def test_a_message_comes_with_readings_versions_boxes_and_offers(client: TestClient):
    message = client.get("/api/messages/addis_drugs/1").json()
    assert [reading["views_change"] for reading in message["observations"]] == [None, 40]
    assert [box["detected_object_class"] for box in message["detections"]] == ["person", "blister"]
    assert [offer["price"] for offer in message["offers"]] == [120]
    assert message["versions"] == [
        {
            "version_number": 1,
            "is_current": False,
            "message_text": "Paracetamol 500mg, call [phone]",
            "media_type": None,
            "edit_date": None,
            "first_observed_at": "2025-03-01T10:00:00+00:00",
            "last_observed_at": "2025-03-01T10:00:00+00:00",
        },
        {
            "version_number": 2,
            "is_current": True,
            "message_text": "Paracetamol 500mg 100% pure",
            "media_type": "photo",
            "edit_date": "2025-03-01T12:00:00+00:00",
            "first_observed_at": "2025-03-02T08:00:00+00:00",
            "last_observed_at": "2025-03-02T08:00:00+00:00",
        },
    ]
    repost = client.get("/api/messages/addis_drugs/3").json()
    assert (repost["repost_of_message_id"], repost["message_text"]) == (2, None)
    assert repost["versions"] == []


def test_a_message_comes_with_its_newest_versions(own_marts: Marts):
    own_marts.run(
        "insert into marts.fct_message_versions (message_version_key, message_pk, version_number)"
        " select 'n' || number, 'a4', number from generate_series(1, 1200) as number"
    )
    with TestClient(create_app(own_marts.settings())) as client:
        versions = client.get("/api/messages/addis_drugs/4").json()["versions"]
    assert [one["version_number"] for one in versions] == [*range(201, 1201)]


def test_freshness_tells_live_channels_from_archives(client: TestClient):
    (channel,) = client.get("/api/freshness").json()
    assert (channel["channel_username"], channel["status"]) == ("addis_drugs", "overdue")


def test_quality_tells_what_failed(client: TestClient):
    (failed,) = client.get("/api/quality?passed=false").json()
    assert failed["details"] == {"orphans": 2, "first": "addis_drugs"}
    assert len(client.get("/api/quality").json()) == 2


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
        "distinct_message_count": 0,
        "image_count": 3,
        "subscribers_count": None,
        "average_views": 250.0,
        "first_post_at": "2025-03-01T08:00:00+00:00",
        "last_post_at": "2025-03-02T09:00:00+00:00",
    }


def test_activity_has_one_row_per_day_with_posts(client: TestClient):
    names = (
        "activity_date",
        "message_count",
        "detection_count",
        "total_views",
        "total_forwards",
        "total_replies",
        "messages_with_media",
    )
    days = client.get("/api/channels/@Addis_Drugs/activity").json()
    assert [tuple(day[name] for name in names) for day in days] == [
        ("2025-03-01", 3, 5, 500, 4, 6, 3),
        ("2025-03-02", 1, 0, 250, 0, 0, 0),
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


@pytest.mark.parametrize(
    "address",
    [
        "channels/nobody_here",
        "channels/silent_channel",
        "channels/nobody_here/activity",
        "products/nothing",
        "messages/addis_drugs/99",
        "messages/nobody_here/1",
        f"messages/addis_drugs/{2**63 - 1}",
        f"images/{'0' * 64}",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, address: str):
    answer = client.get(f"/api/{address}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


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


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("channel=Selam_Pharmacy", [("selam_pharmacy", 1)]),
        ("has_image=true", [("addis_drugs", 2), ("addis_drugs", 1)]),
        ("has_image=false", [("selam_pharmacy", 1)]),
        ("product=syrup", [("addis_drugs", 2)]),
        ("from=2025-03-02", []),
        ("to=2025-02-28", []),
        (
            "from=2025-03-01&to=2025-03-01",
            [("selam_pharmacy", 1), ("addis_drugs", 2), ("addis_drugs", 1)],
        ),
    ],
)
def test_search_keeps_to_what_is_asked_for(
    client: TestClient, asked: str, expected: list[tuple[str, int]]
):
    answer = client.get(f"/api/search/messages?query=paracetamol&{asked}")
    assert messages(answer.json()) == expected


def test_search_shows_where_the_text_stands(client: TestClient):
    found = client.get("/api/search/messages?query=paracetamol").json()
    assert found[0]["highlights"] == [{"before": "ፓራሲታሞል አለ ", "match": "PARACETAMOL", "after": ""}]
    assert found[1]["highlights"][0]["after"] == "_forte syrup"


def test_the_short_way_leads_to_the_search(client: TestClient):
    answer = client.get("/api/search", params={"q": "ፓራሲታሞል & more"}, follow_redirects=False)
    assert answer.status_code == 307
    answer = client.get("/api/search?q=ፓራሲታሞል")
    assert answer.url.path == "/api/search/messages"
    assert len(answer.json()) == 2


def test_it_is_ready_when_the_marts_can_be_read(client: TestClient):
    assert client.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_hostile_values_in_any_parameter_are_answered_or_refused(client: TestClient, text: str):
    schema = client.get("/openapi.json").json()
    sound = {
        "channel_username": "addis_drugs",
        "product": "paracetamol",
        "message_id": "1",
        "image_sha256": "a" * 64,
    }
    for path, item in schema["paths"].items():
        for parameter in item["get"].get("parameters", []):
            name, values = parameter["name"], dict(sound)
            asked = {"query": "paracetamol"} if path == "/api/search/messages" else {}
            if parameter["in"] == "path":
                values[name] = quote(text, safe="") or "%20"
            else:
                asked[name] = text
            address = path.format(**values)
            answer = client.get(address, params=asked, follow_redirects=False)
            assert answer.status_code in (200, 307, 404, 422), (path, name)
            if path == "/api/search/messages":
                answer = client.get(address, params=asked | {"format": "csv"})
                assert answer.status_code in (200, 422), (path, name)
    assert len(client.get("/api/channels").json()) == 3


def test_empty_marts_are_empty_lists(own_marts: Marts):
    own_marts.run(
        "truncate marts.fct_messages, marts.fct_image_detections, marts.dim_channels,"
        " marts.dim_dates, marts.dim_products, marts.fct_offers, marts.fct_distinct_offers,"
        " marts.fct_product_mentions,"
        " marts.mart_price_history, marts.mart_product_prices, marts.mart_visual_engagement,"
        " marts.mart_channel_daily_activity, marts.mart_detected_classes"
    )
    with TestClient(create_app(own_marts.settings())) as client:
        assert client.get("/health/ready").status_code == 200
        for address in LISTS:
            if "/activity" not in address:
                assert client.get(address).json() == []
                table = client.get(address, headers={"Accept": "text/csv"}).text
                assert table.count("\r\n") == 1


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
