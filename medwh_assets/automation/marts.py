"""When the marts are built by themselves: as soon as loading pauses, in one run of every model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from medwh_assets import keys
from medwh_assets.automation.following import FOLLOWING_PRIORITY
from medwh_assets.verdicts import MartsLedger, Unbuilt

SENSOR_NAME = "marts_sensor"
# Loads that come one after another are built together.
QUIET: Final = timedelta(seconds=20)
# A backfill loads for hours; what it has loaded so far does not wait for its end.
LONGEST_WAIT: Final = timedelta(minutes=15)

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True, slots=True)
class Due:
    """A decision: the key of the run that is due, or why none is."""

    key: str | None
    why: str


def build_due(
    unbuilt: Unbuilt,
    changed_models: str | None,
    blocked: Sequence[str],
    now: datetime,
    *,
    loading: bool,
    building: bool,
) -> Due:
    """Decide whether the marts are built now.

    A run that fails is not asked for again before there is something else to build.

    Args:
        unbuilt: the loads that wait.
        changed_models: the hash of the models, if the marts were built by others.
        blocked: what speaks against building what was loaded, in words.
        now: the time.
        loading: whether a run loads, or waits to.
        building: whether a run builds, or waits to.
    """
    if not unbuilt.loads and changed_models is None:
        return Due(None, "everything that is loaded is built")
    if building:
        return Due(None, "a run that builds is on its way")
    if blocked:
        return Due(None, "not built: " + "; ".join(blocked))
    waited = now - unbuilt.oldest_at if unbuilt.oldest_at else LONGEST_WAIT
    quiet = unbuilt.newest_at is None or now - unbuilt.newest_at >= QUIET
    if (loading or not quiet) and waited < LONGEST_WAIT:
        return Due(None, f"{unbuilt.loads} loads wait until no more come")
    models = f", models {changed_models[:12]}" if changed_models else ""
    return Due(f"{unbuilt.loads} loads up to {unbuilt.newest_load}{models}", "")


def marts_sensor(
    models: Sequence[dg.AssetKey],
    ledger: MartsLedger,
    models_sha256: Callable[[], str],
    blocked: Callable[[], Sequence[str]],
) -> dg.SensorDefinition:
    """Return the sensor that has the marts built.

    Args:
        models: every model; a build takes its loads through all of them.
        ledger: knows what is loaded and not built.
        models_sha256: returns the hash of the models as they are.
        blocked: returns what speaks against building what was loaded.
    """
    selection = dg.AssetSelection.assets(*models)

    @dg.sensor(
        name=SENSOR_NAME,
        target=selection,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Builds the marts from what was loaded since they were built, once no more loads come "
            "or after a quarter of an hour, and when the models have changed."
        ),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        unbuilt = ledger.unbuilt()
        digest = models_sha256()
        changed = digest if ledger.models_changed(digest) else None
        waiting = bool(unbuilt.loads) or changed is not None
        runs = context.instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)) if waiting else ()
        due = build_due(
            unbuilt,
            changed,
            blocked() if waiting else (),
            datetime.now(UTC),
            loading=any(_works_on(run, _RAW) for run in runs),
            building=any(_works_on(run, frozenset(models)) for run in runs),
        )
        if due.key is None:
            return dg.SkipReason(due.why)
        return dg.RunRequest(
            run_key=due.key, asset_selection=list(models), tags=dict(FOLLOWING_PRIORITY)
        )

    return sensor


_RAW = frozenset({keys.RAW_MESSAGES, keys.RAW_DETECTIONS, keys.RAW_EXTRACTIONS, keys.RAW_CHANNELS})


def _works_on(run: dg.DagsterRun, assets: frozenset[dg.AssetKey]) -> bool:
    return run.asset_selection is None or bool(run.asset_selection & assets)
