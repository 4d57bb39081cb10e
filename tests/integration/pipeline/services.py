"""`medwh up` in a process of its own, and the GraphQL endpoint behind its UI."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from tests.integration.pipeline.conftest import REPOSITORY, Pipeline

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "medwh"}
PATIENCE_SECONDS = 300

LAUNCH = """
mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
RUN_STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@dataclass(frozen=True)
class Ui:
    """The GraphQL endpoint behind the UI."""

    url: str
    api: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = json.loads(answer.read())
        assert "errors" not in body, body
        return body["data"]

    def launch(self, assets: list[list[str]], tags: dict[str, str]) -> str:
        """Materialize assets as the asset page's button does; return the run's final status."""
        params = {
            "selector": {
                **SELECTOR,
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": path} for path in assets],
            },
            "mode": "default",
            "runConfigData": "{}",
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        launched = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run = launched["run"]["runId"]
        return wait_for(
            lambda: self.ask(RUN_STATUS, id=run)["runOrError"]["status"],
            {"SUCCESS", "FAILURE", "CANCELED"},
        )


def wait_for(look: Callable[[], str], ends: set[str]) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := look()) not in ends:
        assert time.monotonic() < deadline, f"still {status}"
        time.sleep(1)
    return status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def medwh_up(pipeline: Pipeline) -> Iterator[Ui]:
    """`medwh up`, ended by Ctrl-C; checks that it leaves nothing running."""
    port, api_port = free_port(), free_port()
    environment = {
        **pipeline.environment,
        "MEDWH_UI_PORT": str(port),
        "MEDWH_API_PORT": str(api_port),
    }
    up = subprocess.Popen(
        [sys.executable, "-m", "medwh_assets.cli", "up"],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert up.stdout is not None
    said: list[str] = []
    try:
        for line in up.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        assert up.poll() is None, "".join(said)
        yield Ui(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{api_port}")
    finally:
        children = psutil.Process(up.pid).children(recursive=True) if up.poll() is None else []
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=5)
    assert up.returncode == 0
    assert alive == []
