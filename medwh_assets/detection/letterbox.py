"""Between an image's pixels and a model's: the picture that goes in, and where its boxes lie.

The way that Ultralytics trains and predicts: scaled to fit, then padded with grey on both sides.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

GREY: Final = 114
# Ultralytics' own: half a pixel of padding goes below and to the right.
_HALF: Final = 0.1


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture of one size is laid into the model's.

    Attributes:
        width: pixels of the picture inside the padding.
        height: pixels of the picture inside the padding.
        left: pixels of padding.
        top: pixels of padding.
        right: pixels of padding.
        bottom: pixels of padding.
        gain_x: how many times wider than the original the picture is.
        gain_y: how many times higher than the original the picture is.
    """

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int
    gain_x: float
    gain_y: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of what the model gets."""
        return self.top + self.height + self.bottom, self.left + self.width + self.right


def letterbox(width: int, height: int, *, into: tuple[int, int], stride: int | None) -> Letterbox:
    """Lay a picture out.

    Args:
        width: pixels of the picture.
        height: pixels of the picture.
        into: height and width that it has to fit into.
        stride: pads to no more than a multiple of this; None pads to all of `into`.
    """
    scale = min(into[0] / height, into[1] / width)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    across, down = into[1] - inner[0], into[0] - inner[1]
    if stride is not None:
        across, down = across % stride, down % stride
    left, top = round(across / 2 - _HALF), round(down / 2 - _HALF)
    return Letterbox(
        width=inner[0],
        height=inner[1],
        left=left,
        top=top,
        right=round(across / 2 + _HALF),
        bottom=round(down / 2 + _HALF),
        gain_x=inner[0] / width,
        gain_y=inner[1] / height,
    )


def laid_in(pixels: Any, layout: Letterbox) -> Any:
    """Return a picture as the model gets it: height x width x RGB, bytes.

    Args:
        pixels: the picture, height x width x RGB, bytes.
        layout: made for this picture's size.
    """
    cv2: Any = import_module("cv2")
    if pixels.shape[:2] != (layout.height, layout.width):
        size = (layout.width, layout.height)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return cv2.copyMakeBorder(
        pixels,
        layout.top,
        layout.bottom,
        layout.left,
        layout.right,
        cv2.BORDER_CONSTANT,
        value=(GREY,) * 3,
    )
