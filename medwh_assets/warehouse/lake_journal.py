"""`ops.lake_files` and `ops.lake_seen`: what was seen of the lake, so that it is told once."""

from collections.abc import Sequence
from typing import Any

from medwh_assets.lake.journal import FileKey, KnownFile, Seen, SeenFile
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import database_errors
from medwh_assets.warehouse.from_lake import Connector
from medwh_assets.warehouse.statements import statement


class WarehouseLakeJournal:
    """The journal in the warehouse; every call is a connection and a transaction of its own.

    Args:
        warehouse: where the tables are.
    """

    def __init__(self, warehouse: Connector) -> None:
        """Remember the place; nothing is opened."""
        self._warehouse = warehouse

    def known(self) -> dict[FileKey, KnownFile]:
        """Return every file that was ever looked at and is still there."""
        with self._warehouse.connect("medwh_loader") as connection, database_errors():
            rows = connection.execute(statement("lake_journal/known.sql"))
            return {
                (kind, Slice(channel, day)): KnownFile(stamp, sha256)
                for kind, channel, day, stamp, sha256 in rows
            }

    def keep(self, seen: Sequence[SeenFile], gone: Sequence[FileKey]) -> None:
        """Keep what was looked at, note what of it is new, and forget what is gone; all or nothing."""
        if not seen and not gone:
            return
        files = [_values(one) for one in seen]
        new = [_values(one) for one in seen if one.is_new]
        with (
            self._warehouse.connect("medwh_loader") as connection,
            database_errors(),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement("lake_journal/take_turn.sql"))
            for name, values in (
                ("forget", [_key(key) for key in gone]),
                ("keep", files),
                ("note", new),
            ):
                if values:
                    cursor.executemany(statement(f"lake_journal/{name}.sql"), values)

    def newest(self) -> int:
        """Return the id of the newest entry, 0 without one."""
        with self._warehouse.connect("medwh_loader") as connection, database_errors():
            row = connection.execute(statement("lake_journal/newest.sql")).fetchone()
        return int(row[0]) if row else 0

    def after(self, seen_id: int, most: int) -> list[Seen]:
        """Return at most so many entries after an id, in order."""
        with self._warehouse.connect("medwh_loader") as connection, database_errors():
            rows = connection.execute(
                statement("lake_journal/after.sql"), {"seen_id": seen_id, "most": most}
            ).fetchall()
        return [
            Seen(number, (kind, Slice(channel, day)), sha256, records)
            for number, kind, channel, day, sha256, records in rows
        ]


def _key(key: FileKey) -> dict[str, Any]:
    kind, piece = key
    return {"kind": kind, "channel": piece.channel, "date": piece.date}


def _values(seen: SeenFile) -> dict[str, Any]:
    return {
        **_key(seen.key),
        "stamp": seen.stamp,
        "sha256": seen.sha256,
        "records": seen.records,
    }
