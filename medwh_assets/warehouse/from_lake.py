"""Slices from the lake into `raw`: reads the file, loads it, counts. No Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from medwh_assets.lake.detection_cache import DetectionCache
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Number, Outcome, each_slice
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection, Role
from medwh_assets.warehouse.load import load_detections, load_messages, note_when_made

# What stands in the ledger for a slice without images: no model has seen anything.
NO_MODEL = "none"


class Connector(Protocol):
    """Who opens connections to the warehouse."""

    def connect(self, role: Role | None = None) -> Connection:
        """Open a connection in one of medwh's roles."""
        ...


def load_message_slices(
    lake: Lake, warehouse: Connector, slices: Sequence[Slice]
) -> Iterator[Outcome]:
    """Load slices of posts over one connection, each in a transaction of its own.

    Raises:
        DatabaseUnreachableError: the server does not answer, so no slice can be loaded.
    """
    with warehouse.connect("medwh_loader") as connection:
        yield from each_slice(slices, lambda piece: _load_messages(lake, connection, piece))


def load_detection_slices(
    lake: Lake, warehouse: Connector, slices: Sequence[Slice]
) -> Iterator[Outcome]:
    """Load slices of detections over one connection, each in a transaction of its own.

    Raises:
        DatabaseUnreachableError: the server does not answer, so no slice can be loaded.
    """
    with warehouse.connect("medwh_loader") as connection:
        yield from each_slice(slices, lambda piece: _load_detections(lake, connection, piece))


def _load_messages(lake: Lake, connection: Connection, piece: Slice) -> Mapping[str, Number]:
    content_sha256 = lake.file_sha256("telegram_messages", piece)
    if content_sha256 is None:
        return {"dagster/row_count": 0, "status": "not in the lake"}
    result = load_messages(connection, piece, lake.posts(piece), content_sha256)
    return {**result.counts, "masked_phones": result.masked_phones}


def _load_detections(lake: Lake, connection: Connection, piece: Slice) -> Mapping[str, Number]:
    content_sha256 = lake.file_sha256("yolo_detections", piece)
    if content_sha256 is None:
        return {"dagster/row_count": 0, "status": "not in the lake"}
    rows = lake.detections(piece)
    model = rows[0].model if rows else NO_MODEL
    cache = DetectionCache(lake.files)
    made = [(row, cache.made_at(row.model, row.image_sha256)) for row in rows]
    note_when_made(connection, [(row, at) for row, at in made if at is not None])
    return load_detections(connection, piece, rows, content_sha256, model).counts
