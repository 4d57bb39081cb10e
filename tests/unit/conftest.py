"""What unit tests share: few examples each, no clock, and no waiting for a disk."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake of a test need not survive one: `fsync` was 60% of the seconds."""

    def fsync(descriptor: int) -> None:
        """Take the system's word for it."""

    monkeypatch.setattr(os, "fsync", fsync)
