"""What is configured, reachable and missing, and the fix for each.

Whether a database can be set up is seen only by setting it up, as every command does; and dead runs
are marked as failed. Nothing else is changed.
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from medwh_assets.automation.dead_runs import bury_dead_runs
from medwh_assets.errors import MedwhError, PermanentError
from medwh_assets.home import open_instance, prepare_home
from medwh_assets.lake.store import Lake
from medwh_assets.resources import Live, detector_of, live_of, places_of, sample_of
from medwh_assets.serve import check_ports, is_serving
from medwh_assets.session import addresses, warehouse_of
from medwh_assets.settings import DetectionSettings, LakeSettings
from medwh_assets.telegram.refusals import GET_CREDENTIALS, LOG_IN
from medwh_assets.warehouse.account_state import ChannelNote
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
    lake = Lake.of(settings)
    slices = lake.slices()
    lake.check()
    channels = {piece.channel for piece in slices}
    return f"{lake.url}: writable; {len(slices):,} slices of {len(channels):,} channels"


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

    def look() -> str:
        with warehouse.running():
            warehouse.ensure()
            waiting = warehouse.unbuilt_loads()
            findings.append(_found("Dagster", lambda: _instance(settings, warehouse)))
            findings.extend(_telegram(live))
        place = "embedded" if warehouse.server else warehouse.database.host
        return f"{place}, database {warehouse.database.name}, {waiting} loads waiting to be built"

    database = _found("PostgreSQL", look)
    if database.level == "missing" and live.missing is not None:
        findings += telegram_findings(live.missing, None, [], None, None)
    return [database, *findings]


def _telegram(live: Live) -> list[Finding]:
    """Tell who reads the live channels, and how the last attempt on each ended."""
    notes = [note for note in live.statuses() if note.channel in live.settings.channels]
    wrong: str | None = None
    until: datetime | None = None
    if live.missing is None:
        try:
            live.check()
        except PermanentError as error:
            wrong = str(error)
        until = live.cooldown()
    return telegram_findings(live.missing, wrong, notes, until, live.logged_in_since())


def telegram_findings(
    missing: str | None,
    wrong: str | None,
    notes: Sequence[ChannelNote],
    until: datetime | None,
    logged_in: datetime | None,
) -> list[Finding]:
    """Tell in one line who reads the live channels, and in one each how the last attempt ended.

    Args:
        missing: why nobody is logged in, None if somebody is.
        wrong: why Telegram could not accept the session or the application, None if it could.
        notes: how the last attempt on each channel ended.
        until: the end of the last pause that Telegram asked for, None if there was none.
        logged_in: when the session was made, None if that is unknown.
    """
    refused = _refused(notes, logged_in)
    if missing is not None:
        before = any(note.last_ok_at is not None for note in notes)
        said = f"{missing}. Until then the channels of MEDWH_CHANNELS are read from the lake"
        account = Finding("missing" if before else "note", "Telegram", said)
    elif wrong is not None:
        account = Finding("missing", "Telegram", wrong)
    elif refused is not None:
        account = Finding("missing", "Telegram", f"{refused.detail} ({_at(refused.at)})")
    elif until is not None and until > datetime.now(UTC):
        said = f"cooling down until {_at(until)}, as Telegram asked"
        account = Finding("note", "Telegram", said)
    else:
        account = Finding("ok", "Telegram", "a session is there")
    findings = [account]
    for note in notes:
        level = "ok" if note.status in ("ok", "empty", "renamed") else "note"
        ended = f"{note.status}: {note.detail}" if note.detail else note.status
        findings.append(Finding(level, note.channel, f"{ended} ({_at(note.at)})"))
    return findings


def _refused(notes: Sequence[ChannelNote], logged_in: datetime | None) -> ChannelNote | None:
    """Return what Telegram said of the account at the last attempt, if it let nobody in.

    A login since then makes it old news.
    """
    newest = max((note.at for note in notes), default=None)
    if newest is None or (logged_in is not None and logged_in > newest):
        return None
    for note in notes:
        about_the_account = note.status == "banned" or LOG_IN in note.detail
        if note.at == newest and (about_the_account or GET_CREDENTIALS in note.detail):
            return note
    return None


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


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
    detector = detector_of(DetectionSettings(), places_of(settings))
    return f"{detector.model}, run by {detector.engine}"


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
