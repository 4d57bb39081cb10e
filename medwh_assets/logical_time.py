"""A run's logical time: when it began, kept over its retries. Live observations carry it.

A run that crashed is begun again by Dagster, or by hand; it goes on under the time of the first
attempt, so that what that one has written is neither asked for nor written twice.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

# Somebody who runs last week's run again wants to see this week.
_STILL_A_RETRY = timedelta(hours=24)


def logical_time(own: datetime, root: datetime | None, *, root_succeeded: bool) -> datetime:
    """Decide under which time a run observes, in whole seconds.

    Args:
        own: when this run began.
        root: when the run began that it repeats, None if it repeats none.
        root_succeeded: whether that one left nothing to repeat.
    """
    retry = root is not None and not root_succeeded and own - root < _STILL_A_RETRY
    chosen = root if retry and root is not None else own
    return chosen.astimezone(UTC).replace(microsecond=0)


def logical_time_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> datetime:
    """Return the logical time of a run of Dagster's."""
    own = _began(run.run_id, instance)
    if run.root_run_id is None:
        return logical_time(own, None, root_succeeded=False)
    root = instance.get_run_record_by_id(run.root_run_id)
    return logical_time(
        own,
        _began(run.root_run_id, instance) if root else None,
        root_succeeded=root is not None and root.dagster_run.is_success,
    )


def _began(run_id: str, instance: dg.DagsterInstance) -> datetime:
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return datetime.now(UTC)
    if record.start_time is not None:
        return datetime.fromtimestamp(record.start_time, UTC)
    return record.create_timestamp.astimezone(UTC)
