"""The safe opening of encoded images: what a file is, by its content and never by its name.

An image is a JPEG, PNG or WebP that decodes to its last row, within limits that are checked on the
header before anything is decoded. Everything else is an `ImageError` with a short reason. No
numpy here: pixels leave as a Pillow image.
"""

import hashlib
import io
import itertools
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from medwh_assets.errors import ImageError

ImageType = Literal["jpeg", "png", "webp"]
_Coding = Literal["jpeg", "progressive", "png", "webp"]

MAX_BYTES: Final = 50 * 1024 * 1024
# A phone's largest photo has 50 megapixels. Telegram's own photos have 6.6 at most.
MAX_PIXELS: Final = 50_000_000
# What decoding takes for each pixel, measured: a progressive JPEG is kept as coefficients, a PNG may
# have a palette with transparency, a WebP is held three times.
_MEMORY: Final[dict[_Coding, int]] = {"jpeg": 4, "progressive": 10, "png": 10, "webp": 16}
# So much for all pictures that are being decoded at one moment: 50 MP of a JPEG as cameras write it,
# 25 MP of a progressive one or of a PNG, 16 MP of a WebP.
MAX_MEMORY: Final = 256_000_000
# A progressive JPEG is decoded once per scan, so a small file can ask for hours. Cameras use 10.
MAX_PIXEL_SCANS: Final = 400_000_000
# Pillow goes over what stands around the pixels piece by piece, and over junk byte by byte.
_MAX_PIECES: Final = 20_000

# What is left of a picture to tell it from others: twice over what a 64-bit hash needs each way.
MINIATURE: Final = (32, 32)

# Blocks of Pillow's usual 16 MB stay with the thread that freed them; so large ones go back at once.
Image.core.set_block_size(64 * 2**20)

_NAMES: Final[dict[ImageType, str]] = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}

