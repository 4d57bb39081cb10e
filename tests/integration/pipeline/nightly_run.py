"""A process of its own in which the schedule ticks at the last midnight and its run is executed.

Prints the run's steps that failed, and ends with status 1 if there are any.
"""

import sys
from datetime import UTC, datetime

import dagster as dg

from medwh_assets.automation.jobs import JOB_NAME, SCHEDULE_NAME
from medwh_assets.definitions import build_defs
from medwh_assets.session import open_session


def main() -> int:
    """Run what the schedule asks for."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with open_session() as session:
        definitions = build_defs()
        context = dg.build_schedule_context(
            instance=session.instance,
            scheduled_execution_time=midnight,
            repository_def=definitions.get_repository_def(),
        )
        schedule = definitions.resolve_schedule_def(SCHEDULE_NAME)
        requests = schedule.evaluate_tick(context).run_requests or []
        job = definitions.resolve_job_def(JOB_NAME)
        failed: list[str] = []
        for request in requests:
            result = job.execute_in_process(
                instance=session.instance,
                run_config=request.run_config,
                tags=request.tags,
                raise_on_error=False,
            )
            for event in result.all_events:
                if event.is_step_failure:
                    told = event.step_failure_data.user_failure_data
                    failed.append(f"{event.step_key}: {told.description if told else ''}")
        print(f"{len(requests)} runs", *failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
