"""The way of what channels say about themselves into `raw.channel_facts`.

A day of a channel is one transaction with its ledger row, or nothing, as with slices of posts.
"""

from collections.abc import Iterator, Mapping, Sequence

from medwh_assets.errors import CorruptSliceError
from medwh_assets.lake.channels import (
    ChannelObservation,
    facts_sha256,
    observations,
    observed_days,
)
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Number, Outcome, each_slice
from medwh_assets.phones import count_and_mask_phones
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection, database_errors
from medwh_assets.warehouse.from_lake import Connector
from medwh_assets.warehouse.load import loaded_contents
from medwh_assets.warehouse.statements import statement

_TABLE = "channel_facts"


def facts_due(lake: Lake, loaded: Mapping[Slice, str]) -> list[Slice]:
    """Return the channels and days whose file is not the one that was loaded last.

    Args:
        lake: the lake.
        loaded: the content hash of every file as loaded last.
    """
    return [
        piece for piece in observed_days(lake) if loaded.get(piece) != facts_sha256(lake, piece)
    ]


def load_facts(lake: Lake, warehouse: Connector) -> Iterator[Outcome]:
    """Load every file of the lake that is not the one loaded last, each in its own transaction.

    Raises:
        DatabaseUnreachableError: the server does not answer, so nothing can be loaded.
    """
    with warehouse.connect("medwh_loader") as connection:
        contents = loaded_contents(connection, _TABLE)
        loaded = {s: c.content_sha256 for s, c in contents.items() if c.content_sha256}
        due = facts_due(lake, loaded)
        yield from each_slice(due, lambda piece: _load_file(lake, connection, piece))


def _load_file(lake: Lake, connection: Connection, piece: Slice) -> Mapping[str, Number]:
    content_sha256 = facts_sha256(lake, piece)
    if content_sha256 is None:
        raise CorruptSliceError(f"{piece}: its file of channel facts was removed meanwhile")
    seen = observations(lake, piece)
    load_channel_facts(connection, piece, seen, content_sha256)
    return {"dagster/row_count": len(seen)}


def load_channel_facts(
    connection: Connection, piece: Slice, seen: Sequence[ChannelObservation], content_sha256: str
) -> int:
    """Make `raw.channel_facts` hold exactly these observations of a channel on a day.

    Args:
        connection: of role medwh_loader, outside any transaction.
        piece: the channel and the day of the reads.
        seen: all of the day's observations as they stand in the lake.
        content_sha256: the hash of the lake file.

    Returns:
        The load's id.

    Raises:
        DatabaseUnreachableError: the server gave up; nothing was changed.
    """
    key = {"channel": piece.channel, "date": piece.date}
    with database_errors(), connection.transaction():
        turn = {"table_name": _TABLE, "channel": piece.channel}
        connection.execute(statement("load/take_turn.sql"), turn)
        entry = {
            **key,
            "table_name": _TABLE,
            "content_sha256": content_sha256,
            "row_count": len(seen),
            "model": None,
        }
        row = connection.execute(statement("load/insert_load.sql"), entry).fetchone()
        load_id = int(row[0]) if row else 0
        connection.execute(statement("load/channels/delete.sql"), key)
        for one in seen:
            values = {
                **key,
                "observed_at": one.observed_at,
                "facts": one.model_dump_json(),
                "title": _masked(one.title),
                "about": _masked(one.about),
                "load_id": load_id,
            }
            connection.execute(statement("load/channels/insert.sql"), values)
    return load_id


def _masked(text: str | None) -> str | None:
    return count_and_mask_phones(text)[0] if text else text
