"""Schemathesis over the whole description: whatever it makes up is answered as described."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medwh_api.access import HEADER, new_key
from tests.integration.api.api_marts import Marts
from tests.integration.api.service import Service, free_port, until_ready

EXAMPLES_OF_AN_OPERATION = 5


@pytest.mark.parametrize("with_keys", [False, True])
def test_made_up_requests_are_answered_as_described(
    start: Callable[..., Service], marts: Marts, tmp_path: Path, with_keys: bool
):
    port = free_port()
    key, hashed = new_key()
    settings: dict[str, object] = {"KEYS": hashed, "HOST": "0.0.0.0"} if with_keys else {}
    log = tmp_path / "service.log"
    with log.open("w") as output:
        start(
            output=output,
            PORT=port,
            DB_HOST=marts.server.socket_folder,
            DB_NAME=marts.name,
            LAKE=tmp_path,
            RATE_LIMIT="unlimited",
            **settings,
        )
    address = f"http://127.0.0.1:{port}"
    until_ready(address)
    config = tmp_path / "schemathesis.toml"
    config.write_text('hooks = "tests.integration.api.schemathesis_hooks"\n')
    # fmt: off
    finished = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(config),
            "run", f"{address}/openapi.json",
            "--max-examples", str(EXAMPLES_OF_AN_OPERATION), "--workers", "2",
            "--phases", "examples,coverage,fuzzing",
            "--seed", "1", "--no-shrink", "--generation-database", "none", "--warnings", "off",
            *(["--header", f"{HEADER}: {key}"] if with_keys else []),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    # fmt: on
    assert finished.returncode == 0, finished.stdout[-8000:] + finished.stderr[-2000:]
    assert " passed" in finished.stdout
    assert "Traceback" not in log.read_text()
