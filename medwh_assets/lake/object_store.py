"""An object store as the lake needs it: whole objects, versions, and writes with a condition."""

from collections.abc import Iterator
from typing import Final, Protocol

ABSENT: Final = ""
"""The version of an object that is not there."""


class ConflictError(Exception):
    """An object is not, or not any more, as the writer has read it. Never leaves the lake."""


class ObjectStore(Protocol):
    """Objects by key, below one root.

    Every call may raise `LakeUnreachableError`, if the store did not answer, and `SettingError`, if
    it refused.
    """

    @property
    def url(self) -> str:
        """The root, for people."""
        ...

    def get(self, key: str, most: int | None = None) -> tuple[bytes, str] | None:
        """Return an object's content and version, or None if it is not there.

        Args:
            key: which.
            most: with this, no more than so many bytes and one are read.
        """
        ...

    def version(self, key: str) -> str:
        """Return an object's version, or `ABSENT`."""
        ...

    def put(self, key: str, content: bytes, expected: str | None = None) -> str:
        """Write an object and return its new version.

        Args:
            key: which.
            content: all of it.
            expected: the version that it must have, perhaps `ABSENT`; None for any.

        Raises:
            ConflictError: it has another version.
        """
        ...

    def copy(self, source: str, target: str, expected: str) -> str:
        """Write an object as a copy of another, inside the store; return its version.

        Args:
            source: the other one's key.
            target: which.
            expected: the version that the target must have, perhaps `ABSENT`.

        Raises:
            ConflictError: it has another version, or the source is gone.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...

    def find(self, prefix: str) -> Iterator[tuple[str, str]]:
        """List keys that begin with a prefix, sorted, with their versions."""
        ...

    def folders(self, prefix: str) -> list[str]:
        """List what keys have between a prefix and the next slash, sorted."""
        ...
