import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.imports.misdecoded import looks_misdecoded

# The syllables of Amharic, without what was added for other languages.
ETHIOPIC = st.characters(min_codepoint=0x1200, max_codepoint=0x137F, exclude_categories=["Cn"])
SYLLABLES = st.characters(min_codepoint=0x1200, max_codepoint=0x133F, exclude_categories=["Cn"])
ASCII = st.characters(max_codepoint=0x7F, exclude_characters="?")
EMOJI = st.sampled_from("💊📞✅🔥❤️☎️👩‍⚕️🇪🇹")


# cp1250 has so many gaps that nothing but an accent may be left of a syllable where they are ignored.
@pytest.mark.parametrize(
    ("encoding", "errors"),
    [
        *((name, how) for name in ("cp1252", "latin-1", "cp1254") for how in ("replace", "ignore")),
        ("cp1250", "replace"),
    ],
)
@given(text=st.text(SYLLABLES, min_size=3))
def test_amharic_that_was_read_as_another_encoding_is_found(
    encoding: str, errors: str, text: str
) -> None:
    assert looks_misdecoded(text.encode().decode(encoding, errors))


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@given(text=st.text(ETHIOPIC, min_size=24))
def test_so_is_anything_ethiopic_of_some_length(errors: str, text: str) -> None:
    words = text + "ሰላም"
    assert looks_misdecoded(words.encode().decode("cp1252", errors))


@pytest.mark.parametrize(
    "text",
    ["áˆ°áˆ‹áˆ\x9d", "áˆ°áˆ‹áˆ", "ðŸ’Š Paracetamol", "it\u00e2€™s open", "pharmacie agrÃ©Ã©e",
     "5Â°C", "caf\u00c3\u00a9", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "Ø³Ù„Ø§Ù…", "ï»¿ID", "Price â€“ 500 birr", "âœ… open", "đź’Š",
     "ğŸ’Š", "á\u008b\u008bá\u008c\u008b", "price \u00e2\x80\x93 5"],
)  # fmt: skip
def test_the_signs_that_real_dumps_show_are_known(text: str) -> None:
    assert looks_misdecoded(text)


@pytest.mark.parametrize(
    "text",
    [
        "??? ???? ?? ????? 500 ???",
        "???? ????\n\n???? ???",
        "\ufffd\ufffd\ufffd\ufffd 12",
        "\ufffd" * 30,
    ],
)
def test_text_whose_words_are_question_marks_is_lost(text: str) -> None:
    assert looks_misdecoded(text)


@pytest.mark.parametrize(
    "text",
    ["", "???", "What????????", "Price??? Call us?? Now??", "one \ufffd alone in a long sentence",
     "«MARCHÉ»", "« café\u00a0»", "l’été… à Noël\u00a0!", "J'é…é…té", "ÀÉÈ ÊÇ – “Œuvre”", "AMANHÃ»",
     "SÃO PAULO – AMANHÃ…", "»má‹", "İstanbul'da ğ ş ı", "ță Înălțimea „Ș”", "5×10 × 3×", "Ñandú ¡Ñ!",
     "Привет", "سلام", "שלום", "ไทย 日本語", "አሞክሲሲሊን፣ ዋጋ 120 ብር።", "💊❤️👩‍⚕️✅", "Ødegård ßtraße Þór",
     "á, é, ó", "120 € – 5 °C ±2 µg ½"],
)  # fmt: skip
def test_what_people_really_write_is_not_misdecoded(text: str) -> None:
    assert not looks_misdecoded(text)


@given(st.text(st.one_of(ASCII, ETHIOPIC, EMOJI)))
def test_no_mix_of_ascii_amharic_and_emoji_is_misdecoded(text: str) -> None:
    assert not looks_misdecoded(text)


@given(st.text(st.characters(min_codepoint=0x400, max_codepoint=0x4FF)))
def test_no_cyrillic_is_misdecoded(text: str) -> None:
    assert not looks_misdecoded(text)


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_is_too_odd_to_look_at(text: str) -> None:
    assert looks_misdecoded(text) in (True, False)
