"""Refused records on their way to the quarantine, gathered so that a bad file is a few entries."""

import json
from collections import defaultdict

from pydantic import JsonValue

from medwh_assets.imports.found import Refused
from medwh_assets.lake.store import Lake

# Records of one file and one reason that share an entry, and about how long that may be.
_TOGETHER = 1_000
_CHARACTERS = 2**20


class Refusals:
    """Refused records of one file.

    Args:
        lake: whose quarantine they go to.
        file: the file's path below the dump's root.
    """

    def __init__(self, lake: Lake, file: str) -> None:
        """Begin with none."""
        self._lake = lake
        self._file = file
        self._waiting: defaultdict[tuple[str, str], list[JsonValue]] = defaultdict(list)
        self._length: defaultdict[tuple[str, str], int] = defaultdict(int)

    def add(self, refused: Refused) -> None:
        """Take a record; it is written with others, or when `write` is called."""
        key = (refused.channel or "unknown", refused.reason)
        try:
            length = len(json.dumps(refused.raw))
        except (ValueError, RecursionError):
            length = _CHARACTERS
        if self._length[key] and self._length[key] + length > _CHARACTERS:
            self._flush(key)
        self._waiting[key].append(refused.raw)
        self._length[key] += length
        if len(self._waiting[key]) >= _TOGETHER:
            self._flush(key)

    def write(self) -> None:
        """Write what waits."""
        for key in list(self._waiting):
            self._flush(key)

    def _flush(self, key: tuple[str, str]) -> None:
        channel, reason = key
        records = self._waiting.pop(key)
        del self._length[key]
        what: dict[str, JsonValue] = (
            {"record": records[0]} if len(records) == 1 else {"records": records}
        )
        self._lake.quarantine("posts", channel, reason, {"file": self._file, **what})
