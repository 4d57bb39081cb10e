"""What every test starts with: a clean environment, and system tests only where they can run."""

import os
import shutil
from pathlib import Path

import pytest

_PREFIXES = (
    "AWS_",
    "FSSPEC_",
    "MEDWH_",
    "POSTGRES_",
    "TELEGRAM_",
    "DAGSTER_",
    "DBT_",
    "YOLO_",
    "PG",
)
# What stays: where the binaries of the tests' server are, and that system tests must not be left out.
_KEPT = ("MEDWH_PG_BIN", "MEDWH_REQUIRE_SYSTEM")
_TOOLS = {
    tool: f"apt-get install {package}"
    for tool, package in {
        "chromium": "chromium",
        "bwrap": "bubblewrap",
        "nsenter": "util-linux",
        "ip": "iproute2",
    }.items()
}
_SERVERS = Path("/usr/lib/postgresql")


def missing_tools() -> list[str]:
    """Return what system tests need and this machine lacks, each with how to get it."""
    missing = [f"{tool} ({how})" for tool, how in _TOOLS.items() if shutil.which(tool) is None]
    if not any(_SERVERS.glob("*/bin/initdb")):
        missing.append("a PostgreSQL server (apt-get install postgresql)")
    return missing


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("MEDWH_REQUIRE_SYSTEM") or not missing_tools():
        return
    system = [item for item in items if item.get_closest_marker("system")]
    if system:
        items[:] = [item for item in items if item not in system]
        config.hook.pytest_deselected(items=system)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("deselected") and missing_tools():
        terminalreporter.write_line(
            "system tests were left out; they need " + ", ".join(missing_tools())
        )


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(_PREFIXES) and name not in _KEPT:
            monkeypatch.delenv(name)
