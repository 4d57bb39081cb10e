"""Draws the sample's product pictures: invented packs, bottles, tubes, boxes and people.

Every picture is made of a background and a few things, each drawn at twice the size, shaded, and
put down with a shadow; the box of a thing is what its own pixels cover. Pillow and `random` only:
the same `Random` gives the same pixels on one version of Pillow. All measures are pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

PRODUCTS = ("blister", "bottle", "tube", "box")
CLASSES = (*PRODUCTS, "person")

Colour = tuple[int, int, int]
Layer = Image.Image

_SCALE = 2  # drawn so much larger than shown: smooth edges without anti-aliased primitives
_BRIGHT: tuple[Colour, ...] = (
    (32, 92, 168), (196, 48, 52), (28, 132, 92), (240, 178, 40), (112, 60, 140),
    (230, 104, 40), (36, 150, 178), (210, 84, 134), (74, 94, 120), (130, 168, 52),
)  # fmt: skip
_PALE: tuple[Colour, ...] = (
    (248, 248, 246), (238, 242, 246), (250, 242, 228), (236, 246, 240), (252, 236, 240),
)  # fmt: skip
_GLASS: tuple[Colour, ...] = (
    (122, 66, 22), (98, 48, 18), (26, 96, 62), (24, 82, 132), (236, 238, 240), (176, 206, 220),
)  # fmt: skip
_SKIN: tuple[Colour, ...] = ((92, 56, 36), (118, 74, 48), (142, 92, 62), (168, 114, 80))
_HAIR: tuple[Colour, ...] = ((22, 18, 18), (40, 28, 24), (60, 40, 30))


@dataclass(frozen=True, slots=True)
class Thing:
    """One drawn thing: its class and the box (left, top, right, bottom) of its visible pixels."""

    name: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture and everything that is to be found on it."""

    image: Image.Image
    things: tuple[Thing, ...]


def seeded(name: str) -> Random:
    """Return the chances of one drawing or story: the same name always gives the same."""
    return Random(name)  # noqa: S311 - nothing here is a secret


def draw(
    rng: Random,
    size: tuple[int, int],
    products: Sequence[str] = (),
    *,
    person: bool = False,
    label: str = "",
) -> Picture:
    """Draw one picture.

    Args:
        rng: decides everything that the other arguments leave open.
        size: width and height.
        products: classes of the products to show, none for a flyer or an empty shelf.
        person: whether somebody stands in the picture, holding the first product if there is one.
        label: what is printed on the products or the flyer.
    """
    width, height = size[0] * _SCALE, size[1] * _SCALE
    canvas = _background(rng, (width, height), plain=person)
    placed: list[tuple[str, Layer]] = []
    if person:
        placed = _person_scene(rng, canvas, products, label)
    elif products:
        placed = _product_scene(rng, canvas, products, label)
    elif label:
        _flyer(rng, canvas, label)
    image = canvas.resize(size, Image.Resampling.LANCZOS)
    image = _as_photographed(rng, image)
    things = [(name, _box(layer)) for name, layer in placed]
    return Picture(image, tuple(Thing(name, box) for name, box in things if box is not None))


# --- backgrounds ---------------------------------------------------------------------------------


def _background(rng: Random, size: tuple[int, int], *, plain: bool) -> Layer:
    kinds = (_studio, _shelf, _shelf, _wood, _tiles, _dark_stage)
    paint = rng.choice((_studio, _shelf, _dark_stage, _shelf) if plain else kinds)
    return paint(rng, size)


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Layer:
    mask = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)


def _studio(rng: Random, size: tuple[int, int]) -> Layer:
    pale = rng.choice((*_PALE, (214, 226, 236), (232, 216, 204), (250, 250, 250)))
    return _gradient(size, pale, _mix(pale, (120, 124, 130), rng.uniform(0.05, 0.35)))


