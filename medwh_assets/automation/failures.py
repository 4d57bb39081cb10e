"""What is said when a run fails: which step, which slices, why; to a log, and to a webhook if set.

Reasons are one line each, with phone numbers masked: a library's error may quote what it choked on.
"""

import json
import logging
import logging.handlers
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg

from medwh_assets.partitions import RANGE_END, RANGE_START
from medwh_assets.phones import count_and_mask_phones
from medwh_assets.settings import WatchSettings

SENSOR_NAME = "run_failure_sensor"
_LONGEST_REASON: Final = 500
_MOST_NAMED: Final = 5
_LOG_BYTES: Final = 5 * 2**20
_LOGGER: Final = "medwh.failures"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed, as Dagster tells.

    Attributes:
        run_id: its id.
        job: the job's name.
        tags: its tags.
        named: slices that its configuration names, where it does.
        steps: what each failed step said of itself.
        reason: what the run as a whole said.
    """

    run_id: str
    job: str
    tags: Mapping[str, str]
    named: Sequence[str]
    steps: Mapping[str, str]
    reason: str


def slices_of(tags: Mapping[str, str], named: Sequence[str]) -> str:
    """Say in words which slices a run was about."""
    if named:
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        return ", ".join(named[:_MOST_NAMED]) + more
    first = tags.get(RANGE_START) or tags.get("dagster/partition")
    last = tags.get(RANGE_END) or first
    if first is None:
        return "everything that was due"
    return first if first == last else f"{first} to {last}"


def message(run: FailedRun) -> str:
    """Say what failed, for which slices, and why."""
    job = "a run of assets" if run.job.startswith("__") else run.job
    lines = [f"{job} ({run.run_id[:8]}) failed for {slices_of(run.tags, run.named)}"]
    told = run.steps or {"": f"no step said why; its process was killed, or crashed: {run.reason}"}
    for step, reason in told.items():
        where = step.replace("__", "/", 1)
        lines.append(f"{where}: {_one_line(reason)}" if where else _one_line(reason))
    return "\n".join(lines)


def _one_line(reason: str) -> str:
    said = " ".join(reason.split()) or "no reason is known; see the run's log"
    masked = count_and_mask_phones(said)[0]
    return masked if len(masked) <= _LONGEST_REASON else masked[:_LONGEST_REASON] + " …"


def teller(settings: WatchSettings, logs: Path) -> Tell:
    """Return who tells of failures: the log below the state folder, and the webhook if one is set.

    Args:
        settings: the webhook's.
        logs: the folder of logs.
    """

    def tell(text: str) -> None:
        logger = _logger(logs)
        logger.error(text)
        if settings.failure_webhook is not None:
            try:
                _post(
                    settings.failure_webhook.get_secret_value(),
                    text,
                    settings.failure_webhook_seconds,
                )
            except (OSError, ValueError) as error:
                # Its address is a secret, and an error may quote it.
                logger.warning("the webhook could not be told: %s", type(error).__name__)

    return tell


def _logger(logs: Path) -> logging.Logger:
    logger = logging.getLogger(_LOGGER)
    file = logs / "failures.log"
    if not any(
        isinstance(one, logging.handlers.RotatingFileHandler) and one.baseFilename == str(file)
        for one in logger.handlers
    ):
        logs.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=_LOG_BYTES, backupCount=3, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return logger


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Who answers with another address may not have the text sent there."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _post(url: str, text: str, seconds: float) -> None:
    request = urllib.request.Request(  # noqa: S310 - http or https, the setting sees to it
        url,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds):
        pass


def run_failure_sensor(tell: Tell) -> dg.SensorDefinition:
    """Return the sensor that tells of every run that fails.

    Args:
        tell: who is told.
    """

    @dg.run_failure_sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Writes what failed, for which slices and why to `logs/failures.log` in the state "
            "folder, and to MEDWH_FAILURE_WEBHOOK if that is set."
        ),
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        tell(message(_failed(context)))

    return sensor


def _failed(context: dg.RunFailureSensorContext) -> FailedRun:
    run = context.dagster_run
    steps: dict[str, str] = {}
    for event in context.get_step_failure_events():
        told = event.step_failure_data
        if told.user_failure_data is not None and told.user_failure_data.description:
            steps[str(event.step_key)] = told.user_failure_data.description
        elif told.error is not None:
            steps[str(event.step_key)] = (told.error.cause or told.error).message
    config: Mapping[str, Any] = run.run_config
    named: list[str] = []
    for op in config.get("ops", {}).values():
        named += [text for text in op.get("config", {}).get("slices", ()) if text not in named]
    return FailedRun(
        run.run_id, run.job_name, run.tags, named, steps, context.failure_event.message or ""
    )
