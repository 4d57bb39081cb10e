"""Wiring: which object stands behind each resource's name. Nothing is opened or loaded here.

Resources are plain objects rather than Dagster configuration, so that no secret can reach a run's
configuration, a log or the UI. Those that load something heavy are made when a step asks for them.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from medwh_assets.automation.plan import load_due
from medwh_assets.automation.window import WindowSettings
from medwh_assets.dbt.resource import OfflineDbtResource, export_connection, offline_dbt, prune_runs
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.errors import AccountError
from medwh_assets.extraction.pepper import pepper_of
from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary
from medwh_assets.lake.store import Lake
from medwh_assets.logical_time import logical_time_of
from medwh_assets.settings import (
    DetectionSettings,
    ExtractionSettings,
    LakeSettings,
    LiveSettings,
    PostgresSettings,
    TelegramSettings,
)
from medwh_assets.slice_asset import SilentProgress
from medwh_assets.slices import Slice
from medwh_assets.telegram.login import credentials, find_session, session_file, session_name
from medwh_assets.telegram.reading import LiveAccount, SourceDirectory
from medwh_assets.telegram.recorded_source import RecordedSource
from medwh_assets.telegram.refusals import GET_CREDENTIALS, LOG_IN
from medwh_assets.telegram.telethon_source import TelethonSource, live_source
from medwh_assets.warehouse.account_state import (
    PATIENCE_SECONDS,
    ChannelNote,
    WarehouseAccountState,
)
from medwh_assets.warehouse.from_lake import Connector
from medwh_assets.warehouse.resource import Warehouse

# Told how many seconds a wait still takes, and why, for Telegram's again and again; at last 0.
Countdown = Callable[[float, str], None]
_ANOTHER_RUN = "another run reads Telegram with this account; waiting for it"


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
    def documentation(self) -> Path:
        """The page that `medwh docs` writes."""
        return self.state / "documentation"

    @property
    def models(self) -> Path:
        """Detectors that were trained here, a folder for each."""
        return self.state / "models"

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


def window_of(settings: LakeSettings) -> WindowSettings:
    """Return how far back a daily run reads live channels."""
    return WindowSettings(settings.refresh_days, settings.deep_refresh_days, settings.start_date)


def detector_of(
    settings: DetectionSettings, places: Places, on_wait: Countdown | None = None
) -> YoloDetector:
    """Return the configured detector; its engine is loaded with the first image.

    Args:
        settings: weights, options and engine.
        places: where the model's copy for the engine is kept.
        on_wait: told while that copy is made.

    Raises:
        WeightsError: the weights are missing or unreadable.
    """
    return YoloDetector(settings, places.cache, on_wait=on_wait or (lambda _, __: None))


def extractor_of(settings: ExtractionSettings, places: Places, dbt_project: Path) -> Extractor:
    """Return the reader of texts, with the vocabulary of dbt's seeds and the pepper.

    Raises:
        SettingError: a seed is malformed, or the pepper cannot be kept.
    """
    vocabulary = load_vocabulary(dbt_project / "seeds")
    return Extractor(vocabulary, pepper_of(settings.pii_pepper, places.state))


class ToldAccountState(WarehouseAccountState):
    """An account's memory that says so while it waits for another run to give the account back.

    Args:
        warehouse: where the tables are.
        session: a name of the session that tells nothing about it.
        on_wait: told every second of a wait, from another thread.
        patience_seconds: how long to wait while another run holds the account.
    """

    def __init__(
        self,
        warehouse: Connector,
        session: str,
        on_wait: Countdown,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Remember the place; nothing is opened."""
        super().__init__(warehouse, session, patience_seconds)
        self._on_wait = on_wait
        self._patience = patience_seconds

    @contextmanager
    def operation(self) -> Generator[None]:
        """Hold the account, as the memory does that this one is."""
        with ExitStack() as held:
            with self._told():
                held.enter_context(super().operation())
            yield

    def belongs_to(self, user_id: int) -> None:
        """Keep whose session this is; another session of the account may be reading."""
        with self._told():
            super().belongs_to(user_id)

    @contextmanager
    def _told(self) -> Generator[None]:
        over = threading.Event()
        began = time.monotonic()

        def tell() -> None:
            while not over.wait(1):
                self._on_wait(max(1, self._patience - (time.monotonic() - began)), _ANOTHER_RUN)

        teller = threading.Thread(target=tell, name="waits for the account", daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
            if time.monotonic() - began >= 1:
                self._on_wait(0, _ANOTHER_RUN)


@dataclass(frozen=True, slots=True)
class Live:
    """The live channels and the account that reads them, as the settings say.

    Attributes:
        settings: which channels, and where the state folder is.
        telegram: application and account.
        reading: how channels are read.
        warehouse: where the account's memory is kept.
    """

    settings: LakeSettings
    telegram: TelegramSettings
    reading: LiveSettings
    warehouse: Warehouse

    @property
    def missing(self) -> str | None:
        """What to do before channels can be read live, or None if somebody is logged in."""
        try:
            if find_session(self.telegram, self._folder) is not None:
                return None
        except AccountError as error:
            return str(error)
        wanted = {
            "TELEGRAM_API_ID": self.telegram.api_id,
            "TELEGRAM_API_HASH": self.telegram.api_hash,
        }
        absent = [name for name, value in wanted.items() if value is None]
        if absent:
            verb = "is" if len(absent) == 1 else "are"
            return f"{' and '.join(absent)} {verb} not set: {GET_CREDENTIALS}, then {LOG_IN}"
        return f"nobody is logged in to Telegram: {LOG_IN}, or set TELEGRAM_SESSION"

    @property
    def channels(self) -> list[str]:
        """The channels that are read live: those of `MEDWH_CHANNELS`, with a session."""
        return [] if self.missing else list(self.settings.channels)

    @contextmanager
    def state(self, on_wait: Countdown | None = None) -> Generator[WarehouseAccountState]:
        """Open the account's memory.

        Args:
            on_wait: told while another run holds the account.

        Raises:
            AccountError: nobody is logged in.
        """
        session = find_session(self.telegram, self._folder)
        if session is None:
            raise AccountError(str(self.missing))
        name = session_name(session)
        if on_wait is None:
            kept = WarehouseAccountState(self.warehouse, name)
        else:
            kept = ToldAccountState(self.warehouse, name, on_wait)
        with closing(kept) as state:
            yield state

    def statuses(self) -> list[ChannelNote]:
        """Return how the last attempt on each channel ended, with whichever account."""
        with closing(WarehouseAccountState(self.warehouse, "")) as state:
            return state.statuses()

    def check(self) -> None:
        """See whether application and session are such as Telegram could accept; it is not asked.

        Raises:
            CredentialsError: the application's id or hash is missing.
            AccountError: nobody is logged in, or the session is none.
        """
        credentials(self.telegram, self._folder)

    def logged_in_since(self) -> datetime | None:
        """Return when the session came into its file, or None if it comes from elsewhere."""
        file = session_file(self._folder)
        if self.telegram.session is not None or not file.exists():
            return None
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)

    @contextmanager
    def sources(
        self,
        observed_at: datetime,
        *,
        newest: int | None = None,
        on_wait: Countdown | None = None,
    ) -> Generator[SourceDirectory]:
        """Open the sources of one run; nothing is asked of Telegram by that.

        Args:
            observed_at: the run's logical time.
            newest: read only so many days back that they hold this many posts.
            on_wait: told while the run waits for Telegram.
        """
        recorded = [sample_of(self.settings)]
        if (missing := self.missing) is not None:
            yield SourceDirectory(recorded, absent=dict.fromkeys(self.settings.channels, missing))
            return
        with self.state(on_wait) as state:

            def make() -> TelethonSource:
                source = live_source(
                    self.settings.channels, self.telegram, self.reading, self._folder, state,
                    observed_at, on_wait=on_wait,
                )  # fmt: skip
                if source is None:
                    raise AccountError(f"the Telegram session has gone: {LOG_IN}")
                return source

            channels = frozenset(self.settings.channels)
            live = LiveAccount(channels, make, observed_at, state, newest)
            yield SourceDirectory(recorded, live)

    def rest(self) -> list[Slice]:
        """Return what runs were to read and have not; nothing without a session."""
        if self.missing:
            return []
        with self.state() as state:
            return [piece for piece in state.rest() if piece.channel in self.settings.channels]

    def unloaded(self, channel: str) -> list[Slice]:
        """Return a channel's slices whose posts lie in the lake otherwise than they were loaded."""
        lake, loaded = Lake.of(self.settings), self.warehouse.loaded_messages()
        return [
            piece
            for piece in lake.slices()
            if piece.channel == channel
            and load_due(lake.file_sha256("telegram_messages", piece), piece, loaded)
        ]

    def cooldown(self) -> datetime | None:
        """Return the end of the last pause that Telegram asked for, past or to come, or None.

        A pause of pictures is one too: what it has cut off is read after it.
        """
        if self.missing:
            return None
        with self.state() as state:
            ends = (state.cooldown(), state.cooldown("files"))
        return max((end for end in ends if end is not None), default=None)

    @property
    def _folder(self) -> Path:
        return places_of(self.settings).state


