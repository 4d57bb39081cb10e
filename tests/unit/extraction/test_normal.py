import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.extraction.normal import fold, key_of, letters_of, line_hash, spell, text_hash


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Co-Trimoxazole", "co trimoxazole"),
        ("St. John’s Wort", "st johns wort"),
        ("L'Oréal", "loreal"),
        ("COQ10", "coq 10"),
        ("Omega-3", "omega 3"),
        ("𝐀𝐦𝐨𝐱𝐢𝐥", "amoxil"),
        ("🅐mlodipine", "amlodipine"),
        ("Раnadol", "panadol"),
        ("am\u200boxil", "amoxil"),
        ("**Amoxi**l", "amoxil"),
        ("ዓይን", "አይን"),
        ("ፀሐይ", "ጸሀይ"),
        ("ሠላም", "ሰላም"),
    ],
)
def test_different_spellings_have_one_key(written: str, key: str) -> None:
    assert key_of(written) == key


def test_amharic_syllables_are_two_letters_so_that_a_wrong_vowel_is_half_an_error() -> None:
    assert len(letters_of("ፓራሲታሞል")) == 12
    wrong = [a != b for a, b in zip(letters_of("ፓራሲታሞል"), letters_of("ፓራሴታሞል"), strict=True)]
    assert sum(wrong) == 1


@given(st.text())
def test_spelling_keeps_every_place(text: str) -> None:
    folded = fold(text)
    assert len(spell(folded)) == len(folded)


@given(st.text())
def test_folding_twice_is_folding_once_for_what_is_compared(text: str) -> None:
    assert key_of(key_of(text)) == key_of(text)


def test_hashes_fit_a_bigint_and_an_empty_text_has_none() -> None:
    assert -(2**63) <= line_hash("price 4500 birr") < 2**63
    assert text_hash([]) is None
    assert text_hash(["", ""]) is None
    assert len(text_hash(["price"]) or "") == 32
