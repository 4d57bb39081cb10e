"""Hostile images: each is opened, or refused with its reason before it can do harm."""

import io
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from medwh_assets.errors import ImageError
from medwh_assets.lake import images
from medwh_assets.lake.images import decode_rgb, image_facts


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Draw a picture whose left half is dark and whose right half is light."""
    drawn = Image.new("L", size, 40)
    drawn.paste(200, (size[0] // 2, 0, *size))
    return drawn.convert(mode)


def with_orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(picture(), exif=exif)


def png_header(width: int, height: int) -> bytes:
    """Write a PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def webp_header(width: int, height: int) -> bytes:
    """Write an animated WebP of 4 x 4 pixels that claims a larger canvas."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def three(value: int) -> bytes:
        return value.to_bytes(3, "little")

    still = encoded(Image.new("RGB", (4, 4)), "WEBP", lossless=True)[12:]
    canvas = chunk(b"VP8X", b"\x02\0\0\0" + three(width - 1) + three(height - 1))
    frame = chunk(b"ANMF", three(0) * 2 + three(3) * 2 + three(100) + b"\0" + still)
    body = b"WEBP" + canvas + chunk(b"ANIM", bytes(6)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many_scans() -> bytes:
    """Write a progressive JPEG of 16 MP whose last scan is repeated 300 times."""
    whole = encoded(Image.new("L", (4000, 4000)), progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 300 + whole[-2:]


def grey_16_bit() -> bytes:
    return encoded(Image.frombytes("I;16", (2, 1), struct.pack("<2H", 0, 65535)), "PNG")


def palette_with_transparency() -> bytes:
    image = picture("P")
    return encoded(image, "PNG", transparency=image.getpixel((0, 0)))


def animation(kind: str) -> bytes:
    others = [picture().rotate(90 * turn) for turn in (1, 2)]
    return encoded(picture(), kind, save_all=True, append_images=others)


GOOD: dict[str, Callable[[], bytes]] = {
    "an ordinary JPEG": lambda: encoded(picture()),
    "a progressive JPEG": lambda: encoded(picture(), progressive=True),
    "a grey JPEG": lambda: encoded(picture("L")),
    "a CMYK JPEG": lambda: encoded(picture("CMYK")),
    "a JPEG turned by EXIF": lambda: with_orientation(6),
    "a JPEG with junk after its end": lambda: encoded(picture()) + b"junk" * 10,
    "a JPEG with broken EXIF": lambda: encoded(picture(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "a PNG": lambda: encoded(picture(), "PNG"),
    "a PNG with a palette": lambda: encoded(picture("P"), "PNG"),
    "a PNG with a transparent palette": palette_with_transparency,
    "a PNG with alpha": lambda: encoded(picture("RGBA"), "PNG"),
    "a grey PNG with alpha": lambda: encoded(picture("LA"), "PNG"),
    "a grey PNG of 16 bits": grey_16_bit,
    "a PNG of 1 bit": lambda: encoded(picture("1"), "PNG"),
    "an animated PNG": lambda: animation("PNG"),
    "a WebP": lambda: encoded(picture(), "WEBP"),
    "a WebP with alpha": lambda: encoded(picture("RGBA"), "WEBP"),
    "an animated WebP": lambda: animation("WEBP"),
    "one pixel": lambda: encoded(Image.new("RGB", (1, 1))),
    "a very wide picture": lambda: encoded(Image.new("RGB", (2000, 1))),
}

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "an HTML page": (lambda: b"\n<!DOCTYPE html><html></html>", "an HTML page"),
    "garbage": (lambda: bytes(range(256)) * 4, "not a JPEG, PNG or WebP image"),
    "an MP4": (lambda: b"\0\0\0\x18ftypisom" + bytes(100), "an MP4 video"),
    "a HEIC": (lambda: b"\0\0\0\x18ftypheic" + bytes(100), "a HEIC image"),
    "an AVIF": (lambda: b"\0\0\0\x18ftypavif" + bytes(100), "an AVIF image"),
    "a GIF": (lambda: animation("GIF"), "a GIF image"),
    "a BMP": (lambda: encoded(picture(), "BMP"), "a BMP image"),
    "a TIFF": (lambda: encoded(picture(), "TIFF"), "a TIFF image"),
    "a PDF": (lambda: b"%PDF-1.7", "a PDF document"),
    "half a JPEG": (lambda: encoded(picture())[:-200], "truncated JPEG"),
    "three bytes of a JPEG": (lambda: b"\xff\xd8\xff", "truncated JPEG"),
    "half a PNG": (lambda: encoded(picture(), "PNG")[:-30], "truncated PNG"),
    "half a WebP": (lambda: encoded(picture(), "WEBP")[:-10], "truncated WebP"),
    "a PNG without pixels": (lambda: png_header(10, 10), "broken PNG"),
    "a PNG of no width": (lambda: png_header(0, 10), "broken PNG"),
    "a JPEG of markers alone": (lambda: b"\xff\xd8\xff\xe0\0\x02\xff\xd9", "broken JPEG"),
    "a PNG bomb": (lambda: png_header(50_000, 50_000), "too many pixels: 2500 MP"),
    "a WebP bomb": (lambda: webp_header(16_000, 10_000), "too many pixels: 160 MP"),
    "a scan bomb": (many_scans, "too many scans: 305"),
}


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

    assert outcomes == {"jpeg": 9, "png": 8, "webp": 3, "refused": 20}


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
