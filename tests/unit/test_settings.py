from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from medwh_assets.settings import WatchSettings


def watch(monkeypatch: pytest.MonkeyPatch, **given: str) -> WatchSettings:
    for name, value in given.items():
        monkeypatch.setenv(f"MEDWH_FRESHNESS_{name}", value)
    without_file: dict[str, Any] = {"_env_file": None}
    return WatchSettings(**without_file)


def test_every_channel_has_the_usual_deadline_or_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = watch(
        monkeypatch, WARN_HOURS="20", FAIL_HOURS="40", CHANNELS="@Quick=1/2.5, slow=100/200"
    )
    hour = timedelta(hours=1)
    assert settings.deadlines(["quick", "other"]) == {
        "quick": (hour, 2.5 * hour),
        "other": (20 * hour, 40 * hour),
    }


@pytest.mark.parametrize(
    "given",
    [
        {"CHANNELS": "quick"},
        {"CHANNELS": "quick=1"},
        {"CHANNELS": "quick=a/b"},
        {"CHANNELS": "quick=5/1"},
        {"CHANNELS": "quick=0/1"},
        {"CHANNELS": "not a channel=1/2"},
        {"WARN_HOURS": "60"},
    ],
)
def test_deadlines_that_make_no_sense_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    with pytest.raises((ValidationError, Exception), match=r"."):
        watch(monkeypatch, **given)
