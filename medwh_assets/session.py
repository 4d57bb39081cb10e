"""What every command that works needs: server up, database set up, instance open, dead runs buried."""

import logging
import re
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import dagster as dg
from pydantic import SecretStr

from medwh_assets.automation.checks import blocked
from medwh_assets.automation.dead_runs import bury_dead_runs
from medwh_assets.automation.window import daily_window, still_to_read
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import SettingError
from medwh_assets.home import log_to_file, make_pools, open_instance, prepare_home
from medwh_assets.lake.store import Lake
from medwh_assets.resources import (
    Live,
    Places,
    detector_of,
    extractor_of,
    live_of,
    places_of,
    sample_of,
    window_of,
)
from medwh_assets.serve import Addresses
from medwh_assets.settings import (
    DetectionSettings,
    ExtractionSettings,
    LakeSettings,
    PostgresSettings,
    ServeSettings,
)
from medwh_assets.slices import DayRun, Slice
from medwh_assets.stage_runner import Recorder, RunResult, Selection, StageRunner, Watcher
from medwh_assets.telegram.reading import SourceDirectory
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
    live: Live

    def daily(self, today: date) -> Selection:
        """Return what a run without arguments reads again: live channels, yesterday and before.

        And what earlier runs were to read and have not.
        """
        days = self._window(self.settings.channels, today)
        return Selection(read=tuple(sorted({*days, *self.live.rest()})))

    def newest(self, channels: frozenset[str], today: date) -> Selection:
        """Return a selection for a first try, in which the newest days are found by reading.

        Args:
            channels: live channels; all of them if empty.
            today: where to begin, going back.

        Raises:
            SettingError: none of the channels is read live.
        """
        chosen = [name for name in self.live.channels if not channels or name in channels]
        if not chosen or channels - set(chosen):
            why = self.live.missing or "MEDWH_CHANNELS does not name them"
            raise SettingError(f"--limit is for channels that are read live: {why}")
        return Selection(tuple(Slice(name, today) for name in chosen), frozenset(chosen))

    def _window(self, channels: Iterable[str], today: date) -> list[Slice]:
        return daily_window(self.lake, channels, today, window_of(self.settings))

    def asked(
        self,
        bounds: Selection,
        today: date,
        since: date | None = None,
        *,
        again: bool = False,
    ) -> Selection:
        """Return a selection that reads whatever lies within bounds and can be read.

        That is every slice in the lake; of the channels that are named every day that the recorded
        source has; and of live channels every day since the one that is named, else the days that a
        daily run reads. A live channel's older days that were read whole are left out.

        Args:
            bounds: which channels and days.
            today: the last day that can be read.
            since: the first day, if one is named.
            again: whether those are read too.

        Raises:
            SettingError: a channel is named that nothing is known of, or a last day alone, which
                does not tell how far back live channels are to be read.
        """
        sample = sample_of(self.settings)
        known = {*self.lake.channels(), *sample.channels(), *self.settings.channels}
        if unknown := sorted(bounds.channels - known):
            raise SettingError(
                f"nothing is known of {', '.join(unknown)}: a channel comes in by `medwh import`, or "
                f"by MEDWH_CHANNELS. Known are {', '.join(sorted(known)) or 'none'}"
            )
        found = [*self.lake.slices()]
        found += [s for s in sample.days() if s.channel in bounds.channels]
        live = [
            name for name in self.live.channels if not bounds.channels or name in bounds.channels
        ]
        if since is None and live and bounds.last < today:
            raise SettingError(
                f"--to needs --from where live channels are read ({', '.join(live)}): name the first "
                "day too, or other channels with --channel"
            )
        daily = self._window(live, today)
        if since is None:
            found += daily
        else:
            first = max(since, self.settings.start_date)
            found += [s for name in live for s in DayRun(name, first, today).slices()]
        read = {piece for piece in found if bounds.covers(piece)}
        if not again:
            of_live = {piece for piece in read if piece.channel in live}
            read = (read - of_live).union(still_to_read(self.lake, of_live, frozenset(daily)))
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
        newest: int | None = None,
    ) -> RunResult:
        """Work on everything that is due within a selection, stage by stage, then build.

        Args:
            selection: which slices, and which of them to read again.
            watcher: is shown the stages and slices as they go by.
            detect: False leaves detections out, where no detector is installed.
            full_refresh: whether the models are built from nothing, even if no load waits.
            newest: of live channels read only the newest days that hold so many posts.
        """
        self._take_out_renamed()
        runner = self._runner(watcher, newest)
        return _logged(runner.run(selection, detect=detect, full_refresh=full_refresh))

    def tell_not_live(self, selection: Selection, result: RunResult) -> None:
        """Add to a run's result what should have been read live and was not.

        Args:
            selection: what the run was about.
            result: how it went.
        """
        recorded = sample_of(self.settings).channels()
        wanted = [
            name
            for name in self.settings.channels
            if name not in recorded and (not selection.channels or name in selection.channels)
        ]
        if wanted and (missing := self.live.missing) is not None:
            before = {note.channel for note in self.live.statuses() if note.last_ok_at is not None}
            tell_not_live(result, wanted, missing, before)

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

    def _runner(self, watcher: Watcher, newest: int | None = None) -> StageRunner:
        from medwh_assets.dbt.project import models_sha256
        from medwh_assets.definitions import DBT_PROJECT, build_defs

        recorder = Recorder(watcher)
        # The stages are runs of their own and observe under one time: that of the command.
        started = datetime.now(UTC).replace(microsecond=0)

        @contextmanager
        def sources(_: dg.InitResourceContext) -> Generator[SourceDirectory]:
            with self.live.sources(started, newest=newest, on_wait=recorder.waiting) as directory:
                yield directory

        def detector(_: dg.InitResourceContext) -> YoloDetector:
            return detector_of(DetectionSettings(), self.places, recorder.waiting)

        return StageRunner(
            build_defs(
                progress=recorder,
                sources=dg.ResourceDefinition(sources),
                detector=dg.ResourceDefinition(detector),
            ),
            self.instance,
            self.lake,
            self.warehouse,
            lambda: detector_of(DetectionSettings(), self.places).model,
            lambda: extractor_of(ExtractionSettings(), self.places, DBT_PROJECT).version,
            lambda: models_sha256(DBT_PROJECT),
            recorder,
            lambda: blocked(self.warehouse.facts, self.lake),
        )


def _logged(result: RunResult) -> RunResult:
    for stage, what, reason in result.failures:
        LOGGER.error("%s %s: %s", stage, what, reason)
    return result


def tell_not_live(
    result: RunResult, wanted: Collection[str], missing: str, before: Collection[str]
) -> None:
    """Say that channels are not read live; it is a failure if they have been before.

    Args:
        result: how the run went.
        wanted: the channels that should be read live.
        missing: what hinders it, and what to do.
        before: the channels that have been read live at some time.
    """
    result.not_live = f"{', '.join(wanted)}: {missing}"
    if lapsed := [name for name in wanted if name in before]:
        what = f"{', '.join(lapsed)}: read live before, and not any more"
        result.failures.append(("Telegram", what, missing))


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
            live = live_of(settings, warehouse)
            session = Session(settings, places, lake, warehouse, instance, live)
            session.bury_dead_runs()
            make_pools(instance, places)
            lake.sweep()
            yield session
