"""The page at `/` in Chromium: looked at, filtered, searched, by mouse, by keys and without scripts."""

import hashlib
import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.integration.api.api_marts import Marts
from tests.integration.api.looked_at import LookedAt
from tests.integration.api.service import Service, free_port, until_ready
from tests.integration.pipeline.browser import page

pytestmark = pytest.mark.system


@pytest.fixture
def address(own_marts: Marts, start: Callable[..., Service], tmp_path: Path) -> Iterator[str]:
    """Where the page is, on the small marts with pictures that are there."""
    lake = tmp_path / "lake" / "images" / "addis_drugs"
    lake.mkdir(parents=True)
    for pk, colour in (("a1", "navy"), ("a2", "olive")):
        written = io.BytesIO()
        Image.new("RGB", (400, 300), colour).save(written, "JPEG")
        (lake / f"{pk[1]}.jpg").write_bytes(written.getvalue())
        sha256 = hashlib.sha256(written.getvalue()).hexdigest()
        own_marts.run(
            f"update marts.fct_messages set image_sha256 = '{sha256}' where message_pk = '{pk}'"
        )
    own_marts.run(
        "delete from marts.fct_messages where image_sha256 in (repeat('b', 64), repeat('c', 64));"
        # What strangers may write.
        " update marts.dim_channels set channel_title = '</script><img src=x onerror=alert(1)>'"
        " where channel_pk = 'c1'"
    )
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        start(
            PORT=port,
            DB_HOST=own_marts.server.socket_folder,
            DB_NAME=own_marts.name,
            LAKE=tmp_path / "lake",
            output=log,
        )
        until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def looked_at(
    width: int = 1280, *, dark: bool = False, scripts: bool = True
) -> Generator[LookedAt]:
    with page(width, 900, dark=dark, scripts=scripts) as shown:
        yield LookedAt(shown)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_keeps_anybody_from_reading_the_page(address: str, width: int, dark: bool):
    with looked_at(width, dark=dark) as shown:
        for asked in ("", "?query=paracetamol", "?from=never"):
            shown.said.clear()
            shown.open(address + asked)
            assert shown.barriers() == []
            assert shown.overflow() <= 0
            # A refused page is told on the console by its status.
            assert [said for said in shown.said if "422" not in said] == []
        assert {urlsplit(url).netloc for url in shown.asked if not url.startswith("data:")} == {
            urlsplit(address).netloc
        }


def test_charts_are_drawn_under_the_strict_policy_and_told_in_words(address: str):
    with looked_at() as shown:
        shown.open(address)
        assert shown.page.locator("[data-chart] svg").count() == 3
        drawn = shown.page.get_by_label(
            "Posts over time, by channel. The table below holds the numbers."
        )
        drawn.locator(".mark-rect path").first.hover()
        tooltip = shown.page.locator("#vg-tooltip-element")
        expect(tooltip).to_contain_text("addis_drugs")
        expect(tooltip).to_contain_text("1 Mar 2025")
        assert shown.page.evaluate("document.styleSheets.length") == 1
        assert shown.said == []


def test_charts_follow_the_reader_into_the_dark(address: str):
    with looked_at() as shown:
        shown.open(address)
        bar = shown.page.locator("[data-chart=chart-volume] .mark-rect path").first
        light = bar.get_attribute("fill")
        shown.page.emulate_media(color_scheme="dark")
        expect(bar).not_to_have_attribute("fill", light or "")


def test_filters_and_search_by_mouse_stand_in_the_address(address: str):
    with looked_at() as shown:
        shown.open(address)
        shown.page.get_by_label("Channel", exact=True).select_option("addis_drugs")
        shown.page.get_by_label("First day").fill("2025-03-01")
        shown.page.get_by_label("Search posts").fill("paracetamol")
        shown.page.get_by_role("button", name="Show").click()
        shown.drawn()
        # What was left empty is not in it.
        assert (
            urlsplit(shown.page.url).query
            == "query=paracetamol&channel=addis_drugs&from=2025-03-01"
        )
        assert shown.page.locator("mark").count() == 2
        expect(shown.page.get_by_label("Channel", exact=True)).to_have_value("addis_drugs")
        shown.page.get_by_role("link", name="Paracetamol").first.click()
        shown.drawn()
        assert "product=paracetamol" in shown.page.url
        shown.page.go_back()
        shown.page.get_by_role("link", name="Clear all").click()
        shown.drawn()
        assert urlsplit(shown.page.url).query == ""
        assert shown.said == []


def test_the_page_works_by_keys_alone(address: str):
    with looked_at() as shown:
        shown.open(address)
        keys = shown.page.keyboard
        keys.press("Tab")
        expect(shown.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        search = shown.page.get_by_label("Search posts")
        for _ in range(10):
            keys.press("Tab")
            if search.evaluate("field => field === document.activeElement"):
                break
        expect(search).to_be_focused()
        keys.type("syrup")
        keys.press("Enter")
        expect(shown.page.locator("mark")).to_have_text("syrup")
        table = shown.page.get_by_text("Posts by day, as a table")
        table.focus()
        keys.press("Enter")
        expect(shown.page.get_by_role("region", name="Posts by day and channel")).to_be_visible()


def test_a_wrong_filter_is_shown_as_it_was_typed(address: str):
    with looked_at() as shown:
        shown.page.goto(f"{address}?from=31.3.2025&channel=addis_drugs")
        field = shown.page.get_by_label("First day")
        expect(field).to_have_value("31.3.2025")
        expect(shown.page.get_by_role("alert")).to_contain_text("no such day")
        shown.page.get_by_role("link", name="show everything").click()
        shown.drawn()


def test_without_scripts_everything_but_the_charts_is_there(address: str):
    with looked_at(scripts=False) as shown:
        shown.page.goto(address)
        expect(shown.page.locator("noscript p")).to_be_visible()
        shown.page.get_by_label("Search posts").fill("paracetamol")
        shown.page.get_by_role("button", name="Show").click()
        assert shown.page.locator("mark").count() == 3
        shown.page.get_by_text("Prices by month, as a table").click()
        expect(shown.page.get_by_role("region", name="Prices by month")).to_be_visible()


def test_the_exported_file_works_without_any_server(
    own_marts: Marts, address: str, start: Callable[..., Service], tmp_path: Path
):
    file = tmp_path / "report.html"
    service = start(
        "report",
        f"--out={file}",
        DB_HOST=own_marts.server.socket_folder,
        DB_NAME=own_marts.name,
        LAKE=tmp_path / "lake",
    )
    said, _ = service.communicate()
    assert service.returncode == 0, said
    with looked_at() as shown:
        shown.open(file.as_uri())
        assert shown.page.locator("[data-chart] svg").count() == 3
        assert shown.page.locator("img").count() >= 2
        assert shown.page.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        assert shown.barriers() == []
        assert shown.said == []
        assert [url for url in shown.asked if not url.startswith(("data:", "file:"))] == []
