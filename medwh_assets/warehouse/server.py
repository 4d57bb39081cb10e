"""The embedded PostgreSQL server: made, started and stopped by whoever needs it.

It listens on a Unix socket in a folder that only its owner may enter, so it needs no port and no
password. It has a life of its own: any number of processes may call `ensure` at once, and no
process's death ends it. Liveness means that it answers, never that a pid file stands there. What
is inside the databases is `setup`'s affair.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import psycopg

from medwh_assets.errors import DatabaseUnreachableError, SettingError
from medwh_assets.warehouse.account import Account, choose_account
from medwh_assets.warehouse.binaries import Binaries, find_binaries
from medwh_assets.warehouse.postmaster import Postmaster, life
from medwh_assets.warehouse.statements import statement

Outcome = Literal["running", "started", "created"]

# The names of sockets, 104 bytes on macOS and 108 on Linux, hold the folder and `/.s.PGSQL.65535`.
_LONGEST_SOCKET_FOLDER = 85
# Only a name inside the socket folder: nothing listens on the network.
_PORT = 5432
# What a server says that starts, recovers or stops.
_NOT_YET = ("starting up", "not yet accepting", "recovery", "shutting down", "not accepting")
_LOG_LIMIT = 10 * 2**20

# Measured on this server: minimal WAL makes dbt's tables 1.5 to 2.1 times as fast; no replica
# will ever follow. C locale and LC_CTYPE=C would make pg_trgm drop every Ethiopic letter, hence
# the UTF-8 ctype in `_initdb`.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "medwh",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For servers whose data nobody will miss, such as a test's.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What there is of the embedded server.

    Attributes:
        running: whether it answers.
        pid: its process id, if it runs.
        data: its data folder, if one was made.
        socket_folder: where its socket is; what goes into POSTGRES_HOST to reach it.
        clients: how many connections others hold, if it runs.
    """

    running: bool
    pid: int | None
    data: Path | None
    socket_folder: Path
    clients: int | None


