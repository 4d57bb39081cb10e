import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from medwh_assets.logical_time import logical_time, logical_time_of

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_run_observes_under_the_time_at_which_it_began_in_whole_seconds() -> None:
    began = NOON + timedelta(microseconds=123456)
    assert logical_time(began, None, root_succeeded=False) == NOON


def test_a_retry_keeps_the_time_of_the_first_attempt() -> None:
    assert logical_time(NOON, NOON - HOUR, root_succeeded=False) == NOON - HOUR


@pytest.mark.parametrize(("hours", "succeeded"), [(1, True), (24, False), (24 * 7, False)])
def test_an_old_or_a_finished_run_that_is_run_again_reads_anew(hours: int, succeeded: bool) -> None:
    assert logical_time(NOON, NOON - hours * HOUR, root_succeeded=succeeded) == NOON


def test_a_run_that_repeats_a_failed_one_has_its_logical_time() -> None:
    seen: list[datetime] = []

    @dg.op
    def observe(context: dg.OpExecutionContext) -> None:
        seen.append(logical_time_of(context.run, context.instance))
        raise ValueError("first attempt")

    @dg.job
    def observing() -> None:
        observe()

    with dg.instance_for_test() as instance:
        first = observing.execute_in_process(instance=instance, raise_on_error=False)
        retry = dg.DagsterRun("observing", root_run_id=first.run_id, parent_run_id=first.run_id)
        instance.add_run(retry)
        time.sleep(1)
        assert logical_time_of(retry, instance) == seen[0]
        anew = dg.DagsterRun("observing")
        instance.add_run(anew)
        assert logical_time_of(anew, instance) > seen[0]
