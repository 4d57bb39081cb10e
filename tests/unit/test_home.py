from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from medwh_assets.definitions import build_defs
from medwh_assets.home import POOLS, make_pools
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
