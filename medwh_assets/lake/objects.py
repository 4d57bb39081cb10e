"""A lake's files in an object store: every write is one PUT on condition of what was read."""

import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import PurePosixPath
from typing import Final

from medwh_assets.errors import LakeBusyError, SettingError
from medwh_assets.lake import lease
from medwh_assets.lake.files import LOCK_TIMEOUT_SECONDS, Files, Found, K, T
from medwh_assets.lake.object_store import ABSENT, ConflictError, ObjectStore

_READERS: Final = 16
_TRIES: Final = 50
_LONGEST_PAUSE_SECONDS: Final = 1.0
# So much of what one piece of work has read is kept for when it reads it again.
_MAX_KEPT_BYTES: Final = 64 * 2**20


class _Seen:
    """What one piece of work has read and written: the versions, and some of the contents."""

    def __init__(self) -> None:
        self.versions: dict[PurePosixPath, str] = {}
        self.contents: dict[PurePosixPath, bytes | None] = {}
        # What was not written because it held the right bytes already.
        self.found_right: set[PurePosixPath] = set()
        self.wrote = False
        self._kept = 0
        # An import's writers are several threads.
        self._lock = threading.Lock()

    def keep(self, path: PurePosixPath, version: str, content: bytes | None) -> None:
        size = len(content or b"")
        with self._lock:
            self.versions[path] = version
            self._kept -= len(self.contents.pop(path, None) or b"")
            if self._kept + size <= _MAX_KEPT_BYTES:
                self.contents[path] = content
                self._kept += size


