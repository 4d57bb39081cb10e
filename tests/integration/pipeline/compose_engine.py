"""What compose.yaml says, done without a container engine: bubblewrap and one network namespace.

Every service becomes a process in a root of its own that cannot be written, as a user of its own
without any right, with the files that the Dockerfile copies, its volumes, its secrets and nothing
else of the environment. Names of services lead to the loopback of a namespace that all share. In
place of PostgreSQL's image stands the server of this machine's packages.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
import yaml

from tests.integration.pipeline.conftest import REPOSITORY

USER = "10001"
PATIENCE_SECONDS = 120
# What a service gets in place of this machine's; everything else at the root is this machine's.
_OF_ITS_OWN = {"app", "dev", "home", "proc", "run", "tmp", "var"}
_SCRIPTS = "/scripts"
_NETWORK = "ip link set lo up && echo up && exec sleep infinity"
# What the entry point of PostgreSQL's image does, in short.
_POSTGRES = """
data=/var/lib/postgresql/data
initdb -D $data -U $POSTGRES_USER --locale=C.UTF-8 --auth-host=scram-sha-256 --pwfile=$POSTGRES_PASSWORD_FILE
echo "host all all all scram-sha-256" >> $data/pg_hba.conf
[ "$POSTGRES_DB" = postgres ] || echo "create database $POSTGRES_DB" | postgres --single -D $data postgres
exec postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c fsync=off
"""


def postgres_binaries() -> Path | None:
    """Return the folder of the server's binaries that Debian's package installs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@dataclass
class Image:
    """What one stage of the Dockerfile makes."""

    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def images(dockerfile: str) -> dict[str, Image]:
    """Read the stages: what each copies, sets and starts."""
    stages: dict[str, Image] = {}
    now = Image()
    for line in dockerfile.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            before = stages.get(base, Image())
            now = Image(
                list(before.entrypoint),
                environment=dict(before.environment),
                files=dict(before.files),
            )
            stages[name] = now
        elif word == "COPY":
            *sources, target = [part for part in rest.split() if not part.startswith("--")]
            for source in sources:
                into = f"{target}{Path(source).name}" if target.endswith("/") else target
                now.files[str(Path("/app", into))] = source
        elif word == "ENV":
            now.environment.update(part.split("=", 1) for part in rest.split())
        elif word == "ENTRYPOINT":
            now.entrypoint = json.loads(rest)
        elif word == "CMD":
            now.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            now.healthcheck = json.loads(rest[rest.index("[") :])
    return stages


@dataclass
class Started:
    """A service's process and what it says."""

    process: subprocess.Popen[bytes]
    log: Path


