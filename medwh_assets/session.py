"""What every command that works needs: server up, database set up, instance open, dead runs buried."""

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import dagster as dg
from pydantic import SecretStr

from medwh_assets.automation.dead_runs import bury_dead_runs
from medwh_assets.automation.plan import refresh_window
from medwh_assets.errors import SettingError
from medwh_assets.home import log_to_file, open_instance, prepare_home
from medwh_assets.lake.store import Lake
from medwh_assets.resources import Places, detector_of, places_of, sample_of
from medwh_assets.serve import Addresses
from medwh_assets.settings import DetectionSettings, LakeSettings, PostgresSettings, ServeSettings
from medwh_assets.stage_runner import Recorder, RunResult, Selection, StageRunner, Watcher
from medwh_assets.warehouse.report import Report, read_report
from medwh_assets.warehouse.resource import Warehouse

LOGGER = logging.getLogger("medwh")


@dataclass(frozen=True, slots=True)
class Session:
    """An open pipeline: settings, places, lake, warehouse and Dagster instance."""

    settings: LakeSettings
    places: Places
    lake: Lake
    warehouse: Warehouse
    instance: dg.DagsterInstance

    def daily(self, today: date) -> Selection:
        """Return what a run without arguments reads again: live channels, yesterday and before."""
        days = refresh_window(self.settings.channels, today, self.settings.refresh_days)
        return Selection(read=tuple(days))

    def asked(self, bounds: Selection) -> Selection:
        """Return a selection that reads again whatever lies within bounds and can be read.

        That is every slice in the lake, and of the channels that are named every day that the
        recorded source has.

        Raises:
            SettingError: a channel is named that nothing is known of.
        """
        sample = sample_of(self.settings)
        known = {*self.lake.channels(), *sample.channels(), *self.settings.channels}
        if unknown := sorted(bounds.channels - known):
            raise SettingError(
                f"nothing is known of {', '.join(unknown)}: a channel comes in by `medwh import`, or "
                f"by MEDWH_CHANNELS. Known are {', '.join(sorted(known)) or 'none'}"
            )
        recorded = [s for s in sample.days() if s.channel in bounds.channels]
        read = {piece for piece in (*self.lake.slices(), *recorded) if bounds.covers(piece)}
        return replace(bounds, read=tuple(sorted(read)))

    def report(self) -> Report | None:
        """Read what the marts hold, or None if they have never been built."""
        with self.warehouse.connect("medwh_transformer") as connection:
            return read_report(connection)

    def run(
        self,
        selection: Selection,
        watcher: Watcher,
        *,
        detect: bool = True,
        full_refresh: bool = False,
    ) -> RunResult:
        """Work on everything that is due within a selection, stage by stage, then build.

        Args:
            selection: which slices, and which of them to read again.
            watcher: is shown the stages and slices as they go by.
            detect: False leaves detections out, where no detector is installed.
            full_refresh: whether the models are built from nothing, even if no load waits.
        """
        self._take_out_renamed()
        runner = self._runner(watcher)
        return _logged(runner.run(selection, detect=detect, full_refresh=full_refresh))

    def _take_out_renamed(self) -> None:
        """Empty `raw` of channels that were loaded as `c<id>` and have got a name in the lake since."""
        loaded = {*self.warehouse.loaded_messages(), *self.warehouse.loaded_detections()}
        there = set(self.lake.channels())
        nameless = {s.channel for s in loaded if re.fullmatch(r"c[0-9]+", s.channel)} - there
        if nameless:
            renamed = nameless & {f"c{channel_id}" for channel_id in self.lake.channel_ids()}
            self.warehouse.remove(sorted(s for s in loaded if s.channel in renamed))

    def bury_dead_runs(self) -> None:
        """Mark the runs as failed whose process is gone, and free what they held."""
        for run_id in bury_dead_runs(self.instance):
            LOGGER.warning("run %s was left by a dead process; marked as failed", run_id)

    def build(self, watcher: Watcher) -> RunResult:
        """Bring what is loaded and not yet built into the marts, and touch no slice."""
        return _logged(self._runner(watcher).build())

    def _runner(self, watcher: Watcher) -> StageRunner:
        from medwh_assets.definitions import build_defs

        recorder = Recorder(watcher)
        return StageRunner(
            build_defs(progress=recorder),
            self.instance,
            self.lake,
            self.warehouse,
            lambda: detector_of(DetectionSettings(), self.places).fingerprint,
            recorder,
        )


def _logged(result: RunResult) -> RunResult:
    for stage, what, reason in result.failures:
        LOGGER.error("%s %s: %s", stage, what, reason)
    return result


def addresses() -> Addresses:
    """Return where the UI and the API are to listen."""
    settings = ServeSettings()
    return Addresses(settings.ui_host, settings.ui_port, settings.api_host, settings.api_port)


def warehouse_of(settings: LakeSettings) -> Warehouse:
    """Return the warehouse that the settings mean."""
    password: SecretStr | None = ServeSettings().api_db_password
    return Warehouse(PostgresSettings(), places_of(settings).state, password)


@contextmanager
def open_session() -> Generator[Session]:
    """Open a session; at the end an embedded server stops unless others use it.

    Raises:
        SettingError: a setting is missing or impossible.
        PrivilegeError: the database role lacks a right.
        DatabaseUnreachableError: the server does not answer or start.
    """
    settings = LakeSettings()
    places = places_of(settings)
    log_to_file(places)
    warehouse = warehouse_of(settings)
    with warehouse.running():
        database = warehouse.ensure()
        prepare_home(places, database.dagster.sqlalchemy_url, warehouse.dbt_environment())
        lake = Lake.of(settings)
        with open_instance() as instance:
            session = Session(settings, places, lake, warehouse, instance)
            session.bury_dead_runs()
            lake.sweep()
            yield session
