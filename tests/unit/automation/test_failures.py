import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from medwh_assets.automation.failures import FailedRun, message, slices_of, teller
from medwh_assets.partitions import RANGE_END, RANGE_START
from medwh_assets.settings import WatchSettings


def failed(**changes: Any) -> FailedRun:
    facts: dict[str, Any] = {
        "run_id": "0123456789abcdef",
        "job": "__ASSET_JOB",
        "tags": {"dagster/partition": "shop|2025-03-01"},
        "named": [],
        "steps": {"lake__telegram_messages": "1 of 2 slices failed:\n- shop|2025-03-01: private"},
        "reason": "Steps failed",
    }
    return FailedRun(**{**facts, **changes})


def test_a_failure_is_told_with_its_step_its_slices_and_its_reason() -> None:
    assert message(failed()).splitlines() == [
        "a run of assets (01234567) failed for shop|2025-03-01",
        "lake/telegram_messages: 1 of 2 slices failed: - shop|2025-03-01: private",
    ]


def test_a_run_that_was_killed_has_no_step_to_tell_of() -> None:
    said = message(failed(steps={}, reason="the run worker has gone", job="telegram_etl_pipeline"))
    assert said.endswith("its process was killed, or crashed: the run worker has gone")
    assert said.startswith("telegram_etl_pipeline")


def test_slices_are_named_by_configuration_range_or_partition() -> None:
    ends = {RANGE_START: "shop|2025-03-01", RANGE_END: "shop|2025-03-09"}
    assert slices_of(ends, []) == "shop|2025-03-01 to shop|2025-03-09"
    assert slices_of(ends, ["a|2025-03-01..2025-03-02"]) == "a|2025-03-01..2025-03-02"
    assert slices_of({}, [str(n) for n in range(7)]) == "0, 1, 2, 3, 4 and 2 more"
    assert slices_of({}, []) == "everything that was due"


def test_no_phone_number_and_no_long_text_gets_out() -> None:
    said = message(failed(steps={"raw__telegram_messages": "bad row: call 0911 223 344 " * 99}))
    assert "0911" not in said
    assert len(said) < 700


class Listener(BaseHTTPRequestHandler):
    heard: list[dict[str, str]]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(json.loads(body))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[tuple[str, type[Listener]]]:
    kind = type("Heard", (Listener,), {"heard": [], "status": 200})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/secret-token", kind
        server.shutdown()
        thread.join()


def settings(url: str | None) -> WatchSettings:
    return WatchSettings(
        _env_file=None,  # pyright: ignore
        failure_webhook=SecretStr(url) if url else None,
        failure_webhook_seconds=2,
    )


def test_a_failure_goes_to_the_log_and_to_the_webhook(
    tmp_path: Path, listener: tuple[str, type[Listener]]
) -> None:
    url, kind = listener
    teller(settings(url), tmp_path / "logs")("shop|2025-03-01 failed")
    assert kind.heard == [{"text": "shop|2025-03-01 failed"}]
    assert "shop|2025-03-01 failed" in (tmp_path / "logs" / "failures.log").read_text()


@pytest.mark.parametrize("status", [500, 302])
def test_a_webhook_that_does_not_listen_is_noted_and_its_address_is_not(
    tmp_path: Path, listener: tuple[str, type[Listener]], status: int
) -> None:
    url, kind = listener
    kind.status = status
    teller(settings(url), tmp_path)("failed")
    assert len(kind.heard) == 1
    said = (tmp_path / "failures.log").read_text()
    assert "could not be told" in said
    assert "secret-token" not in said


def test_without_a_webhook_the_log_is_all(tmp_path: Path) -> None:
    teller(settings(None), tmp_path)("failed")
    assert "failed" in (tmp_path / "failures.log").read_text()


@pytest.mark.parametrize("url", ["ftp://host/path", "file:///etc/passwd", "host"])
def test_a_webhook_is_http_and_its_address_a_secret(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        settings(url)
    assert "secret" not in repr(settings("https://host/secret"))
