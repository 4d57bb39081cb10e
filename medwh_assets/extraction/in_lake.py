"""What the lake's posts say, slice by slice: which texts go in, which rows come out. No Dagster."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from medwh_assets.extracted import ExtractedPost
from medwh_assets.extraction.post import Extractor
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Number, Outcome, each_slice
from medwh_assets.slices import Slice


class Loads(Protocol):
    """Where the rows go, slice by slice."""

    def load(
        self,
        piece: Slice,
        message_ids: Sequence[int],
        posts: Iterable[ExtractedPost],
        *,
        content_sha256: str,
        version: str,
    ) -> Mapping[str, Number]:
        """Make a slice hold exactly these rows, whole or not at all; skip it if it does."""
        ...


class Store(Protocol):
    """Who opens the way there."""

    def extraction_loads(self) -> AbstractContextManager[Loads]:
        """Open it for any number of slices."""
        ...


def extracted_from(messages_sha256: str, version: str) -> str:
    """Name what extractions are made from: these posts, read by these rules."""
    return hashlib.sha256(f"{messages_sha256} {version}".encode()).hexdigest()


def extract_in_lake(
    lake: Lake, extractor: Extractor, store: Store, slices: Sequence[Slice]
) -> Iterator[Outcome]:
    """Read the texts of slices and load what they say, each slice in a transaction of its own.

    Raises:
        DatabaseUnreachableError: the server does not answer, so no slice can be loaded.
    """
    with store.extraction_loads() as loads:
        yield from each_slice(slices, lambda piece: _extract(lake, extractor, loads, piece))


def _extract(lake: Lake, extractor: Extractor, loads: Loads, piece: Slice) -> Mapping[str, Number]:
    messages_sha256 = lake.file_sha256("telegram_messages", piece)
    if messages_sha256 is None:
        return {"dagster/row_count": 0, "status": "not in the lake"}
    posts = lake.posts(piece)
    return loads.load(
        piece,
        [post.id for post in posts],
        (ExtractedPost(post.id, extractor.extract(post.text)) for post in posts),
        content_sha256=extracted_from(messages_sha256, extractor.version),
        version=extractor.version,
    )
