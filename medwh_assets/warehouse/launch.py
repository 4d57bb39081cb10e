"""Start a program of PostgreSQL as somebody whom it accepts: it refuses to run as root.

A script of its own, run by path: `python -I -S launch.py [--nobody | --user UID GID] [--cwd DIR]
[--log FILE] PROGRAM ARG...`. Forking with Python code in between is not safe in a process that has
threads, so the caller starts this and it becomes the program. It imports nothing of medwh.

With `--log` the program is detached: it gets a session of its own, writes to the log, and the
script prints its process id and ends.
"""

import argparse
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
NOBODY = 65534


def become_nobody() -> None:
    """Enter a user namespace in which this root is called nobody; its files stay root's."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER):
        code = ctypes.get_errno()
        raise OSError(code, f"unshare: {os.strerror(code)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def become(uid: int, gid: int) -> None:
    """Turn into another user for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main() -> None:
    """Read the arguments and become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nobody", action="store_true")
    parser.add_argument("--user", type=int, nargs=2)
    parser.add_argument("--cwd", default="/")
    parser.add_argument("--log")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    # Opened before we are somebody else: the log stays ours.
    log = None
    if options.log:
        log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if options.nobody:
        become_nobody()
    elif options.user:
        become(*options.user)
    os.chdir(options.cwd)
    os.umask(0o077)
    program: list[str] = options.program[1:] if options.program[0] == "--" else options.program
    if log is None:
        os.execv(program[0], program)  # noqa: S606 - that is what a launcher is for
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        os.execv(program[0], program)  # noqa: S606
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
