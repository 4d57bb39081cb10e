import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from medwh_assets.errors import PrivilegeError, SettingError
from medwh_assets.warehouse.binaries import find_binaries
from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.load import load_messages
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import administrator_sql, set_up
from tests.integration.warehouse.made_records import edited, post, slice_of

RELATIONS = """
    select table_schema || '.' || table_name
    from information_schema.tables
    where table_schema in ('raw', 'staging', 'marts', 'ops')
    order by 1
"""

RELATIONS_MADE = [
    "ops.build_loads",
    "ops.builds",
    "ops.built_content",
    "ops.channel_deadlines",
    "ops.channel_loads",
    "ops.channel_status",
    "ops.check_results",
    "ops.detections_made",
    "ops.freshness",
    "ops.lake_files",
    "ops.lake_seen",
    "ops.telegram_channels",
    "ops.telegram_cooldowns",
    "ops.telegram_peers",
    "ops.telegram_photos",
    "ops.telegram_rest",
    "ops.telegram_sessions",
    "raw.channel_facts",
    "raw.loads",
    "raw.post_extractions",
    "raw.telegram_messages",
    "raw.yolo_detections",
]


def relations(database: Database) -> list[str]:
    with database.connect() as connection:
        return [name for (name,) in connection.execute(RELATIONS)]


def test_a_new_server_gets_databases_schemas_and_tables(unmade_database: Database) -> None:
    set_up(unmade_database)
    assert relations(unmade_database) == RELATIONS_MADE
    with unmade_database.dagster.connect() as connection:
        assert connection.execute("select current_database()").fetchone() == (
            unmade_database.dagster.name,
        )


def test_a_second_set_up_changes_nothing(database: Database) -> None:
    snapshot = """
        select
            (select array_agg(xmin::text order by oid) from pg_class),
            (select array_agg(xmin::text order by oid) from pg_namespace),
            (select array_agg(xmin::text order by oid) from pg_authid)
    """
    with database.connect() as connection:
        before = connection.execute(snapshot).fetchone()
        set_up(database)
        assert connection.execute(snapshot).fetchone() == before


def test_set_ups_of_one_database_at_once_all_succeed(unmade_database: Database) -> None:
    with ThreadPoolExecutor(10) as threads:
        for one in [threads.submit(set_up, unmade_database) for _ in range(10)]:
            one.result()
    assert relations(unmade_database) == RELATIONS_MADE


def test_what_was_dropped_comes_back(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("drop schema raw cascade; drop schema marts cascade")
    set_up(database)
    assert relations(database) == RELATIONS_MADE


def test_a_ledger_made_before_there_were_channel_facts_takes_them(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "alter table raw.loads drop constraint loads_table_name_check;"
            " alter table raw.loads add constraint loads_table_name_check"
            " check (table_name in ('telegram_messages', 'yolo_detections'));"
            " drop table raw.channel_facts"
        )
    set_up(database)
    with database.connect("medwh_loader") as connection:
        connection.execute(
            "insert into raw.loads (table_name, channel_username, slice_date, row_count)"
            " values ('channel_facts', 'demo_shop', '2025-03-01', 0)"
        )


def test_posts_loaded_before_there_were_versions_get_them_without_phone_numbers(
    database: Database,
) -> None:
    posts = [edited(1, "Call 0900000011", None), post(2), edited(3, "120 birr", "150 birr")]
    with database.connect("medwh_loader") as loader:
        load_messages(loader, slice_of(), posts, "a")
    texts = "select versions_masked from raw.telegram_messages order by message_id"
    with database.connect() as connection:
        loaded = connection.execute(texts).fetchall()
        connection.execute(
            "alter table raw.telegram_messages drop column versions_masked;"
            " comment on schema ops is 'Set-up of another day'"
        )
        set_up(database)
        assert connection.execute(texts).fetchall() == loaded
        assert loaded == [(["Call [phone]", None],), (None,), (["120 birr", "150 birr"],)]
    # Another load finds a table with its columns in another order.
    with database.connect("medwh_loader") as loader:
        load_messages(loader, slice_of(), [*posts[:2], edited(3, "Call 0900000011", "sold")], "b")
        assert loader.execute(texts).fetchall() == [*loaded[:2], (["Call [phone]", "sold"],)]


def test_a_login_without_rights_gets_the_sql_for_an_administrator_and_it_suffices(
    plain_login: Database, empty_server: Database, postgres_binaries: Path | None, tmp_path: Path
) -> None:
    with pytest.raises(PrivilegeError) as refused:
        set_up(plain_login)
    script = tmp_path / "administrator.sql"
    script.write_text(str(refused.value))
    assert administrator_sql(plain_login) in str(refused.value)

    psql = find_binaries(postgres_binaries).folder / "psql"
    subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", script, empty_server.conninfo],
        check=True,
        capture_output=True,
    )
    set_up(plain_login)
    assert relations(plain_login) == RELATIONS_MADE
    with plain_login.connect("medwh_loader") as connection:
        assert connection.execute("select count(*) from raw.loads").fetchone() == (0,)

    # Nothing in it minds being run again.
    subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", script, empty_server.conninfo],
        check=True,
        capture_output=True,
    )


