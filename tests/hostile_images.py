"""Pictures that somebody could post to hurt: each has to be opened, or refused with its reason.

Made, not kept: what takes 48 kB in a file can take 7.5 GB in memory.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image


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


def pieces_without_end() -> bytes:
    """Write a JPEG of 40 MB of empty markers."""
    whole = encoded(picture())
    return whole[:2] + b"\xff\xe5\x00\x02" * 10_000_000 + whole[2:]


def junk_without_end() -> bytes:
    """Write a JPEG of 40 MB of junk before its first marker."""
    whole = encoded(picture())
    return whole[:20] + b"\x01" * 40_000_000 + whole[20:]


def chunks_without_end() -> bytes:
    """Write a PNG of 36 MB of empty chunks."""
    whole = encoded(picture(), "PNG")
    empty = b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
    return whole[:33] + empty * 3_000_000 + whole[33:]


def large(kind: str, side: int, mode: str = "RGB", **options: Any) -> bytes:
    """Write a picture at the limit of what is opened."""
    drawn = Image.effect_noise((side // 8, side // 8), 80).resize((side, side)).convert(mode)
    return encoded(drawn, kind, **options)


LARGE: dict[str, Callable[[], bytes]] = {
    "a JPEG of 50 MP": lambda: large("JPEG", 7000),
    "a progressive JPEG of 25 MP": lambda: large("JPEG", 5000, progressive=True, subsampling=0),
    "a PNG of 25 MP with alpha": lambda: large("PNG", 5000, "RGBA", compress_level=1),
    "a PNG of 25 MP with a transparent palette": lambda: large("PNG", 5000, "P", transparency=0),
    "a WebP of 16 MP": lambda: large("WEBP", 4000, method=0),
    "a PNG of 25 million pixels in one row": lambda: encoded(
        Image.new("L", (25_000_000, 1)), "PNG"
    ),
}

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
    "a marker bomb": (pieces_without_end, "too many pieces"),
    "a junk bomb": (junk_without_end, "too many pieces"),
    "a chunk bomb": (chunks_without_end, "too many pieces"),
}
