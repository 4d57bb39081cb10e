from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from PIL import Image, ImageChops, ImageStat

PRODUCTS = ["blister", "bottle", "tube", "box"]


def difference(one: Image.Image, two: Image.Image) -> float:
    """Mean difference of two pictures in levels of 0 to 255."""
    parts = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), two.convert("RGB"))).mean
    return sum(parts) / len(parts)


def test_the_generator_draws_the_committed_pictures(generator: ModuleType, recording: Path) -> None:
    """Bytes may differ between versions of Pillow, what is to be seen may not. One in nine."""
    plans = [plan for plan in generator.picture_plans() if plan != generator.corrupt_picture()][::9]
    drawings = [plan.draw().image for plan in plans]
    for number, (plan, drawing) in enumerate(zip(plans, drawings, strict=True)):
        with Image.open(recording / "images" / f"{plan.photo_id}.jpg") as committed:
            assert committed.size == drawing.size == plan.size
            assert difference(committed, drawing) < 4
            small, other = (image.resize((64, 64)) for image in (committed, drawings[number - 1]))
            assert difference(small, other) > 12


def test_the_same_plan_gives_the_same_file(generator: ModuleType) -> None:
    plan = generator.picture_plans()[3]
    assert plan.jpeg() == plan.jpeg()


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("person", [False, True])
def test_what_is_asked_for_is_drawn_with_its_box(
    generator: ModuleType, name: str, person: bool
) -> None:
    picture = generator.draw(Random(name), (360, 300), [name], person=person, label="Zinc 20mg")
    assert picture.image.size == (360, 300)
    assert [thing.name for thing in picture.things] == (["person"] if person else []) + [name]
    for thing in picture.things:
        left, top, right, bottom = thing.box
        assert 0 <= left < right <= 360 and 0 <= top < bottom <= 300
        assert (right - left) * (bottom - top) > 1_000


def test_a_flyer_shows_nothing_to_find(generator: ModuleType) -> None:
    assert generator.draw(Random("flyer"), (320, 320), label="OPEN EVERY DAY").things == ()


def test_people_hold_products_on_a_dozen_pictures(generator: ModuleType) -> None:
    plans = generator.picture_plans()
    assert sum(plan.person and bool(plan.products) for plan in plans) >= 12
    assert sum(plan.person and not plan.products for plan in plans) >= 3
    shown = {name for plan in plans for name in plan.products}
    assert shown == set(PRODUCTS)