class EmbeddedServer:
    """One server, under `<state>/postgres`; describing it makes and starts nothing.

    Args:
        state: the state folder.
        user: the superuser of a server that is yet to be made.
        binaries: the folder that `MEDWH_PG_BIN` names, if it is set.
        durable: False switches fsync off; only for data that nobody will miss.
        namespaces: False keeps root from using a user namespace.
        start_timeout: seconds to wait for a server to start or recover.
    """

    def __init__(
        self,
        state: Path,
        *,
        user: str = "medwh",
        binaries: Path | None = None,
        durable: bool = True,
        namespaces: bool = True,
        start_timeout: float = 60.0,
    ) -> None:
        self.home = state.resolve() / "postgres"
        self.user = user
        self.port = _PORT
        self.log = self.home / "server.log"
        self._binaries = binaries
        self._durable = durable
        self._namespaces = namespaces
        self._start_timeout = start_timeout

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: libpq takes it for a host name."""
        beside = self.home / "run"
        if len(os.fsencode(beside)) <= _LONGEST_SOCKET_FOLDER:
            return beside
        # One place for every process, whatever its TMPDIR; its owner is checked before use.
        name = f"medwh-{sha256(os.fsencode(self.home)).hexdigest()[:12]}"
        return Path("/tmp") / name  # noqa: S108

    def ensure(self, *, keep: bool = False) -> Outcome:
        """Make the server run, whatever state it is in; safe from many processes at once.

        Args:
            keep: let it run on, even where a `running` block had started it.

        Raises:
            SettingError: it cannot run here, and the message says what to set.
            DatabaseUnreachableError: it did not start; the message holds the end of its log.
        """
        outcome: Outcome = "running"
        if not self._answers():
            with self._lock("start"):
                if not self._answers():
                    outcome = self._start()
        if keep:
            self._stop_when_idle.unlink(missing_ok=True)
        return outcome

    @contextlib.contextmanager
    def running(self) -> Generator[Outcome]:
        """Have the server run inside the block; at the end stop it, unless others use it.

        "Others" are other `running` blocks, of any process, and clients that are connected. The
        last block to end stops a server that a block had started, never one from `ensure`.
        """
        try:
            with self._lock("users", shared=True):
                outcome = self.ensure()
                if outcome != "running":
                    self._stop_when_idle.touch()
                yield outcome
        finally:
            if self._stop_when_idle.exists():
                self.stop_if_idle()

    def stop(self) -> bool:
        """Stop the server, disconnecting all; say whether there was one to stop.

        Raises:
            DatabaseUnreachableError: it does not stop.
        """
        if not self.home.exists():
            return False
        with self._lock("start"):
            return self._stop()

    def stop_if_idle(self, *, patience: float = 1.0) -> bool:
        """Stop the server unless somebody uses it; say whether it was stopped.

        Args:
            patience: seconds to wait for connections that are just being closed.
        """
        if not self.home.exists():
            return False
        try:
            with self._lock("users", wait=False):
                deadline = time.monotonic() + patience
                while self._clients():
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(0.02)
                return self.stop()
        except BlockingIOError:
            return False

    def status(self) -> ServerStatus:
        """Look at the server without changing anything."""
        postmaster = self._postmaster()
        running = self._answers()
        return ServerStatus(
            running=running,
            pid=postmaster.pid() if postmaster else None,
            data=max(self._data_folders(), default=None),
            socket_folder=self.socket_folder,
            clients=self._clients() if running else None,
        )

    # What the public methods are made of. The `_start` lock is held in all that changes something.

    @property
    def _stop_when_idle(self) -> Path:
        return self.home / "stop-when-idle"

    @property
    def _socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{_PORT}"

    @contextlib.contextmanager
    def _lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Generator[None]:
        """Hold a lock of the kernel: it goes when its holder dies, and no child inherits it."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.home / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
            yield
        finally:
            os.close(handle)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder),
            port=_PORT,
            user=self.user,
            dbname="postgres",
            connect_timeout=5,
            application_name="medwh",
            autocommit=True,
        )

    def _answers(self) -> bool:
        """Say whether the server takes connections: the only truth about it."""
        if not self._socket.exists():
            return False
        try:
            with self._connect():
                return True
        except psycopg.OperationalError as problem:
            said = str(problem)
            if f'role "{self.user}" does not exist' in said:
                raise SettingError(
                    f"the embedded server in {self.home} was made for another POSTGRES_USER than "
                    f"{self.user!r}: set that back"
                ) from problem
            # "too many clients" is an answer too; the server's messages are in English.
            return "FATAL" in said and not any(phase in said for phase in _NOT_YET)

    def _clients(self) -> int:
        try:
            with self._connect() as connection:
                row = connection.execute(statement("server/count_clients.sql")).fetchone()
                return int(row[0]) if row else 0
        except psycopg.OperationalError:
            return 0

    def _data_folders(self) -> list[Path]:
        """Return the data folders there are: one, unless somebody put another there."""
        if not self.home.exists():
            return []
        return [path for path in sorted(self.home.glob("pg[0-9]*")) if path.suffix != ".new"]

    def _postmaster(self) -> Postmaster | None:
        """Find the live server process, of whatever version."""
        every = map(Postmaster, self._data_folders())
        return next((postmaster for postmaster in every if postmaster.life() == "server"), None)

    def _start(self) -> Outcome:
        binaries = find_binaries(self._binaries)
        data = self.home / f"pg{binaries.major}"
        self._refuse_other_versions(data, binaries.major)
        account, binaries = choose_account(self.home, data, binaries, namespaces=self._namespaces)
        self._prepare_socket_folder(account)
        is_new = not data.exists()
        if is_new:
            self._initdb(data, account, binaries)
        elif account.owner and data.stat().st_uid != account.owner[0]:
            account.give(data)
        launched = self._run(Postmaster(data), account, binaries)
        if is_new:
            return "created"
        return "started" if launched else "running"

    def _refuse_other_versions(self, data: Path, major: int) -> None:
        for other in self._data_folders():
            marker = other / "PG_VERSION"
            made_by = marker.read_text().strip() if marker.exists() else "nothing known"
            if other != data or made_by != str(major):
                raise SettingError(
                    f"the data in {other} were made by PostgreSQL {made_by}, the server found here "
                    f"is {major}: set MEDWH_PG_BIN to the folder of a PostgreSQL {made_by}, or "
                    f"remove {other} and run `medwh run`, which builds all anew from the lake"
                )

    def _prepare_socket_folder(self, account: Account) -> None:
        folder = self.socket_folder
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
        ours = {os.geteuid(), account.owner[0] if account.owner else os.geteuid()}
        if folder.is_symlink() or owner not in ours:
            raise SettingError(
                f"{folder} belongs to user id {owner}: remove it, or set MEDWH_STATE elsewhere"
            )
        folder.chmod(0o700)
        account.give(folder)

    def _initdb(self, data: Path, account: Account, binaries: Binaries) -> None:
        """Make a data folder, whole or not at all: a killed attempt leaves only a `.new` one."""
        for leftover in self.home.glob("pg*.new"):
            shutil.rmtree(leftover, ignore_errors=True)
        # An orphan of a killed attempt may still be writing into its own.
        unfinished = data.with_name(f"{data.name}.{os.getpid()}.new")
        options = [
            *("-U", self.user, "-E", "UTF8", "--locale=C"),
            *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
            *(() if self._durable else ("--no-sync",)),
        ]
        if binaries.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        problem: DatabaseUnreachableError | None = None
        for ctype in ("C.UTF-8", "en_US.UTF-8"):  # older macOS lacks the first
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            account.give(unfinished)
            try:
                account.run([binaries.initdb, "-D", unfinished, f"--lc-ctype={ctype}", *options])
            except DatabaseUnreachableError as failure:
                problem = problem or failure
                continue
            unfinished.rename(data)
            return
        shutil.rmtree(unfinished, ignore_errors=True)
        raise problem or AssertionError("no ctype was tried")

    def _run(self, postmaster: Postmaster, account: Account, binaries: Binaries) -> bool:
        """Wait until the server answers; say whether its process had to be started first."""
        launched: int | None = None
        written = 0
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            if self._answers():
                return launched is not None
            if launched is not None:
                if "server" not in (life(launched, postmaster.data), postmaster.life()):
                    raise DatabaseUnreachableError(
                        f"the embedded server did not start: {self._log_after(written)}"
                    )
            elif postmaster.life() == "server":
                # It starts, stops or recovers; or somebody swept its socket away (cleaners of /tmp
                # do), and only a restart makes that anew.
                if postmaster.is_ready() and not self._socket.exists():
                    postmaster.interrupt()
            else:
                postmaster.clear_stale(self._socket)
                written = self._open_log()
                launched = account.detach(self._command(postmaster.data, binaries), self.log)
            time.sleep(0.01)
        raise DatabaseUnreachableError(
            f"the embedded server does not answer after {self._start_timeout:.0f} s, it may still "
            f"be recovering: {self._log_after(written)}"
        )

    def _command(self, data: Path, binaries: Binaries) -> list[str | Path]:
        quoted = str(self.socket_folder).replace('"', '""')
        settings = _SETTINGS | {"unix_socket_directories": f'"{quoted}"'}
        if not self._durable:
            settings |= _NOT_DURABLE
        if binaries.has_library("pg_stat_statements"):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return [binaries.postgres, "-D", data, *options]

    def _open_log(self) -> int:
        """Return the log's length, after putting a long one aside."""
        if not self.log.exists():
            return 0
        if self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
            return 0
        return self.log.stat().st_size

    def _log_after(self, written: int) -> str:
        if not self.log.exists():
            return "it wrote no log"
        return self.log.read_bytes()[written:].decode("utf-8", "replace").strip()[-2000:]

    def _stop(self) -> bool:
        postmaster = self._postmaster()
        if postmaster is None:
            return False
        pid = postmaster.pid()
        postmaster.interrupt()
        deadline = time.monotonic() + self._start_timeout
        while pid is not None and life(pid, postmaster.data) == "server":
            if time.monotonic() > deadline:
                raise DatabaseUnreachableError(f"the embedded server (pid {pid}) does not stop")
            time.sleep(0.01)
        self._stop_when_idle.unlink(missing_ok=True)
        return True
