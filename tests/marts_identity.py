"""The identity of marts: equal marts have equal hashes, whichever server holds them."""

import hashlib
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
select table_class.relname, array_agg(attribute.attname order by attribute.attnum)
from pg_class as table_class
inner join pg_index on table_class.oid = pg_index.indrelid and pg_index.indisprimary
inner join pg_attribute as attribute
    on table_class.oid = attribute.attrelid and attribute.attnum = any(pg_index.indkey)
where table_class.relnamespace = 'marts'::regnamespace
group by table_class.relname
"""


def marts_identity(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the sha256 of every table in `marts`, copied out in the order of its primary key."""
    with connection.transaction():
        connection.execute("set local time zone 'UTC'")
        connection.execute("set local datestyle = 'ISO, YMD'")
        connection.execute("set local extra_float_digits = 1")
        tables = connection.execute(_TABLES).fetchall()
        return {table: _copied(connection, table, key) for table, key in sorted(tables)}


def _copied(connection: psycopg.Connection[Any], table: str, key: list[str]) -> str:
    query = sql.SQL("copy (select * from {table} order by {key}) to stdout (header)").format(
        table=sql.Identifier("marts", table),
        key=sql.SQL(", ").join(
            sql.SQL('{} collate "C"').format(sql.Identifier(column)) for column in key
        ),
    )
    digest = hashlib.sha256()
    with connection.cursor() as cursor, cursor.copy(query) as copied:
        for part in copied:
            digest.update(part)
    return digest.hexdigest()
