"""What a data folder's `postmaster.pid` is worth: is its process alive, and is it ours?

A pid file outlives a kill -9 and a reboot, its pid may be a zombie's or another program's by now.
Starting and stopping is `server`'s affair.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medwh_assets.errors import DatabaseUnreachableError

# Not there · there but dead · another program's · this folder's server.
Life = Literal["none", "zombie", "other", "server"]

_SHARED_MEMORY = Path("/proc/sysvipc/shm")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server process of one data folder, as far as the folder's pid file tells."""

    data: Path

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own lock on the data folder."""
        return self.data / "postmaster.pid"

    def pid(self) -> int | None:
        """Return the pid that the file names; None without a file or while it is being written."""
        lines = self._lines()
        try:
            return int(lines[0]) if lines else None
        except ValueError:
            return None

    def life(self) -> Life:
        """Say what became of the process that the pid file names."""
        pid = self.pid()
        return "none" if pid is None else life(pid, self.data)

    def is_ready(self) -> bool:
        """Say whether the server wrote that it takes connections."""
        lines = self._lines()
        return len(lines) > 7 and lines[7].strip() == "ready"

    def interrupt(self) -> None:
        """Ask for a fast stop: open transactions are rolled back, clients disconnected."""
        pid = self.pid()
        if pid is not None and life(pid, self.data) == "server":
            os.kill(pid, signal.SIGINT)

    def clear_stale(self, socket: Path, *, patience: float = 10.0) -> None:
        """Remove a pid file that PostgreSQL itself would stumble over.

        PostgreSQL clears the file of a process that is gone. It refuses to start where the pid is a
        zombie's (a container without an init) or another program's (after a reboot).

        Args:
            socket: the socket file, which has a lock file of the same fate beside it.
            patience: seconds to wait until the dead server's children have let go of its memory.

        Raises:
            DatabaseUnreachableError: they did not: two servers on one folder would destroy it.
        """
        if self.life() not in ("zombie", "other"):
            return
        deadline = time.monotonic() + patience
        while self._is_attached():
            if time.monotonic() > deadline:
                raise DatabaseUnreachableError(
                    f"processes of a server that died still hold its memory: end them, then try "
                    f"again ({self.pid_file})"
                )
            time.sleep(0.05)
        for leftover in (self.pid_file, socket.with_name(socket.name + ".lock"), socket):
            leftover.unlink(missing_ok=True)

    def _is_attached(self) -> bool:
        """Say whether a process is attached to the shared memory that the pid file names."""
        lines = self._lines()
        memory = lines[6].split() if len(lines) > 6 else []
        if len(memory) != 2 or not _SHARED_MEMORY.exists():
            return False
        for row in _SHARED_MEMORY.read_text().splitlines()[1:]:
            fields = row.split()
            if fields[1] == memory[1]:
                return int(fields[6]) > 0
        return False

    def _lines(self) -> list[str]:
        try:
            return self.pid_file.read_text().splitlines()
        except OSError:
            return []


def life(pid: int, data: Path) -> Life:
    """Say whether a process lives, and whether it is the server of this data folder."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self/stat").exists():
        try:
            state = (proc / "stat").read_text().rpartition(")")[2].split()[0]
            arguments = (proc / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return "none"
        if state in "ZX":
            return "zombie"
        return "server" if os.fsencode(data) in arguments else "other"
    answer = subprocess.run(
        ["ps", "-o", "stat=,command=", "-ww", "-p", str(pid)],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    if not answer.strip():
        return "none"
    if answer.startswith("Z"):
        return "zombie"
    return "server" if str(data) in answer else "other"