# Pillow's own classes, not `Image.open`: ultralytics replaces that function for the whole process
# by one that answers an unknown file with an attempt to install a package.
_READERS: Final[dict[ImageType, Callable[[io.BytesIO], ImageFile.ImageFile]]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an encoded image is.

    Attributes:
        sha256: hash of the encoded bytes, lower-case hexadecimal.
        bytes: length of the encoded image.
        width: pixels, after EXIF orientation.
        height: pixels, after EXIF orientation.
        type: what the content is, whatever the file is called.
    """

    sha256: str
    bytes: int
    width: int
    height: int
    type: ImageType


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image's pixels: upright, RGB, transparent parts on white, the first frame of an animation.

    Attributes:
        pixels: the picture, smaller than the image by the whole factor `shrunk_by`.
        width: pixels of the image itself, after EXIF orientation.
        height: pixels of the image itself, after EXIF orientation.
        shrunk_by: 1 unless a smaller picture was asked for.
        miniature: the whole image on 32 x 32 grey pixels, the same whatever size was asked for.
    """

    pixels: Image.Image
    width: int
    height: int
    shrunk_by: int
    miniature: Image.Image


def image_facts(data: bytes) -> ImageFacts:
    """Decode an image to its end and say what it is.

    Raises:
        ImageError: the bytes are no safe, whole JPEG, PNG or WebP.
    """
    with _loaded(data) as (image, kind):
        width, height = _upright_size(image, _orientation(image))
    return ImageFacts(hashlib.sha256(data).hexdigest(), len(data), width, height, kind)


def decode_rgb(data: bytes, enough: int | None = None) -> DecodedImage:
    """Decode an image for somebody who looks at it.

    Args:
        data: the encoded image.
        enough: longest side, in pixels, beyond which the caller gains nothing. An image at least
            twice as long is shrunk by a whole factor to not less than that; it saves memory.

    Raises:
        ImageError: the bytes are no safe, whole JPEG, PNG or WebP.
    """
    with _loaded(data) as (image, _):
        orientation = _orientation(image)
        width, height = _upright_size(image, orientation)
        factor = max(1, max(width, height) // enough) if enough else 1
        pixels = _without_palette(image)
        miniature = _on_white(
            pixels.resize(MINIATURE, Image.Resampling.HAMMING, reducing_gap=4.0)
        ).convert("L")
        if factor > 1:
            pixels = pixels.reduce(factor)
        pixels = _on_white(pixels)
        if orientation in _UPRIGHT:
            pixels = pixels.transpose(_UPRIGHT[orientation])
            miniature = miniature.transpose(_UPRIGHT[orientation])
        del image
    return DecodedImage(pixels, width, height, factor, miniature)


class _Room:
    """Memory that decoding shares: as much of it as fits goes on at once, and at least one picture."""

    def __init__(self, size: int) -> None:
        self._free = self._size = size
        self._changed = threading.Condition()

    @contextmanager
    def of(self, wanted: int) -> Generator[None]:
        """Hold some of it, which is waited for."""
        wanted = min(wanted, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


_ROOM: Final = _Room(MAX_MEMORY)


@contextmanager
def _loaded(data: bytes) -> Generator[tuple[ImageFile.ImageFile, ImageType]]:
    """Open an image and decode it to its end.

    Raises:
        ImageError: the bytes are no safe, whole JPEG, PNG or WebP.
    """
    if not data:
        raise ImageError("empty file")
    kind = _kind(data)
    if len(data) > MAX_BYTES:
        raise ImageError(f"too many bytes: {len(data) // 1024**2} MB")
    _check_pieces(data, kind)
    try:
        image = _READERS[kind](io.BytesIO(data))
        memory = _check_header(image, kind, data)
    except Exception as error:
        raise _refused(error, data, kind) from error
    with _ROOM.of(memory):
        try:
            image.load()
        except Exception as error:
            raise _refused(error, data, kind) from error
        yield image, kind
        # Before the next picture gets the room.
        del image


def _refused(error: Exception, data: bytes, kind: ImageType) -> ImageError:
    # Pillow's decoders answer hostile bytes with a dozen exception types, MemoryError and
    # AttributeError among them; whichever it is, this file is bad and the next one may be good.
    if isinstance(error, ImageError):
        return error
    state = "broken" if _has_end(data, kind) else "truncated"
    return ImageError(f"{state} {_NAMES[kind]}")


def _kind(data: bytes) -> ImageType:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    raise ImageError(_what_else(data))


def _what_else(data: bytes) -> str:
    """Name a content that is no accepted image, for whoever reads the quarantine."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"avif", b"avis"):
            return "an AVIF image"
        return "a HEIC image" if brand in (b"heic", b"heix", b"mif1", b"msf1") else "an MP4 video"
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    for start, name in (
        (b"GIF8", "a GIF image"),
        (b"BM", "a BMP image"),
        (b"II*\0", "a TIFF image"),
        (b"MM\0*", "a TIFF image"),
        (b"\x1a\x45\xdf\xa3", "a WebM video"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
    ):
        if data.startswith(start):
            return name
    return "not a JPEG, PNG or WebP image"


def _check_pieces(data: bytes, kind: ImageType) -> None:
    """Refuse a file of more markers, chunks or junk than Pillow goes over in a moment."""
    steps = {"jpeg": _jpeg_steps, "png": _png_steps}.get(kind)
    if (
        steps is not None
        and sum(1 for _ in itertools.islice(steps(data), _MAX_PIECES)) >= _MAX_PIECES
    ):
        raise ImageError("too many pieces")


def _jpeg_steps(data: bytes) -> Iterator[int]:
    """Go from marker to marker until the pixels begin; what is no marker is passed byte by byte."""
    position = 2
    while position + 4 <= len(data) and data[position : position + 2] != b"\xff\xda":
        yield position
        if data[position] == 0xFF and data[position + 1] not in (0, 0xFF):
            position += 2 + int.from_bytes(data[position + 2 : position + 4])
        else:
            position += 1


def _png_steps(data: bytes) -> Iterator[int]:
    """Go from chunk to chunk."""
    position = 8
    while position + 8 <= len(data):
        yield position
        position += 12 + int.from_bytes(data[position : position + 4])


def _check_header(image: ImageFile.ImageFile, kind: ImageType, data: bytes) -> int:
    """Refuse what would take too much, and return how many bytes decoding takes."""
    pixels = image.width * image.height
    coding: _Coding = "progressive" if "progressive" in image.info else kind
    if pixels > min(MAX_PIXELS, MAX_MEMORY // _MEMORY[coding]):
        raise ImageError(f"too many pixels: {pixels // 1_000_000} MP")
    scans = data.count(b"\xff\xda") if kind == "jpeg" else 1
    if pixels * scans > MAX_PIXEL_SCANS:
        raise ImageError(f"too many scans: {scans}")
    return pixels * _MEMORY[coding]


def _has_end(data: bytes, kind: ImageType) -> bool:
    if kind == "jpeg":
        return b"\xff\xd9" in data[-1024:]
    if kind == "png":
        return b"IEND" in data[-1024:]
    return int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - EXIF is as hostile as pixels, and says nothing about them
        return 1
    return value if isinstance(value, int) else 1


def _upright_size(image: Image.Image, orientation: int) -> tuple[int, int]:
    return (image.height, image.width) if orientation in _ON_ITS_SIDE else image.size


def _without_palette(image: Image.Image) -> Image.Image:
    """Turn modes that cannot be averaged into ones that can."""
    if "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "I;16":
        # Pillow clips 16 bits to 8 instead of scaling them.
        return image.point(lambda value: value / 256).convert("L")
    return image.convert({"P": "RGB", "1": "L"}[image.mode]) if image.mode in ("P", "1") else image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
