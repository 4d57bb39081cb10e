import sys
from types import ModuleType

import pytest

from medwh_assets.detection.offline import ensure_torchvision, ultralytics_version


def test_a_torchvision_that_is_loaded_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = ModuleType("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision", healthy)

    ensure_torchvision()

    assert sys.modules["torchvision"] is healthy


def test_the_version_is_known_without_an_import() -> None:
    major, minor = ultralytics_version()

    assert (major, minor) >= (8, 4)
