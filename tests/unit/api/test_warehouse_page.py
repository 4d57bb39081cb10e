"""The page of all tables: served as it was written, harmless, and a helpful answer where it is not."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from medwh_api.main import create_app
from medwh_api.settings import ApiSettings


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "documentation" / "index.html"


@pytest.fixture
def client(page: Path) -> TestClient:
    return TestClient(create_app(ApiSettings(documentation=page)))


def test_the_page_is_served_as_it_was_written_last(client: TestClient, page: Path) -> None:
    page.parent.mkdir()
    for text in ("<html>tables ሰንጠረዥ</html>", "<html>more tables</html>"):
        page.write_text(text)
        answer = client.get("/warehouse")
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"


def test_the_page_may_ask_no_address_for_anything(client: TestClient, page: Path) -> None:
    page.parent.mkdir()
    page.write_text("<html>")
    policy = client.get("/warehouse").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy and "'self'" not in policy and "*" not in policy
    assert "connect-src" not in policy


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_page_that_nobody_wrote_is_a_404_that_says_how(
    client: TestClient, page: Path, is_folder: bool
) -> None:
    if is_folder:
        page.mkdir(parents=True)
    answer = client.get("/warehouse")
    assert answer.status_code == 404
    problem = answer.json()
    assert problem["type"] == "urn:medwh:problem:warehouse-not-described"
    assert "make docs" in problem["detail"]
    assert str(page) not in answer.text
