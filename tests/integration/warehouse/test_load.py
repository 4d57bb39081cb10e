import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from medwh_assets.errors import CorruptSliceError
from medwh_assets.lake.merge import merge
from medwh_assets.lake.records import Media, Post
from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import (
    LoadedContent,
    load_detections,
    load_messages,
    loaded_contents,
    note_when_made,
    remove_slices,
)
from tests.integration.warehouse.made_records import (
    CHANNEL,
    FIRST,
    MODEL,
    SECOND,
    detection,
    edited,
    post,
    slice_of,
)

MESSAGES = "telegram_messages"
DETECTIONS = "yolo_detections"


def kept(connection: Connection) -> dict[int, date]:
    rows = connection.execute("select message_id, message_date from raw.telegram_messages")
    return dict(rows.fetchall())


def ledger(connection: Connection) -> list[TupleRow]:
    return connection.execute(
        "select slice_date, content_sha256, row_count from raw.loads order by load_id"
    ).fetchall()


def test_a_slice_is_loaded_with_its_ledger_row(loader: Connection) -> None:
    text = "ፓራሲታሞል 500mg\nPrice 120 birr\n☎️ 0900000011/0900000012"
    result = load_messages(loader, slice_of(), [post(1, text=text), post(2, text=None)], "a")
    assert (result.status, result.rows, result.changed, result.deleted) == ("loaded", 2, 2, 0)
    assert (result.masked_phones, result.masked_texts) == (2, 1)
    rows = loader.execute(
        "select message_id, message_date, message_data, text_masked, load_id"
        " from raw.telegram_messages order by message_id"
    ).fetchall()
    masked = "ፓራሲታሞል 500mg\nPrice 120 birr\n☎️ [phone]/[phone]"
    assert [row[:2] + row[3:] for row in rows] == [
        (1, FIRST, masked, result.load_id),
        (2, FIRST, None, result.load_id),
    ]
    assert Post.model_validate_json(json.dumps(rows[0][2])) == post(1, text=text)
    assert loaded_contents(loader, MESSAGES) == {slice_of(): LoadedContent("a", None, 2)}


def test_an_unchanged_slice_is_skipped_without_a_ledger_row(loader: Connection) -> None:
    load_messages(loader, slice_of(), [post(1)], "a")
    result = load_messages(loader, slice_of(), [post(1)], "a")
    assert (result.status, result.load_id, result.rows) == ("unchanged", None, 1)
    assert ledger(loader) == [(FIRST, "a", 1)]


def test_a_changed_slice_keeps_the_rows_that_are_the_same(loader: Connection) -> None:
    first = load_messages(loader, slice_of(), [post(1), post(2), post(3)], "a")
    second = load_messages(loader, slice_of(), [post(1), post(2, text="new"), post(4)], "b")
    assert (second.changed, second.deleted, second.rows) == (2, 1, 3)
    rows = loader.execute("select message_id, load_id from raw.telegram_messages order by 1")
    assert rows.fetchall() == [(1, first.load_id), (2, second.load_id), (4, second.load_id)]


def test_a_slice_that_has_become_empty_is_loaded_as_empty(loader: Connection) -> None:
    load_messages(loader, slice_of(), [post(1)], "a")
    result = load_messages(loader, slice_of(), [], "empty")
    assert (result.status, result.rows, result.deleted) == ("loaded", 0, 1)
    assert kept(loader) == {}
    assert load_messages(loader, slice_of(), [], "empty").status == "unchanged"


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_post_that_moved_to_another_day_survives_either_order(
    loader: Connection, order: tuple[date, date]
) -> None:
    load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a")
    load_messages(loader, slice_of(SECOND), [post(3, SECOND)], "a")
    now = {FIRST: [post(1)], SECOND: [post(2, SECOND), post(3, SECOND)]}
    for day in order:
        load_messages(loader, slice_of(day), now[day], "b")
    assert kept(loader) == {1: FIRST, 2: SECOND, 3: SECOND}
    contents = loaded_contents(loader, MESSAGES)
    assert contents[slice_of(FIRST)] == LoadedContent("b", None, 1)
    assert contents[slice_of(SECOND)] == LoadedContent("b", None, 2)


def test_the_day_that_a_post_has_left_stands_in_the_ledger_to_be_loaded_again(
    loader: Connection,
) -> None:
    load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a")
    load_messages(loader, slice_of(SECOND), [post(2, SECOND)], "b")
    assert ledger(loader) == [(FIRST, "a", 2), (SECOND, "b", 1), (FIRST, None, 1)]
    assert load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a").status == "loaded"


