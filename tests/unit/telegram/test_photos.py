import pytest
from telethon.tl import types

from medwh_assets.telegram.photos import Place, Places, Size, choose_size, place_of
from tests.factories import NOON
from tests.unit.telegram.test_serialize import message, photo

SMALL, MIDDLE, LARGE = Size("m", 320, 10_000), Size("x", 800, 50_000), Size("y", 1280, 120_000)


@pytest.mark.parametrize(
    ("pixels", "chosen"), [(100, SMALL), (320, SMALL), (640, MIDDLE), (801, LARGE), (2560, LARGE)]
)
def test_the_smallest_size_that_is_long_enough_is_chosen(pixels: int, chosen: Size) -> None:
    assert choose_size([LARGE, SMALL, MIDDLE], pixels) == chosen


def test_without_sizes_there_is_nothing_to_fetch() -> None:
    assert choose_size([], 800) is None


def test_a_photo_lies_where_its_size_does() -> None:
    place = place_of(message(media=photo()), 1000)
    assert place is not None
    assert (place.file_id, place.dc_id, place.letter, place.bytes) == (6, 4, "y", 84_627)
    assert "reference" not in repr(place)


def test_a_document_is_fetched_only_if_it_is_an_image() -> None:
    def document(mime_type: str) -> Place | None:
        file = types.Document(8, 77, b"r", NOON, mime_type, 999, 2, [])
        return place_of(message(media=types.MessageMediaDocument(document=file)), 800)

    assert document("application/pdf") is None
    place = document("image/png")
    assert place is not None
    assert (place.document, place.letter, place.bytes) == (True, "", 999)


def test_a_size_that_holds_nothing_is_none() -> None:
    nothing = [
        types.PhotoSizeProgressive("w", 2560, 1920, []),
        types.PhotoSize("y", 1280, 960, 0),
    ]
    whole = types.PhotoSizeProgressive("x", 800, 600, [100, 900])

    def place(*sizes: types.TypePhotoSize) -> Place | None:
        found = types.Photo(6, 1, b"r", NOON, list(sizes), 4)
        return place_of(message(media=types.MessageMediaPhoto(photo=found)), 1000)

    assert place(*nothing) is None
    found = place(*nothing, whole)
    assert found is not None
    assert (found.letter, found.bytes) == ("x", 900)


def test_the_preview_of_a_web_page_is_no_picture_of_the_post() -> None:
    page = types.WebPage(1, "https://a.et", "a.et", 0, photo=photo().photo)
    assert place_of(message(media=types.MessageMediaWebPage(page)), 800) is None
    assert place_of(message(), 800) is None


def test_the_longest_unused_place_is_forgotten_first() -> None:
    places = Places(most=2)
    place = Place(1, 2, b"", 1, "x", 10, document=False)
    for number in (1, 2, 3):
        places.put("a_shop", number, place)
    assert [("a_shop", n) in places for n in (1, 2, 3)] == [False, True, True]
    places.put("b_shop", 1, None)
    places.forget("a_shop")
    assert ("a_shop", 3) not in places
    assert ("b_shop", 1) in places
