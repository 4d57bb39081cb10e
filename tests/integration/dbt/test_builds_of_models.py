import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from medwh_assets.dbt.resource import options_of
from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import remove_slices
from medwh_dbt import PROJECT_DIR
from tests.integration.dbt.conftest import CHANNELS
from tests.integration.dbt.dbt_command import BuildFailed, DbtCommand, dbt_environment
from tests.integration.dbt.slices_of_posts import (
    edited,
    load,
    look,
    march,
    observe,
    post,
    seen,
    told,
)
from tests.marts_identity import marts_identity

CHANNEL = "demo_untouched"


def test_incremental_builds_equal_a_full_refresh_after_every_kind_of_load(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    sold_out = edited(post("demo_edited", 1, 1), text="Amoxicillin, sold out", views=99)
    sold_out = edited(sold_out, text="Amoxicillin is back", views=120)
    load(warehouse, "demo_edited", 1, sold_out, post("demo_edited", 2, 1))
    load(warehouse, "demo_emptied", 4)
    remove_slices(warehouse, [Slice("demo_removed", march(day)) for day in (1, 2, 4)])
    load(warehouse, "demo_new", 9, post("demo_new", 1, 9))
    look(warehouse, "demo_new", 9, seen(1, "person"))
    # What a channel says of itself: again on the same day, on an earlier one, before its first post.
    observe(warehouse, "demo_edited", 9, told("demo_edited", 9, 110, "changed"))
    observe(warehouse, "demo_emptied", 8, told("demo_emptied", 8, None))
    observe(warehouse, "demo_new", 8, told("demo_new", 8, 3))
    observe(warehouse, "demo_without_posts", 8, told("demo_without_posts", 8, 3))
    # Images that channels share: one more shows it, one shows another, the first to show it is gone.
    look(warehouse, "demo_shared", 1, seen(1, image=2))
    look(warehouse, "demo_shared", 2, seen(3, "cat", image=900), seen(4, image=6))
    # A better date moves a post: both days are read again, and both looked at again ...
    load(warehouse, "demo_moved", 1, post("demo_moved", 2, 1))
    load(warehouse, "demo_moved", 6, edited(post("demo_moved", 1, 6), text="moved"))
    look(warehouse, "demo_moved", 1)
    look(warehouse, "demo_moved", 6, seen(1, "bottle", "person"))
    # ... or a build comes before the looking, or the looking is loaded first.
    load(warehouse, "demo_moved_before", 6, post("demo_moved_before", 1, 6))
    look(warehouse, "demo_moved_after", 6, seen(1, "bottle", "person"))
    look(warehouse, "demo_looked_again", 1, seen(1, "giraffe"))
    look(warehouse, "demo_looked_late", 2, seen(3, "box"), seen(4, "person"))
    build_id = open_build(warehouse, False, "models").build_id
    dbt.run(build_id)
    finish_build(warehouse, build_id, ok=True)
    look(warehouse, "demo_moved_before", 1)
    load(warehouse, "demo_moved_after", 6, post("demo_moved_after", 1, 6))
    dbt.run(open_build(warehouse, False, "models").build_id)
    assert_equals_a_full_refresh(warehouse, dbt)


def test_a_post_whose_new_day_is_built_before_its_old_one_stands_once(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    """A load can commit between two models of a build that knows only one of the two days."""
    load(warehouse, CHANNEL, 6, post(CHANNEL, 1, 6))
    build_id = open_build(warehouse, False, "models").build_id
    warehouse.execute(
        "delete from ops.build_loads using raw.loads where build_loads.load_id = loads.load_id"
        " and build_id = %s and slice_date = %s",
        (build_id, march(1)),
    )
    dbt.run(build_id)
    assert days_of(warehouse, 1) == [march(6)]
    assert_equals_a_full_refresh(warehouse, dbt)


def test_a_load_that_commits_during_a_build_is_in_the_next_one(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    load(warehouse, CHANNEL, 8, post(CHANNEL, 8, 8))
    build_id = open_build(warehouse, False, "models").build_id
    load(warehouse, CHANNEL, 9, post(CHANNEL, 9, 9))
    dbt.run(build_id)
    finish_build(warehouse, build_id, ok=True)
    assert days_of(warehouse, 8) == [march(8)]
    assert days_of(warehouse, 9) == []
    dbt.run(open_build(warehouse, False, "models").build_id)
    assert days_of(warehouse, 9) == [march(9)]


def test_a_run_without_a_build_touches_no_row(warehouse: Connection, dbt: DbtCommand) -> None:
    before = marts_identity(warehouse)
    load(warehouse, CHANNEL, 2, post(CHANNEL, 3, 2, text="something else"))
    dbt.run()
    assert marts_identity(warehouse) == before


def test_a_model_that_fails_keeps_its_rows_and_the_build_can_be_repeated(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    """The rows of touched slices go and come in one transaction; models that come after keep theirs."""
    before = marts_identity(warehouse)
    kept = {"fct_messages", "fct_offers", "dim_channels", "mart_channel_daily_activity"}
    load(warehouse, CHANNEL, 1, post(CHANNEL, 1, 1, text="edited"), post(CHANNEL, 2, 1))
    look(warehouse, CHANNEL, 1, seen(1, "bottle"))
    # No lake holds a detection without its image's path, and no constraint lets one pass.
    warehouse.execute(
        "update raw.yolo_detections set detection_data = detection_data - 'image_path'"
    )
    build_id = open_build(warehouse, False, "models").build_id
    with pytest.raises(BuildFailed, match="fct_messages"):
        dbt.run(build_id)
    finish_build(warehouse, build_id, ok=False)
    after = marts_identity(warehouse)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}

    warehouse.execute(
        "update raw.yolo_detections set detection_data"
        " = detection_data || jsonb_build_object('image_path', format('images/%s.jpg', message_id))"
    )
    dbt.run(open_build(warehouse, False, "models").build_id)
    assert marts_identity(warehouse) != before
    assert_equals_a_full_refresh(warehouse, dbt)


def test_marts_do_not_depend_on_the_servers_settings(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    before = marts_identity(warehouse)
    warehouse.execute(
        "alter role medwh_transformer in database dbt_models set timezone = 'Africa/Addis_Ababa'"
    )
    warehouse.execute("alter database dbt_models set timezone = 'Africa/Addis_Ababa'")
    warehouse.execute("alter database dbt_models set datestyle = 'German, DMY'")
    warehouse.execute("alter database dbt_models set extra_float_digits = -15")
    dbt.rebuild()
    assert marts_identity(warehouse) == before


def test_constraints_indexes_and_rights_outlive_normal_and_full_builds(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    made = structure_of_marts(warehouse)
    for _ in range(2):
        load(warehouse, CHANNEL, 2, post(CHANNEL, 3, 2))
        build_id = open_build(warehouse, False, "models").build_id
        dbt.run(build_id)
        finish_build(warehouse, build_id, ok=True)
        assert structure_of_marts(warehouse) == made
    dbt.rebuild()
    assert structure_of_marts(warehouse) == made
    tables = [name for name in dbt.described_columns() if name.startswith("marts.")]
    for table in tables:
        assert any(line.startswith("p PRIMARY KEY") and line.endswith(table) for line in made), (
            table
        )
    assert any("message_text gin_trgm_ops" in line for line in made)
    assert sum(line.startswith("c CHECK") for line in made) > 100
    assert sum(line.startswith("n NOT NULL") for line in made) > 200
    warehouse.execute("set role medwh_api")
    for table in tables:
        warehouse.execute(f"select count(*) from {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            warehouse.execute(f"delete from {table}")


def test_every_column_is_described_and_every_described_column_is_there(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    rows = warehouse.execute(
        "select format('%s.%s', table_schema, table_name), array_agg(column_name::text)"
        " from information_schema.columns where table_schema in ('staging', 'marts') group by 1"
    )
    assert {table: sorted(columns) for table, columns in rows} == dbt.described_columns()


def test_posts_become_facts_as_the_columns_say(warehouse: Connection) -> None:
    rows = warehouse.execute(
        "select message_id, media_type, image_category, has_counters, has_media, has_image,"
        " is_service from marts.fct_messages where channel_username = %s order by message_id",
        (CHANNEL,),
    ).fetchall()
    assert rows == [
        (1, "photo", "promotional", True, True, True, False),
        (2, None, None, False, False, False, False),
        (3, "photo", "product_display", True, True, True, False),
        (4, "webpage", None, True, False, False, False),
        (5, None, None, False, False, False, True),
        (6, "document", "other", True, True, True, False),
        (7, "photo", None, True, True, False, False),
    ]


def test_versions_tell_what_a_post_said_before_without_its_phone_numbers(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    load(warehouse, CHANNEL, 2, edited(post(CHANNEL, 3, 2, text="0900000011"), media=None))
    build(warehouse, dbt)
    rows = warehouse.execute(
        "select message_id, version_number, is_current, message_text, media_type, edit_date,"
        " first_observed_at = last_observed_at from marts.fct_message_versions"
        " where channel_username = %s order by message_id, version_number",
        (CHANNEL,),
    ).fetchall()
    edit = datetime(2025, 4, 1, 22, tzinfo=UTC)
    assert rows == [
        (1, 1, False, "Amoxicillin 1, call [phone]", "photo", None, True),
        (1, 2, True, "Amoxicillin 1", "photo", edit, True),
        (3, 1, False, "[phone]", "photo", None, True),
        (3, 2, True, "Amoxicillin 3", None, edit, True),
    ]
    assert_equals_a_full_refresh(warehouse, dbt)


def test_an_image_knows_every_post_that_shows_it_after_each_build(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    """All channels of the first loads show the same images."""
    channels = len(CHANNELS)
    before = image_row(warehouse, 3)
    assert before["times_posted"] == before["channel_count"] == channels
    assert before["image_category"] == "product_display"
    load(warehouse, "demo_early", 1, post("demo_early", 9, 1), post("demo_early", 10, 1))
    look(warehouse, "demo_early", 1, seen(9, "person", image=3), seen(10, image=77))
    build(warehouse, dbt)
    earlier = image_row(warehouse, 3)
    assert earlier["times_posted"] == earlier["channel_count"] == channels + 1
    assert earlier["first_channel_username"] == "demo_early"
    assert earlier["first_seen_at"] == datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
    assert "demo_early, demo_edited" in earlier["channel_usernames"]
    # The newest post says what it shows, and that is another channel's.
    assert earlier["image_category"] == "product_display"
    assert image_row(warehouse, 77)["times_posted"] == 1

    remove_slices(warehouse, [Slice("demo_early", march(1))])
    build(warehouse, dbt)
    assert image_row(warehouse, 3) == before
    assert image_row(warehouse, 77) == {}
    assert_equals_a_full_refresh(warehouse, dbt)


def test_pictures_are_grouped_by_what_they_look_like_across_channels(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    load(warehouse, "demo_copier", 8, *(post("demo_copier", number, 8) for number in range(1, 4)))
    look(
        warehouse,
        "demo_copier",
        8,
        seen(1, image=501, perceptual_hash=f"{3:016x}"),
        # Two bits from the one above, as another product in the same packaging may be.
        seen(2, image=502, perceptual_hash=f"{0xF:016x}"),
        seen(3, image=503, perceptual_hash="8000000000000000"),
    )
    build(warehouse, dbt)
    groups = {number: image_row(warehouse, number)["image_group_key"] for number in (3, 501, 502)}
    assert groups[501] == groups[3] != groups[502]
    assert image_row(warehouse, 503)["image_group_key"] == f"{503:064x}"
    assert_equals_a_full_refresh(warehouse, dbt)


def test_a_class_counts_as_what_its_own_model_is_mapped_to_and_none_is_lost(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    model = "pharma_v2-0123456789ab-c0.25-s640-torch_fp32-u8.4-r1"
    load(warehouse, CHANNEL, 8, post(CHANNEL, 8, 8))
    look(warehouse, CHANNEL, 8, seen(8, "Bottle", "giraffe", "ጠርሙስ", model=model))
    warehouse.execute(
        "insert into staging.detected_classes (model_name, detected_object_class, warehouse_class)"
        " values ('pharma_*', 'giraffe', 'person'), ('yolov8n', 'bottle', 'other')"
    )
    build(warehouse, dbt)
    rows = warehouse.execute(
        "select detected_object_class, warehouse_class, object_role, is_mapped, confidence_score"
        " from marts.fct_image_detections inner join marts.dim_detected_classes"
        " using (detected_object_class, warehouse_class, object_role)"
        " where message_id = 8 and channel_username = %s and detection_model_name = 'pharma_v2'"
        " order by box_number",
        (CHANNEL,),
    ).fetchall()
    assert rows == [
        ("Bottle", "container", "product", True, 0.9),
        ("giraffe", "person", "person", True, 0.8),
        ("ጠርሙስ", "other", "other", False, 0.7),
    ]
    assert warehouse.execute(
        "select image_category from marts.fct_messages where message_id = 8"
        " and channel_username = %s",
        (CHANNEL,),
    ).fetchall() == [("promotional",)]


def test_what_a_channel_says_reaches_the_marts_without_its_phone_numbers(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    observe(warehouse, CHANNEL, 10, told(CHANNEL, 10, 104, about="Call 0900 000 012"))
    dbt.run(open_build(warehouse, False, "models").build_id)
    assert warehouse.execute(
        "select channel_title, channel_about, channel_spelling, channel_id, subscribers_count"
        " from marts.dim_channels where channel_username = %s",
        (CHANNEL,),
    ).fetchall() == [(f"{CHANNEL} 10", "Call [phone]", CHANNEL.upper(), 77, 104)]
    assert warehouse.execute(
        "select observed_date, subscribers_count, subscribers_change"
        " from marts.fct_channel_subscribers where channel_username = %s order by observed_at",
        (CHANNEL,),
    ).fetchall() == [(march(9), 100, None), (march(10), 104, 4)]
    assert_equals_a_full_refresh(warehouse, dbt)


def test_a_channel_that_has_posted_nothing_is_known_by_what_it_says(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    observe(warehouse, "demo_silent", 10, told("demo_silent", 10, 31))
    dbt.run(open_build(warehouse, False, "models").build_id)
    assert warehouse.execute(
        "select subscribers_count, message_count, image_count, first_post_at"
        " from marts.dim_channels where channel_username = 'demo_silent'"
    ).fetchall() == [(31, 0, 0, None)]
    assert warehouse.execute(
        "select subscribers_count from marts.fct_channel_subscribers"
        " where channel_username = 'demo_silent'"
    ).fetchall() == [(31,)]
    assert_equals_a_full_refresh(warehouse, dbt)


def test_dbts_own_command_builds_and_tests_everything_without_a_warning(
    warehouse: Connection, models_database: Database, tmp_path: Path
) -> None:
    load(warehouse, CHANNEL, 5, post(CHANNEL, 8, 5))
    build_id = open_build(warehouse, False, "models").build_id
    finished = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "--no-use-colors", "--warn-error", "build"),
            *("--project-dir", PROJECT_DIR, "--profiles-dir", PROJECT_DIR),
        ],
        env=os.environ
        | dbt_environment(models_database, tmp_path)
        | {"PGOPTIONS": options_of(build_id)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "WARN=0 ERROR=0 SKIP=0" in finished.stdout
    assert "eprecat" not in finished.stdout


def build(connection: Connection, dbt: DbtCommand) -> None:
    build_id = open_build(connection, False, "models").build_id
    dbt.run(build_id)
    finish_build(connection, build_id, ok=True)


def image_row(connection: Connection, number: int) -> dict[str, Any]:
    """Return the row of the image that a number stands for; empty if there is none."""
    row = connection.execute(
        "select to_jsonb(dim_images) || jsonb_build_object('first_seen_at', null), first_seen_at"
        " from marts.dim_images where image_sha256 = %s",
        (f"{number:064x}",),
    ).fetchone()
    return {**row[0], "first_seen_at": row[1]} if row else {}


def assert_equals_a_full_refresh(connection: Connection, dbt: DbtCommand) -> None:
    facts, identity = facts_by_channel(connection), marts_identity(connection)
    dbt.rebuild()
    assert facts == facts_by_channel(connection)
    assert identity == marts_identity(connection)


def facts_by_channel(connection: Connection) -> dict[str, list[object]]:
    """What a person can read of the facts, so that a difference says in which channel it is."""
    rows = connection.execute(
        "select channel_username, jsonb_agg(jsonb_build_array(message_id, message_date,"
        " message_text, image_category, detected_object_class, box_number)"
        " order by message_id, message_date, box_number)"
        " from marts.fct_messages left join marts.fct_image_detections"
        " using (channel_username, message_id, message_date) group by channel_username"
    )
    return dict(rows)


def days_of(connection: Connection, message_id: int) -> list[object]:
    rows = connection.execute(
        "select message_date from marts.fct_messages"
        " where channel_username = %s and message_id = %s",
        (CHANNEL, message_id),
    )
    return [day for (day,) in rows]


def structure_of_marts(connection: Connection) -> list[str]:
    """Constraints, indexes and rights, without the names that PostgreSQL and dbt make up."""
    rows = connection.execute(
        "select format('%s %s on %s', contype, pg_get_constraintdef(oid), conrelid::regclass)"
        " from pg_constraint where connamespace = 'marts'::regnamespace"
        " union all select regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON')"
        " from pg_indexes where schemaname = 'marts'"
        " union all select format('%s on %s', relacl, relname) from pg_class"
        " where relnamespace = 'marts'::regnamespace and relkind = 'r' order by 1"
    )
    return [line for (line,) in rows]
