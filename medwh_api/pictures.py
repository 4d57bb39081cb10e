"""Pictures of the lake, as they are or with the boxes of what was seen drawn in.

Files are read only by paths that stand in the marts, and only where their content is the one that the
marts name. They came from strangers, so whatever is opened is bounded first.
"""

import hashlib
import io
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from upath import UPath

from medwh_api.errors import ImagesUnreachableError, UnknownImageError

MAX_BYTES = 50_000_000
_MAX_PIXELS = 50_000_000
_LONGEST_SIDE = 1280
# Sharp at half its size on a phone's screen, and some 10 kB.
_THUMBNAIL_SIDE = 320
_CACHE_BYTES = 32_000_000
_PATH = re.compile(r"images/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
# Told apart on light and dark pictures, and by people who do not see all colours.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


@dataclass(frozen=True)
class Seen:
    """One box, in pixels of a picture that is so wide and high."""

    label: str
    confidence: float
    left: float
    top: float
    width: float
    height: float
    image_width: int
    image_height: int


class Pictures:
    """The lake's pictures. Its methods block, and may be called by several threads."""

    def __init__(self, lake: str) -> None:
        self._lake = UPath(lake).expanduser()
        self._drawn: OrderedDict[object, bytes] = OrderedDict()
        self._drawn_bytes = 0
        self._lock = threading.Lock()

    def read(self, sha256: str, paths: Sequence[str]) -> tuple[bytes, str]:
        """Return a picture's bytes and media type.

        Args:
            sha256: the hash of its content.
            paths: where it may lie, relative to the lake's root.

        Raises:
            UnknownImageError: it lies at none of them.
            ImagesUnreachableError: the lake does not answer.
        """
        for path in paths:
            content = self._content(path)
            if content is None or hashlib.sha256(content).hexdigest() != sha256:
                continue
            kind = _media_type(content)
            if kind is not None:
                return content, kind
        raise UnknownImageError

    def draw(self, sha256: str, paths: Sequence[str], boxes: Sequence[Seen]) -> bytes:
        """Return a picture with its boxes, as a JPEG; the last ones made are kept.

        Raises:
            UnknownImageError: it is not there, or cannot be opened within the limits.
            ImagesUnreachableError: the lake does not answer.
        """
        return self._made(
            (sha256, tuple(boxes)), sha256, paths, lambda content: _draw(content, boxes)
        )

    def shrink(self, sha256: str, paths: Sequence[str]) -> bytes:
        """Return a small copy of a picture, as a JPEG; the last ones made are kept.

        Raises:
            UnknownImageError: it is not there, or cannot be opened within the limits.
            ImagesUnreachableError: the lake does not answer.
        """
        return self._made((sha256, "small"), sha256, paths, _shrink)

    def _made(
        self, key: object, sha256: str, paths: Sequence[str], make: Callable[[bytes], bytes]
    ) -> bytes:
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key]
        content, _ = self.read(sha256, paths)
        drawn = make(content)
        with self._lock:
            if key not in self._drawn:
                self._drawn[key] = drawn
                self._drawn_bytes += len(drawn)
            while self._drawn_bytes > _CACHE_BYTES:
                self._drawn_bytes -= len(self._drawn.popitem(last=False)[1])
        return drawn

    def _content(self, path: str) -> bytes | None:
        """Return what lies at a path; None where nothing does, or what is none of our business."""
        if not _PATH.fullmatch(path) or any(not part.strip(".") for part in path.split("/")):
            return None
        try:
            file = self._lake / path
            # On an object store nothing leads out of the lake.
            if isinstance(file, Path):
                root = Path(str(self._lake)).resolve()
                if not Path(str(file)).resolve().is_relative_to(root):
                    return None
            with file.open("rb") as opened:
                content: bytes = opened.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            if self._lake.exists():
                return None
            raise ImagesUnreachableError from error
        except OSError as error:
            raise ImagesUnreachableError from error
        return content if len(content) <= MAX_BYTES else None


def _media_type(content: bytes) -> str | None:
    for start, kind in _KINDS:
        if content.startswith(start):
            return kind
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def _opened(content: bytes, side: int) -> Image.Image:
    """Return a picture, upright, as red, green and blue, with no side longer than this."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise UnknownImageError
            # A JPEG is decoded at half or a quarter of its size where that is enough.
            opened.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UnknownImageError from error
    picture.thumbnail((side, side))
    return picture


def _shrink(content: bytes) -> bytes:
    return _jpeg(_opened(content, _THUMBNAIL_SIDE), quality=80)


def _draw(content: bytes, boxes: Sequence[Seen]) -> bytes:
    picture = _opened(content, _LONGEST_SIDE)
    pen = ImageDraw.Draw(picture)
    size = max(12, max(picture.size) // 45)
    font = ImageFont.load_default(size)
    colours: dict[str, str] = {}
    for box in boxes:
        colour = colours.setdefault(box.label, _COLOURS[len(colours) % len(_COLOURS)])
        across = picture.width / max(box.image_width, 1)
        down = picture.height / max(box.image_height, 1)
        left, right = _within(picture.width, box.left * across, box.width * across)
        top, bottom = _within(picture.height, box.top * down, box.height * down)
        pen.rectangle((left, top, right, bottom), outline=colour, width=max(2, size // 6))
        label = f"{box.label[:40]} {box.confidence:.0%}"
        at = (left, top - size - 4 if top > size + 4 else top)
        pen.rectangle(pen.textbbox(at, label, font=font), fill=colour)
        pen.text(at, label, fill="white", font=font)
    return _jpeg(picture, quality=85)


def _jpeg(picture: Image.Image, *, quality: int) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality)
    return written.getvalue()


def _within(side: int, start: float, length: float) -> tuple[float, float]:
    """Return both ends of a box's side as far as they lie in the picture."""
    first = min(max(start, 0.0), side - 1.0)
    return first, min(max(start + length, first + 1.0), float(side))
