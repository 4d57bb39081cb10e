"""The processes behind `medwh up`: code server, Dagster UI, daemon and API, started and stopped as one.

Each process gets a log file and a session of its own, so that Ctrl-C reaches only the supervisor,
which then stops them in order. Their identity is kept in a file: if the supervisor itself is killed
with -9, the next start finds what it left running and ends it.
"""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import filelock
import psutil
import yaml
from pydantic import TypeAdapter, ValidationError

from medwh_assets.errors import PermanentError, SettingError

START_SECONDS = 90
STOP_SECONDS = 20
LOCATION = "medwh"
_LEFTOVERS, _LOCK = "up.json", "up.lock"
_SOCKETS = "medwh-up-"
_LAST_PORT = 65535
_LOG_BYTES = 10 * 2**20
_LOG_FILES = 3


@dataclass(frozen=True, slots=True)
class Service:
    """One process, and how to see that it is up."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the UI and the API listen."""

    ui_host: str
    ui_port: int
    api_host: str
    api_port: int

    @property
    def ui(self) -> str:
        """URL of the Dagster UI."""
        return f"http://{_in_url(self.ui_host)}:{self.ui_port}"

    @property
    def api(self) -> str:
        """URL of the API."""
        return f"http://{_in_url(self.api_host)}:{self.api_port}"


class Stopped(KeyboardInterrupt):
    """A signal asked to stop. Like Ctrl-C it passes by whoever catches mere errors."""


def _in_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"[{shown}]" if ":" in shown else shown


def check_ports(addresses: Addresses) -> None:
    """Make sure that nothing else listens where the services are to listen.

    Raises:
        SettingError: a port is taken or may not be used; the message names the setting.
    """
    if addresses.ui_port == addresses.api_port:
        raise SettingError("MEDWH_UI_PORT and MEDWH_API_PORT are the same; give one another number")
    for setting, host, port in (
        ("MEDWH_UI_PORT", addresses.ui_host, addresses.ui_port),
        ("MEDWH_API_PORT", addresses.api_host, addresses.api_port),
    ):
        try:
            _probe(host, port)
        except OSError as error:
            other = port + 1000 if port + 1000 <= _LAST_PORT else port - 1000
            raise SettingError(
                f"port {port} on {host} cannot be used ({error.strerror}): set {setting} "
                f"to another port, for example {setting}={other} medwh up"
            ) from error


