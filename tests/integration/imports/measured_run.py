"""Runs a command and writes the most memory that it held, in bytes: `measured_run.py FILE COMMAND …`.

In between stands this small process, because a new process inherits the peak of the one that made it.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    report, *command = sys.argv[1:]
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    # Kilobytes on Linux, bytes on macOS.
    scale = 1 if sys.platform == "darwin" else 1024
    Path(report).write_text(str(usage.ru_maxrss * scale))
    sys.exit(os.waitstatus_to_exitcode(status))
