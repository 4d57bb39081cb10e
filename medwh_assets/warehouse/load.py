"""The way of a slice into `raw`: one transaction with its ledger row, or nothing.

Rows go by binary COPY: straight into the table where nothing of the slice is there yet, else into a
temporary table and from there by one upsert. A slice whose content was loaded last is skipped. What
a post is stands in `lake.records`.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from pydantic import TypeAdapter

from medwh_assets.errors import CorruptSliceError
from medwh_assets.extracted import ExtractedPost
from medwh_assets.lake.records import DetectionRecord, Post
from medwh_assets.outcomes import Number
from medwh_assets.phones import count_and_mask_phones
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection, database_errors
from medwh_assets.warehouse.masking import masked_versions
from medwh_assets.warehouse.statements import statement

TableName = Literal["telegram_messages", "yolo_detections", "post_extractions"]
LedgerTable = TableName | Literal["channel_facts"]


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of one slice load.

    Attributes:
        status: `unchanged` means that nothing was done, not even a ledger row.
        load_id: the ledger row; None if unchanged.
        rows: how many rows the slice has.
        changed: how many of them are new or differ from before.
        deleted: how many rows the slice had that are not in it any more.
        masked_phones: how many phone numbers were masked in the texts as they are now.
        masked_texts: in how many texts.
    """

    status: Literal["loaded", "unchanged"]
    load_id: int | None
    rows: int
    changed: int = 0
    deleted: int = 0
    masked_phones: int = 0
    masked_texts: int = 0

    @property
    def counts(self) -> dict[str, Number]:
        """What is told of the load."""
        return {
            "dagster/row_count": self.rows,
            "changed": self.changed,
            "deleted": self.deleted,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class LoadedContent:
    """The present content of a slice in `raw`.

    Attributes:
        content_sha256: the hash that it was loaded with; None = it must be loaded again.
        model: the detection model or the version of extraction, None for messages.
        rows: how many rows it has.
    """

    content_sha256: str | None
    model: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of `raw`: its statements, and the types of the columns between date and load id."""

    name: TableName
    folder: PurePosixPath
    value_types: tuple[str, ...]

    def sql(self, name: str) -> sql.SQL:
        return statement(str(self.folder / name))


@dataclass(frozen=True, slots=True)
class _Content:
    """What a slice shall hold. The rows are made while the server takes in those before."""

    sha256: str
    model: str | None
    message_ids: Sequence[int]
    rows: Iterator[tuple[Any, ...]]


_POST = TypeAdapter(Post)
_DETECTION = TypeAdapter(DetectionRecord)
_MESSAGES = _Table("telegram_messages", PurePosixPath("load/messages"), ("bytea", "text", "text[]"))
_DETECTIONS = _Table("yolo_detections", PurePosixPath("load/detections"), ("text", "text", "bytea"))
_EXTRACTIONS = _Table(
    "post_extractions",
    PurePosixPath("load/extractions"),
    (
        *("text",) * 5,
        *("int4[]", "int8[]", "bool[]", "int4[]", "int4[]"),
        *("bytea", "bytea", "text[]", "bytea"),
    ),
)
_TABLES = {table.name: table for table in (_MESSAGES, _DETECTIONS, _EXTRACTIONS)}


def load_messages(
    connection: Connection, piece: Slice, posts: Sequence[Post], content_sha256: str
) -> LoadResult:
    """Make `raw.telegram_messages` hold exactly these posts for a slice.

    Args:
        connection: of role medwh_loader, outside any transaction.
        piece: the slice.
        posts: all of its posts as they stand in the lake.
        content_sha256: the hash of the lake file.

    Raises:
        CorruptSliceError: a post is not of this slice, stands twice, or cannot be stored.
        DatabaseUnreachableError: the server gave up; nothing was changed.
    """
    _check(piece, ((post.channel, post.date.date(), post.id) for post in posts))
    masked_phones: list[int] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for post in posts:
            masked, phones = count_and_mask_phones(post.text) if post.text else (post.text, 0)
            masked_phones.append(phones)
            versions = masked_versions([version.text for version in post.versions])
            yield post.id, _jsonb(post), masked, versions

    result = _load(
        connection,
        _MESSAGES,
        piece,
        _Content(content_sha256, None, [post.id for post in posts], rows()),
    )
    texts = sum(phones > 0 for phones in masked_phones)
    return replace(result, masked_phones=sum(masked_phones), masked_texts=texts)


def load_detections(
    connection: Connection,
    piece: Slice,
    rows: Sequence[DetectionRecord],
    content_sha256: str,
    model: str,
) -> LoadResult:
    """Make `raw.yolo_detections` hold exactly these rows for a slice.

    Args:
        connection: of role medwh_loader, outside any transaction.
        piece: the slice.
        rows: all of its detections as they stand in the lake, one per image.
        content_sha256: the hash of the lake file.
        model: the fingerprint of the model that the slice was read with.

    Raises:
        CorruptSliceError: an image stands twice, or a row cannot be stored.
        DatabaseUnreachableError: the server gave up; nothing was changed.
    """
    _check(piece, ((piece.channel, piece.date, row.message_id) for row in rows))
    values = ((row.message_id, row.image_sha256, row.model, _jsonb(row)) for row in rows)
    ids = [row.message_id for row in rows]
    return _load(connection, _DETECTIONS, piece, _Content(content_sha256, model, ids, values))


def note_when_made(
    connection: Connection, made: Sequence[tuple[DetectionRecord, datetime]]
) -> None:
    """Keep in `ops.detections_made` when pictures were looked at; it stands in no row of `raw`.

    Args:
        connection: of role medwh_loader, outside any transaction.
        made: rows, and when each was made.
    """
    if not made:
        return
    with database_errors():
        connection.execute(
            statement("load/detections/note_when_made.sql"),
            {
                "images": [row.image_sha256 for row, _ in made],
                "models": [row.model for row, _ in made],
                "times": [at for _, at in made],
            },
        )


def load_extractions(
    connection: Connection,
    piece: Slice,
    message_ids: Sequence[int],
    posts: Iterable[ExtractedPost],
    *,
    content_sha256: str,
    version: str,
) -> LoadResult:
    """Make `raw.post_extractions` hold exactly these rows for a slice.

    Args:
        connection: of role medwh_loader, outside any transaction.
        piece: the slice.
        message_ids: of all its posts.
        posts: what each of them says, in the same order; not asked for if the slice is loaded.
        content_sha256: the hash of what it is made from.
        version: of the rules, the vocabulary and the pepper that it was read with.

    Raises:
        CorruptSliceError: a post stands twice, or a row cannot be stored.
        DatabaseUnreachableError: the server gave up; nothing was changed.
    """
    _check(piece, ((piece.channel, piece.date, message_id) for message_id in message_ids))
    rows = (_extracted(post, version) for post in posts)
    content = _Content(content_sha256, version, message_ids, rows)
    return _load(connection, _EXTRACTIONS, piece, content)


def remove_slices(
    connection: Connection,
    slices: Iterable[Slice],
    tables: Sequence[TableName] = ("telegram_messages", "yolo_detections", "post_extractions"),
) -> int:
    """Take slices out of `raw`, each with a ledger row of no rows, so that dbt empties them too.

    Slices that were never loaded, or are out already, get none.

    Returns:
        How many rows were removed.
    """
    removed = 0
    for piece in sorted(set(slices)):
        for name in tables:
            table = _TABLES[name]
            with database_errors(), _transaction(connection, table, piece.channel):
                if _is_out(connection, table, piece):
                    continue
                removed += connection.execute(table.sql("delete.sql"), _key(piece)).rowcount
                _enter(connection, table, piece, 0)
    return removed


def loaded_contents(connection: Connection, table: LedgerTable) -> dict[Slice, LoadedContent]:
    """Return what `raw` holds: every slice that was ever loaded, with its present content."""
    with database_errors():
        rows = connection.execute(statement("load/latest_loads.sql"), {"table_name": table})
        return {
            Slice(channel, day): LoadedContent(content_sha256, model, count)
            for channel, day, content_sha256, model, count in rows
        }


def _check(piece: Slice, keys: Iterable[tuple[str, date, int]]) -> None:
    seen: set[int] = set()
    for channel, day, message_id in keys:
        if (channel, day) != (piece.channel, piece.date):
            raise CorruptSliceError(f"{piece} holds message {message_id} of {channel}|{day}")
        if message_id in seen:
            raise CorruptSliceError(f"{piece} holds message {message_id} twice")
        seen.add(message_id)


def _load(connection: Connection, table: _Table, piece: Slice, content: _Content) -> LoadResult:
    ids = content.message_ids
    with database_errors(), _transaction(connection, table, piece.channel):
        if _is_loaded(connection, table, piece, content):
            return LoadResult("unchanged", None, len(ids))
        load_id = _enter(connection, table, piece, len(ids), content)
        first, last = min(ids, default=0), max(ids, default=0)
        key = {**_key(piece), "message_ids": ids, "first_id": first, "last_id": last}
        days = {day for (day,) in connection.execute(table.sql("days_of.sql"), key)}
        if not days and _count(connection, table, piece) == 0:
            _copy(connection, table, piece, load_id, content)
            return LoadResult("loaded", load_id, len(ids), len(ids), 0)
        incoming = sql.Identifier("pg_temp", f"incoming_{table.folder.name}")
        connection.execute(table.sql("incoming.sql"))
        _copy(connection, table, piece, load_id, content, target=incoming)
        deleted = connection.execute(table.sql("delete_vanished.sql"), key).rowcount
        changed = connection.execute(table.sql("upsert.sql")).rowcount
        for day in sorted(days - {piece.date}):
            # dbt must touch the day that a post has left, and its next load must not be skipped.
            left = Slice(piece.channel, day)
            _enter(connection, table, left, _count(connection, table, left))
    return LoadResult("loaded", load_id, len(ids), changed, deleted)


@contextmanager
def _transaction(connection: Connection, table: _Table, channel: str) -> Generator[None]:
    """Open a transaction in which no other load touches this channel's rows of the table.

    Turns are taken by channel, not by slice: posts move between slices, and two loads that each
    take a post from the other's slice would otherwise wait for each other for ever.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("a load is a transaction of its own: the connection is inside another")
    with connection.transaction():
        turn = {"table_name": table.name, "channel": channel}
        connection.execute(statement("load/take_turn.sql"), turn)
        yield


def _key(piece: Slice) -> dict[str, Any]:
    return {"channel": piece.channel, "date": piece.date}


def _count(connection: Connection, table: _Table, piece: Slice) -> int:
    row = connection.execute(table.sql("count.sql"), _key(piece)).fetchone()
    return int(row[0]) if row else 0


def _latest(connection: Connection, table: _Table, piece: Slice) -> TupleRow | None:
    values = {**_key(piece), "table_name": table.name}
    return connection.execute(statement("load/latest_load.sql"), values).fetchone()


def _is_loaded(connection: Connection, table: _Table, piece: Slice, content: _Content) -> bool:
    latest = _latest(connection, table, piece)
    return latest is not None and latest[:2] == (content.sha256, content.model)


def _is_out(connection: Connection, table: _Table, piece: Slice) -> bool:
    """Say whether a slice was never loaded, or was removed and not loaded since."""
    latest = _latest(connection, table, piece)
    return latest is None or (latest[0] is None and latest[2] == 0)


def _enter(
    connection: Connection,
    table: _Table,
    piece: Slice,
    row_count: int,
    content: _Content | None = None,
) -> int:
    """Write the ledger row, of no known content unless given, and return its load id."""
    values = {
        **_key(piece),
        "table_name": table.name,
        "content_sha256": content.sha256 if content else None,
        "row_count": row_count,
        "model": content.model if content else None,
    }
    row = connection.execute(statement("load/insert_load.sql"), values).fetchone()
    return int(row[0]) if row else 0


def _copy(
    connection: Connection,
    table: _Table,
    piece: Slice,
    load_id: int,
    content: _Content,
    *,
    target: sql.Identifier | None = None,
) -> None:
    target = target or sql.Identifier("raw", table.name)
    try:
        with connection.cursor().copy(table.sql("copy.sql").format(target=target)) as copy:
            copy.set_types(("text", "int8", "date", *table.value_types, "int8"))
            for message_id, *values in content.rows:
                copy.write_row((piece.channel, message_id, piece.date, *values, load_id))
    except psycopg.DataError as problem:
        reason = problem.diag.message_primary or str(problem).partition("\n")[0]
        raise CorruptSliceError(f"{piece} holds what PostgreSQL cannot: {reason}") from problem


def _extracted(post: ExtractedPost, version: str) -> tuple[Any, ...]:
    said = post.text
    return (
        post.message_id,
        version,
        said.text_hash,
        said.body_hash,
        said.language,
        said.post_kind,
        list(said.line_numbers),
        list(said.line_hashes),
        list(said.line_footers),
        list(said.line_ethiopic),
        list(said.line_latin),
        b"\x01" + said.candidates,
        b"\x01" + said.offers,
        list(said.vendor_keys),
        b"\x01" + said.features,
    )


def _jsonb(record: Post | DetectionRecord) -> bytes:
    """Return the record's JSON, as it stands in the lake, in the binary form of jsonb: 1, then text.

    It goes to the driver as bytes: its own way over objects and strings costs 8 µs a row.
    """
    if isinstance(record, Post):
        return b"\x01" + _POST.dump_json(record)
    return b"\x01" + _DETECTION.dump_json(record)
