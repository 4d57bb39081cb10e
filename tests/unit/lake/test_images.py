"""Hostile images: each is opened, or refused with its reason before it can do harm."""

from collections import Counter

import pytest
from PIL import Image

from medwh_assets.errors import ImageError
from medwh_assets.lake import images
from medwh_assets.lake.images import decode_rgb, image_facts
from tests.hostile_images import (
    BAD,
    GOOD,
    animation,
    encoded,
    grey_16_bit,
    palette_with_transparency,
    picture,
    with_orientation,
)


# Pillow warns of broken EXIF data and goes on.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", GOOD)
def test_an_image_of_a_known_type_is_opened(name: str) -> None:
    data = GOOD[name]()

    facts = image_facts(data)
    decoded = decode_rgb(data)

    assert facts.bytes == len(data)
    assert decoded.pixels.mode == "RGB"
    assert decoded.pixels.size == (facts.width, facts.height) == (decoded.width, decoded.height)


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused_with_its_reason(name: str) -> None:
    make, reason = BAD[name]
    data = make()

    for opening in (image_facts, decode_rgb):
        with pytest.raises(ImageError) as refused:
            opening(data)
        assert str(refused.value) == reason


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_of_a_mixed_set_every_good_image_arrives() -> None:
    outcomes: Counter[str] = Counter()
    for data in [*(make() for make in GOOD.values()), *(make() for make, _ in BAD.values())]:
        try:
            outcomes[image_facts(data).type] += 1
        except ImageError:
            outcomes["refused"] += 1

    assert outcomes == {"jpeg": 9, "png": 8, "webp": 3, "refused": 23}


def test_a_file_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 3 * 1024 * 1024)

    with pytest.raises(ImageError, match="too many bytes: 4 MB"):
        image_facts(encoded(picture()) + bytes(4 * 1024 * 1024))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    data = with_orientation(orientation)

    facts = image_facts(data)
    pixels = decode_rgb(data).pixels

    on_its_side = orientation >= 5
    assert (facts.width, facts.height) == ((40, 60) if on_its_side else (60, 40))
    dark_corner = {1: "left", 4: "left", 2: "right", 3: "right", 5: "top", 6: "top"}
    x, y = {"left": (2, 20), "right": (57, 20), "top": (20, 2), "bottom": (20, 57)}[
        dark_corner.get(orientation, "bottom")
    ]
    assert pixels.getpixel((x, y)) == pytest.approx((40, 40, 40), abs=8)


def test_transparent_parts_are_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))

    assert decode_rgb(encoded(clear, "PNG")).pixels.getpixel((0, 0)) == (255, 255, 255)
    palette = decode_rgb(palette_with_transparency()).pixels
    assert (255, 255, 255) in {colour for _, colour in palette.getcolors() or []}


def test_sixteen_bits_are_scaled_to_eight() -> None:
    pixels = decode_rgb(grey_16_bit()).pixels

    assert [pixels.getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), (255, 255, 255)]


def test_the_first_frame_of_an_animation_is_shown() -> None:
    for kind in ("PNG", "WEBP"):
        first = decode_rgb(animation(kind)).pixels
        assert first.getpixel((2, 20)) == pytest.approx((40, 40, 40), abs=8)


def test_a_large_image_is_shrunk_by_a_whole_factor_if_less_is_enough() -> None:
    data = encoded(Image.new("RGB", (1279, 500)))

    assert decode_rgb(data).shrunk_by == 1
    assert decode_rgb(data, enough=640).shrunk_by == 1
    shrunk = decode_rgb(data, enough=320)
    assert (shrunk.width, shrunk.height, shrunk.shrunk_by) == (1279, 500, 3)
    assert shrunk.pixels.size == (427, 167)


@pytest.mark.parametrize("mode", ["P", "1", "L", "LA", "RGBA", "I;16"])
def test_images_of_every_mode_can_be_shrunk(mode: str) -> None:
    data = encoded(picture("L", (64, 64)).convert(mode), "PNG")

    assert decode_rgb(data, enough=16).pixels.size == (16, 16)


def test_equal_bytes_have_equal_facts_and_other_bytes_another_hash() -> None:
    one, other = encoded(picture()), encoded(picture(size=(61, 40)))

    assert image_facts(one) == image_facts(one)
    assert image_facts(one).sha256 != image_facts(other).sha256