def _dark_stage(rng: Random, size: tuple[int, int]) -> Layer:
    tint = _mix(rng.choice(_BRIGHT), (16, 18, 28), rng.uniform(0.45, 0.8))
    spot = Image.radial_gradient("L").resize(size)
    glow = Image.new("RGB", size, _mix(tint, (255, 255, 255), 0.35))
    return Image.composite(Image.new("RGB", size, tint), glow, spot)


def _shelf(rng: Random, size: tuple[int, int]) -> Layer:
    """A pharmacy's shelves out of focus, and a counter in front."""
    width, height = size
    wall = rng.choice(((232, 230, 226), (214, 208, 198), (222, 230, 234), (190, 178, 160)))
    image = Image.new("RGB", size, wall)
    pen = ImageDraw.Draw(image)
    rows = rng.randint(3, 4)
    for row in range(rows):
        floor = int(height * (row + 1) / (rows + 0.6))
        x = -rng.randint(0, width // 12)
        while x < width:
            w = rng.randint(width // 26, width // 10)
            h = rng.randint(height // 12, height // 6)
            pen.rectangle((x, floor - h, x + w, floor), fill=rng.choice((*_BRIGHT, *_PALE)))
            if rng.random() < 0.5:
                pen.rectangle((x, floor - h // 2, x + w, floor - h // 4), fill=rng.choice(_PALE))
            x += w + rng.randint(2, width // 30)
        pen.rectangle((0, floor, width, floor + height // 60), fill=_mix(wall, (60, 50, 44), 0.4))
    image = image.filter(ImageFilter.GaussianBlur(width * rng.uniform(0.012, 0.022)))
    counter = int(height * rng.uniform(0.72, 0.84))
    top = rng.choice(((206, 212, 216), (236, 238, 238), (120, 88, 60), (74, 78, 84)))
    image.paste(
        _gradient((width, height - counter), _mix(top, (255, 255, 255), 0.25), top), (0, counter)
    )
    return image


def _wood(rng: Random, size: tuple[int, int]) -> Layer:
    width, height = size
    base = rng.choice(((150, 104, 66), (186, 142, 96), (104, 70, 46), (206, 178, 140)))
    image = Image.new("RGB", size, base)
    pen = ImageDraw.Draw(image)
    plank = height // rng.randint(4, 7)
    for y in range(0, height + plank, plank):
        tone = _mix(base, rng.choice(((255, 255, 255), (0, 0, 0))), rng.uniform(0, 0.12))
        pen.rectangle((0, y, width, y + plank), fill=tone)
        for _ in range(14):
            line = y + rng.randint(2, plank)
            start = rng.randint(-width // 2, width)
            pen.line(
                (start, line, start + rng.randint(width // 4, width), line + rng.randint(-3, 3)),
                fill=_mix(tone, (0, 0, 0), rng.uniform(0.05, 0.2)),
                width=rng.randint(1, 3),
            )
        pen.line((0, y, width, y), fill=_mix(base, (0, 0, 0), 0.45), width=3)
    return image.filter(ImageFilter.GaussianBlur(1.5))


def _tiles(rng: Random, size: tuple[int, int]) -> Layer:
    width, height = size
    base = rng.choice(((216, 220, 222), (196, 210, 204), (226, 214, 206), (176, 190, 204)))
    image = _gradient(size, _mix(base, (255, 255, 255), 0.35), base)
    pen = ImageDraw.Draw(image)
    step = width // rng.randint(3, 6)
    joint = _mix(base, (70, 70, 74), 0.4)
    for x in range(rng.randint(0, step), width, step):
        pen.line((x, 0, x, height), fill=joint, width=4)
    for y in range(rng.randint(0, step), height, step):
        pen.line((0, y, width, y), fill=joint, width=4)
    return image.filter(ImageFilter.GaussianBlur(2))


def _flyer(rng: Random, canvas: Layer, label: str) -> None:
    """Text on a plain card: a picture on which there is nothing to find."""
    width, height = canvas.size
    back, ink = rng.choice(_BRIGHT), rng.choice(_PALE)
    canvas.paste(_gradient(canvas.size, back, _mix(back, (0, 0, 0), 0.45)))
    pen = ImageDraw.Draw(canvas)
    pen.polygon(
        ((0, height), (width, height), (width, int(height * 0.8)), (0, int(height * 0.92))),
        fill=_mix(back, (255, 255, 255), 0.25),
    )
    lines = label.split("\n")
    for number, line in enumerate(lines):
        room = (int(width * 0.84), int(height * (0.16 if number == 0 else 0.09)))
        _print(canvas, line, (width // 2, int(height * (0.2 + 0.15 * number))), room, ink)


# --- scenes --------------------------------------------------------------------------------------


def _product_scene(
    rng: Random, canvas: Layer, products: Sequence[str], label: str
) -> list[tuple[str, Layer]]:
    width, height = canvas.size
    count = len(products)
    slot = width / count
    placed: list[tuple[str, Layer]] = []
    floor = height * rng.uniform(0.86, 0.94)
    for number, name in enumerate(products):
        room = (slot * (0.82 if count == 1 else 0.92), height * rng.uniform(0.56, 0.8))
        layer = _product(rng, name, room, label)
        x = slot * (number + 0.5) + slot * rng.uniform(-0.04, 0.04)
        lying = name == "blister"
        y = height * rng.uniform(0.46, 0.56) if lying else floor - layer.height / 2
        placed.append((name, _put(rng, canvas, layer, (x, y))))
    return placed


def _person_scene(
    rng: Random, canvas: Layer, products: Sequence[str], label: str
) -> list[tuple[str, Layer]]:
    width, height = canvas.size
    centre = width * rng.uniform(0.38, 0.62)
    tall = min(height * rng.uniform(0.84, 0.98), width * 1.3)
    side = rng.choice((-1, 1))
    holds = bool(products)
    hand = (centre + side * tall * rng.uniform(0.27, 0.34), height - tall * rng.uniform(0.26, 0.36))
    skin = rng.choice(_SKIN)
    body = _person(
        rng,
        canvas.size,
        centre=centre,
        tall=tall,
        side=side,
        hand=hand if holds else None,
        skin=skin,
    )
    canvas.paste(body, (0, 0), body)
    placed: list[tuple[str, Layer]] = []
    if holds:
        room = (tall * rng.uniform(0.28, 0.36), tall * rng.uniform(0.34, 0.44))
        layer = _product(rng, products[0], room, label)
        x = min(max(hand[0], layer.width * 0.5), width - layer.width * 0.5)
        placed.append(
            (products[0], _put(rng, canvas, layer, (x, hand[1] - layer.height * 0.3), 0.4))
        )
        fingers = _fingers(
            (x, hand[1]),
            reach=layer.width * 0.46,
            tall=tall,
            side=side,
            size=canvas.size,
            skin=skin,
        )
        canvas.paste(fingers, (0, 0), fingers)
        body = Image.alpha_composite(body, fingers)
    for name in products[1:]:
        layer = _product(rng, name, (tall * 0.28, tall * 0.34), label)
        x = width * (0.16 if side > 0 else 0.84)
        placed.append((name, _put(rng, canvas, layer, (x, height - layer.height * 0.56))))
    return [("person", body), *placed]


def _put(
    rng: Random, canvas: Layer, layer: Layer, centre: tuple[float, float], shadow: float = 0.7
) -> Layer:
    """Lay a thing with its shadow on the canvas; return it alone on an empty canvas."""
    x, y = int(centre[0] - layer.width / 2), int(centre[1] - layer.height / 2)
    alone = Image.new("RGBA", canvas.size)
    alone.paste(layer, (x, y), layer)
    alpha = alone.getchannel("A")
    reach = int(canvas.width * rng.uniform(0.006, 0.02))
    dark = ImageChops.offset(alpha, reach, reach).filter(ImageFilter.GaussianBlur(reach))
    dark = dark.point([int(level * 0.5 * shadow) for level in range(256)])
    canvas.paste((20, 20, 24), (0, 0), dark)
    canvas.paste(alone, (0, 0), alone)
    return alone


def _box(layer: Layer) -> tuple[int, int, int, int] | None:
    solid = layer.getchannel("A").point([255 if level > 96 else 0 for level in range(256)])
    found = solid.getbbox()
    if found is None:
        return None
    left, top, right, bottom = (edge // _SCALE for edge in found)
    return (left, top, right, bottom) if right - left > 3 and bottom - top > 3 else None


# --- products ------------------------------------------------------------------------------------


def _product(rng: Random, name: str, room: tuple[float, float], label: str) -> Layer:
    """Draw a product upright or turned, as large as the room allows."""
    paint = {"blister": _blister, "bottle": _bottle, "tube": _tube, "box": _box_pack}[name]
    layer = paint(rng, label)
    spread = 40.0 if name == "blister" else 7.0
    if name == "tube" and rng.random() < 0.25:
        spread = 75.0
    turned = layer.rotate(rng.uniform(-spread, spread), Image.Resampling.BICUBIC, expand=True)
    visible = turned.getbbox()
    turned = turned.crop(visible) if visible else turned
    factor = min(room[0] / turned.width, room[1] / turned.height)
    shown = (max(8, int(turned.width * factor)), max(8, int(turned.height * factor)))
    return turned.resize(shown, Image.Resampling.LANCZOS)


def _bottle(rng: Random, label: str) -> Layer:
    """A pill jar, a syrup bottle, a dropper or a pump: one silhouette with other proportions."""
    width = rng.randint(190, 250)
    body, neck, cap, spout = rng.choice(
        ((300, 0.78, 70, 0), (360, 0.36, 60, 0), (250, 0.4, 60, 90), (380, 0.34, 56, 70))
    )
    body += rng.randint(-30, 60)
    height = spout + cap + 60 + body
    glass = rng.choice((*_GLASS, rng.choice(_BRIGHT)))
    layer = Image.new("RGBA", (width, height))
    shape = Image.new("L", layer.size)
    pen = ImageDraw.Draw(shape)
    top, half = spout + cap, width * neck / 2
    middle, shoulder = width / 2, spout + cap + 60
    pen.rounded_rectangle((0, shoulder, width - 1, height - 1), radius=26, fill=255)
    pen.polygon(
        (
            (middle - half, top),
            (middle + half, top),
            (width - 8, shoulder + 30),
            (8, shoulder + 30),
        ),
        fill=255,
    )
    layer.paste(_cylinder(layer.size, glass), (0, 0), shape)
    _cap(rng, layer, (middle, spout, half + 10, cap), spout)
    paper = rng.choice((*_PALE, _mix(rng.choice(_BRIGHT), (255, 255, 255), 0.15)))
    upper, lower = shoulder + int(body * 0.22), height - int(body * 0.14)
    layer.paste(_cylinder((width, lower - upper), paper), (0, upper))
    _label(
        rng, layer, (width // 2, (upper + lower) // 2), (int(width * 0.84), lower - upper), label
    )
    return layer


def _cap(rng: Random, layer: Layer, where: tuple[float, int, float, int], spout: int) -> None:
    middle, top, half, height = where
    colour = rng.choice((*_PALE, *_BRIGHT, (30, 30, 34)))
    lid = _cylinder((int(half * 2), height), colour)
    pen = ImageDraw.Draw(lid)
    for x in range(4, lid.width, 12):
        pen.line((x, 6, x, height - 6), fill=_mix(colour, (0, 0, 0), 0.25), width=2)
    layer.paste(lid, (int(middle - half), top))
    if spout:
        stem = ImageDraw.Draw(layer)
        stem.rounded_rectangle((middle - 18, 0, middle + 18, top + 4), radius=16, fill=colour)
        if spout < 80:
            stem.rounded_rectangle((middle - 74, 4, middle + 26, 30), radius=12, fill=colour)


def _tube(rng: Random, label: str) -> Layer:
    """A squeezed tube on its cap: wide and flat at the crimp, round at the bottom."""
    width, height, cap = rng.randint(190, 240), rng.randint(430, 540), rng.randint(60, 90)
    colour = rng.choice((*_PALE, *_BRIGHT))
    layer = Image.new("RGBA", (width, height + cap))
    shape = Image.new("L", layer.size)
    pen = ImageDraw.Draw(shape)
    pen.polygon(((0, 0), (width, 0), (width * 0.86, height), (width * 0.14, height)), fill=255)
    layer.paste(_cylinder(layer.size, colour), (0, 0), shape)
    ink = ImageDraw.Draw(layer)
    ink.rectangle((0, 0, width, 26), fill=_mix(colour, (90, 90, 96), 0.3))
    for x in range(3, width, 9):
        ink.line((x, 0, x, 26), fill=_mix(colour, (40, 40, 46), 0.45), width=2)
    lid = rng.choice((*_PALE, *_BRIGHT))
    layer.paste(_cylinder((int(width * 0.62), cap), lid), (int(width * 0.19), height))
    band = rng.choice(_BRIGHT)
    ink.polygon(
        (
            (width * 0.05, height * 0.62),
            (width * 0.95, height * 0.62),
            (width * 0.92, height * 0.78),
            (width * 0.08, height * 0.78),
        ),
        fill=band,
    )
    if rng.random() < 0.5:
        tall = Image.new("RGBA", (int(height * 0.52), int(width * 0.6)))
        _label(rng, tall, (tall.width // 2, tall.height // 2), (tall.width, tall.height), label)
        tall = tall.rotate(90, expand=True)
        layer.paste(tall, (int(width * 0.2), int(height * 0.08)), tall)
    else:
        _label(
            rng, layer, (width // 2, int(height * 0.36)), (int(width * 0.78), height // 3), label
        )
    return layer


def _box_pack(rng: Random, label: str) -> Layer:
    """A folding carton seen from a corner: front, side and top."""
    width, height = rng.choice(((300, 400), (420, 240), (260, 440), (340, 320)))
    width, height = width + rng.randint(-30, 30), height + rng.randint(-30, 30)
    deep = rng.randint(40, 110)
    rise = int(deep * rng.uniform(0.35, 0.6))
    base, accent = rng.choice((*_PALE, *_PALE, *_BRIGHT)), rng.choice(_BRIGHT)
    layer = Image.new("RGBA", (width + deep, height + rise))
    pen = ImageDraw.Draw(layer)
    front = _gradient((width, height), base, _mix(base, (110, 110, 116), 0.12))
    mark = ImageDraw.Draw(front)
    if rng.random() < 0.5:
        mark.rectangle((0, int(height * 0.72), width, height), fill=accent)
    else:
        mark.polygon(
            ((0, height), (0, int(height * 0.55)), (int(width * 0.6), height)), fill=accent
        )
        mark.rectangle((0, 0, width, int(height * 0.08)), fill=accent)
    layer.paste(front, (0, rise))
    pen.polygon(
        ((0, rise), (deep, 0), (width + deep, 0), (width, rise)),
        fill=_mix(base, (255, 255, 255), 0.5),
    )
    pen.polygon(
        ((width, rise), (width + deep, 0), (width + deep, height), (width, height + rise)),
        fill=_mix(_mix(base, accent, 0.3), (0, 0, 0), 0.28),
    )
    middle = width // 2
    if rng.random() < 0.5:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        middle += deep
    room = (int(width * 0.86), int(height * 0.5))
    _label(rng, layer, (middle, rise + int(height * 0.36)), room, label)
    return layer


def _blister(rng: Random, label: str) -> Layer:
    """A strip of foil with pills or capsules under domes."""
    columns, rows = rng.choice(((2, 5), (3, 4), (2, 4), (3, 5), (4, 3), (2, 6)))
    step, margin, strip = rng.randint(78, 96), 30, rng.choice((0, 54))
    pill = rng.choice(((0.62, 0.62), (0.5, 0.78), (0.72, 0.42)))
    width, height = columns * step + 2 * margin, rows * step + 2 * margin + strip
    foil = rng.choice(((198, 202, 208), (182, 188, 198), (214, 206, 178), (206, 184, 160)))
    layer = Image.new("RGBA", (width, height))
    shape = Image.new("L", layer.size)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, width - 1, height - 1), radius=24, fill=255)
    shiny = _gradient(
        (width, height), _mix(foil, (255, 255, 255), 0.5), _mix(foil, (0, 0, 0), 0.12)
    )
    pen = ImageDraw.Draw(shiny)
    for _ in range(6):
        x = rng.randint(-height, width)
        pen.line((x, height, x + height, 0), fill=_mix(foil, (255, 255, 255), 0.6), width=9)
    layer.paste(shiny, (0, 0), shape)
    ink = ImageDraw.Draw(layer)
    one = rng.choice(((250, 250, 246), (240, 226, 180), *_BRIGHT))
    two = rng.choice((one, one, rng.choice(_BRIGHT)))
    for row in range(rows):
        for column in range(columns):
            x = margin + (column + 0.5) * step
            y = margin + strip + (row + 0.5) * step
            _pill(
                ink, (x, y), (pill[0] * step / 2, pill[1] * step / 2), one=one, two=two, foil=foil
            )
    if strip:
        _print(layer, label, (width // 2, 38), (width - 50, 40), (44, 60, 96))
    return layer


def _pill(
    pen: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    half: tuple[float, float],
    *,
    one: Colour,
    two: Colour,
    foil: Colour,
) -> None:
    (x, y), (w, h) = centre, half
    round_ = min(w, h)
    grow = 8
    pen.rounded_rectangle(
        (x - w - grow, y - h - grow, x + w + grow, y + h + grow),
        radius=round_ + grow,
        fill=_mix(foil, (255, 255, 255), 0.35),
        outline=_mix(foil, (40, 44, 52), 0.45),
        width=3,
    )
    pen.rounded_rectangle((x - w, y - h, x + w, y + h), radius=round_, fill=one)
    if two != one:
        pen.rounded_rectangle(
            (x - w, y, x + w, y + h),
            radius=round_,
            fill=two,
            corners=(False, False, True, True),
        )
    pen.ellipse((x - w * 0.6, y - h * 0.7, x - w * 0.1, y - h * 0.2), fill=(255, 255, 255))


# --- people --------------------------------------------------------------------------------------


def _person(
    rng: Random,
    size: tuple[int, int],
    *,
    centre: float,
    tall: float,
    side: int,
    hand: tuple[float, float] | None,
    skin: Colour,
) -> Layer:
    """Draw somebody from the waist up, one arm raised to `hand` if there is something to hold."""
    height = size[1]
    top = height - tall
    layer = Image.new("RGBA", size)
    pen = ImageDraw.Draw(layer)
    hair = rng.choice(_HAIR)
    coat = rng.choice(((246, 248, 250), (240, 244, 248), *_BRIGHT))
    head = tall * 0.135
    face = (centre, top + tall * 0.19)
    style = rng.choice(("short", "round", "long", "scarf"))
    _hair_behind(pen, rng, face, head=head, hair=hair, style=style)
    neck = head * 0.46
    pen.rectangle(
        (centre - neck, face[1] + head * 0.7, centre + neck, top + tall * 0.46), fill=skin
    )
    chest = top + tall * 0.4
    broad = tall * rng.uniform(0.25, 0.29)
    pen.rounded_rectangle(
        (centre - broad, chest, centre + broad, height + 80), radius=tall * 0.1, fill=coat
    )
    shirt = rng.choice(_BRIGHT)
    pen.polygon(
        ((centre - neck * 1.3, chest), (centre + neck * 1.3, chest), (centre, chest + tall * 0.24)),
        fill=shirt,
    )
    pen.polygon(
        ((centre - neck, chest - 2), (centre + neck, chest - 2), (centre, chest + tall * 0.08)),
        fill=skin,
    )
    seam = _mix(coat, (40, 44, 60), 0.35)
    pen.line((centre, chest + tall * 0.24, centre, height), fill=seam, width=4)
    for way in (-1, 1):
        pen.line(
            (centre + way * broad * 0.7, chest + tall * 0.22, centre + way * broad * 0.66, height),
            fill=seam,
            width=4,
        )
    if hand is not None:
        elbow = (centre + side * broad * 1.08, min(height - 10, hand[1] + tall * 0.2))
        sleeve = _mix(coat, (60, 64, 84), 0.16)
        thick = int(tall * 0.1)
        pen.line(
            (centre + side * broad * 0.8, chest + tall * 0.1, *elbow), fill=sleeve, width=thick
        )
        pen.line((*elbow, *hand), fill=sleeve, width=int(thick * 0.9))
        for joint, radius in ((elbow, thick / 2), (hand, thick * 0.7)):
            pen.ellipse(_around(joint, radius), fill=skin if joint == hand else sleeve)
    _face(pen, rng, face, head=head, skin=skin, hair=hair, style=style)
    return layer


def _hair_behind(
    pen: ImageDraw.ImageDraw,
    rng: Random,
    face: tuple[float, float],
    *,
    head: float,
    hair: Colour,
    style: str,
) -> None:
    x, y = face
    if style == "round":
        pen.ellipse(_around((x, y - head * 0.3), head * 1.4), fill=hair)
    elif style == "long":
        pen.rounded_rectangle(
            (x - head * 1.15, y - head * 1.2, x + head * 1.15, y + head * 2), radius=head, fill=hair
        )
    elif style == "scarf":
        cloth = rng.choice(((248, 246, 240), *_BRIGHT))
        pen.ellipse(_around((x, y - head * 0.12), head * 1.34), fill=cloth)
        pen.polygon(
            (
                (x - head * 1.2, y),
                (x + head * 1.2, y),
                (x + head * 1.9, y + head * 2.4),
                (x - head * 1.9, y + head * 2.4),
            ),
            fill=cloth,
        )


def _face(
    pen: ImageDraw.ImageDraw,
    rng: Random,
    face: tuple[float, float],
    *,
    head: float,
    skin: Colour,
    hair: Colour,
    style: str,
) -> None:
    x, y = face
    pen.ellipse((x - head * 0.88, y - head * 1.12, x + head * 0.88, y + head * 1.16), fill=skin)
    if style != "scarf":
        pen.chord(
            (x - head * 0.94, y - head * 1.26, x + head * 0.94, y + head * 0.7), 196, 344, fill=hair
        )
    for way in (-1, 1):
        eye = (x + way * head * 0.36, y - head * 0.08)
        pen.ellipse(
            (
                eye[0] - head * 0.16,
                eye[1] - head * 0.09,
                eye[0] + head * 0.16,
                eye[1] + head * 0.09,
            ),
            fill=(250, 248, 244),
        )
        pen.ellipse(_around(eye, head * 0.085), fill=(24, 18, 16))
        brow = eye[1] - head * 0.24
        pen.line(
            (eye[0] - head * 0.2, brow, eye[0] + head * 0.2, brow),
            fill=hair,
            width=max(2, int(head * 0.07)),
        )
    pen.line(
        (x, y, x - head * 0.08, y + head * 0.34, x + head * 0.1, y + head * 0.36),
        fill=_mix(skin, (0, 0, 0), 0.3),
        width=4,
    )
    smile = (x - head * 0.36, y + head * 0.3, x + head * 0.36, y + head * 0.78)
    pen.arc(smile, 20, 160, fill=(150, 50, 54), width=max(3, int(head * rng.uniform(0.07, 0.12))))


def _fingers(
    hand: tuple[float, float],
    *,
    reach: float,
    tall: float,
    side: int,
    size: tuple[int, int],
    skin: Colour,
) -> Layer:
    layer = Image.new("RGBA", size)
    pen = ImageDraw.Draw(layer)
    thick = tall * 0.024
    start = hand[0] + side * (reach + thick)
    for number in range(4):
        y = hand[1] - tall * 0.05 + number * thick * 1.9
        end = start - side * (reach * 0.8 + thick)
        left, right = min(start, end), max(start, end)
        pen.rounded_rectangle(
            (left, y, right, y + thick * 1.8),
            radius=thick * 0.9,
            fill=skin,
            outline=_mix(skin, (0, 0, 0), 0.35),
            width=2,
        )
    return layer


# --- ink and light -------------------------------------------------------------------------------


def _cylinder(size: tuple[int, int], colour: Colour) -> Layer:
    """A colour as on something round: dark at the sides, a streak of light left of the middle."""
    row = bytearray()
    for step in range(96):
        across = step / 95
        shade = 0.5 + 0.5 * math.sin(math.pi * across) ** 0.6
        streak = 70 * math.exp(-(((across - 0.27) / 0.06) ** 2))
        row.extend(min(255, int(part * shade + streak)) for part in colour)
    strip = Image.frombytes("RGB", (96, 1), bytes(row))
    return strip.resize((max(1, size[0]), max(1, size[1])), Image.Resampling.BILINEAR)


def _label(
    rng: Random, layer: Layer, middle: tuple[int, int], room: tuple[int, int], label: str
) -> None:
    """Print a product's name and a few lines of small print too fine to read."""
    x, y = middle
    ink = rng.choice(((24, 34, 84), (130, 22, 34), (18, 84, 60), (30, 30, 34)))
    under = layer.getpixel((min(max(x, 0), layer.width - 1), min(max(y, 0), layer.height - 1)))
    if isinstance(under, tuple) and under[-1] and sum(under[:3]) < 330:
        ink = (250, 250, 246)
    words = label.split() or ["DEMO"]
    _print(layer, words[0], (x, y - int(room[1] * 0.2)), (room[0], int(room[1] * 0.3)), ink)
    if len(words) > 1:
        _print(
            layer,
            " ".join(words[1:]),
            (x, y + int(room[1] * 0.1)),
            (int(room[0] * 0.8), int(room[1] * 0.18)),
            ink,
        )
    pen = ImageDraw.Draw(layer)
    for number in range(3):
        long = room[0] * rng.uniform(0.2, 0.36)
        line = y + room[1] * (0.26 + 0.06 * number)
        pen.line((x - long, line, x + long, line), fill=_mix(ink, (150, 150, 150), 0.5), width=3)


def _print(
    layer: Layer, text: str, middle: tuple[int, int], room: tuple[int, int], ink: Colour
) -> None:
    if not text or room[0] < 8 or room[1] < 8:
        return
    font = ImageFont.load_default(size=float(room[1]))
    wide = font.getlength(text)
    if wide > room[0]:
        font = ImageFont.load_default(size=max(6.0, room[1] * room[0] / wide))
    ImageDraw.Draw(layer).text(middle, text, fill=ink, font=font, anchor="mm")


def _as_photographed(rng: Random, image: Layer) -> Layer:
    """Uneven light, grain and a touch of blur, as from a telephone's camera."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.82, 1.12))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.75, 1.2))
    fade = rng.uniform(0.0, 0.35)
    corner = Image.radial_gradient("L").resize(image.size)
    corner = corner.point([int(level * fade) for level in range(256)])
    image = Image.composite(Image.new("RGB", image.size, (16, 16, 20)), image, corner)
    grain = Image.frombytes("L", image.size, rng.randbytes(image.width * image.height))
    image = Image.blend(image, Image.merge("RGB", (grain, grain, grain)), rng.uniform(0.0, 0.035))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8)))
    return image


def _around(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)


def _mix(one: Colour, two: Colour, share: float) -> Colour:
    keep = 1 - share
    return (
        int(one[0] * keep + two[0] * share),
        int(one[1] * keep + two[1] * share),
        int(one[2] * keep + two[2] * share),
    )
