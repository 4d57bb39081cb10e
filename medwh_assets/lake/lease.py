"""Names that one process at a time may hold, as objects in the store itself.

A lease is taken and given back by conditional writes of one small object, and its holder writes it
anew every few seconds. Whoever waits takes it over once nothing has been written for so long that
the holder must be gone, measured by the waiter's own clock alone; on the holder's own machine at
once, if its process is dead.

The store is where the lease lives because the store is what it protects: imports and exports need
no database, and two machines may share a bucket and each have a database of its own. A lease cannot
keep out a holder that was stopped for long and goes on: what he writes is refused by the
conditions on the objects themselves.
"""

import json
import os
import random
import threading
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, cast

from medwh_assets.errors import LakeBusyError, LakeUnreachableError
from medwh_assets.lake.object_store import ABSENT, ConflictError, ObjectStore
from medwh_assets.run_process import HOST_TAG, is_dead, process_started, process_tags, this_host

BEAT_SECONDS: Final = 4.0
EXPIRY_SECONDS: Final = 16.0
_POLL_SECONDS: Final = (0.05, 0.8)
_FREE: Final = b"{}\n"


@dataclass(slots=True)
class _Lease:
    """One name of one store, as this process holds it or not.

    Attributes:
        turn: which thread of this process has it.
        depth: how often that thread has asked for it.
        writing: held while the object is written.
        version: the object's, as this process wrote it last.
        beaten_at: when that was, by the monotonic clock.
        lost: whether another process has taken it over.
    """

    store: ObjectStore
    key: str
    turn: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0
    writing: threading.Lock = field(default_factory=threading.Lock)
    version: str = ABSENT
    token: str = ""
    beats: int = 0
    beaten_at: float = 0.0
    lost: bool = False


# Two lakes of one store in one process are one holder, as with files.
_LEASES: Final[dict[tuple[str, str], _Lease]] = {}
_REGISTRY: Final = threading.Lock()


def _lease(store: ObjectStore, key: str) -> _Lease:
    with _REGISTRY:
        return _LEASES.setdefault((store.url, key), _Lease(store, key))


@contextmanager
def held(store: ObjectStore, key: str, what: str, timeout: float) -> Generator[None]:
    """Hold a name; the thread that has it may ask for it again.

    Args:
        store: where the name is known.
        key: the object that stands for it.
        what: it in words.
        timeout: seconds that it is waited for.

    Raises:
        LakeBusyError: another thread or process held it all the while.
    """
    lease = _lease(store, key)
    deadline = time.monotonic() + timeout
    if not lease.turn.acquire(timeout=timeout):
        raise LakeBusyError(f"{what}: another part of this process has held it for {timeout:.0f} s")
    try:
        if lease.depth == 0:
            _take(lease, what, timeout, deadline)
        lease.depth += 1
        try:
            yield
        finally:
            lease.depth -= 1
            if lease.depth == 0:
                _give_back(lease)
    finally:
        lease.turn.release()


def check(store: ObjectStore, key: str) -> None:
    """See to it that a name that this process holds has not been taken over.

    Raises:
        LakeBusyError: it has.
    """
    lease = _lease(store, key)
    if lease.depth and lease.lost:
        raise LakeBusyError(
            f"{store.url}: this process did not reach the store for {EXPIRY_SECONDS:.0f} s, and "
            f"another one has taken {key} over; nothing is lost: run again"
        )


def _take(lease: _Lease, what: str, timeout: float, deadline: float) -> None:
    lease.token, lease.beats, lease.lost = uuid.uuid4().hex, 0, False
    seen, since = "", 0.0
    low, high = _POLL_SECONDS
    while True:
        found = lease.store.get(lease.key)
        holder = _holder(found[0] if found is not None else b"")
        version = found[1] if found is not None else ABSENT
        if holder.get("token") == lease.token:
            # It was written, and the answer was lost.
            lease.version, lease.beaten_at = version, time.monotonic()
            break
        if version != seen:
            seen, since = version, time.monotonic()
        gone = time.monotonic() - since >= EXPIRY_SECONDS
        if not holder or gone or is_dead(holder, this_host(), process_started):
            with suppress(ConflictError):
                _write(lease, version)
                break
        if time.monotonic() >= deadline:
            raise LakeBusyError(
                f"{what}: a process on {holder.get(HOST_TAG, 'another machine')} has held "
                f"{lease.store.url}/{lease.key} for {timeout:.0f} s; wait for it or stop it, then "
                "run again"
            )
        # Not a secret: it keeps two that wait from asking in step.
        time.sleep(min(random.uniform(low / 2, low), max(0, deadline - time.monotonic())))  # noqa: S311
        low = min(low * 1.5, high)
    _HEART.beat_for(lease)


def _holder(content: bytes) -> Mapping[str, str]:
    with suppress(ValueError):
        told: object = json.loads(content)
        if isinstance(told, dict):
            fields = cast(dict[str, object], told)
            return {name: str(value) for name, value in fields.items()}
    # What is no lease of ours is held by nobody.
    return {}


def _write(lease: _Lease, version: str) -> None:
    lease.beats += 1
    holder = {**process_tags(), "token": lease.token, "beat": str(lease.beats)}
    content = json.dumps(holder).encode() + b"\n"
    lease.version = lease.store.put(lease.key, content, version)
    lease.beaten_at = time.monotonic()


def _give_back(lease: _Lease) -> None:
    _HEART.stop_for(lease)
    # Whoever has taken it over, or cannot be reached, need not be told.
    with lease.writing, suppress(ConflictError, LakeUnreachableError):
        if not lease.lost:
            lease.store.put(lease.key, _FREE, lease.version)


class _Heart:
    """One thread that writes the leases of this process anew for as long as there are any."""

    def __init__(self) -> None:
        self._leases: dict[int, _Lease] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._pid = 0

    def beat_for(self, lease: _Lease) -> None:
        with self._lock:
            self._leases[id(lease)] = lease
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def stop_for(self, lease: _Lease) -> None:
        with self._lock:
            self._leases.pop(id(lease), None)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._changed.wait(BEAT_SECONDS / 4)
                due = [
                    lease
                    for lease in self._leases.values()
                    if time.monotonic() - lease.beaten_at >= BEAT_SECONDS and not lease.lost
                ]
            for lease in due:
                self._beat(lease)

    def _beat(self, lease: _Lease) -> None:
        with lease.writing:
            if not lease.depth:
                return
            try:
                try:
                    _write(lease, lease.version)
                except ConflictError:
                    lease.lost = not self._is_ours(lease)
            except Exception:  # noqa: BLE001 - the thread goes on: the store may be back in time
                lease.lost = time.monotonic() - lease.beaten_at >= EXPIRY_SECONDS

    @staticmethod
    def _is_ours(lease: _Lease) -> bool:
        """Whether the last beat was written and only its answer was lost."""
        found = lease.store.get(lease.key)
        if found is None or _holder(found[0]).get("token") != lease.token:
            return False
        lease.version, lease.beaten_at = found[1], time.monotonic()
        return True


_HEART: Final = _Heart()
