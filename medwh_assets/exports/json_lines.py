"""An export's tables as JSON lines: one record a line, as it stands in the lake."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from medwh_assets.lake.records import DetectionRecord, ImageRecord, Manifest, Post
from medwh_assets.slices import Slice


class JsonLines:
    """Writes `posts.jsonl`, `slices.jsonl`, `images.jsonl`, `detections.jsonl`, `quarantine.jsonl`.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        """Create the files."""
        self._files = ExitStack()
        self._posts = self._open(folder / "posts.jsonl")
        self._slices = self._open(folder / "slices.jsonl")
        self._images = self._open(folder / "images.jsonl")
        self._detections = self._open(folder / "detections.jsonl")
        self._quarantine = self._open(folder / "quarantine.jsonl")

    def _open(self, file: Path) -> BinaryIO:
        return self._files.enter_context(file.open("xb"))

    def post(self, post: Post) -> None:
        """Write a post."""
        self._posts.write(post.model_dump_json().encode() + b"\n")

    def manifest(self, manifest: Manifest) -> None:
        """Write a slice's manifest."""
        self._slices.write(manifest.model_dump_json().encode() + b"\n")

    def image(self, piece: Slice, record: ImageRecord) -> None:
        """Write what is known of a post's image."""
        self._images.write(_of_slice(piece, record))

    def detection(self, piece: Slice, record: DetectionRecord) -> None:
        """Write what was seen on a post's image."""
        self._detections.write(_of_slice(piece, record))

    def quarantined(self, kind: str, channel: str, name: str, content: str) -> None:
        """Write an entry of the quarantine, its file's text as it is."""
        entry = {"kind": kind, "channel": channel, "name": name, "content": content}
        self._quarantine.write(json.dumps(entry).encode() + b"\n")

    def close(self) -> None:
        """Finish the files."""
        self._files.close()


def _of_slice(piece: Slice, record: ImageRecord | DetectionRecord) -> bytes:
    """Put the slice in front of a record that does not name it."""
    beside = f'{{"channel":"{piece.channel}","date":"{piece.date}",'
    return f"{beside}{record.model_dump_json()[1:]}\n".encode()
