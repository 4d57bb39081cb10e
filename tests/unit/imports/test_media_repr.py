import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.imports.media_repr import MAX_CHARACTERS, media_from_repr
from medwh_assets.lake.records import Media

PHOTO = (
    "MessageMediaPhoto(spoiler=False, photo=Photo(id=5994407541049769840, access_hash=-39, "
    "file_reference=b'\\x02`\\xfa\\x00', date=datetime.datetime(2025, 3, 1, 12, 22, 53, "
    "tzinfo=datetime.timezone.utc), sizes=[PhotoStrippedSize(type='i', bytes=b'\\x01('), "
    "PhotoSize(type='m', w=240, h=320, size=17038), "
    "PhotoSizeProgressive(type='y', w=960, h=1280, sizes=[9789, 84627, 26401])], dc_id=4, "
    "has_stickers=False, video_sizes=[]), ttl_seconds=None)"
)
DOCUMENT = (
    "telethon.tl.types.MessageMediaDocument(document=Document(id=77, mime_type='{mime}', size=5012, "
    "attributes=[{attributes}], thumbs=None), ttl_seconds=None)"
)


def document(attributes: str, mime: str = "application/pdf") -> Media | None:
    return media_from_repr(DOCUMENT.format(attributes=attributes, mime=mime))


def test_a_photo_is_its_largest_size() -> None:
    assert media_from_repr(PHOTO) == Media(
        kind="photo",
        mime_type="image/jpeg",
        photo_id=5994407541049769840,
        width=960,
        height=1280,
        size_bytes=84627,
    )


def test_a_document_says_what_it_is_and_what_it_is_called() -> None:
    assert document("DocumentAttributeFilename(file_name='ዋጋ list.pdf')") == Media(
        kind="document", mime_type="application/pdf", size_bytes=5012, file_name="ዋጋ list.pdf"
    )


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ("DocumentAttributeVideo(duration=3, w=640, h=360)", "video"),
        ("DocumentAttributeVideo(w=1, h=1), DocumentAttributeAnimated()", "animation"),
        ("types.DocumentAttributeAudio(voice=True)", "audio"),
        ("DocumentAttributeImageSize(w=1, h=1), DocumentAttributeSticker(alt='x')", "sticker"),
    ],
)
def test_a_document_is_named_after_its_attributes(attributes: str, kind: str) -> None:
    media = document(attributes)
    assert media is not None
    assert media.kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("MessageMediaWebPage(webpage=WebPage(id=3, url='https://example.org'))", "webpage"),
        ("MessageMediaPoll(poll=Poll(id=3))", "poll"),
        ("MessageMediaGeo(geo=GeoPoint(long=38.7, lat=9.0))", "location"),
        ("MessageMediaContact(phone_number='0900000000')", "contact"),
        ("MessageMediaUnheardOf(x=1)", "other"),
        ("  MessageMediaPhoto(photo=None)", "photo"),
        ("MessageMediaDocument(document=None)", "document"),
        ("MessageMediaDocument(document=Document(attributes=None))", "document"),
        ("MessageMediaPhoto(photo=Photo(id='x', sizes=[3, None, PhotoSize(w=1)]))", "photo"),
    ],
)
def test_every_media_has_a_kind(text: str, kind: str) -> None:
    media = media_from_repr(text)
    assert media is not None
    assert media.kind == kind


@pytest.mark.parametrize("text", ["", "photo", "None", "MessageMediaEmpty()", "MessageMediaPhoto"])
def test_what_is_no_media_is_none(text: str) -> None:
    assert media_from_repr(text) is None


HOSTILE = {
    "deep calls": "f(" * 5_000 + ")" * 5_000,
    "deep lists": "[" * 150_000,
    "long sum": "1" + "+1" * 60_000,
    "long chain": "a" + ".b" * 60_000,
    "many minuses": "-" * 100_000 + "1",
    "many nots": "not " * 30_000 + "1",
    "conditions": "a if b else " * 10_000 + "c",
    "too long": "'" + "x" * 300_000 + "'",
    "long number": "9" * 100_000,
    "cut off": "Photo(id=5",
    "odd escape": r"'\d \N{nothing}'",
    "bytes": "b'ሰላም'",
    "statement": "0); import os; os.remove('x'",
    "not python": "<b>?!",
    "new lines": "\n\n\t1,\n)",
}


@pytest.mark.parametrize("inside", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_repr_tells_its_kind_and_nothing_else_happens(inside: str) -> None:
    media = media_from_repr(f"MessageMediaPhoto(photo={inside})")
    assert media is not None
    assert media.kind == "photo"
    assert media.photo_id is None


def test_code_in_a_repr_is_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    for text in (
        f"MessageMediaPhoto(photo={code})",
        f"MessageMediaPhoto(photo=Photo(id={code}, sizes=[{code}]))",
        f"MessageMediaDocument(document=Document(attributes=[{code}], mime_type=f'{{{code}}}'))",
        f"MessageMediaPhoto(photo=[x for x in [{code}]])",
        f"MessageMediaPhoto(photo=(lambda: {code})())",
        f"MessageMediaPhoto(**{code})",
    ):
        media_from_repr(text)
    assert not trap.exists()


def test_a_repr_longer_than_the_limit_is_not_parsed() -> None:
    padded = PHOTO[:-1] + " " * MAX_CHARACTERS + ")"
    assert media_from_repr(padded) == Media(kind="photo")


def test_numbers_that_no_database_holds_and_booleans_are_no_numbers() -> None:
    media = media_from_repr(f"MessageMediaPhoto(photo=Photo(id={2**63}, sizes=[S(w=True, h=-1)]))")
    assert media == Media(kind="photo", mime_type="image/jpeg")


def test_characters_that_an_escape_smuggles_in_are_mended() -> None:
    media = document(r"F(file_name='a\ud83d\x00b')", mime=r"x\udc00")
    assert media is not None
    assert (media.file_name, media.mime_type) == ("a\ufffd\ufffdb", "x\ufffd")


@given(st.text(), st.sampled_from(["MessageMediaPhoto(", "MessageMediaDocument(document=", ""]))
def test_no_text_is_too_odd(text: str, start: str) -> None:
    media = media_from_repr(start + text)
    assert media is None or media.model_dump_json()


def test_parsing_leaves_the_recursion_limit_alone() -> None:
    before = sys.getrecursionlimit()
    media_from_repr(f"MessageMediaPhoto(photo={HOSTILE['deep calls']})")
    assert sys.getrecursionlimit() == before
