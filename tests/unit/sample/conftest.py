"""The sample's generator as a module, and the recording that stands in the tree."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    sys.path.insert(0, str(SAMPLE))
    try:
        return importlib.import_module("generate")
    finally:
        sys.path.remove(str(SAMPLE))


@pytest.fixture(scope="session")
def recording() -> Path:
    return SAMPLE / "recording"


@pytest.fixture(scope="session")
def reads(recording: Path) -> dict[str, list[dict[str, Any]]]:
    """Every read of every channel, earliest first."""
    return {
        folder.name: [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
        for folder in sorted((recording / "reads").iterdir())
    }


@pytest.fixture(scope="session")
def posts(reads: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The posts of the first reads, which hold every post of the month."""
    return [{**post, "channel": name} for name, made in reads.items() for post in made[0]["posts"]]
