from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Event

import pytest

from medwh_assets.errors import BuildLostError, DatabaseUnreachableError
from medwh_assets.warehouse.builds import finish_build, models_changed, open_build, unbuilt_loads
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import load_messages
from tests.integration.warehouse.made_records import FIRST, post, slice_of


def load(connection: Connection, number: int) -> int | None:
    day: date = FIRST + timedelta(days=number)
    return load_messages(connection, slice_of(day), [post(number + 1, day)], "a").load_id


def loads_of(connection: Connection, build_id: int) -> list[int]:
    rows = connection.execute(
        "select load_id from ops.build_loads where build_id = %s order by 1", [build_id]
    )
    return [load_id for (load_id,) in rows]


def status_of(connection: Connection, build_id: int) -> str:
    row = connection.execute(
        "select status from ops.builds where build_id = %s", [build_id]
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_build_holds_the_loads_that_no_finished_build_holds(loader: Connection) -> None:
    first, second = load(loader, 0), load(loader, 1)
    assert unbuilt_loads(loader) == 2
    build_id = open_build(loader, False, "models").build_id
    assert loads_of(loader, build_id) == [first, second]
    assert unbuilt_loads(loader) == 2
    finish_build(loader, build_id, ok=True)
    assert status_of(loader, build_id) == "done"
    assert unbuilt_loads(loader) == 0

    third = load(loader, 2)
    build_id = open_build(loader, False, "models").build_id
    assert loads_of(loader, build_id) == [third]
    finish_build(loader, build_id, ok=True)


def test_a_load_that_commits_during_a_build_is_in_the_next(
    database: Database, loader: Connection
) -> None:
    build_id = open_build(loader, False, "models").build_id
    with database.connect("medwh_loader") as other:
        late = load(other, 0)
    assert loads_of(loader, build_id) == []
    finish_build(loader, build_id, ok=True)
    assert unbuilt_loads(loader) == 1
    build_id = open_build(loader, False, "models").build_id
    assert loads_of(loader, build_id) == [late]
    finish_build(loader, build_id, ok=True)


def test_a_load_that_began_earlier_and_commits_later_is_in_the_next_build(
    database: Database, loader: Connection
) -> None:
    with database.connect("medwh_loader") as slow, slow.transaction():
        slow.execute(
            "insert into raw.loads (table_name, channel_username, slice_date, row_count)"
            " values ('telegram_messages', 'demo_slow', '2025-03-01', 0)"
        )
        later = load(loader, 0)
        build_id = open_build(loader, False, "models").build_id
        assert loads_of(loader, build_id) == [later]
    finish_build(loader, build_id, ok=True)
    assert unbuilt_loads(loader) == 1


def test_the_loads_of_a_failed_build_are_in_the_next(loader: Connection) -> None:
    only = load(loader, 0)
    failed = open_build(loader, False, "models").build_id
    finish_build(loader, failed, ok=False)
    assert status_of(loader, failed) == "failed"
    build_id = open_build(loader, True, "models").build_id
    assert loads_of(loader, build_id) == [only]
    finish_build(loader, build_id, ok=True)


def test_a_build_whose_process_died_is_marked_and_its_loads_are_built_again(
    database: Database, loader: Connection
) -> None:
    only = load(loader, 0)
    with database.connect("medwh_loader") as dying:
        abandoned = open_build(dying, False, "models").build_id
    build_id = open_build(loader, False, "models").build_id
    assert status_of(loader, abandoned) == "failed"
    assert loads_of(loader, build_id) == [only]
    finish_build(loader, build_id, ok=True)


def test_other_models_are_built_from_nothing(loader: Connection) -> None:
    assert not models_changed(loader, "new")
    for models, full_refresh in [("old", False), ("old", False), ("new", True), ("new", False)]:
        assert models_changed(loader, models) == full_refresh
        build = open_build(loader, False, models)
        assert build.full_refresh == full_refresh
        finish_build(loader, build.build_id, ok=True)


def test_models_whose_build_failed_are_still_to_be_built_from_nothing(loader: Connection) -> None:
    finish_build(loader, open_build(loader, False, "old").build_id, ok=True)
    finish_build(loader, open_build(loader, False, "new").build_id, ok=False)
    assert models_changed(loader, "new")
    build = open_build(loader, False, "new")
    assert build.full_refresh
    finish_build(loader, build.build_id, ok=True)


def test_a_build_from_nothing_that_failed_is_ended_as_one(loader: Connection) -> None:
    """Half of the models are new then, and cannot tell the other half what was before."""
    finish_build(loader, open_build(loader, False, "models").build_id, ok=True)
    finish_build(loader, open_build(loader, True, "models").build_id, ok=False)
    again = open_build(loader, False, "models")
    assert again.full_refresh
    finish_build(loader, again.build_id, ok=True)
    after = open_build(loader, False, "models")
    assert not after.full_refresh
    finish_build(loader, after.build_id, ok=True)


def test_builds_take_turns(database: Database, loader: Connection) -> None:
    only = load(loader, 0)
    first = open_build(loader, False, "models").build_id
    opened = Event()

    def build() -> list[int]:
        with database.connect("medwh_loader") as other:
            build_id = open_build(other, False, "models").build_id
            opened.set()
            found = loads_of(other, build_id)
            finish_build(other, build_id, ok=True)
            return found

    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(build)
        wait_until_somebody_waits(loader)
        assert not opened.is_set()
        assert loads_of(loader, first) == [only]
        finish_build(loader, first, ok=True)
        assert second.result() == []


def wait_until_somebody_waits(connection: Connection) -> None:
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while connection.execute(waiting).fetchone() == (0,):
        pass


def test_a_build_that_lost_its_turn_is_not_done(database: Database, loader: Connection) -> None:
    load(loader, 0)
    with database.connect("medwh_loader") as broken:
        lost = open_build(broken, False, "models").build_id
        with database.connect() as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [broken.info.backend_pid])
        with pytest.raises(DatabaseUnreachableError):
            finish_build(broken, lost, ok=True)
    finish_build(loader, open_build(loader, False, "models").build_id, ok=True)
    with pytest.raises(BuildLostError):
        finish_build(loader, lost, ok=True)
    assert status_of(loader, lost) == "failed"
