"""`python -m medwh_api`: how it starts, how it refuses to, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.integration.api.api_marts import Marts

Service = subprocess.Popen[str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start the service in a folder without a `.env`, with nothing but the settings given."""
    started: list[Service] = []

    def start(**settings: object) -> Service:
        environment = {name: value for name, value in os.environ.items() if "MEDWH" not in name}
        environment |= {f"MEDWH_API_{name}": str(value) for name, value in settings.items()}
        service = subprocess.Popen(
            [sys.executable, "-m", "medwh_api"],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(service)
        return service

    yield start
    for service in started:
        with service:  # closes its pipe
            service.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_taken_port_is_said_with_the_setting_to_change(start: Callable[..., Service]):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        service = start(PORT=port)
        output, _ = service.communicate()
    assert service.returncode == 1
    assert f"127.0.0.1:{port}" in output
    assert "MEDWH_API_PORT" in output
    assert "Traceback" not in output


def test_a_wrong_setting_is_said_by_its_name_and_without_its_value(start: Callable[..., Service]):
    service = start(PORT="open sesame")
    output, _ = service.communicate()
    assert service.returncode == 1
    assert output.startswith("MEDWH_API_PORT: ")
    assert "sesame" not in output


def test_a_request_in_flight_is_answered_before_it_ends(
    start: Callable[..., Service], marts: Marts
):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    service = start(
        PORT=port, DB_HOST=marts.server.socket_folder, DB_NAME=marts.name, QUERY_TIMEOUT=30
    )
    until_ready(address)
    with ThreadPoolExecutor(1) as other:
        with marts.connect() as connection, connection.transaction():
            connection.execute("lock table marts.fct_messages in access exclusive mode")
            answer = other.submit(
                httpx2.get, f"{address}/api/search/messages?query=syrup", timeout=60
            )
            marts.until_somebody_waits()
            service.send_signal(signal.SIGTERM)
            until_refused(port)
        assert answer.result().status_code == 200
    output, _ = service.communicate()
    assert service.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in output


def until_ready(address: str) -> None:
    while True:
        try:
            if httpx2.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)


def until_refused(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return
        time.sleep(0.01)
