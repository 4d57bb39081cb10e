"""The way of the data, end to end, as the commands of the README go it."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import drop
from tests.integration.pipeline.conftest import REPOSITORY, Pipeline
from tests.integration.pipeline.recordings import write_scraped_lake
from tests.unit.imports.desktop_exports import CHAT, write_chat

CANARY = "canary-5up3rs3cret"
SAMPLE = REPOSITORY / "data" / "sample"


def posts_recorded() -> set[tuple[str, int]]:
    """Return every post of the bundled sample, counted from the recording's own files."""
    return {
        (channel.name, post["id"])
        for channel in (SAMPLE / "recording" / "reads").iterdir()
        for read in channel.glob("*.json")
        for post in json.loads(read.read_text())["posts"]
    }


@pytest.mark.timeout(600)
def test_the_demo_brings_every_post_of_the_sample_again_and_again_and_out_again(
    pipeline: Pipeline,
) -> None:
    pipeline.environment["MEDWH_SAMPLE"] = str(SAMPLE)
    recorded = posts_recorded()

    said = pipeline.medwh("demo", "--no-serve")
    loaded = pipeline.rows("select channel_username, message_id from marts.fct_messages")
    assert set(loaded) == recorded
    assert len(loaded) == len(recorded)
    assert f"{len(recorded)} posts" in said
    assert "truncated JPEG" in said
    assert pipeline.rows(
        "select count(*) from marts.fct_messages where image_category = 'promotional'"
    ) > [(0,)]

    lake, marts = pipeline.lake_files(), pipeline.marts()
    again = pipeline.medwh("demo", "--no-serve")
    assert "dbt                      nothing to do" in again
    assert (pipeline.lake_files(), pipeline.marts()) == (lake, marts)

    # The lake is the truth: without its database, a run makes the same marts again.
    drop(pipeline.database)
    pipeline.medwh("run")
    assert pipeline.marts() == marts

    pipeline.medwh("demo", "--remove")
    assert pipeline.rows("select count(*) from marts.fct_messages") == [(0,)]
    assert pipeline.rows("select count(*) from marts.dim_channels") == [(0,)]
    assert pipeline.rows("select count(*) from raw.telegram_messages") == [(0,)]
    assert [file for file in pipeline.lake_files() if not file.startswith("yolo_cache/")] == []
    with pipeline.database.dagster.connect() as connection:
        partitions = connection.execute("select count(*) from dynamic_partitions").fetchone()
    assert partitions == (0,)


def test_a_poisoned_day_costs_itself_and_no_other(pipeline: Pipeline) -> None:
    pipeline.environment["POSTGRES_PASSWORD"] = CANARY
    write_scraped_lake(pipeline.folder / "old", "PharmaOne", days=31, posts_a_day=1)
    pipeline.medwh("import", str(pipeline.folder / "old"))
    poisoned = pipeline.lake / "telegram_messages" / "2025-05-17" / "pharmaone.json"
    poisoned.write_bytes(b"\xff\xfe not a list at all")

    said = pipeline.medwh("run", status=1)

    assert pipeline.rows("select count(distinct message_date) from marts.fct_messages") == [(30,)]
    assert "pharmaone|2025-05-17" in said
    assert "is no JSON" in said
    assert poisoned.read_bytes() == b"\xff\xfe not a list at all"

    # The failed run has left errors, events and logs, and the password is in none of them.
    assert CANARY not in said
    state = pipeline.folder / "state"
    files = [file for file in state.rglob("*") if file.is_file()]
    assert [file for file in files if CANARY.encode() in file.read_bytes()] == []
    with pipeline.database.dagster.connect() as connection:
        told = connection.execute(
            "select count(*), count(*) filter (where event like %(canary)s) from event_logs"
            " union all select count(*), count(*) filter (where run_body like %(canary)s) from runs",
            {"canary": f"%{CANARY}%"},
        ).fetchall()
    assert [leaks for _, leaks in told] == [0, 0]
    assert all(rows for rows, _ in told)


def test_imported_posts_have_their_images_and_bad_ones_are_named(pipeline: Pipeline) -> None:
    old = pipeline.folder / "old"
    posts = write_scraped_lake(old, "PharmaOne", days=3)
    (old / "images" / "PharmaOne" / "2.jpg").write_bytes(b"")

    imported = pipeline.medwh("import", str(old))
    said = pipeline.medwh("run")

    assert "pharmaone" in imported
    assert pipeline.rows(
        "select count(*), count(*) filter (where has_image) from marts.fct_messages"
    ) == [(posts, posts - 1)]
    assert pipeline.rows("select channel_spelling from marts.dim_channels") == [("PharmaOne",)]
    assert "quarantined" not in said  # it is told by the report, not as a failure
    assert "images/pharmaone/2: empty file" in pipeline.medwh("report")
    files, marts = pipeline.lake_files(), pipeline.marts()
    assert "✓ dbt" in pipeline.medwh("run", "--full-refresh")
    assert pipeline.marts() == marts
    assert pipeline.rows("select count(*) from ops.builds where full_refresh") == [(1,)]
    pipeline.medwh("import", str(old))
    assert pipeline.lake_files() == files


def test_a_channel_that_gets_its_name_later_is_in_the_marts_once(pipeline: Pipeline) -> None:
    export = write_chat(pipeline.folder, 20, images=False)
    pipeline.medwh("import", str(export))
    pipeline.medwh("run", "--no-detect")
    nameless = f"c{CHAT['id']}"
    assert pipeline.rows("select channel_username from marts.dim_channels") == [(nameless,)]

    said = pipeline.medwh("import", str(export), "--chat", f"{CHAT['id']}=demo_selam")
    pipeline.medwh("run", "--no-detect")

    assert f"{nameless} of the lake is now demo_selam" in said
    for table in ("marts.dim_channels", "marts.fct_messages", "raw.telegram_messages"):
        held = pipeline.rows(f"select distinct channel_username from {table}")
        assert held == [("demo_selam",)]
    assert pipeline.rows("select count(*) from marts.fct_messages") == [(20,)]
    assert "nothing to do" in pipeline.medwh("run", "--no-detect")
    assert pipeline.rows("select count(*) from ops.builds") == [(2,)]


def test_the_embedded_server_is_gone_when_the_command_is(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    environment = {k: v for k, v in pipeline.environment.items() if not k.startswith("POSTGRES_")}
    finished = subprocess.run(
        [sys.executable, "-m", "medwh_assets.cli", "doctor"],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "embedded, database medwh" in finished.stdout
    mine = [
        p.pid for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])
    ]
    assert mine == []


def test_a_taken_port_is_named_with_its_setting(pipeline: Pipeline) -> None:
    pipeline.environment.update(MEDWH_UI_PORT="4011", MEDWH_API_PORT="4011")
    assert "MEDWH_API_PORT" in pipeline.medwh("up", status=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "/nowhere/at/all"), "does not exist"),
        (("run", "--channel", "../../etc"), "no Telegram username"),
        (("run", "--channel", "nobody_knows"), "nothing is known of nobody_knows"),
    ],
)
def test_bad_input_is_answered_in_words(
    pipeline: Pipeline, arguments: tuple[str, ...], words: str
) -> None:
    said = pipeline.medwh(*arguments, status=1)
    assert words in said
    assert "Traceback" not in said
