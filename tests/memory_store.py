"""An object store in memory, in which others may come between any two calls."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import RLock

from medwh_assets.lake.object_store import ABSENT, ConflictError

_numbers = count()


class MemoryStore:
    """Objects of one process; `before` is called ahead of every call, with its name and key."""

    def __init__(self) -> None:
        self.url = f"memory://{next(_numbers)}"
        self.objects: dict[str, bytes] = {}
        self.before: Callable[[str, str], None] = lambda call, key: None
        self._lock = RLock()

    def get(self, key: str, most: int | None = None) -> tuple[bytes, str] | None:
        self.before("get", key)
        content = self.objects.get(key)
        if content is None:
            return None
        return content if most is None else content[: most + 1], self._version(key)

    def version(self, key: str) -> str:
        self.before("version", key)
        return self._version(key)

    def put(self, key: str, content: bytes, expected: str | None = None) -> str:
        self.before("put", key)
        with self._lock:
            if expected is not None and self._version(key) != expected:
                raise ConflictError(key)
            self.objects[key] = content
            return self._version(key)

    def copy(self, source: str, target: str, expected: str) -> str:
        self.before("copy", target)
        if source not in self.objects or self._version(target) != expected:
            raise ConflictError(target)
        self.objects[target] = self.objects[source]
        return self._version(target)

    def delete(self, key: str) -> None:
        self.before("delete", key)
        self.objects.pop(key, None)

    def find(self, prefix: str) -> Iterator[tuple[str, str]]:
        self.before("find", prefix)
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        return iter([(key, self._version(key)) for key in keys])

    def folders(self, prefix: str) -> list[str]:
        self.before("folders", prefix)
        rest = (key.removeprefix(prefix) for key in self.objects if key.startswith(prefix))
        return sorted({name.split("/")[0] for name in rest if "/" in name})

    def _version(self, key: str) -> str:
        # As S3's ETag: equal contents have equal versions.
        content = self.objects.get(key)
        return ABSENT if content is None else hashlib.md5(content).hexdigest()

    def of_a_stranger(self) -> "MemoryStore":
        """Return the same objects for somebody whom no lease keeps out, and who keeps nobody out."""
        stranger = _Stranger()
        stranger.objects, stranger._lock = self.objects, self._lock
        return stranger

    def tree(self) -> dict[str, bytes]:
        """Every object but the leases, which are nobody's data."""
        return {key: self.objects[key] for key in sorted(self.objects) if not key.startswith(".")}

    @contextmanager
    def nth_call(self, number: int, what: Callable[[], None]) -> Iterator[Callable[[], bool]]:
        """Let something happen once, ahead of the nth call; tells whether there were so many."""
        left = number
        happened = False

        def before(call: str, key: str) -> None:
            nonlocal left, happened
            if left == 0:
                left, happened = -1, True
                self.before = lambda call, key: None
                what()
                return
            left -= 1

        self.before = before
        try:
            yield lambda: happened
        finally:
            self.before = lambda call, key: None


class _Stranger(MemoryStore):
    def get(self, key: str, most: int | None = None) -> tuple[bytes, str] | None:
        return super().get(_mine(key), most)

    def put(self, key: str, content: bytes, expected: str | None = None) -> str:
        return super().put(_mine(key), content, expected)


def _mine(key: str) -> str:
    return f".stranger{key}" if key.startswith(".locks/") else key
