"""A small lake with some of everything that a lake can hold, for exports and their way back."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import Box, DetectionRecord, Forward, Media, Post
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from medwh_assets.telegram.reading import SourceDirectory, read_images
from tests.factories import CHANNEL, DAY, FIRST_READ, SECOND_READ, make_post, make_reading, moment

OTHER = "demo_other"
NOW = moment("2025-07-12 00:00")
PHOTO = Media(kind="photo", photo_id=7)
NEXT_DAY = moment("2025-03-02 09:00")


def jpeg(color: str, side: int = 8) -> bytes:
    """A picture of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (side, side), color).save(stream, "JPEG")
    return stream.getvalue()


def seen(lake: Lake, piece: Slice, boxes: int = 2) -> None:
    """Write detections of a slice as a model would that sees some boxes on every image."""
    box = Box(detected_class="bottle", confidence=0.875, x=1, y=2.5, width=3, height=4)
    rows = [
        DetectionRecord(
            message_id=image.message_id,
            image_sha256=image.sha256,
            image_path=image.path,
            image_width=image.width or 0,
            image_height=image.height or 0,
            model="demo@1",
            boxes=(box,) * boxes if image.message_id % 2 else (),
        )
        for image in lake.images(piece)
        if image.status == "ok" and image.sha256 and image.path
    ]
    of = lake.file_sha256("telegram_images", piece)
    lake.write_detections(piece, rows, hashlib.sha256(f"{of} demo@1".encode()).hexdigest())


def finish(lake: Lake) -> None:
    """Do what the pipeline does after posts have come in."""
    list(read_images(lake, SourceDirectory([]), lake.slices()))
    for piece in lake.slices():
        seen(lake, piece)


def read_lake(
    root: Path, posts: Sequence[Post], images: Mapping[int, bytes], at: datetime = FIRST_READ
) -> Lake:
    """A lake whose posts a source gave at one time, days whole, and that is worked on to its end."""
    lake = Lake(root)
    for piece in {Slice(post.channel, post.day) for post in posts}:
        mine = [post for post in posts if Slice(post.channel, post.day) == piece]
        lake.merge_readings(piece, [make_reading(*mine, piece=piece, at=at)])
        for post in mine:
            if post.id in images:
                lake.keep_image(piece.channel, post.id, images[post.id])
    finish(lake)
    return lake


def made_lake(root: Path) -> Lake:
    """Two channels; versions, absences, an empty and an imported day, every kind of image."""
    lake = Lake(root)
    day, other = Slice(CHANNEL, DAY), Slice(OTHER, DAY)
    first = [
        make_post(
            1, "before", views=10, media=PHOTO, extra={"amharic": "ብር", "deep": {"b": [1.5]}}
        ),
        make_post(2, "gone later \u200f\u2028", media=PHOTO),
        make_post(3, None, kind="service"),
        make_post(4, "broken picture", media=PHOTO, grouped_id=9, reply_to=1),
        make_post(5, "never delivered", media=PHOTO, forwarded_from=Forward(channel="a", name="b")),
    ]
    lake.merge_readings(day, [make_reading(*first)])
    second = make_post(1, "after", views=20, media=PHOTO, seen=SECOND_READ, edited=NEXT_DAY)
    lake.merge_readings(
        day,
        [
            make_reading(
                second, *(make_post(n, seen=SECOND_READ) for n in (3, 4, 5)), at=SECOND_READ
            )
        ],
    )
    empty = Slice(CHANNEL, DAY + timedelta(days=1))
    lake.merge_readings(empty, [make_reading(piece=empty)])
    partial = Slice(CHANNEL, DAY + timedelta(days=2))
    late = make_post(9, at=moment("2025-03-03 10:00"), seen=None)
    lake.merge_readings(partial, [SliceReading(partial, "imported", None, False, (late,))])
    lake.merge_readings(
        other, [make_reading(make_post(1, channel=OTHER, media=PHOTO), piece=other)]
    )
    for message_id, content in {1: jpeg("red"), 2: jpeg("red"), 4: jpeg("blue")[:200]}.items():
        lake.keep_image(CHANNEL, message_id, content)
    lake.keep_image(CHANNEL, 1, jpeg("green", 64))
    lake.keep_image(OTHER, 1, jpeg("yellow"))
    finish(lake)
    lake.quarantine("posts", CHANNEL, "no date", {"file": "x", "record": [1, "\ud800", None]})
    lake.quarantine("files", "unknown", "not JSON", {"file": "y.json"})
    return lake
