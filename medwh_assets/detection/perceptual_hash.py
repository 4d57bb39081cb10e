"""A hash that pictures have in common which look alike: a repost at another size or quality.

The signs of the 64 lowest frequencies of the picture on 32 x 32 grey pixels, as in pHash. Done in
whole numbers, so that every machine and every release of numpy gives the same bits. Own code,
because the ImageHash package brings PyWavelets and SciPy for these ten lines.
"""

import math
from functools import cache
from importlib import import_module
from typing import Any, Final

from PIL import Image

from medwh_assets.lake.images import MINIATURE

_FREQUENCIES: Final = 8
_SCALE: Final = 1 << 12


def perceptual_hash(miniature: Image.Image) -> str:
    """Return 64 bits as 16 hexadecimal characters.

    Of two versions of a picture, at other sizes or qualities, a handful of bits differ; of two
    unlike pictures about 32. A picture of one colour is `8000000000000000`.

    Args:
        miniature: the picture on 32 x 32 grey pixels, as `lake.images` makes it.
    """
    numpy, waves = _waves()
    grey = numpy.asarray(miniature, dtype="int64")
    strengths = (waves @ grey @ waves.T).ravel()
    # The first is the brightness; it is no part of what the others are compared with.
    middle = numpy.median(strengths[1:])
    bits = "".join("1" if strength > middle else "0" for strength in strengths)
    return f"{int(bits, 2):016x}"


@cache
def _waves() -> tuple[Any, Any]:
    """Return numpy, and the cosine of every frequency at every pixel, one frequency a row."""
    numpy: Any = import_module("numpy")
    side, _ = MINIATURE
    rows = [
        [round(_SCALE * math.cos(math.pi * (2 * x + 1) * k / (2 * side))) for x in range(side)]
        for k in range(_FREQUENCIES)
    ]
    return numpy, numpy.array(rows, dtype="int64")
