"""`python -m medwh_api` as a process of its own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import httpx2

Service = subprocess.Popen[str]


def start_service(
    folder: Path, *arguments: str, output: TextIO | None = None, **settings: object
) -> Service:
    """Start it in a folder without a `.env`, with nothing but the settings given.

    What it prints goes to `output`, else to a pipe that has to be read.
    """
    environment = {name: value for name, value in os.environ.items() if "MEDWH" not in name}
    environment |= {f"MEDWH_API_{name}": str(value) for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "medwh_api", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path.cwd())},
        stdout=output or subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until_ready(address: str) -> None:
    """Return once it answers from its database."""
    while True:
        try:
            if httpx2.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
