"""The API cannot write: its role may not, and its session would not for any other role."""

import asyncio

import pytest
from psycopg import errors as pg

from medwh_api.database import open_database
from medwh_api.settings import ApiSettings
from tests.integration.api.api_marts import Marts

WRITES = [
    "insert into marts.dim_dates values ('x', '2030-01-01')",
    "update marts.dim_channels set channel_title = 'x'",
    "delete from marts.fct_messages",
    "truncate marts.fct_messages",
    "drop table marts.fct_messages",
    "create table marts.mine (i int)",
    "create temporary table mine (i int)",
]
FORBIDDEN = [
    "select * from raw.telegram_messages",
    "select * from ops.build_loads",
    "select pg_read_file('/etc/hostname')",
    "copy marts.dim_dates to '/tmp/dates'",
    "copy marts.dim_dates to program 'cat'",
    "set role medwh_loader",
]


@pytest.mark.parametrize("sql", [*WRITES, *FORBIDDEN])
def test_its_role_may_not(marts: Marts, sql: str):
    with marts.connect("medwh_api") as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(pg.InsufficientPrivilege):
            connection.execute(sql.encode())


@pytest.mark.parametrize("sql", WRITES)
def test_its_session_writes_nothing_even_as_the_owner(marts: Marts, sql: str):
    async def run(settings: ApiSettings) -> None:
        async with open_database(settings) as database:
            await database.fetch(sql.encode())

    with pytest.raises(pg.ReadOnlySqlTransaction):
        asyncio.run(run(marts.settings(db_user=marts.server.user)))
