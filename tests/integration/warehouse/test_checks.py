"""What checks count, on a real server: slices that are not as they were loaded, deadlines, results."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from medwh_assets.automation.checks import DATA_CHECKS, blocked, checks_sensor
from medwh_assets.lake.journal import KnownFile, SeenFile
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from medwh_assets.verdicts import Noted, Unbuilt, Verdict
from medwh_assets.warehouse.builds import unbuilt
from medwh_assets.warehouse.check_facts import WarehouseCheckFacts
from medwh_assets.warehouse.connection import Connection, Database, Role
from medwh_assets.warehouse.lake_journal import WarehouseLakeJournal
from medwh_assets.warehouse.load import load_messages
from tests.factories import CHANNEL, DAY, PIECE, make_post, make_reading

HOUR = timedelta(hours=1)


class Place:
    """Opens connections to the test's warehouse."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def connect(self, role: Role | None = None) -> Connection:
        return self._database.connect(role)


@pytest.fixture
def place(database: Database) -> Place:
    return Place(database)


@pytest.fixture
def facts(place: Place) -> WarehouseCheckFacts:
    return WarehouseCheckFacts(place)


@pytest.fixture
def journal(place: Place) -> WarehouseLakeJournal:
    return WarehouseLakeJournal(place)


def load(place: Place, *numbers: int, sha256: str = "abc") -> None:
    with place.connect("medwh_loader") as connection:
        load_messages(connection, PIECE, [make_post(number) for number in numbers], sha256)


def seen(piece: Slice, sha256: str | None, records: int, *, new: bool = False) -> SeenFile:
    return SeenFile(("messages", piece), "stamp", sha256, records, new)


def run(place: Place, statement: str) -> None:
    with place.connect() as connection:
        connection.execute(statement)  # pyright: ignore


def test_the_journal_keeps_files_tells_what_is_new_once_and_forgets_what_is_gone(
    journal: WarehouseLakeJournal,
) -> None:
    other = Slice("other_shop", DAY)
    journal.keep([seen(PIECE, "a", 2, new=True), seen(other, None, 0)], [])
    journal.keep([seen(PIECE, "b", 3, new=True), seen(PIECE, "b", 3)], [("messages", other)])
    assert journal.known() == {("messages", PIECE): KnownFile("stamp", "b")}
    told = journal.after(0, 10)
    assert [(one.key, one.sha256, one.records) for one in told] == [
        (("messages", PIECE), "a", 2),
        (("messages", PIECE), "b", 3),
    ]
    assert journal.newest() == told[-1].seen_id
    assert journal.after(told[0].seen_id, 10) == told[1:]
    assert journal.after(0, 1) == told[:1]


def test_the_journal_keeps_what_channels_say_too(journal: WarehouseLakeJournal) -> None:
    facts = SeenFile(("channels", PIECE), "stamp", "a", 1, is_new=True)
    journal.keep([facts], [])
    assert [one.key for one in journal.after(0, 10)] == [facts.key]


def test_lake_ledger_and_raw_that_agree_let_the_marts_be_built(
    place: Place, facts: WarehouseCheckFacts, journal: WarehouseLakeJournal, lake: Lake
) -> None:
    load(place, 1, 2)
    journal.keep([seen(PIECE, "abc", 2)], [])
    assert facts.unequal_in_raw(10) == []
    assert facts.waiting_in_lake() == 0
    assert blocked(facts, lake) == []


def test_rows_that_went_missing_in_raw_are_found_and_nothing_is_built(
    place: Place, facts: WarehouseCheckFacts, lake: Lake
) -> None:
    load(place, 1, 2)
    run(place, "delete from raw.telegram_messages where message_id = 2")
    (one,) = facts.unequal_in_raw(10)
    assert (one.channel, one.date, one.slices) == (CHANNEL, DAY, 1)
    assert one.counts == {"lake": None, "loaded": 2, "raw": 1}
    (why,) = blocked(facts, lake)
    assert str(PIECE) in why


