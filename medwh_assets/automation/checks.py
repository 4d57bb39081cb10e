"""The checks on what lies in the lake, `raw` and the marts: in runs, and by a sensor without one.

`every_slice_is_done` makes a run red in which something failed, after everything else is done.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from medwh_assets import keys
from medwh_assets.automation.judging import (
    MOST_NAMED,
    channels_are_fresh,
    counts_agree,
    no_drift,
    no_orphans,
    quarantine_is_small,
)
from medwh_assets.lake.records import Post
from medwh_assets.lake.store import Lake
from medwh_assets.slice_asset import failed_in_run
from medwh_assets.verdicts import CheckFacts, Noted, Verdict

SENSOR_NAME = "checks_sensor"
_NEWEST_LOADS: Final = 50
# Listing so many takes half a second from a disk, and a hundred requests of an object store.
MOST_PICTURES: Final = 100_000
_KNOWN: Final = frozenset({*Post.model_fields, "schema_version 1"})
# What has not changed is told again after this time, so that the UI shows that somebody looks.
_TELL_AGAIN: Final = timedelta(hours=1)


_TOLD = TypeAdapter(dict[str, list[object]])


@dg.asset_check(
    asset=keys.LAKE_MESSAGES,
    additional_deps=[key for key in keys.SLICE_STAGES if key != keys.LAKE_MESSAGES],
    description=(
        "A run by the schedule or a sensor goes on without the slices that fail. Here it says which, "
        "and fails."
    ),
)
def every_slice_is_done(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Say what the steps of this run have left out, step by step.

    Raises:
        dagster.Failure: it is not nothing. Nothing depends on this step, so it costs no slice.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    failed = failed_in_run(run.tags) if run is not None else {}
    if failed:
        lines = [f"- {step}: {line}" for step, told in failed.items() for line in told]
        raise dg.Failure(
            "Some slices failed; everything else is done:\n" + "\n".join(lines),
            metadata={"reasons": dg.MetadataValue.md("\n".join(lines))},
            allow_retries=False,
        )
    return dg.AssetCheckResult(passed=True)


@dataclass(frozen=True, slots=True)
class DataCheck:
    """A check of data.

    Attributes:
        name: its name.
        asset: what it is about.
        judge: looks and says; None where there is nothing to look at yet.
        description: an analyst's words for the UI.
        blocking: whether nothing that follows is built while it fails.
    """

    name: str
    asset: dg.AssetKey
    judge: Callable[[CheckFacts, Lake], Verdict | None]
    description: str
    blocking: bool = False

    def noted(self, verdict: Verdict) -> Noted:
        """Return a verdict as it is kept."""
        return Noted(self.asset.to_user_string(), self.name, verdict, self.blocking)


def _lake_and_raw(facts: CheckFacts, _: Lake) -> Verdict:
    return counts_agree(
        facts.unequal_in_raw(MOST_NAMED), facts.waiting_in_lake(), "the lake and raw"
    )


def _raw_and_marts(facts: CheckFacts, _: Lake) -> Verdict | None:
    unequal = facts.unequal_in_marts(MOST_NAMED)
    return None if unequal is None else counts_agree(unequal, 0, "raw and the marts")


def _orphans(facts: CheckFacts, lake: Lake) -> Verdict:
    listed = list(islice(lake.picture_files(), MOST_PICTURES))
    without = facts.without_post(listed) if listed else []
    # A post that is not loaded yet has its picture in the lake before it is in raw.
    posts = {channel: lake.post_days(channel) for channel in {channel for channel, _ in without}}
    files = [(channel, number) for channel, number in without if number not in posts[channel]]
    return no_orphans(facts.orphans(), files, len(listed))


def _quarantine(facts: CheckFacts, lake: Lake) -> Verdict:
    kinds: dict[str, int] = {}
    for kind, _, _, _ in lake.quarantined():
        kinds[kind] = kinds.get(kind, 0) + 1
    return quarantine_is_small(kinds, facts.posts())


DATA_CHECKS: Final = (
    DataCheck(
        "lake_and_raw_hold_the_same",
        keys.RAW_MESSAGES,
        _lake_and_raw,
        "Of every slice the lake, the ledger of loads and the table hold the same number of posts. "
        "While they do not, no mart is built.",
        blocking=True,
    ),
    DataCheck(
        "records_have_the_known_shape",
        keys.RAW_MESSAGES,
        lambda facts, _: no_drift(facts.drift(_KNOWN, _NEWEST_LOADS)),
        "The newest records hold no field and no version that the models do not know. While they "
        "do, no mart is built.",
        blocking=True,
    ),
    DataCheck(
        "channel_freshness",
        keys.RAW_MESSAGES,
        lambda facts, _: channels_are_fresh(facts.freshness()),
        "Every channel that is to be read live was read within its deadline, whatever the others "
        "do. Sample and imported channels are archives without a deadline.",
    ),
    DataCheck(
        "every_picture_has_its_post",
        keys.RAW_DETECTIONS,
        _orphans,
        "No picture was looked at whose post is not in the table of posts, and none lies in the "
        "lake whose post is in neither; of a very large lake the first 100,000 files are gone through.",
    ),
    DataCheck(
        "quarantine_is_small",
        keys.LAKE_MESSAGES,
        _quarantine,
        "Little of what came in had to be put away as no post or no picture: at most 5 %.",
    ),
    DataCheck(
        "raw_and_marts_hold_the_same",
        dg.AssetKey(["marts", "fct_messages"]),
        _raw_and_marts,
        "Of every slice whose loads are built, the mart has one row for each post in raw.",
    ),
)


def data_checks() -> list[dg.AssetChecksDefinition]:
    """Return the checks as steps of runs, after the asset that each is about."""
    return [_step(check) for check in DATA_CHECKS]


def _step(check: DataCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=check.name,
        asset=check.asset,
        blocking=check.blocking,
        description=check.description,
        required_resource_keys={"check_facts", "lake"},
    )
    def step(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        facts: CheckFacts = context.resources.check_facts
        verdict = check.judge(facts, context.resources.lake)
        if verdict is None:
            return dg.AssetCheckResult(passed=True, description="nothing to look at yet")
        facts.note([check.noted(verdict)])
        return dg.AssetCheckResult(
            passed=verdict.passed,
            severity=dg.AssetCheckSeverity(verdict.severity),
            description=verdict.description,
            metadata=_metadata(verdict),
        )

    return step


def _metadata(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = dict(verdict.details)
    if verdict.table:
        columns = [
            dg.TableColumn(
                name,
                "string" if any(isinstance(row[name], str) for row in verdict.table) else "float",
            )
            for name in verdict.table[0]
        ]
        found["rows"] = dg.MetadataValue.table(
            [dg.TableRecord(dict(row)) for row in verdict.table], dg.TableSchema(columns)
        )
    return found


def blocked(facts: CheckFacts, lake: Lake) -> list[str]:
    """Look at what must be well before anything is built; return what is not, in words."""
    found: list[str] = []
    for check in DATA_CHECKS:
        if check.blocking:
            verdict = check.judge(facts, lake)
            if verdict is not None and not verdict.passed:
                found.append(verdict.description)
    return found


def worth_telling(
    told: Mapping[str, Sequence[object]], name: str, verdict: Verdict, now: datetime
) -> bool:
    """Whether the UI is told: what is new, and once an hour what is not.

    Args:
        told: by check what was told last, and when, in seconds since 1970.
        name: the check's name.
        verdict: what it says now.
        now: the time.
    """
    before = told.get(name)
    if before is None or len(before) != 2 or before[0] != _digest(verdict):
        return True
    at = before[1]
    return not isinstance(at, int) or now.timestamp() - at >= _TELL_AGAIN.total_seconds()


def _digest(verdict: Verdict) -> str:
    return f"{verdict.passed} {verdict.severity} {dict(verdict.details)}"


def told_after(
    told: Mapping[str, Sequence[object]], news: Mapping[str, Verdict], now: datetime
) -> dict[str, list[object]]:
    """Return what was told, after this news was."""
    found = {name: list(entry) for name, entry in told.items()}
    for name, verdict in news.items():
        found[name] = [_digest(verdict), int(now.timestamp())]
    return found


def read_told(cursor: str | None) -> dict[str, list[object]]:
    """Read what was told last out of the sensor's cursor; what is none counts as nothing."""
    try:
        return _TOLD.validate_json(cursor or "{}")
    except ValidationError:
        return {}