class Engine:
    """Starts the services of compose.yaml in the order that they depend on each other."""

    def __init__(self, folder: Path, namespace: int) -> None:
        """Read the compose file; volumes, secrets and logs go below the folder."""
        text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", (REPOSITORY / "compose.yaml").read_text())
        compose: dict[str, Any] = yaml.safe_load(text)
        self.services: dict[str, dict[str, Any]] = compose["services"]
        self._secrets = {name: Path(one["file"]).name for name, one in compose["secrets"].items()}
        self._images = images((REPOSITORY / "Dockerfile").read_text())
        self._folder = folder
        self._namespace = namespace
        self.started: dict[str, Started] = {}
        for name in ("volumes", "logs", "deploy"):
            (folder / name).mkdir()
        for volume in compose["volumes"]:
            self.volume(volume).mkdir()
        shutil.copy(REPOSITORY / "deploy" / "make-secrets", folder / "deploy")
        hosts = "".join(f"127.0.0.1 {name}\n" for name in ["localhost", *self.services])
        (folder / "hosts").write_text(hosts)
        (folder / "passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n"
            f"medwh:x:{USER}:{USER}::/home/medwh:/bin/sh\n"
        )
        # The files are of the user whom they will belong to in a service.
        subprocess.run(
            [
                *self._inside(), "bwrap", "--dev-bind", "/", "/", "--unshare-user", "--uid", USER,
                str(folder / "deploy" / "make-secrets"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def volume(self, name: str) -> Path:
        """Return the folder of a volume."""
        return self._folder / "volumes" / name

    def up(self) -> None:
        """Start every service without a profile as soon as what it depends on is as it must be."""
        for name in self._in_order():
            if "profiles" not in self.services[name]:
                self.start(name)
        for name in self.started:
            if "healthcheck" in self.services[name] or name == "api":
                self.wait_until_healthy(name)

    def start(self, name: str) -> None:
        """Start a service, after waiting for those that it depends on."""
        for other, how in self.services[name].get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                self.wait_until_healthy(other)
            else:
                self.wait_until_done(other)
        log = self._folder / "logs" / f"{name}.log"
        with log.open("wb") as said:
            self.started[name] = Started(self._run(name, self.command(name), said), log)

    def command(self, name: str) -> list[str]:
        """Return what a service starts: the image's entry point, then its own command."""
        if name == "postgres":
            return ["sh", "-euc", _POSTGRES]
        image = self._image(name)
        return [*image.entrypoint, *self.services[name].get("command", image.command)]

    def execute(self, name: str, command: Sequence[str]) -> tuple[int, str]:
        """Run a command beside a service, as `docker exec` does: without the entry point."""
        log = self._folder / "logs" / "executed.log"
        with log.open("wb") as said:
            status = self._run(name, command, said).wait(600)
        return status, log.read_text(errors="replace")

    def wait_until_healthy(self, name: str) -> None:
        """Try a service's health check until it passes."""
        check = self.services[name].get("healthcheck", {}).get("test", ["CMD"])[1:]
        command = check or self._image(name).healthcheck
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self.execute(name, command))[0] != 0:
            ended = self.started[name].process.poll()
            assert ended is None, f"{name} ended with {ended}: {self.said(name)}"
            assert time.monotonic() < deadline, f"{name}: {answer[1]}\n{self.said(name)}"
            time.sleep(0.5)

    def wait_until_done(self, name: str) -> None:
        """Wait until a service has ended, with success."""
        status = self.started[name].process.wait(PATIENCE_SECONDS)
        assert status == 0, f"{name} ended with {status}: {self.said(name)}"

    def said(self, name: str) -> str:
        """Return what a service has written to its log."""
        return self.started[name].log.read_text(errors="replace")

    def down(self) -> dict[str, float]:
        """Stop what runs, in reverse order, as an engine does; return how many seconds each took."""
        took: dict[str, float] = {}
        for name, one in reversed(self.started.items()):
            if one.process.poll() is None:
                began = time.monotonic()
                _main_process(one.process.pid).terminate()
                one.process.wait(PATIENCE_SECONDS)
                took[name] = time.monotonic() - began
        return took

    def kill(self) -> None:
        """End whatever is left."""
        for one in self.started.values():
            one.process.kill()
            one.process.wait()

    def _in_order(self) -> list[str]:
        order: list[str] = []

        def add(name: str) -> None:
            for other in self.services[name].get("depends_on", {}):
                add(other)
            if name not in order:
                order.append(name)

        for name in self.services:
            add(name)
        return order

    def _image(self, name: str) -> Image:
        return self._images[self.services[name]["image"].removeprefix("medwh-")]

    def _run(self, name: str, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        sandbox = self._sandbox(name)
        return subprocess.Popen(
            [*self._inside(), "bwrap", *sandbox, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def _inside(self) -> list[str]:
        holder = str(self._namespace)
        return ["nsenter", "-t", holder, "-U", "-n", "--preserve-credentials"]

    def _sandbox(self, name: str) -> list[str]:
        service = self.services[name]
        mounts = ["--proc", "/proc", "--dev", "/dev"]
        for target in service["tmpfs"]:
            mounts += ["--tmpfs", target]
        mounts += _this_machine()
        for file in ("hosts", "passwd"):
            mounts += ["--ro-bind", str(self._folder / file), f"/etc/{file}"]
        if name == "postgres":
            binaries, environment, user = str(postgres_binaries()), dict[str, str](), "999"
        else:
            image = self._image(name)
            binaries, environment, user = str(Path(sys.executable).parent), image.environment, USER
            for target, source in image.files.items():
                # No folder of this machine's may be made for it.
                where = target.replace("/usr/local/bin", _SCRIPTS)
                mounts += ["--ro-bind", str(REPOSITORY / source), where]
        for secret in service.get("secrets", []):
            file = self._folder / "deploy" / "secrets" / self._secrets[secret]
            mounts += ["--ro-bind", str(file), f"/run/secrets/{secret}"]
        for volume in service.get("volumes", []):
            source, target, *how = volume.split(":")
            mounts += ["--ro-bind" if how == ["ro"] else "--bind", str(self.volume(source)), target]
        variables = {
            "PATH": f"{_SCRIPTS}:{binaries}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/home/medwh",
            # In the image the packages are installed from there.
            "PYTHONPATH": "/app",
            **environment,
            **service.get("environment", {}),
        }
        assert service["read_only"]
        return [
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--uid", user, "--gid", user,
            "--cap-drop", "ALL", "--die-with-parent", "--new-session",
            *mounts, "--dir", "/app", "--dir", "/home/medwh", "--chdir", "/app", "--remount-ro", "/",
            "--clearenv", *_variables(variables),
        ]  # fmt: skip


def _this_machine() -> list[str]:
    """Mount what takes the place of the image's system and Python."""
    mounts: list[str] = []
    for entry in sorted(Path("/").iterdir()):
        if entry.is_symlink():
            mounts += ["--symlink", str(entry.readlink()), str(entry)]
        elif entry.is_dir() and entry.name not in _OF_ITS_OWN:
            mounts += ["--ro-bind", str(entry), str(entry)]
    for prefix in dict.fromkeys([sys.prefix, sys.base_prefix]):
        if Path(prefix).parts[1] in _OF_ITS_OWN:
            mounts += ["--ro-bind", prefix, prefix]
    return mounts


def _variables(variables: Mapping[str, str | None]) -> list[str]:
    return [part for name, value in variables.items() for part in ("--setenv", name, value or "")]


def _main_process(sandbox: int) -> psutil.Process:
    """Return the first process in a sandbox that is not bubblewrap itself."""
    process = psutil.Process(sandbox)
    while process.name() == "bwrap":
        (process,) = process.children()
    return process


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """An engine in a network of its own; whatever it has started ends with it."""
    holder = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", _NETWORK],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        made = Engine(folder, holder.pid)
        try:
            yield made
        finally:
            made.kill()
    finally:
        holder.kill()
        holder.communicate()
