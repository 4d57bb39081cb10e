"""Slices in a lake, with a detector that is none."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from medwh_assets.automation.plan import SliceState, detections_due
from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.errors import ImageError
from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.ports import Sight, SliceReading
from medwh_assets.lake.records import Box, Content, ImageRecord, Media, Observation
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done
from medwh_assets.slices import Slice

K = TypeVar("K")
DAYS = [Slice("demo_shop", date(2025, 3, day)) for day in (1, 2, 3)]
BOTTLE = Box(detected_class="bottle", confidence=0.9, x=1, y=2, width=30, height=40)


class FakeDetector:
    """Sees a bottle on everything, or fails."""

    model = "fake-1"
    fingerprint = "fake-1-fast"
    engine = "a fake"

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.looked_at = 0

    def detect_many(
        self, images: Iterable[tuple[K, bytes]]
    ) -> Iterator[tuple[K, Sight | ImageError]]:
        for key, _ in images:
            self.looked_at += 1
            yield key, ImageError("out of memory") if self.fails else Sight((BOTTLE,), "f" * 16)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three days, each with a picture of its own."""
    lake = Lake(tmp_path)
    for number, piece in enumerate(DAYS, start=1):
        at = datetime(piece.date.year, piece.date.month, piece.date.day, tzinfo=UTC)
        post = post_from_reading(
            content=Content(media=Media(kind="photo")),
            observation=Observation(observed_at=at, views=1, forwards=0, replies=0),
            source="test", id=number, channel=piece.channel, date=at, date_authority="telegram",
        )  # fmt: skip
        lake.merge_readings(piece, [SliceReading(piece, "test", at, True, (post,))])
        stream = io.BytesIO()
        Image.new("RGB", (64, 48), (number, 0, 0)).save(stream, "PNG")
        path = lake.keep_image(piece.channel, number, stream.getvalue())
        row = ImageRecord(
            message_id=number, path=path, sha256=hashed(stream.getvalue()), width=64, height=48,
            status="ok",
        )  # fmt: skip
        lake.write_images(piece, [row], "posts")
    return lake


def hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def due(lake: Lake) -> list[Slice]:
    return [
        piece
        for piece in DAYS
        if detections_due(
            SliceState(
                piece,
                lake.manifest(piece),
                None,
                lake.file_sha256("telegram_images", piece),
                lake.file_sha256("yolo_detections", piece),
            ),
            FakeDetector.model,
        )
    ]


def test_slices_are_done_once(lake: Lake) -> None:
    assert due(lake) == DAYS
    list(detect_in_lake(lake, FakeDetector(), DAYS))
    assert due(lake) == []


def test_a_slice_with_a_failed_row_is_tried_again_by_the_next_run(lake: Lake) -> None:
    list(detect_in_lake(lake, FakeDetector(fails=True), DAYS))
    assert [row.reason for row in lake.detections(DAYS[0])] == ["out of memory"]
    assert due(lake) == DAYS

    sound = FakeDetector()
    list(detect_in_lake(lake, sound, due(lake)))

    assert sound.looked_at == 3
    assert due(lake) == []
    assert lake.detections(DAYS[0])[0].boxes == (BOTTLE,)


def test_the_run_as_a_whole_is_told_on_the_last_slice_that_is_done(lake: Lake) -> None:
    outcomes = list(detect_in_lake(lake, FakeDetector(), DAYS))

    assert [outcome.slice for outcome in outcomes] == DAYS
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    *others, last = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    assert {(one.line, *one.of_run) for one in others} == {("",)}
    assert last.line.startswith("3 images, 0% reused")
    assert list(last.of_run) == ["this run", "classes", "pictures"]
    assert last.of_run["pictures"].count("data:image/jpeg;base64,") == 3


def test_the_slices_file_does_not_tell_when_something_was_seen(lake: Lake) -> None:
    list(detect_in_lake(lake, FakeDetector(), DAYS))

    entries = list(lake.root.glob("yolo_cache/fake-1-fast/*/*.json"))
    assert len(entries) == 3
    assert all("made_at" in entry.read_text() for entry in entries)
    files = list(lake.root.glob("yolo_detections/*/*.json"))
    assert len(files) == 3
    assert not any("made_at" in file.read_text() for file in files)
