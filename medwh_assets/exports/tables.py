"""What an export is made of, whatever its tables are written as: five tables, a row at a time."""

from typing import Literal, Protocol

from medwh_assets.lake.records import DetectionRecord, ImageRecord, Manifest, Post
from medwh_assets.slices import Slice

TableFormat = Literal["jsonl", "parquet"]


class Tables(Protocol):
    """The tables of one export, open for writing; rows come in the order of slices."""

    def post(self, post: Post) -> None:
        """Write a post."""
        ...

    def manifest(self, manifest: Manifest) -> None:
        """Write a slice's manifest."""
        ...

    def image(self, piece: Slice, record: ImageRecord) -> None:
        """Write what is known of a post's image."""
        ...

    def detection(self, piece: Slice, record: DetectionRecord) -> None:
        """Write what was seen on a post's image."""
        ...

    def quarantined(self, kind: str, channel: str, name: str, content: str) -> None:
        """Write an entry of the quarantine, its file's text as it is."""
        ...

    def close(self) -> None:
        """Finish the files."""
        ...
