"""What each role may do, seen from the database itself."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, QueryCanceled, ReadOnlySqlTransaction

from medwh_assets.warehouse.account_state import WarehouseAccountState
from medwh_assets.warehouse.connection import Connection, Database
from medwh_assets.warehouse.load import load_messages
from tests.integration.warehouse.made_records import post, slice_of


@pytest.fixture
def transformer(database: Database) -> Iterator[Connection]:
    """A connection in the role in which dbt builds."""
    with database.connect("medwh_transformer") as connection:
        yield connection


@pytest.fixture
def api(database: Database) -> Iterator[psycopg.Connection]:
    """A connection as the API makes it."""
    with replace(database, user="medwh_api").connect() as connection:
        yield connection


def test_the_loader_writes_raw_and_its_builds_and_nothing_else(
    loader: Connection, transformer: Connection
) -> None:
    transformer.execute("create table marts.fct_messages as select 1 as message_pk")
    load_messages(loader, slice_of(), [post(1)], "a")
    for statement in (
        "select * from marts.fct_messages",
        "insert into marts.fct_messages values (2)",
        "create table marts.mine (a int)",
        "create table staging.mine (a int)",
        "create table raw.mine (a int)",
        "delete from raw.loads",
        "drop table raw.loads",
    ):
        with pytest.raises(InsufficientPrivilege):
            loader.execute(statement)


def test_the_transformer_reads_raw_and_builds_marts(
    loader: Connection, transformer: Connection
) -> None:
    load_messages(loader, slice_of(), [post(1)], "a")
    transformer.execute("create temporary table step as select * from raw.telegram_messages")
    transformer.execute("create table staging.posts as select * from step")
    transformer.execute("create table marts.posts as select message_id from staging.posts")
    assert transformer.execute("select count(*) from ops.build_loads").fetchone() == (0,)
    for statement in (
        "delete from raw.telegram_messages",
        "insert into ops.builds (status, full_refresh) values ('done', true)",
        "select * from ops.telegram_peers",
        "create table raw.mine (a int)",
    ):
        with pytest.raises(InsufficientPrivilege):
            transformer.execute(statement)


def test_the_api_reads_marts_made_later_and_its_views_and_nothing_else(
    loader: Connection, transformer: Connection, api: psycopg.Connection, database: Database
) -> None:
    load_messages(loader, slice_of(), [post(1)], "a")
    transformer.execute("create table marts.fct_messages as select 7 as message_pk")
    transformer.execute("create table staging.hidden as select 7 as message_pk")
    assert api.execute("select message_pk from marts.fct_messages").fetchone() == (7,)
    row = api.execute("select channel_username, slices_loaded from ops.channel_loads").fetchone()
    assert row == ("demo_selam_pharmacy", 1)
    with closing(WarehouseAccountState(database, "mine")) as account:
        account.note("demo_selam_pharmacy", "ok", "", datetime(2025, 3, 1, tzinfo=UTC))
    row = api.execute("select channel_username, status from ops.channel_status").fetchone()
    assert row == ("demo_selam_pharmacy", "ok")
    for statement in (
        "select * from raw.telegram_messages",
        "select * from raw.loads",
        "select * from staging.hidden",
        "select * from ops.builds",
        "select * from ops.telegram_peers",
        "select * from ops.telegram_channels",
        "select * from ops.telegram_cooldowns",
        "select * from raw.channel_facts",
        "set role medwh_loader",
        "set role medwh_transformer",
    ):
        with pytest.raises(InsufficientPrivilege):
            api.execute(statement)


def test_the_api_cannot_write_even_when_it_lifts_its_own_read_only_mode(
    transformer: Connection, api: psycopg.Connection
) -> None:
    transformer.execute("create table marts.fct_messages as select 7 as message_pk")
    with pytest.raises(ReadOnlySqlTransaction):
        api.execute("delete from marts.fct_messages")
    api.execute("set default_transaction_read_only = off")
    for statement in (
        "delete from marts.fct_messages",
        "insert into marts.fct_messages values (1)",
        "create table marts.mine (a int)",
        "create table public.mine (a int)",
        "create temporary table mine (a int)",
        "create schema mine",
    ):
        with pytest.raises(InsufficientPrivilege):
            api.execute(statement)


def test_a_statement_of_the_api_ends_after_two_seconds(api: psycopg.Connection) -> None:
    assert api.execute("show statement_timeout").fetchone() == ("2s",)
    with pytest.raises(QueryCanceled):
        api.execute("select pg_sleep(30)")


def test_the_api_may_not_enter_dagster_s_database(database: Database, api: Connection) -> None:
    name = database.dagster.name
    row = api.execute("select has_database_privilege(%s, 'connect')", [name]).fetchone()
    assert row == (False,)
