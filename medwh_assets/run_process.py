"""Which process a run lives in, as tags on the run, and whether that process is still there."""

import os
import socket
from collections.abc import Callable, Mapping

import psutil

HOST_TAG = "medwh/host"
PID_TAG = "medwh/pid"
STARTED_TAG = "medwh/process_started"

_CLOCK_CORRECTION_SECONDS = 10


def this_host() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def process_tags() -> dict[str, str]:
    """Name the running process so that another one can tell whether it is still there."""
    return {
        HOST_TAG: this_host(),
        PID_TAG: str(os.getpid()),
        STARTED_TAG: process_started(os.getpid()) or "",
    }


def is_dead(tags: Mapping[str, str], host: str, started: Callable[[int], str | None]) -> bool:
    """Decide whether the process that a run's tags name is gone.

    Args:
        tags: the run's tags; without ours nothing can be known.
        host: this machine's name; other machines' runs are not ours to judge.
        started: gives a process's start as text, or None if there is no such process.
    """
    pid = tags.get(PID_TAG, "")
    if tags.get(HOST_TAG) != host or not pid.isdecimal():
        return False
    now = started(int(pid))
    # Another program may have the number by now, so its start has to fit too.
    return now is None or not _same_start(now, tags.get(STARTED_TAG, ""))


def _same_start(left: str, right: str) -> bool:
    """Whether two starts of one pid are one; Linux tells it anew after a correction of its clock."""
    try:
        return abs(float(left) - float(right)) < _CLOCK_CORRECTION_SECONDS
    except ValueError:
        return False


def process_started(pid: int) -> str | None:
    """Return when a process started, as text to compare, or None if there is none that lives."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.1f}"
    except psutil.NoSuchProcess:
        return None
