"""Pictures of the lake: only what the marts name, only as they name it, and never a 500."""

import hashlib
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from medwh_api.main import create_app
from tests import hostile_images
from tests.integration.api.api_marts import Marts

BOX = (
    "insert into marts.fct_image_detections (yolo_detection_key, message_pk, box_number, image_sha256,"
    " detected_object_class, confidence_score, box_top_left_x, box_top_left_y, box_width, box_height,"
    " image_width, image_height) values ('{key}', 'picture', {number}, '{sha256}', '{label}', 0.5,"
    " 10, 10, 30, 20, 60, 40)"
)


class Pictured:
    """An API on marts of its own, and a lake beside it."""

    def __init__(self, marts: Marts, lake: Path) -> None:
        self.marts = marts
        self.lake = lake
        self.client = TestClient(create_app(marts.settings(lake=str(lake))))

    def post(
        self, content: bytes, path: str = "images/addis_drugs/9.jpg", sha256: str | None = None
    ) -> str:
        """Put a file into the lake, and let a post name it; return its address."""
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        file = self.lake / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.name(path, sha256)
        return f"/api/images/{sha256}"

    def name(self, path: str, sha256: str) -> None:
        self.marts.run(
            "insert into marts.fct_messages (message_pk, channel_username, message_id, image_path,"
            f" image_sha256) values ('picture', 'addis_drugs', 9, '{path}', '{sha256}')"
        )


@pytest.fixture
def pictured(own_marts: Marts, tmp_path: Path):
    (tmp_path / "lake").mkdir()
    pictured = Pictured(own_marts, tmp_path / "lake")
    with pictured.client:
        yield pictured


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_sent_as_it_was_posted(pictured: Pictured, kind: str):
    content = hostile_images.encoded(hostile_images.picture(), kind)
    address = pictured.post(content)
    answer = pictured.client.get(address)
    assert answer.content == content
    assert answer.headers["Content-Type"] == f"image/{kind.lower()}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "immutable" in answer.headers["Cache-Control"]
    again = pictured.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_boxes_are_drawn_into_a_copy_once(pictured: Pictured):
    content = hostile_images.encoded(hostile_images.picture(), "PNG")
    address = pictured.post(content)
    sha256 = address.rsplit("/", 1)[1]
    plain = pictured.client.get(f"{address}?annotated=true")
    pictured.marts.run(BOX.format(key="b1", number=1, sha256=sha256, label="bottle ጠርሙስ"))
    drawn = pictured.client.get(f"{address}?annotated=true")
    assert drawn.headers["Content-Type"] == "image/jpeg"
    assert drawn.headers["ETag"] != plain.headers["ETag"]
    assert drawn.content != plain.content
    with Image.open(io.BytesIO(drawn.content)) as opened:
        assert opened.size == (60, 40)
    # Kept: the file is gone, the answer is there.
    (pictured.lake / "images/addis_drugs/9.jpg").unlink()
    assert pictured.client.get(f"{address}?annotated=true").content == drawn.content
    assert pictured.client.get(address).status_code == 404


def test_a_large_picture_is_annotated_at_a_size_for_screens(pictured: Pictured):
    large = Image.new("RGB", (4000, 3000), "white")
    address = pictured.post(hostile_images.encoded(large))
    answer = pictured.client.get(f"{address}?annotated=true")
    with Image.open(io.BytesIO(answer.content)) as opened:
        assert opened.size == (1280, 960)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "images/../../secret.jpg",
        "images/../secret.jpg",
        "images/addis_drugs/../../../secret.jpg",
        "/etc/passwd",
        "images/addis_drugs/..",
        "telegram_messages/2025-03-01/addis_drugs.json",
        "",
    ],
)
def test_a_path_outside_of_the_pictures_is_never_read(pictured: Pictured, path: str):
    secret = hostile_images.encoded(hostile_images.picture())
    (pictured.lake.parent / "secret.jpg").write_bytes(secret)
    (pictured.lake / "images" / "addis_drugs").mkdir(parents=True)
    sha256 = hashlib.sha256(secret).hexdigest()
    pictured.name(path, sha256)
    assert pictured.client.get(f"/api/images/{sha256}").status_code == 404


def test_a_link_out_of_the_lake_is_not_followed(pictured: Pictured):
    secret = hostile_images.encoded(hostile_images.picture())
    outside = pictured.lake.parent / "secret.jpg"
    outside.write_bytes(secret)
    (pictured.lake / "images" / "addis_drugs").mkdir(parents=True)
    (pictured.lake / "images" / "addis_drugs" / "9.jpg").symlink_to(outside)
    sha256 = hashlib.sha256(secret).hexdigest()
    pictured.name("images/addis_drugs/9.jpg", sha256)
    assert pictured.client.get(f"/api/images/{sha256}").status_code == 404


def test_a_file_that_is_another_one_by_now_is_not_sent(pictured: Pictured):
    address = pictured.post(hostile_images.encoded(hostile_images.picture()), sha256="d" * 64)
    assert pictured.client.get(address).status_code == 404
    assert pictured.client.get(f"{address}?annotated=true").status_code == 404


HOSTILE = {
    "html": b"<html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "empty": b"",
    "cut": hostile_images.encoded(hostile_images.picture())[:200],
    "claims to be huge": hostile_images.png_header(60_000, 60_000),
    "large animation": hostile_images.webp_header(16_000, 16_000),
    "begins like a JPEG": b"\xff\xd8\xff" + bytes(1000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_no_picture_to_draw_into(pictured: Pictured, name: str):
    address = pictured.post(HOSTILE[name])
    assert pictured.client.get(f"{address}?annotated=true").status_code in (200, 404)
    answer = pictured.client.get(address)
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert answer.headers["Content-Type"].startswith("image/")
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_boxes_beyond_any_picture_are_drawn_as_far_as_they_reach(pictured: Pictured):
    address = pictured.post(hostile_images.encoded(hostile_images.picture()))
    sha256 = address.rsplit("/", 1)[1]
    for number, label in enumerate(("far", "%s{}<b>", "x" * 500), start=1):
        pictured.marts.run(BOX.format(key=f"b{number}", number=number, sha256=sha256, label=label))
    pictured.marts.run(
        "update marts.fct_image_detections set box_width = 1e12, box_top_left_x = -1e9,"
        " image_width = 0 where message_pk = 'picture' and box_number = 1"
    )
    assert pictured.client.get(f"{address}?annotated=true").status_code == 200


def test_a_lake_that_is_not_there_is_told_from_a_picture_that_is_not(
    own_marts: Marts, tmp_path: Path
):
    with TestClient(create_app(own_marts.settings(lake=str(tmp_path / "nowhere")))) as client:
        answer = client.get(f"/api/images/{'a' * 64}")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:medwh:problem:images-unreachable"
        assert str(tmp_path) not in answer.text
        assert client.get(f"/api/images/{'f' * 64}").status_code == 404
