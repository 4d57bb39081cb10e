"""Runs whose process is gone: marked as failed, their pool slots given back.

Dagster notices a dead worker only with launchers that watch theirs; a run in the terminal that was
killed with -9 would hold its pool slot for ever and block the next one.
"""

import dagster as dg

from medwh_assets.run_process import is_dead, process_started, this_host

_ALIVE_STATES = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def bury_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs of dead processes as failed, free their slots, and return their ids."""
    buried: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_ALIVE_STATES))):
        if is_dead(run.tags, this_host(), process_started):
            instance.report_run_failed(
                run, "The process of this run is gone; it was killed or crashed."
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            buried.append(run.run_id)
    return buried
