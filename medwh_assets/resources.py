"""Wiring: which object stands behind each resource's name. Nothing is opened or loaded here.

Resources are plain objects rather than Dagster configuration, so that no secret can reach a run's
configuration, a log or the UI. Those that load something heavy are made when a step asks for them.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from medwh_assets.dbt.resource import OfflineDbtResource, export_connection, offline_dbt, prune_runs
from medwh_assets.detection.yolo import UltralyticsDetector
from medwh_assets.lake.store import Lake
from medwh_assets.settings import DetectionSettings, LakeSettings, PostgresSettings
from medwh_assets.slice_asset import SilentProgress
from medwh_assets.telegram.reading import SourceDirectory
from medwh_assets.telegram.recorded_source import RecordedSource
from medwh_assets.warehouse.resource import Warehouse


@dataclass(frozen=True, slots=True)
class Places:
    """Folders below the state folder, all absolute."""

    state: Path

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: the instance's configuration and its local files."""
        return self.state / "dagster"

    @property
    def dbt_target(self) -> Path:
        """Dbt's manifest, and below it one folder per invocation."""
        return self.state / "dbt"

    @property
    def cache(self) -> Path:
        """What may be deleted at any time."""
        return self.state / "cache"

    @property
    def logs(self) -> Path:
        """Rotating logs of commands and services."""
        return self.state / "logs"


def places_of(settings: LakeSettings) -> Places:
    """Return the folders that the settings mean, seen from the current folder."""
    return Places(settings.state.expanduser().resolve())


def sample_of(settings: LakeSettings) -> RecordedSource:
    """Return the bundled sample as a source."""
    return RecordedSource(settings.sample.expanduser().resolve() / "recording")


def detector_of(settings: DetectionSettings, places: Places) -> UltralyticsDetector:
    """Return the configured detector; torch is loaded with the first image.

    Raises:
        WeightsError: the weights are missing or unreadable.
        SettingError: the `detection` extra is not installed.
    """
    return UltralyticsDetector(settings, places.cache)


def default_resources(settings: LakeSettings, dbt_project: Path) -> dict[str, object]:
    """Return every resource by its name, as the settings say."""
    places = places_of(settings)
    warehouse = Warehouse(PostgresSettings(), places.state)

    def detector(_: dg.InitResourceContext) -> UltralyticsDetector:
        return detector_of(DetectionSettings(), places)

    @contextmanager
    def dbt(_: dg.InitResourceContext) -> Generator[OfflineDbtResource]:
        export_connection(warehouse.dbt_environment(), places.dbt_target)
        yield offline_dbt(dbt_project)
        prune_runs(places.dbt_target)

    return {
        "lake": Lake.of(settings),
        "sources": SourceDirectory([sample_of(settings)]),
        "detector": dg.ResourceDefinition(detector),
        "warehouse": warehouse,
        "builds": warehouse,
        "dbt": dg.ResourceDefinition(dbt),
        "progress": SilentProgress(),
    }