def test_a_lake_file_with_other_counts_than_were_loaded_from_it_is_found(
    place: Place, facts: WarehouseCheckFacts, journal: WarehouseLakeJournal
) -> None:
    load(place, 1, 2)
    journal.keep([seen(PIECE, "abc", 3)], [])
    assert [one.counts["lake"] for one in facts.unequal_in_raw(10)] == [3]
    # Another content is no contradiction: it waits to be loaded.
    journal.keep([seen(PIECE, "def", 3)], [])
    assert (facts.unequal_in_raw(10), facts.waiting_in_lake()) == ([], 1)


def test_fields_and_versions_that_the_models_do_not_know_are_found_in_the_newest_loads(
    place: Place, facts: WarehouseCheckFacts, lake: Lake
) -> None:
    load(place, 1, 2)
    assert blocked(facts, lake) == []
    run(
        place,
        "update raw.telegram_messages set message_data = message_data"
        """ || '{"schema_version": 2, "price": 1}' where message_id = 1""",
    )
    assert facts.drift({"schema_version 1"} | set(_names(place)), 50) == {
        "price": 1,
        "schema_version 2": 1,
    }
    assert any("price" in why for why in blocked(facts, lake))


def _names(place: Place) -> list[str]:
    with place.connect() as connection:
        rows = connection.execute(
            "select jsonb_object_keys(message_data) from raw.telegram_messages where message_id = 2"
        )
        return [name for (name,) in rows]


def test_a_picture_without_its_post_is_found(place: Place, facts: WarehouseCheckFacts) -> None:
    run(
        place,
        "insert into raw.yolo_detections (channel_username, message_id, image_date, image_sha256,"
        " model, detection_data, load_id) values ('demo_shop', 9, '2025-03-01', 'a', 'm', '{}', 1)",
    )
    assert facts.orphans() == [(CHANNEL, DAY, 1)]


def test_a_picture_in_the_lake_has_its_post_in_raw_or_waits_beside_it_or_is_told(
    place: Place, facts: WarehouseCheckFacts, lake: Lake
) -> None:
    (check,) = [check for check in DATA_CHECKS if check.name == "every_picture_has_its_post"]
    load(place, 1, 2)
    lake.merge_readings(PIECE, [make_reading(make_post(3))])
    for number in (1, 2, 3):
        lake.keep_image(CHANNEL, number, b"a picture")
    verdict = check.judge(facts, lake)
    assert verdict is not None
    assert (verdict.passed, verdict.details["files_listed"]) == (True, 3)
    lake.keep_image(CHANNEL, 9, b"a picture")
    lake.keep_image("nobodys_shop", 1, b"a picture")
    verdict = check.judge(facts, lake)
    assert verdict is not None
    assert not verdict.passed
    assert f"images/{CHANNEL}/9, images/nobodys_shop/1" in verdict.description


def test_without_marts_there_is_nothing_to_compare(facts: WarehouseCheckFacts) -> None:
    assert facts.unequal_in_marts(10) is None


def test_posts_that_the_marts_do_not_have_are_found_once_their_loads_are_built(
    place: Place, facts: WarehouseCheckFacts
) -> None:
    load(place, 1, 2)
    run(
        place,
        "create table marts.fct_messages as select channel_username, message_date"
        " from raw.telegram_messages limit 1",
    )
    run(place, "grant select on marts.fct_messages to medwh_transformer")
    assert facts.unequal_in_marts(10) == []
    run(
        place,
        "with opened as (insert into ops.builds (status, full_refresh) values ('done', false)"
        " returning build_id) insert into ops.build_loads select build_id, load_id"
        " from opened cross join raw.loads",
    )
    found = facts.unequal_in_marts(10)
    assert found is not None
    assert [one.counts for one in found] == [{"raw": 2, "marts": 1}]