def test_a_load_that_fails_leaves_nothing(loader: Connection) -> None:
    load_messages(loader, slice_of(), [post(1)], "a")
    before = (kept(loader), ledger(loader))
    unstorable = post(3, text="a").model_copy(update={"text": "NUL \x00"})
    with pytest.raises(CorruptSliceError, match="demo_selam_pharmacy"):
        load_messages(loader, slice_of(), [post(2), unstorable], "b")
    with pytest.raises(CorruptSliceError):
        load_messages(
            loader,
            slice_of(SECOND),
            [unstorable.model_copy(update={"date": post(3, SECOND).date})],
            "b",
        )
    assert (kept(loader), ledger(loader)) == before
    assert load_messages(loader, slice_of(), [post(2)], "c").status == "loaded"


def test_a_connection_that_dies_on_the_way_leaves_nothing(
    database: Database, loader: Connection
) -> None:
    unfinished = database.connect("medwh_loader")
    with pytest.raises(psycopg.OperationalError), unfinished.transaction():
        unfinished.execute(
            "insert into raw.loads (table_name, channel_username, slice_date, row_count)"
            " values ('telegram_messages', 'demo', '2025-03-01', 0)"
        )
        with database.connect() as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [unfinished.info.backend_pid])
        unfinished.execute("select 1")
    unfinished.close()
    assert ledger(loader) == []


@pytest.mark.parametrize(
    "posts",
    [
        [post(1), post(1)],
        [post(1, SECOND)],
        [post(1).model_copy(update={"channel": "demo_other"})],
    ],
)
def test_a_file_that_contradicts_its_slice_is_refused(
    loader: Connection, posts: list[Post]
) -> None:
    with pytest.raises(CorruptSliceError):
        load_messages(loader, slice_of(), posts, "a")
    assert ledger(loader) == []


def test_a_load_inside_another_transaction_is_refused(loader: Connection) -> None:
    with loader.transaction(), pytest.raises(ValueError, match="inside another"):
        load_messages(loader, slice_of(), [post(1)], "a")


@pytest.mark.parametrize(
    "text",
    [
        "\u200f\u202eמוצר\u202c \u200b\u2060 zero-width",
        "ሰላም፣ ዋጋ። " * 400,
        "back\\slash \"quotes\" 'single' \t tab \r\n line \u2028 \x7f \ufffd",
        "😀👨‍👩‍👧‍👦 \U0010ffff",
        "{}, [1, 2], null, \\N, \\.",
        "",
    ],
)
def test_any_text_survives(loader: Connection, text: str) -> None:
    load_messages(loader, slice_of(), [post(1, text=text)], "a")
    row = loader.execute(
        "select text_masked, message_data ->> 'text' from raw.telegram_messages"
    ).fetchone()
    assert row == (text, text)


def test_versions_stand_beside_the_record_in_its_order_without_phone_numbers(
    loader: Connection,
) -> None:
    posts = [
        edited(1, "Nido 500 birr\nCall 0900000011", None, "", "Nido sold out, 0900 000 012"),
        edited(2, None, "ፓራሲታሞል"),
        post(3, text="Call 0900000011"),
    ]
    load_messages(loader, slice_of(), posts, "a")
    rows = loader.execute(
        "select versions_masked, jsonb_path_query_array(message_data, '$.versions[*].text')"
        " from raw.telegram_messages order by message_id"
    ).fetchall()
    assert rows == [
        (
            ["Nido 500 birr\nCall [phone]", None, "", "Nido sold out, [phone]"],
            ["Nido 500 birr\nCall 0900000011", None, "", "Nido sold out, 0900 000 012"],
        ),
        ([None, "ፓራሲታሞል"], [None, "ፓራሲታሞል"]),
        (None, []),
    ]


def test_a_post_that_is_edited_gets_versions_and_one_without_texts_has_them_too(
    loader: Connection,
) -> None:
    load_messages(loader, slice_of(), [post(1, text="120 birr"), post(2, text=None)], "a")
    photo = post(2, text=None).model_copy(update={"media": Media(kind="photo")})
    told = [edited(1, "120 birr", "150 birr"), merge(post(2, text=None), photo)]
    assert load_messages(loader, slice_of(), told, "b").changed == 2
    rows = loader.execute("select versions_masked from raw.telegram_messages order by message_id")
    assert rows.fetchall() == [(["120 birr", "150 birr"],), ([None, None],)]


