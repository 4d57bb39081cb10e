"""A lake's files on this machine: temporary name in the same folder, fsync, rename, under a lock."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

import filelock

from medwh_assets.errors import CorruptSliceError, LakeBusyError, LakePathError, SettingError
from medwh_assets.lake.files import LOCK_TIMEOUT_SECONDS, Files, Found, K, T

_MAX_FOLDERS: Final = 10_000
# Nothing of the lake lies deeper; a link to a folder above itself would have no end.
_MAX_DEPTH: Final = 5
_LOCKS: Final = ".locks"


class DiskFiles:
    """Files below a local folder.

    Args:
        root: the folder; nothing is created before the first write.
    """

    def __init__(self, root: Path) -> None:
        """Remember the folder."""
        self._root = root.resolve()
        # Folders that are known to lie in the lake.
        self._folders: set[Path] = set()

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self._root)

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._root

    def path(self, relative: PurePosixPath) -> Path:
        """Return the absolute path of something inside the lake.

        Raises:
            LakePathError: a link on its way leaves the lake.
        """
        full = self._root / relative
        # A folder is looked at once: an import asks for some files in each of thousands.
        if full.parent not in self._folders or full.is_symlink():
            if not full.resolve().is_relative_to(self._root):
                raise LakePathError(f"{str(relative)!r} leads out of the lake")
            if len(self._folders) >= _MAX_FOLDERS:
                self._folders.clear()
            self._folders.add(full.parent)
        return full

    def read(self, path: PurePosixPath, most: int | None = None) -> bytes | None:
        """Return a file's bytes, or None if it is not there."""
        try:
            if most is None:
                return self.path(path).read_bytes()
            with self.path(path).open("rb") as file:
                return file.read(most + 1)
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise CorruptSliceError(
                f"{self.path(path)} is a folder where a file belongs; remove it, then run again"
            ) from error

    def exists(self, path: PurePosixPath) -> bool:
        """Whether something lies there."""
        return self.path(path).exists()

    def write(self, path: PurePosixPath, content: bytes) -> bool:
        """Write a file whole, unless it holds these bytes already; say whether it was written."""
        if self.read(path) == content:
            return False
        write_whole(self.path(path), content)
        return True

    def put(self, path: PurePosixPath, content: bytes) -> None:
        """Write a file under the lock of its outermost folder."""
        with self.lock(PurePosixPath(path.parts[0], ".lock")):
            write_whole(self.path(path), content)

    def copy(self, source: PurePosixPath, target: PurePosixPath, content: bytes) -> None:
        """Make a hard link, or a copy where that cannot be."""
        full = self.path(target)
        full.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(full)
        try:
            temporary.unlink(missing_ok=True)
            temporary.hardlink_to(self.path(source))
            temporary.replace(full)
        except OSError:
            # A file system without hard links, or one inode's links used up: a copy will do.
            temporary.unlink(missing_ok=True)
            write_whole(full, content)

    def delete(self, path: PurePosixPath) -> bool:
        """Remove a file and the folders that it leaves empty; say whether it was there."""
        full = self.path(path)
        try:
            full.unlink()
        except FileNotFoundError:
            return False
        for folder in full.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except OSError:
                break
        return True

    def find(self, folder: str, *, stamped: bool = False) -> Iterator[Found]:
        """List the files at any depth below a folder, sorted; one scan for each folder."""
        return self._found(PurePosixPath(folder), _MAX_DEPTH, stamped)

    def _found(self, folder: PurePosixPath, depth: int, stamped: bool) -> Iterator[Found]:
        with _scanned(self._root / folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = folder / entry.name
                # A file may go while it is looked at.
                with suppress(FileNotFoundError):
                    if not entry.is_dir():
                        yield Found(path, _stamp(entry.stat()) if stamped else "")
                    elif depth:
                        yield from self._found(path, depth - 1, stamped)

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders right below a folder, sorted."""
        with _scanned(self._root / folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())

    @contextmanager
    def lock(self, name: PurePosixPath, timeout: float | None = None) -> Generator[None]:
        """Hold a lock file; a killed holder's lock is free at once."""
        timeout = LOCK_TIMEOUT_SECONDS if timeout is None else timeout
        file = self._root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(file, is_singleton=True)
        try:
            lock.acquire(timeout=timeout)
        except filelock.Timeout as error:
            raise LakeBusyError(
                f"{name.stem.strip('.')}: another process has held the lock {lock.lock_file} for "
                f"{timeout:.0f} s; wait for it or stop it, then run again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def forget_lock(self, name: PurePosixPath) -> None:
        """Remove the lock file."""
        (self._root / name).unlink(missing_ok=True)

    def undisturbed(
        self, work: Callable[[Files], T], lock: PurePosixPath | None, *, several: bool = False
    ) -> T:
        """Do work once, under the lock."""
        if lock is None:
            return work(self)
        with self.lock(lock):
            return work(self)

    def together(self, look: Callable[[K], T], items: Iterable[K]) -> list[T]:
        """Look at one thing after another: a file that is here keeps nobody waiting."""
        return [look(item) for item in items]

    def sweep(self) -> int:
        """Remove temporary files that killed writers left behind; return how many."""
        removed = 0
        for lock in list((self._root / _LOCKS).glob("*.lock")):
            with self.lock(PurePosixPath(_LOCKS, lock.name)):
                for pattern in (
                    f"*/*/.{lock.stem}.json.tmp",
                    f"images/{lock.stem}/.*.tmp",
                    f"quarantine/*/{lock.stem}/.*.tmp",
                ):
                    for file in list(self._root.glob(pattern)):
                        file.unlink(missing_ok=True)
                        removed += 1
        return removed

    def check(self) -> None:
        """Find out whether the folder, or the one that it would be made in, can be written."""
        there = next(folder for folder in (self._root, *self._root.parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise SettingError(
                f"{there} cannot be written: make it writable, or set MEDWH_LAKE to another folder"
            )


@contextmanager
def _scanned(folder: Path) -> Generator[Iterator[os.DirEntry[str]]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        yield iter(())
        return
    with entries:
        yield entries


def _stamp(facts: os.stat_result) -> str:
    return f"{facts.st_mtime_ns}-{facts.st_size}"


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def write_whole(path: Path, content: bytes) -> None:
    """Write a local file so that it is there whole or not at all, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    # A file of that name may be a hard link of another image: never write through it.
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        # A full disk should not be kept full by what did not fit on it.
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
