"""The safe opening of encoded images: what a file is, by its content and never by its name.

An image is a JPEG, PNG or WebP that decodes to its last row, within limits that are checked on the
header before anything is decoded. Everything else is an `ImageError` with a short reason. No
numpy here: pixels leave as a Pillow image.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from medwh_assets.errors import ImageError

ImageType = Literal["jpeg", "png", "webp"]

# A phone's largest photo has 50 megapixels: 200 MB decoded. Telegram's own photos have 6.6 at most.
MAX_PIXELS: Final = 50_000_000
MAX_BYTES: Final = 50 * 1024 * 1024
# A progressive JPEG is decoded once per scan, so a small file can ask for hours. Cameras use 10.
MAX_PIXEL_SCANS: Final = 20 * MAX_PIXELS

# What is left of a picture to tell it from others: twice over what a 64-bit hash needs each way.
MINIATURE: Final = (32, 32)

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
    image, kind = _load(data)
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
    image, _ = _load(data)
    orientation = _orientation(image)
    width, height = _upright_size(image, orientation)
    factor = max(1, max(width, height) // enough) if enough else 1
    pixels = _without_palette(image)
    miniature = _on_white(pixels.resize(MINIATURE, Image.Resampling.BOX)).convert("L")
    if factor > 1:
        pixels = pixels.reduce(factor)
    pixels = _on_white(pixels)
    if orientation in _UPRIGHT:
        pixels = pixels.transpose(_UPRIGHT[orientation])
        miniature = miniature.transpose(_UPRIGHT[orientation])
    return DecodedImage(pixels, width, height, factor, miniature)


def _load(data: bytes) -> tuple[ImageFile.ImageFile, ImageType]:
    if not data:
        raise ImageError("empty file")
    kind = _kind(data)
    if len(data) > MAX_BYTES:
        raise ImageError(f"too many bytes: {len(data) // 1024**2} MB")
    try:
        image = _READERS[kind](io.BytesIO(data))
        _check_header(image, kind, data)
        image.load()
    except ImageError:
        raise
    except Exception as error:
        # Pillow's decoders answer hostile bytes with a dozen exception types, MemoryError and
        # AttributeError among them; whichever it is, this file is bad and the next one may be good.
        state = "broken" if _has_end(data, kind) else "truncated"
        raise ImageError(f"{state} {_NAMES[kind]}") from error
    return image, kind


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


def _check_header(image: ImageFile.ImageFile, kind: ImageType, data: bytes) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise ImageError(f"too many pixels: {pixels // 1_000_000} MP")
    scans = data.count(b"\xff\xda") if kind == "jpeg" else 1
    if pixels * scans > MAX_PIXEL_SCANS:
        raise ImageError(f"too many scans: {scans}")


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
