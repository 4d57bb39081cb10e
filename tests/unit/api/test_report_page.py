"""The page at `/` over marts that a hand-written fake plays, read as a browser reads it."""

import asyncio
import base64
import hashlib
import io
import json
import re
import subprocess
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from medwh_api import queries
from medwh_api.access import new_key
from medwh_api.database import QueryRunner, Row
from medwh_api.errors import (
    ApiError,
    DatabaseUnreachableError,
    QueryTooSlowError,
    UnknownChannelError,
    WarehouseNotBuiltError,
)
from medwh_api.main import create_app
from medwh_api.page.charts import engagement_chart, price_chart, volume_chart
from medwh_api.page.export import export_page, write_whole
from medwh_api.page.filters import PageFilters
from medwh_api.page.scripts import SCRIPT, STYLE, ChartLibrary
from medwh_api.pictures import Pictures
from medwh_api.settings import ApiSettings
from tests.unit.api.page_rows import CATEGORY, ENGAGEMENT, MONTH, POST, PRODUCT, VOLUME, answers
from tests.unit.api.test_api_routes import FakeMarts

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)><!--\u202e{{7*7}}$text"
LIBRARY = b'"</script><!--"'


class Reader(HTMLParser):
    """Collects a page's elements, their attributes and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            (self.scripts if tag == "script" else self.styles).append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            (self.scripts if self._inside == "script" else self.styles)[-1] += data
        else:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.elements if each == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[TestClient, FakeMarts]]:
    marts = FakeMarts()

    @asynccontextmanager
    async def connect(_settings: ApiSettings) -> AsyncGenerator[QueryRunner, None]:
        yield marts

    app = create_app(ApiSettings(), connect, ChartLibrary(lambda: LIBRARY))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client, marts


@pytest.fixture
def client(_served: tuple[TestClient, FakeMarts]) -> TestClient:
    return _served[0]


@pytest.fixture(autouse=True)
def marts(_served: tuple[TestClient, FakeMarts]) -> FakeMarts:
    _served[1].forget()
    _served[1].answers.update(answers())
    return _served[1]


def read(client: TestClient, address: str = "/", status: int = 200) -> Reader:
    answer = client.get(address)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return Reader(answer.text)


def test_the_page_shows_volume_products_prices_pictures_and_channels(client: TestClient):
    page = read(client)
    for shown in (
        "Posts over time",
        "11",  # posts of three bars
        "Paracetamol",
        "110.50",
        "What Paracetamol costs",
        "1,250",
        "Which pictures are looked at",
        "1.31 × the usual views",
        "Addis Drugs",
        "late",
        "read 31 Mar 2025, 10:00",
    ):
        assert shown in page.text
    charts = [each["data-chart"] for each in page.all("div") if "data-chart" in each]
    assert charts == ["chart-volume", "chart-prices", "chart-pictures"]
    specs = [each["id"] for each in page.all("script") if each.get("type") == "application/json"]
    assert specs == charts
    (example,) = page.all("img")
    assert example["src"] == f"page/thumbnails/{'a' * 64}.jpg"
    assert "addis_drugs" in (example["alt"] or "")


def test_everything_that_a_chart_draws_stands_in_a_table_too(client: TestClient):
    page = read(client)
    captions = [each["aria-label"] for each in page.all("div") if each.get("role") == "region"]
    assert "Posts by day and channel" in captions
    assert "Prices by month" in captions
    assert "Kinds of pictures by channel" in captions
    assert "other channels" in page.text
    assert all(each.get("scope") for each in page.all("th"))


def test_filters_choose_what_is_asked_for_and_stay_in_the_form(
    client: TestClient, marts: FakeMarts
):
    page = read(client, "/?channel=@Addis_Drugs&from=2025-03-01&to=2025-03-31&product=paracetamol")
    asked = {"channel": "addis_drugs", "first": date(2025, 3, 1), "last": date(2025, 3, 31)}
    for query in (
        queries.SUM_VOLUME,
        queries.RANK_OFFERED_PRODUCTS,
        queries.LIST_VISUAL_CONTENT,
        queries.LIST_PRICES,
    ):
        assert marts.parameters_of(query).items() >= asked.items()
    assert marts.parameters_of(queries.DESCRIBE_PRODUCT) == {"product": "paracetamol"}
    assert marts.parameters_of(queries.SUM_VOLUME)["product"] == "paracetamol"
    chosen = [each["value"] for each in page.all("option") if "selected" in each]
    assert chosen == ["addis_drugs", "paracetamol"]
    assert {each["name"]: each["value"] for each in page.all("input")} == {
        "query": "",
        "from": "2025-03-01",
        "to": "2025-03-31",
    }
    assert "addis_drugs, 1 Mar 2025 to 31 Mar 2025" in page.text


def test_an_empty_field_is_no_filter(client: TestClient, marts: FakeMarts):
    read(client, "/?query=&channel=&product=+&from=&to=")
    assert marts.parameters_of(queries.SUM_VOLUME)["channel"] is None
    assert not marts.parameters_of_all(queries.SEARCH_MESSAGES)


def test_without_a_product_the_most_offered_one_with_a_price_is_shown(
    client: TestClient, marts: FakeMarts
):
    unpriced = answers()[queries.RANK_OFFERED_PRODUCTS][0] | {
        "product_key": "gloves",
        "priced_offer_count": 0,
    }
    marts.answers[queries.RANK_OFFERED_PRODUCTS].insert(0, unpriced)
    read(client)
    assert marts.parameters_of(queries.DESCRIBE_PRODUCT) == {"product": "paracetamol"}


def test_prices_of_one_channel_are_its_own(client: TestClient):
    page = read(client, "/?channel=addis_drugs")
    (spec,) = [text for text in page.scripts if "Price of" in text]
    drawn = [month["month_start"] for month in json.loads(spec)["data"]["values"]]
    assert drawn == ["2025-02-01", "2025-03-01"]
    assert "In addis_drugs alone." in page.text


def test_days_choose_the_months_that_they_lie_in(client: TestClient):
    page = read(client, "/?from=2025-03-15")
    (spec,) = [text for text in page.scripts if "Price of" in text]
    assert [m["month_start"] for m in json.loads(spec)["data"]["values"]] == ["2025-03-01"]


def test_a_search_shows_posts_with_the_place_marked_and_leads_to_older_ones(
    client: TestClient, marts: FakeMarts
):
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_pk": str(n)} for n in range(21)]
    page = read(client, "/?query=paracetamol&channel=addis_drugs")
    assert page.text.count("We have Paracetamol 500 mg today") == 20
    assert "The whole post" not in page.text
    assert len(page.all("mark")) == 20
    assert "4,321 views" in page.text
    (older,) = [each["href"] or "" for each in page.all("a") if "after=" in (each["href"] or "")]
    assert "query=paracetamol" in older and "channel=addis_drugs" in older
    read(client, f"/{older.removeprefix('./')}")
    assert marts.parameters_of_all(queries.SEARCH_MESSAGES)[1]["after_message"] == "19"


def test_a_search_that_finds_nothing_offers_to_look_in_everything(
    client: TestClient, marts: FakeMarts
):
    marts.answers[queries.SEARCH_MESSAGES] = []
    page = read(client, "/?query=aspirin&channel=addis_drugs&from=2025-03-01")
    assert "Look in everything" in page.text
    assert {"href": "./?query=aspirin"} in page.all("a")


def test_whatever_came_from_telegram_is_text_and_never_markup(client: TestClient, marts: FakeMarts):
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_text": "paracetamol" + "." * 80}]
    plain = read(client, "/?query=paracetamol")
    marts.answers[queries.LIST_CHANNELS][0] |= {"channel_title": HOSTILE}
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_text": f"paracetamol {HOSTILE}"}]
    for query in (queries.RANK_OFFERED_PRODUCTS, queries.DESCRIBE_PRODUCT, queries.LIST_PRODUCTS):
        marts.answers[query] = [row | {"product_name": HOSTILE} for row in marts.answers[query]]
    page = read(client, "/?query=paracetamol")
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert not [each for _, each in page.elements if any(name.startswith("on") for name in each)]
    assert "alert(1)" in page.text and "{{7*7}}" in page.text
    for spec in page.scripts:
        assert "<" not in spec
    (prices,) = [text for text in page.scripts if "Price of" in text]
    assert HOSTILE in json.loads(prices)["description"]


def test_what_was_searched_for_is_text_too(client: TestClient, marts: FakeMarts):
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_text": "paracetamol" + "." * 80}]
    plain = read(client, "/?query=paracetamol")
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_text": HOSTILE}]
    answer = client.get("/", params={"query": HOSTILE})
    assert [tag for tag, _ in Reader(answer.text).elements] == [tag for tag, _ in plain.elements]
    refused = client.get("/", params={"channel": HOSTILE, "from": HOSTILE, HOSTILE: "1"})
    assert refused.status_code == 422
    assert not Reader(refused.text).all("img")


def test_text_that_turns_its_direction_turns_nothing_else(client: TestClient, marts: FakeMarts):
    turning = "\u202eevil\u2066"
    marts.answers[queries.LIST_CHANNELS][0] |= {"channel_title": turning}
    marts.answers[queries.SEARCH_MESSAGES] = [POST | {"message_text": f"abc {turning} " * 20}]
    page = client.get("/?query=abc").text
    for place in re.finditer("\u202e", page):
        element = page[: place.start()].rsplit("<", 1)[1]
        # An isolated element, or the rest of a paragraph of its own.
        assert element.startswith(("bdi", "/mark>", 'p class="')), element
        assert not element.startswith("p") or 'dir="auto"' in element


@pytest.mark.parametrize(
    ("address", "field", "said"),
    [
        ("/?channel=no%20channel", "channel", "no channel's name"),
        ("/?product=%27--", "product", "no product's name"),
        ("/?from=2025-02-30", "from", "no such day"),
        ("/?to=yesterday", "to", "no such day"),
        ("/?query=ab", "query", "three letters or digits"),
        (f"/?query={'a' * 201}", "query", "200 at most"),
    ],
)
def test_a_wrong_filter_is_kept_and_explained(
    client: TestClient, marts: FakeMarts, address: str, field: str, said: str
):
    page = read(client, address, 422)
    assert said in page.text
    typed = address.partition("=")[2].replace("%20", " ").replace("%27", "'")[:200]
    shown = [
        each
        for tag, each in page.elements
        if (tag == "input" and each["name"] == field) or (tag == "option" and "selected" in each)
    ]
    assert [each["value"] for each in shown] == [typed]
    assert [each["name"] for _, each in page.elements if each.get("aria-invalid")] == [field]
    assert {"href": "./"} in page.all("a")
    assert not marts.parameters_of_all(queries.SUM_VOLUME)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/?from=2025-03-02&to=2025-03-01", "The first day is later than the last."),
        ("/?chanel=addis_drugs", "'chanel'"),
        ("/?query=abc&query=def", "twice"),
        ("/?query=abc&after=nothing", "no cursor"),
        (f"/?query=abc&after={'a' * 401}", "not there any more"),
    ],
)
def test_filters_that_do_not_go_together_are_explained(client: TestClient, address: str, said: str):
    assert said in read(client, address, 422).text


def test_an_unknown_channel_or_product_is_not_found_and_leads_back(
    client: TestClient, marts: FakeMarts
):
    marts.answers[queries.DESCRIBE_PRODUCT] = []
    page = read(client, "/?product=nothing", 404)
    assert "no such product" in page.text and {"href": "./"} in page.all("a")
    marts.answers[queries.FIND_CHANNEL] = []
    page = read(client, "/?channel=nobody_here", 404)
    assert "no post of this channel" in page.text
    assert [each["value"] for each in page.all("option") if "selected" in each] == ["nobody_here"]


@pytest.mark.parametrize(
    ("failure", "status", "retry_after", "said"),
    [
        (DatabaseUnreachableError(), 503, "2", "Database unreachable"),
        (WarehouseNotBuiltError(), 503, "30", "medwh run"),
        (QueryTooSlowError(), 504, None, "fewer days"),
    ],
)
@pytest.mark.parametrize("address", ["/", "/?from=never"])
def test_a_failing_database_is_a_page_that_says_so(
    client: TestClient,
    marts: FakeMarts,
    address: str,
    failure: ApiError,
    status: int,
    retry_after: str | None,
    said: str,
):
    marts.failure = failure
    answer = client.get(address)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert answer.headers["Cache-Control"] == "no-store"
    assert said in Reader(answer.text).text


def test_pictures_that_take_too_long_leave_the_rest_of_the_page(
    client: TestClient, marts: FakeMarts, monkeypatch: pytest.MonkeyPatch
):
    fetch = marts.fetch

    async def slow(query: bytes, parameters: Mapping[str, object] | None = None) -> list[Row]:
        if query == queries.LIST_VISUAL_CONTENT:
            raise QueryTooSlowError
        return await fetch(query, parameters)

    monkeypatch.setattr(marts, "fetch", slow)
    page = read(client)
    assert "choose a channel, or fewer days" in page.text
    assert "What Paracetamol costs" in page.text


def test_an_empty_warehouse_says_how_to_fill_it(client: TestClient, marts: FakeMarts):
    marts.answers.clear()
    page = read(client)
    assert "The warehouse is empty" in page.text and "medwh import PATH" in page.text
    assert not page.all("table")


def test_a_choice_without_posts_is_no_empty_chart(client: TestClient, marts: FakeMarts):
    for query in (
        queries.SUM_VOLUME,
        queries.RANK_OFFERED_PRODUCTS,
        queries.LIST_PRICES,
        queries.LIST_VISUAL_CONTENT,
    ):
        marts.answers[query] = []
    page = read(client, "/?from=2031-01-01")
    assert "No post of this choice." in page.text and "No offer of this choice." in page.text
    assert not [each for each in page.all("div") if "data-chart" in each]


def test_numbers_that_nobody_knows_are_dashes(client: TestClient, marts: FakeMarts):
    marts.answers[queries.LIST_CHANNELS][0] |= {"average_views": None, "channel_title": None}
    marts.answers[queries.LIST_FRESHNESS] = []
    unknown = {"average_views": None, "views_ratio": None, "example_image_sha256": None}
    marts.answers[queries.LIST_VISUAL_CONTENT] = [CATEGORY | unknown]
    empty = {"median_ratio": None, "ratio_low": None, "ratio_high": None}
    marts.answers[queries.LIST_VISUAL_ENGAGEMENT] = [ENGAGEMENT | empty]
    page = read(client)
    assert "None" not in page.text
    assert page.text.count("–") > 5


def test_a_page_that_the_browser_has_is_not_sent_again(client: TestClient, marts: FakeMarts):
    tag = client.get("/").headers["ETag"]
    again = client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    marts.answers[queries.LIST_FRESHNESS][0] |= {"status": "overdue"}
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("address", ["/", "/?from=never"])
def test_the_page_may_run_its_own_files_and_nothing_else(client: TestClient, address: str):
    answer = client.get(address)
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    page = Reader(answer.text)
    assert not page.all("style")
    assert not [each for _, each in page.elements if "style" in each]
    for each in page.all("script"):
        assert each.get("src") or each.get("type") == "application/json"
    loaded = [each["src"] or "" for each in page.all("script") if "src" in each]
    loaded += [each["href"] or "" for each in page.all("link") if each["rel"] == "stylesheet"]
    assert len(loaded) == 3
    for file in loaded:
        sent = client.get(f"/{file}")
        assert sent.status_code == 200
        assert "immutable" in sent.headers["Cache-Control"]


def test_nothing_on_the_page_lies_on_another_host(client: TestClient):
    page = read(client, "/?query=paracetamol")
    addresses = [each.get(name) or "" for _, each in page.elements for name in ("src", "href")]
    assert not [address for address in addresses if "//" in address]
    assert {"docs", "warehouse"} <= set(addresses)


def test_files_are_named_by_their_content_and_packed_for_who_takes_it(client: TestClient):
    assert hashlib.sha256(STYLE.content).hexdigest()[:16] in STYLE.name
    packed = client.get(f"/page/assets/{SCRIPT.name}", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/page/assets/{SCRIPT.name}", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content == SCRIPT.content
    assert client.get("/page/assets/page-0000000000000000.js").status_code == 404


def test_the_library_is_made_once_and_tried_again_only_after_a_failure():
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        if len(made) == 1:
            raise subprocess.CalledProcessError(1, "make")
        return LIBRARY

    library = ChartLibrary(make)
    app = create_app(ApiSettings(), chart_library=library)
    client = TestClient(app)
    failed = client.get(f"/page/assets/{library.name}")
    assert (failed.status_code, failed.headers["Retry-After"]) == (503, "30")
    for _ in range(3):
        assert client.get(f"/page/assets/{library.name}").content == LIBRARY
    assert len(made) == 2


def test_where_keys_are_asked_for_the_browser_asks_its_user_for_one(marts: FakeMarts):
    @asynccontextmanager
    async def connect(_settings: ApiSettings) -> AsyncGenerator[QueryRunner, None]:
        yield marts

    key, hashed = new_key()
    settings = ApiSettings.model_validate({"host": "0.0.0.0", "keys": hashed})
    with TestClient(create_app(settings, connect)) as client:
        refused = client.get("/?from=never")
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        assert "The password is the key" in Reader(refused.text).text
        assert not marts.asked
        for wrong in (("", ""), ("medwh", hashed), (key, "")):
            assert client.get("/", auth=wrong).status_code == 401
        assert client.get("/", headers={"Authorization": "Basic =x="}).status_code == 401
        assert client.get("/", headers={"X-API-Key": key}).status_code == 200
        assert client.get("/", auth=("anything", key)).status_code == 200
        assert client.get("/api/channels", auth=("anything", key)).status_code == 200
        thumbnail = f"/page/thumbnails/{'a' * 64}.jpg"
        assert client.get(thumbnail).status_code == 401
        assert client.get(thumbnail, auth=("anything", key)).status_code == 404


def test_bars_of_one_period_stand_upon_each_other():
    other = VOLUME | {"channel_username": None, "place": 8, "message_count": 2}
    spec = volume_chart([VOLUME | {"period": "week"}, other | {"period": "week"}])
    bars = [(bar["channel"], bar["low"], bar["high"]) for bar in spec["data"]["values"]]
    assert bars == [("addis_drugs", 0, 5), ("other channels", 5, 7)]
    assert spec["data"]["values"][0]["end"] == "2025-03-08"
    assert spec["encoding"]["color"]["scale"]["range"] == ["$series-1", "$grey"]


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [("day", "2025-02-28", "2025-03-01"), ("month", "2025-12-01", "2026-01-01")],
)
def test_a_bar_ends_where_the_next_period_begins(period: str, start: str, end: str):
    spec = volume_chart([VOLUME | {"period": period, "period_start": start}])
    assert spec["data"]["values"][0]["end"] == end


def test_a_single_month_has_room_around_it():
    spec = price_chart([MONTH], "Paracetamol")
    assert spec["encoding"]["x"]["scale"]["domain"] == ["2025-02-13", "2025-03-17"]


def test_medians_of_everything_do_not_stand_beside_a_part():
    whole = engagement_chart([CATEGORY], [ENGAGEMENT], is_part=False)
    part = engagement_chart([CATEGORY], [ENGAGEMENT], is_part=True)
    assert (len(whole["layer"]), len(part["layer"])) == (4, 2)


def test_an_exported_page_needs_nothing_but_itself(marts: FakeMarts, tmp_path: Path):
    picture = io.BytesIO()
    Image.new("RGB", (900, 600), "green").save(picture, "JPEG")
    content = picture.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / "images" / "addis_drugs").mkdir(parents=True)
    (tmp_path / "images" / "addis_drugs" / "1.jpg").write_bytes(content)
    rows: list[Row] = [
        CATEGORY | {"example_image_sha256": sha256},
        CATEGORY | {"image_category": "other"},
    ]
    marts.answers[queries.LIST_VISUAL_CONTENT] = rows
    marts.answers[queries.FIND_IMAGE] = [{"image_path": "images/addis_drugs/1.jpg"}]
    marts.answers[queries.DESCRIBE_PRODUCT] = [PRODUCT | {"product_name": HOSTILE}]
    page = Reader(
        asyncio.run(
            export_page(
                marts,
                Pictures(str(tmp_path)),
                PageFilters(channel="addis_drugs"),
                LIBRARY,
                datetime(2025, 4, 1, 12, tzinfo=UTC),
            )
        )
    )
    for _, each in page.elements:
        for name in ("src", "href"):
            assert (each.get(name) or "#").startswith(("#", "data:"))
    assert not page.all("form")
    assert "1 Apr 2025, 12:00 UTC" in page.text
    # One picture is in the lake, the other's content is not what the marts say.
    assert len(page.all("img")) == 1
    (policy,) = [each["content"] or "" for each in page.all("meta") if "http-equiv" in each]
    inlined = page.scripts[-2:]
    assert inlined[0] == r'"<\/script><\!--"'
    for text in (*inlined, *page.styles):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy and "'self'" not in policy


def test_an_export_of_an_unknown_channel_is_refused(marts: FakeMarts, tmp_path: Path):
    marts.answers[queries.FIND_CHANNEL] = []
    with pytest.raises(UnknownChannelError):
        asyncio.run(
            export_page(
                marts,
                Pictures(str(tmp_path)),
                PageFilters(channel="nobody_here"),
                LIBRARY,
                datetime.now(UTC),
            )
        )


def test_a_page_is_written_whole_over_an_older_one(tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text("older")
    write_whole("ጤና", file)
    assert file.read_text(encoding="utf-8") == "ጤና"
    with pytest.raises(OSError):
        write_whole("x", tmp_path / "nowhere" / "report.html")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
