"""Whatever is posted, reading it ends soon and says something that can be stored."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from medwh_assets.extracted import ExtractedText
from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary
from medwh_assets.phones import find_phones
from tests.factories import ANY_TEXT
from tests.unit.extraction.conftest import SEEDS

PIECES = (
    "price", "Price ", "birr", " ብር", "ዋጋ", "delivery", "ከ", "-", " - ", "1", "70", "4,500", "0911", "500mg",
    "10x10", "=", "....", "💵", "💊", "📦", "⏳", "\n", " ", "amoxicillin", "amoxicilin", "ፓራሲታሞል",
    "exp 1/27",
    "(", ")", "*", "**", "|", "/", "@a", "www.", "+251", "was ", "now ", "of ", "%", "k", "ሺ",
)  # fmt: skip
MEGABYTE = 1_000_000
HOSTILE = {
    "labels": "price " * 200_000,
    "prices": "1birr " * 200_000,
    "ranges": "100 - " * 200_000,
    "rows": "100 | " * 200_000,
    "digits": "9" * MEGABYTE,
    "commas": "1," * 500_000,
    "phones": "0900000011 " * 100_000,
    "plus": "+251 " * 200_000,
    "blanks": "price" + " " * MEGABYTE + "5",
    "letters": "a" * MEGABYTE,
    "names": "amoxicillin " * 90_000,
    "misspelt names": "amoxicilin " * 90_000,
    "amharic": "ፓራሲታሞል" * 160_000,
    "unseen marks": "a\u200b" * 500_000,
    "accents": "e\u0301" * 500_000,
    "bullets": "✅ " * 500_000,
    "empty lines": "\n" * MEGABYTE,
    "offers": "Amoxicillin 500mg = 650 birr\n" * 35_000,
    "links": "www." * 250_000,
    "noise": "".join(Random(1).choices("price birr ብር 100,.-|/=x💵ዋጋ \n", k=MEGABYTE)),
}


@pytest.fixture(scope="module")
def reader() -> Extractor:
    return Extractor(load_vocabulary(SEEDS), SecretStr("a pepper for the tests"))


def check(said: ExtractedText) -> None:
    """What is said can be stored, and holds no phone number."""
    for part in (said.candidates, said.offers, said.features):
        written = json.loads(part)
        assert b"\x00" not in part
        part.decode("utf-8")
        assert written is not None
    count = len(said.line_numbers)
    for column in (said.line_hashes, said.line_footers, said.line_ethiopic, said.line_latin):
        assert len(column) == count
    for one in [*json.loads(said.candidates), *json.loads(said.offers)]:
        assert find_phones(one["text"]).numbers == ()
        assert one["line"] in said.line_numbers


@given(ANY_TEXT)
def test_any_text_can_be_read_and_stored(reader: Extractor, text: str) -> None:
    check(reader.extract(text))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_words_of_sellers_can_be_read_and_stored(reader: Extractor, text: str) -> None:
    check(reader.extract(text))


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_reading_is_a_function_of_the_text_alone(reader: Extractor, text: str) -> None:
    fresh = Extractor(load_vocabulary(SEEDS), SecretStr("a pepper for the tests"))
    assert fresh.extract(text) == reader.extract(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_is_read(reader: Extractor, name: str) -> None:
    check(reader.extract(HOSTILE[name]))
