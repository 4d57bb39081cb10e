"""An import as the command does it, without a terminal."""

from collections.abc import Mapping
from pathlib import Path

from medwh_assets.imports.intake import import_dump
from medwh_assets.imports.opening import opened, working_folder
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.lake.store import Lake
from tests.factories import moment

NOW = moment("2025-07-12 00:00")


class Silent:
    """A watcher that looks away."""

    def stage(self, name: str, total: int) -> None:
        """Ignore it."""

    def advance(self, number: int = 1) -> None:
        """Ignore it."""


def bring_in(lake: Lake, path: Path, chats: Mapping[str, str] | None = None) -> ImportSummary:
    """Import a path into a lake; archives are unpacked beside the lake."""
    state = lake.root.parent / "state"
    with opened(path, lake, state, chats or {}, Silent()) as found:
        return import_dump(lake, found, now=NOW, watcher=Silent(), folder=working_folder(state))