def checks_sensor(
    facts: CheckFacts,
    lake: Callable[[], Lake],
    deadlines: Mapping[str, tuple[timedelta, timedelta]],
    now: Callable[[], datetime],
) -> dg.SensorDefinition:
    """Return the sensor that looks at the data every few minutes, without starting a run.

    Args:
        facts: gives the counts.
        lake: opens the lake.
        deadlines: of each live channel, after what age it is late and overdue.
        now: gives the time.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        target=dg.AssetSelection.checks(
            *(dg.AssetCheckKey(check.asset, check.name) for check in DATA_CHECKS)
        ),
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks every five minutes whether live channels are read in time and whether lake, raw "
            "and marts agree. Starts no run; tells what has changed, and the rest once an hour."
        ),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        facts.set_deadlines(deadlines)
        told, at = read_told(context.cursor), now()
        news: dict[str, Verdict] = {}
        events: list[dg.AssetCheckEvaluation] = []
        for check, verdict in _verdicts(facts, lake()):
            if worth_telling(told, check.name, verdict, at):
                news[check.name] = verdict
                events.append(_evaluation(check, verdict))
        cursor = json.dumps(told_after(told, news, at))
        if not events:
            return dg.SensorResult(skip_reason="nothing has changed", cursor=cursor)
        return dg.SensorResult(asset_events=events, cursor=cursor)

    return sensor


def _verdicts(facts: CheckFacts, lake: Lake) -> Iterator[tuple[DataCheck, Verdict]]:
    found = [(check, check.judge(facts, lake)) for check in DATA_CHECKS]
    judged = [(check, verdict) for check, verdict in found if verdict is not None]
    facts.note([check.noted(verdict) for check, verdict in judged])
    yield from judged


def _evaluation(check: DataCheck, verdict: Verdict) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=check.asset,
        check_name=check.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity(verdict.severity),
        description=verdict.description,
        metadata=_metadata(verdict),
        blocking=check.blocking,
    )
