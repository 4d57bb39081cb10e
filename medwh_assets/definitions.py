"""The code location: every asset, resource, job and schedule, in lists that a reader can see.

`build_defs` makes them, tests swap resources by name; `defs` is what Dagster loads, and the only
line of the package that reads the environment while it is imported.
"""

import logging
import warnings
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from medwh_assets.automation.appearance import presented
from medwh_assets.automation.checks import blocked, checks_sensor, data_checks, every_slice_is_done
from medwh_assets.automation.cooldown import cooldown_sensor
from medwh_assets.automation.failures import run_failure_sensor, teller
from medwh_assets.automation.following import automation_sensor
from medwh_assets.automation.jobs import PIPELINE, daily_schedule
from medwh_assets.automation.lake_watch import LakeWatch, lake_sensor
from medwh_assets.automation.marts import marts_sensor
from medwh_assets.automation.window import daily_window
from medwh_assets.dbt.assets import dbt_models
from medwh_assets.dbt.project import ensure_manifest, models_sha256
from medwh_assets.detection.assets import detection_assets
from medwh_assets.extraction.assets import extraction_assets
from medwh_assets.lake.store import Lake
from medwh_assets.partitions import date_by_channel
from medwh_assets.resources import default_resources, live_of, places_of, sample_of, window_of
from medwh_assets.settings import LakeSettings, PostgresSettings, ServeSettings, WatchSettings
from medwh_assets.telegram.assets import telegram_assets
from medwh_assets.warehouse.assets import warehouse_assets
from medwh_assets.warehouse.lake_journal import WarehouseLakeJournal
from medwh_assets.warehouse.resource import Warehouse

DBT_PROJECT = Path(__file__).resolve().parent.parent / "medwh_dbt"


def _to_log_file(_: dg.InitLoggerContext) -> logging.Logger:
    """Hand a run's messages to the logger that `medwh` writes to its rotating file."""
    return logging.getLogger("medwh.run")


def build_defs(**overrides: object) -> dg.Definitions:
    """Return the code location.

    Args:
        overrides: resources by name, in place of the ones that the settings mean.
    """
    settings = LakeSettings()
    partitions = date_by_channel(settings.start_date)
    places = places_of(settings)
    manifest = ensure_manifest(DBT_PROJECT, places.dbt_target)
    warehouse = Warehouse(PostgresSettings(), places.state)
    live = live_of(settings, warehouse)
    watch = WatchSettings()
    models = dbt_models(manifest)
    recorded = sample_of(settings).channels() if settings.channels else frozenset[str]()
    read_live = [channel for channel in settings.channels if channel not in recorded]
    with warnings.catch_warnings():
        # Backfill policies are beta in this Dagster; the version is pinned and tested.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.Definitions(
            assets=presented(
                [
                    *telegram_assets(partitions),
                    *detection_assets(partitions),
                    *warehouse_assets(partitions),
                    *extraction_assets(partitions),
                    models,
                ],
                ServeSettings(),
                watch if read_live else None,
                DBT_PROJECT,
            ),
            asset_checks=[every_slice_is_done, *data_checks()],
            jobs=[PIPELINE],
            schedules=[
                daily_schedule(
                    settings.channels,
                    lambda today: daily_window(
                        Lake.of(settings), settings.channels, today, window_of(settings)
                    ),
                    # Who has no session yet would find a red run every morning.
                    is_on=bool(live.channels),
                )
            ],
            sensors=[
                lake_sensor(
                    lambda: LakeWatch(
                        Lake.of(settings),
                        WarehouseLakeJournal(warehouse),
                        warehouse.loaded_channel_facts,
                    )
                ),
                automation_sensor(),
                marts_sensor(
                    sorted(models.keys),
                    warehouse,
                    lambda: models_sha256(DBT_PROJECT),
                    lambda: blocked(warehouse.facts, Lake.of(settings)),
                ),
                checks_sensor(
                    warehouse.facts,
                    lambda: Lake.of(settings),
                    watch.deadlines(read_live),
                    lambda: datetime.now(UTC),
                ),
                run_failure_sensor(teller(watch, places.logs)),
                cooldown_sensor(live),
            ],
            resources={**default_resources(settings, DBT_PROJECT), **overrides},
            # Starting a process for each step would cost more than most steps do.
            executor=dg.in_process_executor,
            loggers={
                "console": dg.colored_console_logger,
                "medwh": dg.LoggerDefinition(_to_log_file, description="For runs in the terminal."),
            },
        )


defs = build_defs()
