"""Who reads which mart, as the project's documentation says it and as the queries do it."""

import re
from pathlib import Path
from typing import Any

import yaml

import medwh_api
import medwh_assets
from medwh_dbt import PROJECT_DIR

EXPOSURES: list[dict[str, Any]] = yaml.safe_load(
    (PROJECT_DIR / "models" / "_exposures.yml").read_text()
)["exposures"]
API = Path(medwh_api.__file__).parent
REPORT = Path(medwh_assets.__file__).parent / "warehouse" / "sql" / "report"


def read_by_queries(folder: Path) -> set[str]:
    """Return the marts that the SQL files of a folder read."""
    return set[str]().union(*(read_by_query(file) for file in folder.glob("*.sql")))


def read_by_query(file: Path) -> set[str]:
    """Return the marts that one SQL file reads."""
    return set(re.findall(r"(?:from|join)\s+marts\.(\w+)", file.read_text()))


def exposed(*kinds: str) -> set[str]:
    """Return the marts that the exposures of these kinds name."""
    named = {one["name"]: str(one["depends_on"]) for one in EXPOSURES}
    return {
        table
        for name, tables in named.items()
        if name.startswith(kinds)
        for table in re.findall(r"ref\('(\w+)'\)", tables)
    }


def test_exposures_name_the_marts_that_the_queries_read() -> None:
    assert exposed("api_") == read_by_queries(API / "queries")
    assert exposed("terminal_report") == read_by_queries(REPORT)


def test_the_page_is_exposed_with_the_marts_that_its_queries_read() -> None:
    code = "".join(
        file.read_text() for file in (*(API / "page").glob("*.py"), API / "routers" / "page.py")
    )
    named = {name.lower() for name in re.findall(r"queries\.([A-Z_]+)", code)}
    assert "found(asked.product)" in code
    named |= {"search_messages", "search_messages_of_product"}
    tables = {name: read_by_query(API / "queries" / f"{name}.sql") for name in named}
    assert exposed("report_page") == set[str]().union(*tables.values())


def test_every_endpoint_that_reads_marts_is_an_exposure() -> None:
    labels = {one["label"] for one in EXPOSURES if one["name"].startswith("api_")}
    routers = "".join(file.read_text() for file in (API / "routers").glob("*.py"))
    prefixes = re.findall(r'APIRouter\(prefix="([^"]+)"', routers)
    for label in labels:
        assert any(label.startswith(prefix) for prefix in prefixes if prefix != "/api"), label


def test_exposures_name_marts_that_there_are() -> None:
    marts = {file.stem for file in (PROJECT_DIR / "models" / "marts").glob("*.sql")}
    assert exposed("") <= marts