def test_the_administrator_s_sql_quotes_odd_names() -> None:
    odd = Database('h\n; drop "x"', 5432, 'ware"house', "o'brien")
    text = administrator_sql(odd)
    assert '"ware""house"' in text
    assert "'o''brien'" in text
    assert "\n; drop" not in text


def test_a_database_that_cannot_hold_amharic_is_refused(unmade_database: Database) -> None:
    with unmade_database.connect(name="postgres") as connection:
        connection.execute(
            sql.SQL(
                "create database {} encoding 'LATIN1' locale 'C' template template0"
                " locale_provider libc"
            ).format(sql.Identifier(unmade_database.name))
        )
    with pytest.raises(SettingError, match="LATIN1"):
        set_up(unmade_database)


def test_the_api_s_password_is_set_and_its_text_reaches_no_log(
    unmade_database: Database, postgres_server: EmbeddedServer
) -> None:
    secret = f"pass'word%{uuid4().hex}"
    with unmade_database.connect(name="postgres") as connection:
        connection.execute("alter system set log_statement = 'all'")
        connection.execute("select pg_reload_conf()")
        try:
            while not logs_statements(unmade_database.on("postgres")):
                pass
            set_up(unmade_database, api_password=SecretStr(secret))
            stored = connection.execute(
                "select rolpassword from pg_authid where rolname = 'medwh_api'"
            ).fetchone()
        finally:
            connection.execute("alter system reset log_statement")
            connection.execute("select pg_reload_conf()")
            connection.execute("alter role medwh_api password null")
    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$")
    log = postgres_server.log.read_text()
    assert "alter role medwh_api password" in log
    assert secret[-32:] not in log


def logs_statements(database: Database) -> bool:
    with database.connect() as connection:
        return connection.execute("show log_statement").fetchone() == ("all",)


def test_the_api_logs_in_with_its_password_where_one_is_asked_for(
    server: EmbeddedServer,
) -> None:
    server.ensure()
    place = Database(str(server.socket_folder), server.port, "medwh", server.user)
    set_up(place, api_password=SecretStr("first"))
    data = server.status().data
    assert data is not None
    rules = data / "pg_hba.conf"
    rules.write_text("local all medwh_api scram-sha-256\n" + rules.read_text())
    with place.connect() as connection:
        connection.execute("select pg_reload_conf()")
        set_up(place, api_password=SecretStr("second"))
        stored = "select rolpassword from pg_authid where rolname = 'medwh_api'"
        before = connection.execute(stored).fetchone()
        set_up(place, api_password=SecretStr("second"))
        assert connection.execute(stored).fetchone() == before

    def log_in(password: str) -> None:
        psycopg.connect(
            Database(place.host, place.port, place.name, "medwh_api", SecretStr(password)).conninfo
        ).close()

    log_in("second")
    with pytest.raises(psycopg.OperationalError):
        log_in("first")
