"""The `medwh import` command as a user runs it, in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from medwh_assets.lake.store import Lake

REPOSITORY = Path(__file__).parents[3]
TIMEOUT_SECONDS = 240
_MEASURED = str(Path(__file__).parent / "measured_run.py")


@dataclass(frozen=True)
class Place:
    """A folder with a lake and a state of its own, and the command that works on them."""

    folder: Path

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.folder / "lake")

    @property
    def imports(self) -> Path:
        """Where an import keeps what it must not leave behind."""
        return self.folder / "state" / "imports"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of this place, and none of a terminal."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "COLUMNS"))}
        return {
            **kept,
            "MEDWH_LAKE": str(self.folder / "lake"),
            "MEDWH_STATE": str(self.folder / "state"),
            "COLUMNS": "160",
            "PYTHONPATH": str(REPOSITORY),
        }

    def start(self, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Begin a command."""
        command = [*prefix, sys.executable, "-m", "medwh_assets.cli", *map(str, arguments)]
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def medwh(self, *arguments: str | Path, status: int = 0) -> str:
        """Run a command, check its exit status, and return what it printed."""
        return _said(self.start(*arguments), status)

    def measured(self, *arguments: str | Path) -> tuple[str, int]:
        """Run a command; return what it printed, and the most memory that it held, in bytes."""
        report = self.folder / "memory"
        prefix = (sys.executable, _MEASURED, str(report))
        return _said(self.start(*arguments, prefix=prefix), 0), int(report.read_text())


def _said(process: subprocess.Popen[str], status: int) -> str:
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == status, f"status {process.returncode}:\n{out}{err}"
    return out + err


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A fresh place."""
    return Place(tmp_path)


@pytest.fixture
def other_place(tmp_path: Path) -> Place:
    """Another fresh place, to compare with."""
    (tmp_path / "other").mkdir()
    return Place(tmp_path / "other")
