"""What is configured, reachable and missing, and the fix for each.

Whether a database can be set up is seen only by setting it up, as every command does; and dead runs
are marked as failed. Nothing else is changed.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from medwh_assets.automation.dead_runs import bury_dead_runs
from medwh_assets.errors import MedwhError
from medwh_assets.home import open_instance, prepare_home
from medwh_assets.resources import Live, detector_of, lake_of, live_of, places_of, sample_of
from medwh_assets.serve import check_ports, is_serving
from medwh_assets.session import addresses, warehouse_of
from medwh_assets.settings import DetectionSettings, LakeSettings
from medwh_assets.warehouse.resource import Warehouse


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer; `missing` makes the command fail."""

    level: Literal["ok", "note", "missing"]
    subject: str
    text: str


def examine() -> list[Finding]:
    """Look at everything that a run and the services need.

    Raises:
        pydantic.ValidationError: a setting is malformed.
    """
    settings = LakeSettings()
    findings = [
        _found("lake", lambda: _lake(settings)),
        _found("state", lambda: _state(settings)),
        *_database(settings),
        _found("detection", lambda: _detection(settings)),
        _found("API", _api),
        _found("ports", lambda: _ports(settings)),
    ]
    if not settings.channels:
        findings.append(
            Finding(
                "note", "channels", "MEDWH_CHANNELS is empty: the daily schedule has nothing to do"
            )
        )
    if not sample_of(settings).channels():
        findings.append(
            Finding(
                "note",
                "sample",
                f"no recording in {settings.sample.resolve()}: `medwh demo` needs one",
            )
        )
    return findings


def _found(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", subject, look())
    except MedwhError as error:
        return Finding("missing", subject, str(error))
    except Exception as error:  # noqa: BLE001 - a doctor looks at the rest as well
        return Finding("missing", subject, f"{type(error).__name__}: {error}")


def _lake(settings: LakeSettings) -> str:
    lake = lake_of(settings)
    slices = lake.slices()
    return f"{lake.root}: {len(slices):,} slices of {len(lake.channels()):,} channels"


def _state(settings: LakeSettings) -> str:
    state = places_of(settings).state
    folder = next(folder for folder in (state, *state.parents) if folder.exists())
    if not os.access(folder, os.W_OK):
        raise MedwhError(f"{folder} cannot be written: set MEDWH_STATE to a folder of your own")
    return str(state)


def _database(settings: LakeSettings) -> list[Finding]:
    """Look at the database, and at Dagster and the Telegram account, which are kept in it."""
    findings: list[Finding] = []
    warehouse = warehouse_of(settings)
    live = live_of(settings, warehouse)
    if live.missing is not None:
        said = f"{live.missing}. Until then the channels of MEDWH_CHANNELS are read from the lake"
        findings.append(Finding("note", "Telegram", said))

    def look() -> str:
        with warehouse.running():
            warehouse.ensure()
            waiting = warehouse.unbuilt_loads()
            findings.append(_found("Dagster", lambda: _instance(settings, warehouse)))
            if live.missing is None:
                findings.extend(_telegram(live))
        place = "embedded" if warehouse.server else warehouse.database.host
        return f"{place}, database {warehouse.database.name}, {waiting} loads waiting to be built"

    return [_found("PostgreSQL", look), *findings]


def _telegram(live: Live) -> list[Finding]:
    """Tell who reads the live channels, and how the last attempt on each ended."""
    with live.state() as state:
        until, statuses = state.cooldown(), state.statuses()
    if until is not None and until > datetime.now(UTC):
        said = f"cooling down until {until:%Y-%m-%d %H:%M} UTC, as Telegram asked"
        findings = [Finding("note", "Telegram", said)]
    else:
        findings = [Finding("ok", "Telegram", "a session is there")]
    for note in statuses:
        if note.channel in live.settings.channels:
            level = "ok" if note.status in ("ok", "empty", "renamed") else "note"
            ended = f"{note.status}: {note.detail}" if note.detail else note.status
            findings.append(Finding(level, note.channel, f"{ended} ({note.at:%Y-%m-%d %H:%M} UTC)"))
    return findings


def _instance(settings: LakeSettings, warehouse: Warehouse) -> str:
    places = places_of(settings)
    prepare_home(places, warehouse.database.dagster.sqlalchemy_url, {})
    with open_instance() as instance:
        buried = bury_dead_runs(instance)
    done = f"; {len(buried)} runs of dead processes marked as failed" if buried else ""
    return f"{places.dagster_home}{done}"


def _detection(settings: LakeSettings) -> str:
    if importlib.util.find_spec("ultralytics") is None:
        raise MedwhError(
            "not installed: pip install 'medwh[detection]', or use `medwh run --no-detect`"
        )
    return detector_of(DetectionSettings(), places_of(settings)).fingerprint


def _api() -> str:
    if importlib.util.find_spec("uvicorn") is None:
        raise MedwhError("not installed: pip install 'medwh[api]', which `medwh up` needs")
    return "installed"


def _ports(settings: LakeSettings) -> str:
    where = addresses()
    if is_serving(places_of(settings).state):
        return f"`medwh up` is running: {where.ui} and {where.api}"
    check_ports(where)
    return f"free: {where.ui_port} for the UI, {where.api_port} for the API"
