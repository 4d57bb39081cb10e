"""What a newcomer sees after `medwh demo`, in a real browser; also makes the README's pictures.

Set MEDWH_PICTURES to a folder to keep the screenshots, as `make pictures` does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.api.looked_at import LookedAt
from tests.integration.pipeline.browser import page
from tests.integration.pipeline.conftest import REPOSITORY, Pipeline
from tests.integration.pipeline.services import Ui, medwh_up

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
PICTURES = os.environ.get("MEDWH_PICTURES")


@pytest.fixture(scope="module")
def served(module_pipeline: Pipeline) -> Iterator[Ui]:
    module_pipeline.environment["MEDWH_SAMPLE"] = str(REPOSITORY / "data" / "sample")
    module_pipeline.medwh("demo", "--no-serve")
    with medwh_up(module_pipeline) as ui:
        yield ui


def keep(shown: Page, name: str) -> None:
    if PICTURES:
        shown.screenshot(path=Path(PICTURES) / name)


def test_the_asset_graph_shows_the_way_from_the_lake_to_the_marts(served: Ui) -> None:
    # The graph draws only what the window shows of it, so staging stays closed.
    groups = ",".join(f"global@global:{group}" for group in ("lake", "raw", "marts"))
    with page(width=1800, height=1300) as shown:
        shown.goto(f"{served.url}/asset-groups?expanded={groups}")
        for asset in ("telegram_images", "post_extractions", "fct_messages", "dim_channels"):
            expect(shown.get_by_text(asset, exact=True).first).to_be_visible(timeout=60_000)
        shown.get_by_text("Hide navigation").click()
        # The graph colours its nodes a moment after it has drawn them.
        shown.wait_for_timeout(3000)
        keep(shown, "asset-graph.png")


def test_an_asset_page_tells_what_the_asset_is_and_plots_its_numbers(served: Ui) -> None:
    with page(height=1000) as shown:
        shown.goto(f"{served.url}/assets/lake/telegram_messages?view=partitions")
        expect(shown.get_by_text("demo_abay_medical").first).to_be_visible(timeout=60_000)
        shown.goto(f"{served.url}/assets/lake/yolo_detections")
        expect(shown.get_by_text("What the model sees on each picture").first).to_be_visible(
            timeout=60_000
        )


@pytest.mark.parametrize(
    ("name", "width", "height", "dark", "asked"),
    [
        ("page.png", 1280, 1240, False, ""),
        ("page-dark.png", 1280, 1180, True, "?product=paracetamol#prices"),
        ("page-phone.png", 390, 844, False, ""),
    ],
)
def test_the_report_page_shows_the_sample_to_everybody(
    served: Ui, name: str, width: int, height: int, *, dark: bool, asked: str
) -> None:
    with page(width, height, dark=dark) as shown:
        looked_at = LookedAt(shown)
        looked_at.open(f"{served.api}/{asked}")
        expect(shown.get_by_role("link", name="demo_abay_medical").first).to_be_visible()
        assert shown.locator(".kind img").count() >= 10
        assert looked_at.barriers() == []
        assert looked_at.overflow() <= 0
        assert looked_at.said == []
        looked_at.seen()
        keep(shown, name)


def test_the_report_page_goes_into_one_file(served: Ui, module_pipeline: Pipeline) -> None:
    file = module_pipeline.folder / "report.html"
    said = module_pipeline.medwh("report", "--out", str(file), "--channel", "demo_selam_pharmacy")
    assert f"Written to {file}" in said
    assert "demo_selam_pharmacy, all days" in file.read_text(encoding="utf-8")
    with page() as shown:
        looked_at = LookedAt(shown)
        looked_at.open(file.as_uri())
        for picture in shown.locator("img").all():
            picture.scroll_into_view_if_needed()
            looked_at.seen()
        assert shown.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        assert looked_at.said == []


def test_the_api_docs_work_without_internet_and_answer(served: Ui) -> None:
    with page(width=1300, height=1000) as shown:
        problems: list[str] = []
        shown.on(
            "console", lambda said: problems.append(said.text) if said.type == "error" else None
        )
        shown.goto(f"{served.api}/docs")
        expect(shown.get_by_text("/api/reports/top-products")).to_be_visible(timeout=30_000)
        keep(shown, "api-docs.png")
        shown.get_by_text("Most seen, named or offered products").click()
        shown.get_by_role("button", name="Execute").click()
        expect(shown.get_by_text("detected_object_class").first).to_be_visible(timeout=30_000)
        assert problems == []