def _probe(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do it: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def clear_the_way(addresses: Addresses, state: Path) -> None:
    """End what a killed supervisor left running, then make sure that the ports are free.

    Raises:
        SettingError: `medwh up` runs already, or a port is taken.
    """
    with _only_one(state):
        end_leftovers(state / _LEFTOVERS)
        check_ports(addresses)


def is_serving(state: Path) -> bool:
    """Say whether a `medwh up` of this state folder is running."""
    if not (state / _LOCK).exists():
        return False
    try:
        with _only_one(state):
            return False
    except SettingError:
        return True


@contextmanager
def _only_one(state: Path) -> Generator[None]:
    """Hold what one supervisor at a time may hold; the kernel takes it from a dead one."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(state / _LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise SettingError(
            f"`medwh up` runs already on {state}: stop it first, or set MEDWH_STATE to another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def serving(
    addresses: Addresses,
    state: Path,
    api_environment: Mapping[str, str],
    note: Callable[[str], None],
) -> Generator["Supervisor"]:
    """Start everything, hand it over once it answers, and stop it at the end whatever happens.

    Args:
        addresses: where to listen.
        state: the state folder; logs go to `logs/`, the workspace to `dagster/`.
        api_environment: how the API reaches the database.
        note: told in a line what is being waited for.

    Raises:
        SettingError: a port is taken, or another `medwh up` runs.
        PermanentError: a process ended while it was being started; the message ends with its log.
    """
    leftovers = state / _LEFTOVERS
    with _only_one(state), _short_folder() as sockets:
        end_leftovers(leftovers)
        check_ports(addresses)
        code_socket = sockets / "code.sock"
        workspace = _write_workspace(state, code_socket)
        supervisor = Supervisor(state / "logs", leftovers, sockets)
        try:
            for service in _services(addresses, code_socket, workspace, api_environment):
                note(f"starting {service.name}")
                supervisor.start(service)
            yield supervisor
        finally:
            supervisor.stop()


@contextmanager
def _short_folder() -> Generator[Path]:
    # A socket's path may have 104 characters at most, which a state folder can exceed.
    folder = tempfile.mkdtemp(prefix=_SOCKETS)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_workspace(state: Path, code_socket: Path) -> Path:
    workspace = state / "dagster" / "workspace.yaml"
    server = {"socket": str(code_socket), "location_name": LOCATION}
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return workspace


def _services(
    addresses: Addresses, code_socket: Path, workspace: Path, api_environment: Mapping[str, str]
) -> Sequence[Service]:
    scripts = Path(sys.executable).parent
    api = {
        **api_environment,
        "MEDWH_API_HOST": addresses.api_host,
        "MEDWH_API_PORT": str(addresses.api_port),
    }
    return (
        Service(
            "API", (sys.executable, "-m", "medwh_api"), _answers(f"{addresses.api}/health/live"), api
        ),
        Service(
            "code server",
            (
                str(scripts / "dagster"), "api", "grpc", "-m", "medwh_assets.definitions",
                "--socket", str(code_socket), "--location-name", LOCATION,
            ),
            _listens(code_socket),
            {},
        ),
        Service(
            "Dagster UI",
            (
                str(scripts / "dagster-webserver"), "-h", addresses.ui_host, "-p", str(addresses.ui_port),
                "-w", str(workspace), "--dagster-log-level", "warning",
            ),
            _answers(f"{addresses.ui}/server_info"),
            {},
        ),
        Service(
            "daemon",
            (str(scripts / "dagster-daemon"), "run", "-w", str(workspace)),
            lambda: True,
            {},
        ),
    )  # fmt: skip


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http URL
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    return ready


def _listens(path: Path) -> Callable[[], bool]:
    def ready() -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                return False
            return True

    return ready


class Supervisor:
    """Starts processes, watches them, and stops them in reverse order."""

    def __init__(self, logs: Path, leftovers: Path, sockets: Path) -> None:
        """Remember where logs and the list of what is running go, and the folder of sockets."""
        self._logs = logs
        self._leftovers = leftovers
        self._sockets = sockets
        self._running: list[_Running] = []

    def start(self, service: Service) -> None:
        """Start a process and wait until it is ready.

        Raises:
            PermanentError: it ended, or was not ready in time.
        """
        process = subprocess.Popen(
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **service.environment},
            start_new_session=True,
        )
        log = threading.Thread(target=_keep_log, args=(process, self._log(service)), daemon=True)
        running = _Running(service, process, log)
        self._running.append(running)
        log.start()
        self._remember()
        deadline = time.monotonic() + START_SECONDS
        while not service.ready():
            self._raise_if_ended(running)
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"the {service.name} did not answer within {START_SECONDS} s; see {self._log(service)}"
                )
            time.sleep(0.1)
        self._raise_if_ended(running)

    def wait(self) -> None:
        """Block until a process ends by itself.

        Raises:
            PermanentError: one ended; the message ends with its log.
        """
        while True:
            for running in self._running:
                self._raise_if_ended(running)
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop everything in reverse order: politely, after a while or a second Ctrl-C for good."""
        patience = STOP_SECONDS
        for running in reversed(self._running):
            try:
                _end(running.process, patience)
            except KeyboardInterrupt:
                patience = 0
                _end(running.process, patience)
        self._running.clear()
        self._leftovers.unlink(missing_ok=True)

    def _raise_if_ended(self, running: "_Running") -> None:
        status = running.process.poll()
        if status is not None:
            # What it said last may still be on its way into the file.
            running.log.join(1)
            log = self._log(running.service)
            said = log.read_text(errors="replace").splitlines() if log.exists() else []
            raise PermanentError(
                f"the {running.service.name} ended with status {status}; the end of {log}:\n"
                + "\n".join(said[-15:])
            )

    def _log(self, service: Service) -> Path:
        return self._logs / f"{service.name.lower().replace(' ', '-')}.log"

    def _remember(self) -> None:
        running = [
            {"pid": one.process.pid, "started": psutil.Process(one.process.pid).create_time()}
            for one in self._running
            if one.process.poll() is None
        ]
        self._leftovers.write_text(
            json.dumps({"sockets": str(self._sockets), "processes": running})
        )


@dataclass(frozen=True, slots=True)
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    log: threading.Thread


def _keep_log(process: subprocess.Popen[bytes], path: Path) -> None:
    """Write what a process says into a file that never grows beyond bounds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            text = line.decode("utf-8", errors="replace").rstrip("\n")
            handler.emit(logging.LogRecord(path.stem, logging.INFO, "", 0, text, None, None))
    handler.close()


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    if process.poll() is None:
        # SIGINT is what Dagster's processes end cleanly on, and uvicorn too.
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    _end_group(process.pid)
    process.wait()


def _end_group(group: int) -> None:
    """End what a process started and did not take along: a session's members share its group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


@dataclass(frozen=True, slots=True)
class _LeftProcess:
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class _Left:
    sockets: Path
    processes: list[_LeftProcess]


_LEFT = TypeAdapter(_Left)


def end_leftovers(leftovers: Path) -> int:
    """End the processes that a killed supervisor left running; return how many there were."""
    try:
        left = _LEFT.validate_json(leftovers.read_bytes())
    except (FileNotFoundError, ValidationError):
        return 0
    ended = 0
    for entry in reversed(left.processes):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(entry.pid)
            # The number may be another program's by now.
            if abs(process.create_time() - entry.started) < 1:
                ended += 1
                process.send_signal(signal.SIGINT)
                with suppress(psutil.TimeoutExpired):
                    process.wait(STOP_SECONDS)
                _end_group(entry.pid)
    if left.sockets.name.startswith(_SOCKETS):
        shutil.rmtree(left.sockets, ignore_errors=True)
    leftovers.unlink(missing_ok=True)
    return ended


@contextmanager
def stop_on_signals() -> Generator[None]:
    """Turn SIGTERM and SIGHUP into the same clean stop as Ctrl-C.

    Ctrl-C itself is switched on as well: a shell starts background jobs with it ignored, and every
    child would inherit that and could not be stopped by it.

    Raises:
        Stopped: one of them arrived.
    """

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