def test_the_loads_that_no_finished_build_holds_are_told_with_their_times(place: Place) -> None:
    with place.connect("medwh_loader") as connection:
        assert unbuilt(connection) == Unbuilt(0, 0, None, None)
        load(place, 1)
        load(place, 1, 2, sha256="def")
        found = unbuilt(connection)
        assert (found.loads, found.newest_load > 1) == (2, True)
        assert found.oldest_at is not None
        assert found.newest_at is not None
        assert found.oldest_at < found.newest_at


def test_each_channel_is_measured_by_its_own_deadline(
    place: Place, facts: WarehouseCheckFacts
) -> None:
    load(place, 1)
    facts.set_deadlines(
        {"quick": (HOUR, 2 * HOUR), "slow": (30 * HOUR, 54 * HOUR), "unread": (HOUR, 2 * HOUR)}
    )
    three_hours_ago = datetime.now(UTC) - 3 * HOUR
    with place.connect() as connection:
        for channel in ("quick", "slow"):
            connection.execute(
                "insert into ops.telegram_channels values ('me', %s, 'ok', '', %s, %s)",
                [channel, three_hours_ago, three_hours_ago],
            )
    found = {one.channel: one for one in facts.freshness()}
    assert {name: one.status for name, one in found.items()} == {
        CHANNEL: "archived",
        "quick": "overdue",
        "slow": "fresh",
        # Never read, and live only since now.
        "unread": "fresh",
    }
    assert found["quick"].age_hours == pytest.approx(3, abs=0.1)
    assert found["quick"].fail_after_hours == 2
    assert (found[CHANNEL].age_hours, found[CHANNEL].newest_message_date) == (None, DAY)

    facts.set_deadlines({"slow": (HOUR, 4 * HOUR)})
    assert {one.channel: one.status for one in facts.freshness()} == {
        CHANNEL: "archived",
        "slow": "late",
    }


def test_the_last_result_of_each_check_is_kept_and_the_apis_role_may_read_it(
    place: Place, facts: WarehouseCheckFacts, database: Database
) -> None:
    facts.note([Noted("raw/x", "counts", Verdict(False, "differ", details={"slices": 3}), True)])
    facts.note([Noted("raw/x", "counts", Verdict(True, "agree"), True)])
    api = Database(database.host, database.port, database.name, "medwh_api", None)
    with api.connect() as connection:
        rows = connection.execute(
            "select asset, check_name, passed, severity, is_blocking, description, details"
            " from ops.check_results"
        ).fetchall()
        assert rows == [("raw/x", "counts", True, "ERROR", True, "agree", {})]
        assert connection.execute("select count(*) from ops.freshness").fetchone() == (0,)


@pytest.fixture
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("lake"))


def test_the_sensor_tells_what_has_changed_and_the_rest_once_an_hour(
    place: Place, facts: WarehouseCheckFacts, lake: Lake
) -> None:
    load(place, 1)
    times = [datetime(2025, 3, 9, 12, tzinfo=UTC)]
    sensor = checks_sensor(facts, lambda: lake, {"dead": (HOUR, 2 * HOUR)}, lambda: times[0])

    with dg.instance_for_test() as instance:

        def tick(cursor: str | None) -> tuple[dict[str, bool], str | None]:
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            data = sensor.evaluate_tick(context)
            told = {e.check_name: e.passed for e in data.asset_events}  # pyright: ignore
            return told, data.cursor

        first, cursor = tick(None)
        # There are no marts yet.
        assert set(first) == {check.name for check in DATA_CHECKS} - {"raw_and_marts_hold_the_same"}
        assert all(first.values())
        assert tick(cursor)[0] == {}
        run(place, "update ops.channel_deadlines set live_since = now() - interval '9 hours'")
        again, cursor = tick(cursor)
        assert again == {"channel_freshness": False}
        times[0] += HOUR
        assert set(tick(cursor)[0]) == set(first)