def live_of(settings: LakeSettings, warehouse: Warehouse) -> Live:
    """Return the live channels as the settings say.

    Raises:
        pydantic.ValidationError: a setting of Telegram's is malformed.
    """
    return Live(settings, TelegramSettings(), LiveSettings(), warehouse)


def default_resources(settings: LakeSettings, dbt_project: Path) -> dict[str, object]:
    """Return every resource by its name, as the settings say."""
    places = places_of(settings)
    warehouse = Warehouse(PostgresSettings(), places.state)
    live = live_of(settings, warehouse)

    @contextmanager
    def sources(context: dg.InitResourceContext) -> Generator[SourceDirectory]:
        run, instance = context.run, context.instance
        now = datetime.now(UTC).replace(microsecond=0)
        observed_at = logical_time_of(run, instance) if run and instance else now
        with live.sources(observed_at, on_wait=_to_log(context.log)) as directory:
            yield directory

    def detector(context: dg.InitResourceContext) -> YoloDetector:
        return detector_of(DetectionSettings(), places, _to_log(context.log))

    def extractor(_: dg.InitResourceContext) -> Extractor:
        return extractor_of(ExtractionSettings(), places, dbt_project)

    @contextmanager
    def dbt(_: dg.InitResourceContext) -> Generator[OfflineDbtResource]:
        export_connection(warehouse.dbt_environment(), places.dbt_target)
        yield offline_dbt(dbt_project)
        prune_runs(places.dbt_target)

    return {
        "lake": Lake.of(settings),
        "sources": dg.ResourceDefinition(sources),
        "detector": dg.ResourceDefinition(detector),
        "extractor": dg.ResourceDefinition(extractor),
        "warehouse": warehouse,
        "builds": warehouse,
        "check_facts": warehouse.facts,
        "dbt": dg.ResourceDefinition(dbt),
        "progress": SilentProgress(),
    }


def _to_log(log: dg.DagsterLogManager | None) -> Countdown:
    """Tell a run's log when a wait begins and when it is over, not every second between."""
    waiting = False

    def tell(left: float, why: str) -> None:
        nonlocal waiting
        if log is not None and (not waiting or not left):
            log.info(f"{why}: {left:,.0f} s" if left else "going on")
        waiting = bool(left)

    return tell