def test_loads_of_one_slice_at_once_take_turns(database: Database) -> None:
    contents = [[post(n, text=f"version {k}") for n in range(k + 1, k + 41)] for k in range(8)]

    def load(number: int) -> int | None:
        with database.connect("medwh_loader") as connection:
            return load_messages(connection, slice_of(), contents[number], str(number)).load_id

    with ThreadPoolExecutor(8) as threads:
        load_ids = list(threads.map(load, range(8)))
    assert None not in load_ids
    with database.connect("medwh_loader") as connection:
        last = int(loaded_contents(connection, MESSAGES)[slice_of()].content_sha256 or -1)
        rows = connection.execute(
            "select message_id, text_masked from raw.telegram_messages order by 1"
        ).fetchall()
    assert rows == [(row.id, row.text) for row in contents[last]]


def test_the_same_content_at_once_is_loaded_once(database: Database) -> None:
    def load(_: int) -> str:
        with database.connect("medwh_loader") as connection:
            return load_messages(connection, slice_of(), [post(1)], "a").status

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(load, range(6))) == ["loaded"] + ["unchanged"] * 5


def test_days_that_take_posts_from_each_other_at_once_do_not_lock_up(database: Database) -> None:
    ids = range(1, 60)

    def load(day: date) -> None:
        with database.connect("medwh_loader") as connection:
            for number in range(6):
                posts = [post(n, day) for n in (ids if day == FIRST else reversed(ids))]
                load_messages(connection, slice_of(day), posts, f"{day} {number}")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(load, (FIRST, SECOND)))
    with database.connect("medwh_loader") as connection:
        assert set(kept(connection)) == set(ids)


def test_removed_slices_are_gone_and_stand_in_the_ledger(loader: Connection) -> None:
    load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a")
    load_messages(loader, slice_of(SECOND), [post(3, SECOND)], "a")
    load_detections(loader, slice_of(FIRST), [detection(1)], "a", MODEL)
    assert remove_slices(loader, [slice_of(FIRST), slice_of(date(2025, 3, 9))]) == 3
    assert kept(loader) == {3: SECOND}
    assert loaded_contents(loader, MESSAGES)[slice_of(FIRST)] == LoadedContent(None, None, 0)
    assert loaded_contents(loader, DETECTIONS)[slice_of(FIRST)] == LoadedContent(None, None, 0)

    before = ledger(loader)
    assert remove_slices(loader, [slice_of(FIRST)]) == 0
    assert ledger(loader) == before
    assert load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a").status == "loaded"


def test_detections_are_loaded_and_an_unchanged_file_of_another_model_is_too(
    loader: Connection,
) -> None:
    first = load_detections(loader, slice_of(), [detection(1), detection(2)], "a", MODEL)
    assert (first.status, first.rows, first.changed) == ("loaded", 2, 2)
    again = load_detections(loader, slice_of(), [detection(1), detection(2)], "a", MODEL)
    assert again.status == "unchanged"
    other = load_detections(loader, slice_of(), [detection(1, "drawings-2")], "a", "drawings-2")
    assert (other.status, other.changed, other.deleted) == ("loaded", 1, 1)
    row = loader.execute(
        "select message_id, image_date, image_sha256, model, detection_data from raw.yolo_detections"
    ).fetchone()
    expected = detection(1, "drawings-2")
    assert row is not None
    assert row[:4] == (1, FIRST, expected.image_sha256, "drawings-2")
    assert row[4] == json.loads(expected.model_dump_json())
    content = loaded_contents(loader, DETECTIONS)[slice_of()]
    assert content == LoadedContent("a", "drawings-2", 1)


def test_an_image_whose_post_moved_moves_too(loader: Connection) -> None:
    load_detections(loader, slice_of(FIRST), [detection(1), detection(2)], "a", MODEL)
    load_detections(loader, slice_of(SECOND), [detection(2)], "b", MODEL)
    load_detections(loader, slice_of(FIRST), [detection(1)], "c", MODEL)
    rows = loader.execute("select message_id, image_date from raw.yolo_detections order by 1")
    assert rows.fetchall() == [(1, FIRST), (2, SECOND)]


