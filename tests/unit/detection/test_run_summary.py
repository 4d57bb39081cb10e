import base64
import io
import re

import pytest
from PIL import Image

from medwh_assets.detection.run_summary import RunSummary
from medwh_assets.detection.slices import DetectionCounts
from medwh_assets.detection.thumbnails import thumbnail
from medwh_assets.errors import ImageError
from medwh_assets.lake.records import Box, DetectionRecord


class FakeDetector:
    model = "fake-1"
    fingerprint = "fake-1-fast"
    engine = "a fast engine"

    def detect_many(self, images: object) -> object:
        raise NotImplementedError


def box(name: str = "bottle") -> Box:
    return Box(detected_class=name, confidence=0.9, x=100, y=100, width=900, height=700)


def record(number: int, *names: str, sha256: str | None = None) -> DetectionRecord:
    return DetectionRecord(
        message_id=number, image_sha256=sha256 or f"{number:064d}", image_path=f"images/a/{number}.jpg",
        image_width=1280, image_height=960, model="fake-1-fast", boxes=tuple(map(box, names)),
    )  # fmt: skip


def noise() -> bytes:
    """A picture that hardly any quality makes small."""
    buffer = io.BytesIO()
    Image.effect_noise((1280, 960), 120).convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def summary(*records: DetectionRecord, inferred: int = 1, failed: int = 0) -> RunSummary:
    made = RunSummary()
    boxes = sum(len(one.boxes) for one in records)
    made.add(records, DetectionCounts(len(records), len(records), inferred, 0, failed, boxes))
    return made


def test_a_run_tells_its_share_of_reuse_its_speed_and_its_engine() -> None:
    made = summary(*(record(n, "bottle") for n in range(1, 5)), inferred=1)

    assert re.fullmatch(
        r"4 images, 75% reused, [\d,]+ images/s; a fast engine", made.line(FakeDetector())
    )
    told = made.told(FakeDetector(), lambda _: noise())
    assert "| share reused | 75.0% |" in told["this run"]
    assert "| engine | a fast engine |" in told["this run"]
    assert "| bottle | 4 | 4 |" in told["classes"]


def test_a_run_that_looked_at_nothing_asks_for_no_engine() -> None:
    made = summary(record(1), inferred=0)

    assert made.line(FakeDetector()) == "1 images, 100% reused; no model was needed"
    assert "pictures" not in made.told(FakeDetector(), lambda _: noise())


def test_a_run_without_images_tells_nothing() -> None:
    assert (summary().line(FakeDetector()), summary().told(FakeDetector(), lambda _: b"")) == (
        "",
        {},
    )


def test_a_run_shows_at_most_six_pictures_of_20_kb_and_each_content_once() -> None:
    records = [record(n, *["bottle", "cup", "person"][: 1 + n % 3]) for n in range(1, 12)]
    records += [record(n, "bottle", "cup", "person", sha256="a" * 64) for n in range(20, 30)]

    shown = summary(*records).told(FakeDetector(), lambda _: noise())["pictures"]

    pictures = re.findall(r"!\[[^]]*\]\(data:image/jpeg;base64,([^)]*)\)", shown)
    assert len(pictures) == 6
    assert len({line for line in shown.splitlines() if line}) == 6
    assert all(len(encoded) <= 20_000 for encoded in pictures)
    assert all(
        max(Image.open(io.BytesIO(base64.b64decode(encoded))).size) <= 320 for encoded in pictures
    )


def test_a_picture_that_has_gone_meanwhile_is_left_out() -> None:
    def read(path: str) -> bytes:
        if path.endswith("1.jpg"):
            raise FileNotFoundError(path)
        return b"<html>" if path.endswith("2.jpg") else noise()

    told = summary(*(record(n, "bottle") for n in (1, 2, 3))).told(FakeDetector(), read)

    assert told["pictures"].count("data:image/jpeg") == 1


def test_a_classs_name_is_never_markdown_of_its_own() -> None:
    told = summary(record(1, "<b>|[x](y)")).told(FakeDetector(), lambda _: noise())

    assert r"| \<b\>\|\[x\]\(y\) | 1 | 1 |" in told["classes"]


def test_classes_in_any_letters_can_be_drawn() -> None:
    assert thumbnail(noise(), [box("የመድኃኒት ጠርሙስ"), box("")])
    with pytest.raises(ImageError):
        thumbnail(b"", [])
