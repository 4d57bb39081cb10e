import io
import random
import re

from PIL import Image, ImageDraw

from medwh_assets.detection.perceptual_hash import perceptual_hash
from medwh_assets.lake.images import decode_rgb


def drawn(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Draw a picture of coloured things."""
    chance = random.Random(seed)
    image = Image.new("RGB", (640, 480), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        x, y = chance.randrange(540), chance.randrange(380)
        pen.ellipse((x, y, x + 40 + chance.randrange(60), y + 100), fill=chance.randrange(1 << 24))
    return image.resize(size)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # pyright: ignore
    return buffer.getvalue()


def hashed(content: bytes, enough: int | None = None) -> str:
    return perceptual_hash(decode_rgb(content, enough).miniature)


def differing(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_a_hash_is_16_hexadecimal_characters() -> None:
    for image in (drawn(1), Image.new("RGB", (1, 1)), Image.new("RGB", (3000, 2), "red")):
        assert re.fullmatch(r"[0-9a-f]{16}", hashed(encoded(image, "PNG")))


def test_a_repost_at_another_size_or_quality_has_nearly_the_same_hash() -> None:
    for seed in range(10):
        original = hashed(encoded(drawn(seed), quality=90))
        for again in (
            encoded(drawn(seed), quality=30),
            encoded(drawn(seed, (320, 240)), quality=80),
            encoded(drawn(seed, (1280, 960)), "PNG"),
            encoded(drawn(seed), "WEBP"),
        ):
            assert differing(original, hashed(again)) <= 6


def test_unlike_pictures_differ_in_many_bits() -> None:
    hashes = [hashed(encoded(drawn(seed))) for seed in range(12)]

    assert min(differing(a, b) for a in hashes for b in hashes if a is not b) >= 10


def test_the_hash_does_not_depend_on_the_size_that_a_model_wants() -> None:
    content = encoded(drawn(1, (2000, 1500)))

    assert len({hashed(content, enough) for enough in (None, 64, 512, 1280)}) == 1


def test_these_bits_never_change() -> None:
    """They stand in lakes, and are compared with those of other machines."""
    pattern = bytes((x * x + 7 * x * y + 13 * y) % 256 for y in range(32) for x in range(32))

    assert perceptual_hash(Image.frombytes("L", (32, 32), pattern)) == "839f00172add2af7"
    assert perceptual_hash(Image.new("L", (32, 32), 200)) == "8000000000000000"
    assert perceptual_hash(Image.new("L", (32, 32), 0)) == "0000000000000000"
