"""The page at `/` on real marts: every filter, the file that it is exported to, and hostile addresses."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from medwh_api.main import create_app
from medwh_api.page.scripts import ChartLibrary
from tests.integration.api.api_marts import Marts
from tests.integration.api.service import Service

HOSTILE = [
    "'; drop table x; --",
    "9" * 400,
    "\0",
    "%00",
    "\ud800",
    "\u202e",
    "../../etc/passwd",
    "{{7*7}}",
]


@pytest.fixture
def client(marts: Marts) -> Iterator[TestClient]:
    with TestClient(
        create_app(marts.settings(), chart_library=ChartLibrary(lambda: b""))
    ) as client:
        yield client


def charts(page: str) -> dict[str, Any]:
    return {
        name: orjson.loads(spec)
        for name, spec in re.findall(
            r'<script type="application/json" id="chart-(\w+)">(.*?)</script>', page
        )
    }


def posts_in(bars: list[dict[str, Any]]) -> int:
    return sum(int(bar["posts"]) for bar in bars)


def test_the_page_shows_what_the_marts_hold(client: TestClient):
    answer = client.get("/")
    assert answer.status_code == 200
    page = answer.text
    assert "What Paracetamol costs" in page
    assert "addis_drugs" in page and "quiet_channel" in page and "silent_channel" not in page
    assert "=HYPERLINK(&#34;http://x&#34;,&#34;ጤና&#34;)" in page
    drawn = charts(page)
    assert set(drawn) == {"volume", "prices", "pictures"}
    bars = drawn["volume"]["data"]["values"]
    assert posts_in(bars) == 7


@pytest.mark.parametrize(
    ("asked", "posts"),
    [
        ("channel=addis_drugs", 4),
        ("from=2025-03-02", 3),
        ("to=2025-03-01", 4),
        ("product=paracetamol", 4),
        ("product=paracetamol&channel=selam_pharmacy&from=2025-03-05", 1),
        ("product=unseen", 0),
        ("from=2031-01-01", 0),
    ],
)
def test_filters_choose_the_posts_that_are_counted(client: TestClient, asked: str, posts: int):
    answer = client.get(f"/?{asked}")
    assert answer.status_code == 200
    drawn = charts(answer.text)
    assert ("volume" in drawn) == bool(posts)
    if posts:
        assert posts_in(drawn["volume"]["data"]["values"]) == posts


def test_a_search_finds_posts_in_any_script(client: TestClient):
    page = client.get("/", params={"query": "ፓራሲታሞል"}).text
    assert page.count("<mark>ፓራሲታሞል</mark>") == 2
    assert "<mark>" not in client.get("/", params={"query": "100%_"}).text
    assert client.get("/", params={"query": "syrup", "product": "syrup"}).text.count("<mark>") == 1


def test_many_channels_are_few_bars_and_long_spans_are_long_periods(own_marts: Marts):
    own_marts.run(
        "insert into marts.mart_channel_daily_activity (channel_day_key, channel_username,"
        " activity_date, message_count, new_message_count, image_count) select format('%s-%s', n, d),"
        " format('channel_%s', n), date '2024-01-01' + d * 10, n, n, 0"
        " from generate_series(1, 40) as n, generate_series(0, 99) as d"
    )
    with TestClient(create_app(own_marts.settings())) as client:
        drawn = charts(client.get("/").text)["volume"]
        weeks = charts(client.get("/?from=2024-02-01&to=2024-08-01").text)["volume"]
    bars: list[dict[str, Any]] = drawn["data"]["values"]
    assert {bar["channel"] for bar in bars} == {
        "other channels",
        *(f"channel_{n}" for n in range(34, 41)),
    }
    # 100 days of 1 to 40 posts each, and the 7 of the small marts.
    assert posts_in(bars) == 100 * 820 + 7
    assert {bar["start"][-2:] for bar in bars} == {"01"}
    monday = weeks["data"]["values"][0]["start"]
    # The first post since then is of the 10th, a Saturday.
    assert monday == "2024-02-05"


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["query", "channel", "product", "from", "to", "after", "other"])
def test_no_address_breaks_the_page(client: TestClient, name: str, value: str):
    given = {name: value.encode("utf-8", "surrogatepass")}
    if name == "after":
        given["query"] = b"paracetamol"
    answer = client.get("/", params=given)
    assert answer.status_code in (200, 404, 422)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "49" not in answer.text or "{{7*7}}" not in value


def test_an_empty_warehouse_is_a_page_that_helps(own_marts: Marts):
    with own_marts.connect() as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'marts'"
        ).fetchall()
    own_marts.run("truncate " + ", ".join(f"marts.{name}" for (name,) in tables))
    with TestClient(create_app(own_marts.settings())) as client:
        answer = client.get("/")
    assert answer.status_code == 200
    assert "The warehouse is empty" in answer.text


def test_a_warehouse_that_was_never_built_is_a_page_that_says_so(own_marts: Marts):
    own_marts.run("drop table marts.dim_channels cascade")
    with TestClient(create_app(own_marts.settings())) as client:
        answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "medwh demo" in answer.text


def test_a_small_copy_of_a_picture_is_small_and_upright(own_marts: Marts, tmp_path: Path):
    written = io.BytesIO()
    Image.effect_noise((1600, 900), 80).convert("RGB").save(written, "JPEG", quality=95)
    sha256 = hashlib.sha256(written.getvalue()).hexdigest()
    (tmp_path / "images" / "addis_drugs").mkdir(parents=True)
    (tmp_path / "images" / "addis_drugs" / "1.jpg").write_bytes(written.getvalue())
    own_marts.run(
        f"update marts.fct_messages set image_sha256 = '{sha256}' where message_pk = 'a1'"
    )
    with TestClient(create_app(own_marts.settings(lake=str(tmp_path)))) as client:
        assert f"page/thumbnails/{sha256}.jpg" in client.get("/").text
        for _ in range(2):
            sent = client.get(f"/page/thumbnails/{sha256}.jpg")
            assert sent.headers["Content-Type"] == "image/jpeg"
            assert Image.open(io.BytesIO(sent.content)).size == (320, 180)
            assert len(sent.content) < 60_000
        assert client.get(f"/page/thumbnails/{'0' * 64}.jpg").status_code == 404
        assert client.get("/page/thumbnails/nothing.jpg").status_code == 422


def test_the_page_is_exported_as_one_file(
    marts: Marts, tmp_path: Path, start: Callable[..., Service]
):
    file = tmp_path / "report.html"
    where = {"DB_HOST": marts.server.socket_folder, "DB_NAME": marts.name}
    service = start("report", f"--out={file}", "--channel=@Addis_Drugs", **where)
    said, _ = service.communicate()
    assert service.returncode == 0, said
    page = file.read_text(encoding="utf-8")
    assert "addis_drugs, all days" in page and "vegaEmbed" in page
    assert set(charts(page)) == {"volume", "prices", "pictures"}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("--channel=nobody_here", 1, "Unknown channel"),
        ("--from=2025-02-30", 2, "--from: There is no such day."),
    ],
)
def test_an_export_that_cannot_be_made_is_told_in_a_line(
    marts: Marts, tmp_path: Path, start: Callable[..., Service], asked: str, status: int, said: str
):
    file = tmp_path / "report.html"
    where = {"DB_HOST": marts.server.socket_folder, "DB_NAME": marts.name}
    service = start("report", f"--out={file}", asked, **where)
    told, _ = service.communicate()
    assert service.returncode == status
    assert said in told and "Traceback" not in told
    assert not file.exists()
