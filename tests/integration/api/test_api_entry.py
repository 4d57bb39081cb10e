"""`python -m medwh_api`: how it starts, how it refuses to, and how it ends."""

import json
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.integration.api.api_marts import Marts
from tests.integration.api.service import Service, free_port, until_ready


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


def until_refused(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return
        time.sleep(0.01)


def test_a_new_key_is_printed_with_its_hash(start: Callable[..., Service]):
    service = start("new-key")
    output, _ = service.communicate()
    key, hashed = (line.split()[-1] for line in output.splitlines())
    assert key.startswith("medwh_") and len(key) > 40
    assert len(hashed) == 64


def test_each_request_is_one_line_of_json_without_what_was_asked_and_by_whom(
    start: Callable[..., Service], marts: Marts
):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    service = start(PORT=port, DB_HOST=marts.server.socket_folder, DB_NAME=marts.name)
    until_ready(address)
    httpx2.get(
        f"{address}/api/search/messages?query=secretword", headers={"X-Request-ID": "mine-1"}
    )
    service.send_signal(signal.SIGTERM)
    output, _ = service.communicate()
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    (told,) = [line for line in lines if line.get("request_id") == "mine-1"]
    assert (told["route"], told["status"]) == ("/api/search/messages", 200)
    assert "secretword" not in output
    assert "127.0.0.1" not in "".join(json.dumps(line) for line in lines if "request_id" in line)