def test_the_view_for_the_api_counts_what_is_loaded_now(
    database: Database, loader: Connection
) -> None:
    load_messages(loader, slice_of(FIRST), [post(1), post(2)], "a")
    load_messages(loader, slice_of(SECOND), [], "empty")
    load_messages(loader, slice_of(date(2025, 3, 3)), [post(9, date(2025, 3, 3))], "a")
    remove_slices(loader, [slice_of(date(2025, 3, 3))])
    with database.connect() as connection:
        row = connection.execute(
            "select channel_username, slices_loaded, posts_loaded, newest_message_date"
            " from ops.channel_loads"
        ).fetchone()
    assert row == (CHANNEL, 2, 2, FIRST)


DAYS = [FIRST + timedelta(days=n) for n in range(3)]
LAKE = st.dictionaries(
    st.integers(1, 5), st.tuples(st.sampled_from(DAYS), st.sampled_from(["old", "new"]))
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    history=st.lists(st.tuples(LAKE, st.permutations(DAYS), st.integers(0, 3)), max_size=4),
    final=LAKE,
)
def test_whatever_moved_and_whatever_was_missed_raw_and_the_builds_catch_up(
    loader: Connection,
    history: list[tuple[dict[int, tuple[date, str]], list[date], int]],
    final: dict[int, tuple[date, str]],
) -> None:
    """Loads that never ran, or ran in any order, between builds: rows are neither lost nor twice."""
    remove_slices(loader, [slice_of(day) for day in DAYS])
    mart: dict[tuple[date, int], str] = {}
    build(loader, mart)
    for lake, order, attempts in history:
        for day in order[:attempts]:
            load_day(loader, lake, day)
        build(loader, mart)
        assert len({message_id for _, message_id in mart}) == len(mart)
    catch_up(loader, final)
    build(loader, mart)
    expected = {(day, message_id): text for message_id, (day, text) in final.items()}
    assert mart == expected
    assert rows_of(loader) == expected


def load_day(connection: Connection, lake: dict[int, tuple[date, str]], day: date) -> None:
    held = {n: text for n, (where, text) in sorted(lake.items()) if where == day}
    posts = [post(n, day, text) for n, text in held.items()]
    load_messages(connection, slice_of(day), posts, json.dumps(held))


def catch_up(connection: Connection, lake: dict[int, tuple[date, str]]) -> None:
    """Load every day that the ledger does not know as it is, until there is none."""
    while True:
        contents = loaded_contents(connection, MESSAGES)
        late = [
            day
            for day in DAYS
            if content_of(contents, day)
            != json.dumps({n: text for n, (where, text) in sorted(lake.items()) if where == day})
        ]
        if not late:
            return
        for day in late:
            load_day(connection, lake, day)


def content_of(contents: dict[Slice, LoadedContent], day: date) -> str | None:
    return contents[slice_of(day)].content_sha256 if slice_of(day) in contents else None


def rows_of(connection: Connection) -> dict[tuple[date, int], str]:
    rows = connection.execute(
        "select message_date, message_id, text_masked from raw.telegram_messages"
    )
    return {(day, message_id): text for day, message_id, text in rows}


def build(connection: Connection, mart: dict[tuple[date, int], str]) -> None:
    """Do what an incremental model does: empty the days that the loads touched, fill them anew."""
    build_id = open_build(connection, False, "models").build_id
    touched = {
        day
        for (day,) in connection.execute(
            "select slice_date from raw.loads natural join ops.build_loads where build_id = %s",
            [build_id],
        )
    }
    for key in [key for key in mart if key[0] in touched]:
        del mart[key]
    mart.update({key: text for key, text in rows_of(connection).items() if key[0] in touched})
    finish_build(connection, build_id, ok=True)


def test_when_a_picture_was_looked_at_stands_in_ops_alone(loader: Connection) -> None:
    seen = [detection(1), detection(2), detection(3, model="other-1")]
    noon = datetime(2025, 4, 1, 12, tzinfo=UTC)

    note_when_made(loader, [(row, noon) for row in seen])
    note_when_made(loader, [(seen[2], noon + timedelta(hours=1))])
    note_when_made(loader, [])

    made = loader.execute(
        "select image_sha256, model, made_at from ops.detections_made order by model"
    )
    assert made.fetchall() == [
        ("ab" * 32, MODEL, noon),
        ("ab" * 32, "other-1", noon + timedelta(hours=1)),
    ]
