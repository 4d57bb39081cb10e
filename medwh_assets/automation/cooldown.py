"""What live runs were to read and have not, requested when no pause is in the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg

from medwh_assets.automation.jobs import JOB_NAME, pipeline_config, pipeline_tags
from medwh_assets.partitions import CHANNELS
from medwh_assets.slices import DayRun, Slice, day_runs

SENSOR_NAME = "telegram_cooldown_sensor"


class Cooldown(Protocol):
    """Who knows of pauses and of what runs have left. The wiring implements this."""

    @property
    def missing(self) -> str | None:
        """What to do before channels can be read live, or None if somebody is logged in."""
        ...

    def rest(self) -> list[Slice]:
        """Return the slices that runs have left and nobody has read since."""
        ...

    def cooldown(self) -> datetime | None:
        """Return the end of the last pause, past or to come, or None."""
        ...

    def unloaded(self, channel: str) -> list[Slice]:
        """Return a channel's slices that were read and not loaded."""
        ...


@dataclass(frozen=True, slots=True)
class RestRun:
    """A run that reads the rest of one channel.

    Attributes:
        key: the same for the same rest on one day, so that it is asked for once.
        channel: the channel.
        days: what to read.
    """

    key: str
    channel: str
    days: tuple[DayRun, ...]


def rest_runs(rest: Sequence[Slice], until: datetime | None, now: datetime) -> list[RestRun]:
    """Decide which runs are due: one for each channel, so that none stops the others.

    A run that fails for another reason is asked for again the next day.

    Args:
        rest: what runs have left.
        until: the end of the last pause, None if there was none.
        now: the time.
    """
    if until is not None and until > now:
        return []
    channels = sorted({piece.channel for piece in rest})
    over = until.isoformat() if until else "no pause"
    return [
        RestRun(
            f"{channel} after {over}, {now.date()}",
            channel,
            tuple(day_runs(piece for piece in rest if piece.channel == channel)),
        )
        for channel in channels
    ]


def run_config(run: RestRun, unloaded: Sequence[Slice]) -> dict[str, object]:
    """Return the configuration of the pipeline's run: what to read, and what to work on after that.

    A run that was cut off or killed may have loaded nothing of what it had read, so that comes
    along.
    """
    return pipeline_config((piece for days in run.days for piece in days.slices()), unloaded)


def cooldown_sensor(cooldown: Cooldown) -> dg.SensorDefinition:
    """Return the sensor that requests the rest when a pause is over.

    It runs unless somebody stops it, also before the first login: who logs in later need not think
    of it.

    Args:
        cooldown: knows of pauses.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        job_name=JOB_NAME,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads on where a run was cut off: after a pause that Telegram asked for, or at once.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        rest = cooldown.rest()
        if not rest:
            yield dg.SkipReason("no run has left anything")
            return
        if (missing := cooldown.missing) is not None:
            yield dg.SkipReason(f"{len(rest)} slices wait: {missing}")
            return
        until = cooldown.cooldown()
        runs = rest_runs(rest, until, datetime.now(UTC))
        if not runs:
            yield dg.SkipReason(f"{len(rest)} slices wait until {until:%Y-%m-%d %H:%M} UTC")
            return
        known = CHANNELS.get_partition_keys(dynamic_partitions_store=context.instance)
        absent = [run.channel for run in runs if run.channel not in known]
        if absent:
            context.instance.add_dynamic_partitions(str(CHANNELS.name), absent)
        for run in runs:
            yield dg.RunRequest(
                run_key=run.key,
                run_config=run_config(run, cooldown.unloaded(run.channel)),
                tags=pipeline_tags(Slice(run.channel, run.days[0].first)),
            )

    return sensor
