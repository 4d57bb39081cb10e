"""Where the lake's files lie, as the lake sees it: one port, a disk and object stores behind it.

All that is written above this port is the same wherever the lake lies. Paths are relative to the
lake, so none of them says where that is.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

K = TypeVar("K")
T = TypeVar("T")

LOCK_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A file of a listing.

    Attributes:
        path: where it lies, relative to the lake.
        stamp: differs once the file has been written anew with other content; on a disk made of the
            time of the last write and the size, on object stores the ETag. May be empty where it
            was not asked for.
    """

    path: PurePosixPath
    stamp: str


class Files(Protocol):
    """The files below a lake's root. A write is whole: a reader sees the old file or the new one.

    Every call may raise `LakeUnreachableError` or `SettingError` where the files are far away.
    """

    @property
    def url(self) -> str:
        """The root, for people."""
        ...

    @property
    def folder(self) -> Path | None:
        """The root as a folder of this machine, or None if it is none."""
        ...

    def read(self, path: PurePosixPath, most: int | None = None) -> bytes | None:
        """Return a file's bytes, or None if it is not there.

        Args:
            path: which.
            most: with this, no more than so many bytes and one are read.

        Raises:
            CorruptSliceError: a folder has that name.
            LakePathError: a link on the way leaves the lake.
        """
        ...

    def exists(self, path: PurePosixPath) -> bool:
        """Whether something lies there."""
        ...

    def write(self, path: PurePosixPath, content: bytes) -> bool:
        """Write a file, in undisturbed work, unless it holds these bytes; say if it was written."""
        ...

    def put(self, path: PurePosixPath, content: bytes) -> None:
        """Write a file that others may be writing too; the last one stands."""
        ...

    def copy(self, source: PurePosixPath, target: PurePosixPath, content: bytes) -> None:
        """Write a file whose content lies elsewhere in the lake already, without its weight.

        Args:
            source: where the same content was found.
            target: where it is to lie too.
            content: for where there is no cheap copy.
        """
        ...

    def delete(self, path: PurePosixPath) -> bool:
        """Remove a file, and folders that it leaves empty; say whether it was there."""
        ...

    def find(self, folder: str, *, stamped: bool = False) -> Iterator[Found]:
        """List the files at any depth below a folder, sorted.

        Args:
            folder: relative to the lake.
            stamped: whether the stamps are wanted, which cost a look at every file of a disk.
        """
        ...

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders right below a folder, sorted."""
        ...

    def lock(
        self, name: PurePosixPath, timeout: float | None = None
    ) -> AbstractContextManager[None]:
        """Hold a name, across threads and processes; its holder may ask for it again.

        Args:
            name: by which others know it too.
            timeout: seconds that it is waited for; two minutes unless told.

        Raises:
            LakeBusyError: another process held it all the while.
        """
        ...

    def forget_lock(self, name: PurePosixPath) -> None:
        """Remove what a lock that nobody will need again has left."""
        ...

    def undisturbed(
        self, work: Callable[["Files"], T], lock: PurePosixPath | None, *, several: bool = False
    ) -> T:
        """Do work as if nobody else wrote what it reads and writes, and return its result.

        On a disk it is done once, under the lock. On an object store every write succeeds only if
        its object is as the work has read it; where it is not, the work is done again. Such work
        must read a slice's manifest before its data, and be the same when it is repeated.

        Args:
            work: reads and writes by the files that it is given.
            lock: which name is held meanwhile; None if one file is all that is written.
            several: whether it writes several slices, so that one object's condition does not do.

        Raises:
            LakeBusyError: others held the lock, or wrote in between again and again.
        """
        ...

    def together(self, look: Callable[[K], T], items: Iterable[K]) -> list[T]:
        """Look at many things; at several at once where most of that is waiting for an answer.

        Args:
            look: reads only.
            items: what it is given, one by one.

        Returns:
            What it found, in the items' order.
        """
        ...

    def sweep(self) -> int:
        """Remove temporary files that killed writers left behind; return how many."""
        ...

    def check(self) -> None:
        """Find out whether files can be written here.

        Raises:
            SettingError: they cannot, and what to set.
        """
        ...
