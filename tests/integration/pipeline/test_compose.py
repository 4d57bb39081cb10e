"""Every process of compose.yaml, started by its command in a root as compose gives it."""

import json
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pipeline.compose_engine import Engine, engine
from tests.integration.pipeline.services import SELECTOR, Ui, wait_for
from tests.integration.pipeline.test_same_marts_from_the_ui import (
    ADD_CHANNEL,
    BACKFILL,
    BACKFILL_STATUS,
    MODELS,
    SLICE_ASSETS,
)

CHANNEL, DAYS = "demo_selam_pharmacy", ["2025-03-10", "2025-03-11", "2025-03-12"]

_ASK = """
import sys, urllib.request
url, body = sys.argv[1:]
asked = urllib.request.Request(url, body.encode() or None, {"Content-Type": "application/json"})
print(urllib.request.urlopen(asked, timeout=60).read().decode())
"""


@pytest.fixture
def compose(tmp_path: Path, parsed_project: Path) -> Iterator[Engine]:
    with engine(tmp_path) as made:
        # The image holds what dbt makes of the project, and a new volume takes it over.
        shutil.copytree(parsed_project, made.volume("state") / "dbt")
        yield made


def fetch(compose: Engine, url: str, body: str = "") -> str:
    """Ask a service from inside the services' network."""
    status, said = compose.execute("docs", ["python", "-c", _ASK, url, body])
    assert status == 0, said
    return said


@dataclass(frozen=True)
class UiInside(Ui):
    """The UI in the services' network."""

    compose: Engine

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables})
        answer = json.loads(fetch(self.compose, f"{self.url}/graphql", body))
        assert "errors" not in answer, answer
        return answer["data"]

    def backfill(self, channel: str, days: list[str]) -> str:
        added = self.ask(ADD_CHANNEL, key=channel, selector=SELECTOR)["addDynamicPartition"]
        assert added["__typename"] == "AddDynamicPartitionSuccess", added
        asked = {
            "assetSelection": [{"path": path} for path in SLICE_ASSETS],
            "partitionNames": [f"{channel}|{day}" for day in days],
            "fromFailure": False,
        }
        launched = self.ask(BACKFILL, params=asked)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def status() -> str:
            answer = self.ask(BACKFILL_STATUS, id=launched["backfillId"])
            return str(answer["partitionBackfillOrError"]["status"])

        return wait_for(
            status, {"COMPLETED_SUCCESS", "COMPLETED", "COMPLETED_FAILED", "FAILED", "CANCELED"}
        )


@pytest.mark.system
@pytest.mark.timeout(900)
def test_every_service_of_compose_is_healthy_and_together_they_do_a_backfill(
    compose: Engine,
) -> None:
    compose.up()
    ui = UiInside("http://ui:3000", "http://api:8000", compose)
    assert ui.backfill(CHANNEL, DAYS) == "COMPLETED_SUCCESS"
    nodes = ui.ask(MODELS)["assetNodes"]
    models = [n["assetKey"]["path"] for n in nodes if n["isExecutable"] and not n["isPartitioned"]]
    assert ui.launch(models, {}) == "SUCCESS"

    found = fetch(compose, f"http://api:8000/api/channels/{urllib.parse.quote(CHANNEL)}/activity")
    assert [day["activity_date"] for day in json.loads(found)] == DAYS

    for name in ("describe", "docs"):
        compose.start(name)
    compose.wait_until_healthy("docs")
    assert "fct_messages" in fetch(compose, "http://docs:8080/index.html")

    for name in compose.started:
        said = compose.said(name)
        assert "WARNING" not in said, f"{name}: {said}"
        assert "Traceback" not in said, f"{name}: {said}"

    took = compose.down()
    assert took.keys() == {"postgres", "code", "ui", "daemon", "api", "docs"}
    for name, seconds in took.items():
        grace = {"code": 120, "postgres": 60}.get(name, 10)
        assert seconds < grace, f"{name} took {seconds:.0f} s to stop"
