"""Photos, documents and polls: what posts carry, and the bytes behind them.

Sizes are bytes, widths and heights pixels. A file lies in one data centre and is fetched with a
reference, which grows old when the world says so.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telethon.tl import TLObject, types


def access_hash(*parts: object) -> int:
    """Return the number without which an id opens nothing: the same for the same parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def file_reference(epoch: int, file_id: int) -> bytes:
    """Return what a client must show to fetch a file, until the epoch ends."""
    return epoch.to_bytes(4, "big") + file_id.to_bytes(8, "big")


@dataclass(frozen=True)
class PhotoSize:
    """One of the sizes of a photo, named by a letter (`m` 320, `x` 800, `y` 1280, `w` 2560)."""

    type: str
    width: int
    height: int
    content: bytes = field(repr=False)
    progressive: bool = False

    def as_tl(self) -> types.PhotoSize | types.PhotoSizeProgressive:
        total = len(self.content)
        if self.progressive:
            steps = [total // 8, total // 4, total // 2, total]
            return types.PhotoSizeProgressive(self.type, self.width, self.height, steps)
        return types.PhotoSize(self.type, self.width, self.height, total)


@dataclass(frozen=True)
class Photo:
    """A photo in all its sizes. `stripped` is the blurred preview that comes with the message."""

    id: int
    dc_id: int
    date: datetime
    sizes: tuple[PhotoSize, ...]
    stripped: bytes | None = field(default=None, repr=False)

    def content(self, size: str) -> bytes | None:
        """Return the bytes of one size; None where there is no such size."""
        return next((one.content for one in self.sizes if one.type == size), None)

    def as_tl(self, epoch: int) -> TLObject:
        preview = [types.PhotoStrippedSize("i", self.stripped)] if self.stripped else []
        photo = types.Photo(
            id=self.id,
            access_hash=access_hash("file", self.id),
            file_reference=file_reference(epoch, self.id),
            date=self.date,
            sizes=[*preview, *(size.as_tl() for size in self.sizes)],
            dc_id=self.dc_id,
        )
        return types.MessageMediaPhoto(photo=photo)


@dataclass(frozen=True)
class Document:
    """A file, such as an image that was sent uncompressed."""

    id: int
    dc_id: int
    date: datetime
    body: bytes = field(repr=False)
    mime_type: str
    attributes: tuple[TLObject, ...] = ()
    thumbs: tuple[PhotoSize, ...] = ()

    def content(self, size: str) -> bytes | None:
        """Return the file for the empty name, else the bytes of a thumbnail."""
        if not size:
            return self.body
        return next((one.content for one in self.thumbs if one.type == size), None)

    def as_tl(self, epoch: int) -> TLObject:
        attributes: list[Any] = list(self.attributes)
        document = types.Document(
            id=self.id,
            access_hash=access_hash("file", self.id),
            file_reference=file_reference(epoch, self.id),
            date=self.date,
            mime_type=self.mime_type,
            size=len(self.body),
            dc_id=self.dc_id,
            attributes=attributes,
            thumbs=[thumb.as_tl() for thumb in self.thumbs] if self.thumbs else None,
        )
        return types.MessageMediaDocument(document=document)


@dataclass(frozen=True)
class Poll:
    """A question with its answers and how many chose each."""

    question: str
    answers: Mapping[str, int]
    closed: bool = False
    id: int = 1

    def as_tl(self, epoch: int) -> TLObject:
        options = {answer: bytes([number]) for number, answer in enumerate(self.answers)}
        poll = types.Poll(
            id=self.id,
            question=types.TextWithEntities(self.question, []),
            answers=[
                types.PollAnswer(types.TextWithEntities(answer, []), option)
                for answer, option in options.items()
            ],
            hash=0,
            closed=self.closed,
        )
        results = types.PollResults(
            results=[
                types.PollAnswerVoters(options[answer], voters=voters, recent_voters=[])
                for answer, voters in self.answers.items()
            ],
            total_voters=sum(self.answers.values()),
        )
        return types.MessageMediaPoll(poll=poll, results=results)


File = Photo | Document
