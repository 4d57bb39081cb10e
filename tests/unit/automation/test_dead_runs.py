import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest

from medwh_assets.automation.dead_runs import bury_dead_runs
from medwh_assets.run_process import (
    HOST_TAG,
    PID_TAG,
    STARTED_TAG,
    is_dead,
    process_started,
    process_tags,
    this_host,
)

TAGS = {HOST_TAG: "here", PID_TAG: "41", STARTED_TAG: "1000.0"}


def alive(pid: int) -> str | None:
    return "1000.0" if pid == 41 else None


@pytest.mark.parametrize(
    ("tags", "host", "expected"),
    [
        (TAGS, "here", False),
        ({**TAGS, PID_TAG: "42"}, "here", True),
        ({**TAGS, PID_TAG: "42", STARTED_TAG: ""}, "here", True),
        ({HOST_TAG: "here", PID_TAG: "42"}, "here", True),
        ({**TAGS, STARTED_TAG: "5.0"}, "here", True),
        ({**TAGS, STARTED_TAG: "1000.4"}, "here", False),
        ({**TAGS, PID_TAG: "42"}, "elsewhere", False),
        ({}, "here", False),
        ({HOST_TAG: "here", PID_TAG: "²"}, "here", False),
        ({HOST_TAG: "here", PID_TAG: ""}, "here", False),
    ],
    ids=[
        "alive",
        "no such process",
        "no such process and no start",
        "no such process and no start tag",
        "the number is another program's now",
        "the clock was corrected",
        "another machine",
        "not ours",
        "no number",
        "empty",
    ],
)
def test_a_run_is_dead_if_its_process_on_this_machine_is_gone(
    tags: dict[str, str], host: str, expected: bool
) -> None:
    assert is_dead(tags, host, alive) is expected


def test_this_very_process_is_alive() -> None:
    assert not is_dead(process_tags(), this_host(), process_started)


def test_a_process_that_has_ended_and_waits_for_its_parent_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.read()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_started(child.pid) is None
    finally:
        child.wait()
        child.stdout.close() if child.stdout else None


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_only_the_unfinished_runs_of_dead_processes_are_marked_as_failed(
    instance: dg.DagsterInstance,
) -> None:
    dead = {**process_tags(), STARTED_TAG: "1.0"}

    def run(status: dg.DagsterRunStatus, tags: dict[str, str]) -> str:
        run = dg.DagsterRun(job_name="stage", status=status, tags=tags)
        return instance.add_run(run).run_id

    killed = run(dg.DagsterRunStatus.STARTED, dead)
    living = run(dg.DagsterRunStatus.STARTED, process_tags())
    finished = run(dg.DagsterRunStatus.SUCCESS, dead)
    foreign = run(dg.DagsterRunStatus.STARTED, {})
    assert bury_dead_runs(instance) == [killed]
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {
        killed: dg.DagsterRunStatus.FAILURE,
        living: dg.DagsterRunStatus.STARTED,
        finished: dg.DagsterRunStatus.SUCCESS,
        foreign: dg.DagsterRunStatus.STARTED,
    }
    assert bury_dead_runs(instance) == []