class ObjectFiles:
    """Files as objects of a store.

    Args:
        store: where they are.
        seen: what the work that these files are for has read; None outside of such work.
        lock: the name that is held meanwhile, if one is.
    """

    def __init__(
        self, store: ObjectStore, seen: _Seen | None = None, lock: PurePosixPath | None = None
    ) -> None:
        """Remember the store; it is not asked before the first use."""
        self._store = store
        self._seen = seen
        self._lock = lock

    @property
    def url(self) -> str:
        """The root, for people."""
        return self._store.url

    @property
    def folder(self) -> None:
        """None: the files are not on this machine."""
        return None

    def read(self, path: PurePosixPath, most: int | None = None) -> bytes | None:
        """Return an object's bytes, or None if it is not there; in one piece of work always the same.

        Raises:
            ConflictError: in work, where another writer has come between two reads.
        """
        seen = self._seen
        if seen is None or most is not None:
            found = self._store.get(str(path), most)
            return None if found is None else found[0]
        if path in seen.contents:
            return seen.contents[path]
        content, version = self._store.get(str(path)) or (None, ABSENT)
        if seen.versions.get(path, version) != version:
            raise ConflictError(str(path))
        seen.keep(path, version, content)
        return content

    def exists(self, path: PurePosixPath) -> bool:
        """Whether the object is there."""
        if self._seen is not None:
            return self.read(path) is not None
        return self._store.version(str(path)) != ABSENT

    def write(self, path: PurePosixPath, content: bytes) -> bool:
        """Write an object if it is still as this work has read it, unless it holds these bytes.

        Raises:
            ConflictError: it is not, so the work is to be done again.
            LakeBusyError: another process has taken the work's lock over.
        """
        if self.read(path) == content:
            if self._seen is not None:
                self._seen.found_right.add(path)
            return False
        seen, expected = self._expected(path)
        seen.wrote = True
        seen.keep(path, self._store.put(str(path), content, expected), content)
        return True

    def put(self, path: PurePosixPath, content: bytes) -> None:
        """Write an object without a condition: of several writers the last one stands."""
        self._store.put(str(path), content)

    def copy(self, source: PurePosixPath, target: PurePosixPath, content: bytes) -> None:
        """Let the store copy an object, if the target is still as this work has read it.

        Raises:
            ConflictError: it is not, or the source is gone; so the work is to be done again.
        """
        seen, expected = self._expected(target)
        seen.wrote = True
        seen.keep(target, self._store.copy(str(source), str(target), expected), content)

    def _expected(self, path: PurePosixPath) -> tuple[_Seen, str]:
        seen = self._seen
        if seen is None:
            raise RuntimeError(f"{path} is written outside of undisturbed work")
        if self._lock is not None:
            lease.check(self._store, str(self._lock))
        if path not in seen.versions:
            seen.versions[path] = self._store.version(str(path))
        return seen, seen.versions[path]

    def delete(self, path: PurePosixPath) -> bool:
        """Remove an object; say whether it was there."""
        there = self.exists(path)
        if there:
            self._store.delete(str(path))
            if self._seen is not None:
                self._seen.keep(path, ABSENT, None)
        return there

    def find(self, folder: str, *, stamped: bool = False) -> Iterator[Found]:
        """List the objects below a folder, sorted; one request for each thousand."""
        for key, version in self._store.find(f"{folder}/"):
            yield Found(PurePosixPath(key), version)

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders right below a folder, sorted."""
        return self._store.folders(f"{folder}/")

    @contextmanager
    def lock(self, name: PurePosixPath, timeout: float | None = None) -> Generator[None]:
        """Hold a lease; a killed holder's is free at once on its machine, else in some seconds."""
        timeout = LOCK_TIMEOUT_SECONDS if timeout is None else timeout
        with lease.held(self._store, str(name), name.stem, timeout):
            yield

    def forget_lock(self, name: PurePosixPath) -> None:
        """Do nothing: somebody may be taking the lease at this moment, and its object is small."""

    def undisturbed(
        self, work: Callable[[Files], T], lock: PurePosixPath | None, *, several: bool = False
    ) -> T:
        """Do work, and again from its reads on where another writer came between."""
        if self._seen is not None:
            # A part of work that is under way: all of that will be done again.
            return work(self)
        with self.lock(lock) if lock is not None and several else nullcontext():
            for attempt in range(_TRIES):
                try:
                    seen = _Seen()
                    result = work(ObjectFiles(self._store, seen, lock))
                    self._check_still_right(seen)
                    return result
                except ConflictError:
                    # Not a secret: it keeps two writers from meeting in step.
                    longest = min(0.02 * 2**attempt, _LONGEST_PAUSE_SECONDS)
                    time.sleep(random.uniform(0, longest))  # noqa: S311
        raise LakeBusyError(
            f"{self.url}: others wrote in between {_TRIES} times over; run again when they are done"
        )

    def _check_still_right(self, seen: _Seen) -> None:
        """See to it that what was not written fits what was: no condition has stood for it.

        Of two writers that each left the other's object alone, the later one notices.

        Raises:
            ConflictError: it does not, so the work is to be done again.
        """
        for path in seen.found_right if seen.wrote else ():
            if self._store.version(str(path)) != seen.versions[path]:
                raise ConflictError(str(path))

    def together(self, look: Callable[[K], T], items: Iterable[K]) -> list[T]:
        """Look at some things at once: an answer takes 20 ms, nearly all of it on the way."""
        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(look, items))

    def sweep(self) -> int:
        """Return 0: an object is there whole or not at all."""
        return 0

    def check(self) -> None:
        """Write a small object, see whether conditions are kept, and remove it.

        Raises:
            SettingError: they are not, so two writers would undo each other's work.
        """
        key = f".locks/check-{time.time_ns()}-{random.getrandbits(32):08x}"
        version = self._store.put(key, b"1", ABSENT)
        try:
            honest = self._keeps_out(key, ABSENT)
            if honest:
                self._store.put(key, b"2", version)
                honest = self._keeps_out(key, version)
        except ConflictError:
            honest = False
        finally:
            self._store.delete(key)
        if not honest:
            raise SettingError(
                f"{self.url} does not keep to the conditions of writes (If-Match, If-None-Match), so "
                "two writers would undo each other's work: set MEDWH_LAKE to a store that does"
            )

    def _keeps_out(self, key: str, expected: str) -> bool:
        try:
            self._store.put(key, b"3", expected)
        except ConflictError:
            return True
        return False
