"""DAGSTER_HOME under the state folder: the instance's configuration, written and pointed at.

Every medwh command uses the same instance, stored beside the warehouse on the same server, so what
is tested is what is deployed. A DAGSTER_HOME that is already set is left as it is: whoever sets it
has an instance of their own.
"""

import logging
import logging.handlers
import os
from collections.abc import Mapping

import dagster as dg
import filelock
import yaml
from sqlalchemy.exc import DBAPIError

from medwh_assets.errors import SettingError
from medwh_assets.resources import Places

URL_VARIABLE = "MEDWH_DAGSTER_URL"
# By this Dagster stores events together that come together; without it each by itself.
BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
EVENT_BATCH = "200"
POOLS = ("telegram", "yolo", "dbt")
_LOG_BYTES = 10 * 2**20
_LOG_FILES = 5
# What Dagster's daemon reads to retry runs that crashed, and where it keeps how far it has come.
_CONSUMED = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
_CURSOR = "EVENT_LOG_CONSUMER_CURSOR-{}"


def instance_yaml() -> dict[str, object]:
    """Return `dagster.yaml` of the embedded default; the reasons stand beside each part."""
    return {
        "storage": {"postgres": {"postgres_url": {"env": URL_VARIABLE}}},
        # No call that was not asked for.
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {
            # One step at a time per pool: one Telegram account, one set of cores, one dbt.
            "pools": {"default_limit": 1, "granularity": "op"},
            "runs": {
                "max_concurrent_runs": 4,
                # Backfills leave room for the daily run.
                "tag_concurrency_limits": [{"key": "dagster/backfill", "limit": 2}],
            },
        },
        # Without it the slots of a killed run stay taken for ever.
        "run_monitoring": {
            "enabled": True,
            "poll_interval_seconds": 30,
            "free_slots_after_run_end_seconds": 60,
            "start_timeout_seconds": 300,
        },
        # A crash is worth another run, a failure is not: steps have retry policies of their own.
        "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
        "retention": {
            "sensor": {"purge_after_days": {"skipped": 2, "success": 30, "failure": 30}},
            "auto_materialize": {"purge_after_days": 7},
        },
    }


def prepare_home(places: Places, dagster_url: str, connection: Mapping[str, str]) -> None:
    """Make the folders, write the instance's configuration, and point this process at it.

    Args:
        places: folders below the state folder.
        dagster_url: SQLAlchemy's address of Dagster's own database; it goes to children by the
            environment and into no file.
        connection: further variables that child processes shall see.
    """
    for folder in (places.state, places.dagster_home, places.logs, places.cache):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = yaml.safe_dump(instance_yaml(), sort_keys=False)
    target = places.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_text() != configuration:
        # Whole, or another process that starts now reads half of it.
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        unfinished.write_text(configuration)
        unfinished.replace(target)
    os.environ.setdefault("DAGSTER_HOME", str(places.dagster_home))
    os.environ.setdefault(BATCH_VARIABLE, EVENT_BATCH)
    os.environ[URL_VARIABLE] = dagster_url
    os.environ.update(connection)


def log_to_file(places: Places) -> None:
    """Write what medwh's commands log to a rotating file under the state folder.

    Raises:
        SettingError: the state folder cannot be written.
    """
    try:
        places.logs.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            places.logs / "medwh.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise SettingError(
            f"MEDWH_STATE: {places.state} cannot be written ({error.strerror}); make it writable for "
            "this user, or set it to another folder"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("medwh")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def open_instance() -> dg.DagsterInstance:
    """Return the instance that DAGSTER_HOME names."""
    return dg.DagsterInstance.get()


def make_pools(instance: dg.DagsterInstance, places: Places) -> None:
    """Make the pools of steps, before two runs at once do it.

    Dagster makes a pool at its first use; of two that do so in the same moment one fails, because
    it goes on in a transaction that PostgreSQL has given up.
    """
    storage = instance.event_log_storage
    if not set(POOLS) - storage.get_concurrency_keys():
        return
    with filelock.FileLock(places.dagster_home / ".pools.lock"):
        for pool in sorted(set(POOLS) - storage.get_concurrency_keys()):
            try:
                storage.initialize_concurrency_limit_to_default(pool)
            except DBAPIError:
                # The lock is this machine's; another one may have made the pool in that moment.
                if pool not in storage.get_concurrency_keys():
                    raise


def begin_event_log(instance: dg.DagsterInstance) -> None:
    """Let the daemon begin with what happens from now on, as it does by itself, with a warning."""
    storage = instance.daemon_cursor_storage
    keys = {_CURSOR.format(event.value) for event in _CONSUMED}
    if missing := keys - storage.get_cursor_values(keys).keys():
        newest = instance.event_log_storage.get_maximum_record_id() or 0
        storage.set_cursor_values(dict.fromkeys(missing, str(newest)))


def migrate(instance: dg.DagsterInstance) -> None:
    """Bring the tables of Dagster's own database to the version that is installed."""
    instance.upgrade()
    instance.reindex()
