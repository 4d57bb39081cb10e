"""Small pictures with boxes, for people who want to see what the model saw."""

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

from medwh_assets.lake.images import decode_rgb
from medwh_assets.lake.records import Box

_SIDE: Final = 320
# As text (base64) it is a third more.
_MAX_BYTES: Final = 15_000
_QUALITIES: Final = (75, 55, 35, 15)
_COLOURS: Final = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080")
_WHITE: Final = "#ffffff"


def thumbnail(image: bytes, boxes: Sequence[Box]) -> bytes:
    """Return a JPEG of at most 15 kB and 320 pixels, each box with its class.

    Raises:
        ImageError: the bytes are no safe, whole image.
    """
    decoded = decode_rgb(image, enough=_SIDE)
    picture = decoded.pixels
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    scale = picture.width / decoded.width, picture.height / decoded.height
    pen = ImageDraw.Draw(picture)
    names = sorted({box.detected_class for box in boxes})
    # The best is drawn last, above the others.
    for box in reversed(boxes):
        colour = _COLOURS[names.index(box.detected_class) % len(_COLOURS)]
        left, top = box.x * scale[0], box.y * scale[1]
        right, bottom = left + box.width * scale[0], top + box.height * scale[1]
        pen.rectangle((left, top, right, bottom), outline=colour, width=2)
        # Pillow's own font knows no other letters; it needs no file and no network.
        name = box.detected_class.encode("ascii", "replace").decode()
        said = f"{name} {box.confidence:.2f}"
        at = (left + 2, max(top - 11, 0))
        pen.rectangle(pen.textbbox(at, said), fill=colour)
        pen.text(at, said, fill=_WHITE)
    for quality in _QUALITIES:
        content = _jpeg(picture, quality)
        if len(content) <= _MAX_BYTES:
            return content
    picture.thumbnail((_SIDE // 2, _SIDE // 2), Image.Resampling.BOX)
    return _jpeg(picture, _QUALITIES[-1])


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
