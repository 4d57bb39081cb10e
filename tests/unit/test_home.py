import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.auto_run_reexecution.event_log_consumer import (
    DAGSTER_EVENT_TYPES,
    _fetch_persisted_cursors,  # pyright: ignore[reportPrivateUsage]
)

from medwh_assets.definitions import build_defs
from medwh_assets.home import POOLS, begin_event_log, make_pools
from medwh_assets.resources import Places


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    overrides = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
    with dg.instance_for_test(overrides=overrides) as instance:
        yield instance


def test_every_pool_of_a_step_is_made_before_the_first_run() -> None:
    graph = build_defs().resolve_asset_graph()
    pools = {pool for key in graph.get_all_asset_keys() for pool in graph.get(key).pools or ()}
    assert pools == set(POOLS)


def test_commands_that_begin_at_once_make_each_pool_once(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    places = Places(tmp_path)
    places.dagster_home.mkdir()
    with ThreadPoolExecutor(4) as threads:
        for one in [threads.submit(make_pools, instance, places) for _ in range(4)]:
            one.result()
    storage = instance.event_log_storage
    assert storage.get_concurrency_keys() == set(POOLS)
    assert {storage.get_concurrency_info(pool).slot_count for pool in POOLS} == {1}


def test_the_daemon_begins_without_a_warning_at_what_happens_from_now_on(
    instance: dg.DagsterInstance,
) -> None:
    begin_event_log(instance)
    told: list[str] = []
    logger = logging.getLogger("medwh.test")
    logger.addHandler(handler := _Kept(told))
    cursors = _fetch_persisted_cursors(instance, DAGSTER_EVENT_TYPES, logger)
    logger.removeHandler(handler)
    assert told == []
    assert set(cursors.values()) == {0}


def test_where_the_daemon_has_come_to_stays(instance: dg.DagsterInstance) -> None:
    begin_event_log(instance)
    keys = {f"EVENT_LOG_CONSUMER_CURSOR-{event.value}" for event in DAGSTER_EVENT_TYPES}
    instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(keys, "7"))
    begin_event_log(instance)
    assert instance.daemon_cursor_storage.get_cursor_values(keys) == dict.fromkeys(keys, "7")


class _Kept(logging.Handler):
    """A handler that keeps what is logged."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(record.getMessage())
