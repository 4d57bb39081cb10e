import io
import json
import re
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.imports.text_stream import (
    NotTextError,
    not_utf8,
    repaired_escapes,
    text_chunks,
)
from medwh_assets.lake.records import mend
from tests.factories import ANY_TEXT

AMHARIC = "ፓራሲታሞል 500 mg, ዋጋ 120 ብር 💊"
FRENCH = "Comprimés effervescents à 500 mg, goût orange, prix négocié à l'unité. "


def decoded(data: bytes, size: int = 2**20) -> str:
    return "".join(text_chunks(io.BytesIO(data), size=size))


class Dripping(io.RawIOBase):
    """A stream that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 7))


# -- encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"]
)
def test_a_byte_order_mark_says_the_encoding_and_none_means_utf_8(encoding: str) -> None:
    marked = encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32")
    text = AMHARIC if marked else "\ufeff" + AMHARIC
    assert decoded(text.encode(encoding)) == AMHARIC


@given(st.text(max_size=200), st.integers(1, 9), st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
def test_text_is_the_same_however_it_is_cut(text: str, size: int, encoding: str) -> None:
    # Each piece after the sample is cut anew.
    text = "x" * 70_000 + text
    assert decoded(text.encode(encoding), size) == text


def test_a_stream_may_give_less_than_it_is_asked_for() -> None:
    stream: BinaryIO = Dripping((AMHARIC * 3000).encode())  # type: ignore[assignment]
    assert "".join(text_chunks(stream)) == AMHARIC * 3000


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff\xfe\0\0"])
def test_an_empty_file_has_no_text(data: bytes) -> None:
    assert list(text_chunks(io.BytesIO(data))) == []


# -- damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("byte", [0x00, 0x80, 0xC3, 0xFF])
def test_a_flipped_byte_costs_a_character_and_not_the_file(at: int, byte: int) -> None:
    data = bytearray(b'[{"id": 17}]')
    data[at] = byte
    text, mended = mend(decoded(bytes(data)))
    assert mended == 1
    assert len(text) == 12
    assert text[at] == "�"


def test_damage_far_into_a_file_is_counted_byte_by_byte() -> None:
    data = bytearray((AMHARIC * 5000).encode())
    for at in range(100_000, len(data), 10_000):
        data[at] = 0xFF
    text = decoded(bytes(data), 1000)
    lone = sum("\udc80" <= character <= "\udcff" for character in text)
    assert lone >= len(range(100_000, len(data), 10_000))
    assert text.count("ፓራሲታሞል") > 4900


def test_a_lost_disk_sector_does_not_make_a_file_binary() -> None:
    data = (AMHARIC * 1000).encode()
    assert decoded(data[:8192] + bytes(4096) + data[12_288:]).count("\0") == 4096


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_damage_in_wide_text_is_a_lone_surrogate(encoding: str) -> None:
    data = AMHARIC.encode(encoding)
    text = decoded(data[:-1])
    assert mend(text)[1] == 1
    assert text[:-1] == AMHARIC[:-1]


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff\0"]))
def test_no_bytes_raise_anything_but_that_they_are_no_text(data: bytes, mark: bytes) -> None:
    try:
        text = decoded(mark + data)
    except NotTextError as error:
        assert str(error).startswith("not UTF-8")
    else:
        mend(text)[0].encode("utf-8")


# -- other encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"ab" + b"\xff-" * 50, "not UTF-8 (byte 2 is 0xff)"),
        (b"\xef\xbb\xbfab" + b"\xff-" * 50, "not UTF-8 (byte 5 is 0xff)"),
        ((FRENCH * 1000).encode("cp1252"), "not UTF-8 (byte 7 is 0xe9)"),
        (("Цена 120 рублей, " * 10).encode("cp1251"), "not UTF-8 (byte 0 is 0xd6)"),
        (("ä" * 70_000).encode("latin-1"), "not UTF-8 (byte 0 is 0xe4)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8\xff\0\xe0\1\xf3", "not UTF-8"),
        (
            '[{"id": 17}]'.encode("utf-16-le"),
            "not UTF-8 but binary, or UTF-16 without a byte order mark (byte 1 is 0x00)",
        ),
        ((AMHARIC * 99).encode("utf-16-be"), "not UTF-8"),
    ],
)
def test_another_encoding_is_refused_and_not_guessed(data: bytes, reason: str) -> None:
    with pytest.raises(NotTextError) as refused:
        decoded(data)
    assert reason in str(refused.value)


def test_an_export_in_another_encoding_is_refused_though_few_of_its_bytes_are_letters() -> None:
    post = {"id": 17, "date": "2025-03-01T12:00:00", "text": FRENCH, "padding": "x" * 700}
    text = json.dumps([post] * 100, ensure_ascii=False)
    with pytest.raises(NotTextError):
        decoded(text.encode("cp1252"))


def test_a_sample_may_end_within_a_character() -> None:
    sample = ("ብ" * 4).encode()[:-1]
    assert not_utf8(sample, whole=False) is None
    assert decoded(("ብ" * 50_000).encode()) == "ብ" * 50_000


# -- escapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "repaired"),
    [
        (r'"a\x0Bb"', r'"a\u000Bb"'),
        (r'"\x0b\x1F\\\x01"', r'"\u000b\u001F\\\u0001"'),
        (r'"\\x0B"', r'"\\x0B"'),
        (r'"\\\x0B"', r'"\\\u000B"'),
        (r'"\\\\x0B"', r'"\\\\x0B"'),
        (r'"\xZZ"', r'"\xZZ"'),
        (r'"\x0', r'"\x0'),
        ("\\", "\\"),
        ("x0B", "x0B"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_an_escape_that_is_no_json_is_written_as_one_that_is(
    written: str, repaired: str, size: int
) -> None:
    chunks = (written[i : i + size] for i in range(0, len(written), size))
    assert "".join(repaired_escapes(chunks)) == repaired


@given(ANY_TEXT, st.integers(1, 5))
def test_control_characters_survive_however_the_text_is_cut(text: str, size: int) -> None:
    # As Telegram Desktop writes them: an escape of its own for what has no short one.
    written = re.sub(r"(?<!\\)((?:\\\\)*)\\u00([01][0-9a-f])", r"\1\\x\2", json.dumps(text))
    chunks = (written[i : i + size] for i in range(0, len(written), size))
    assert json.loads("".join(repaired_escapes(chunks))) == text


@given(st.text("\\x0Bq", max_size=40), st.integers(1, 4))
def test_escapes_are_repaired_the_same_however_the_text_is_cut(text: str, size: int) -> None:
    chunks = (text[i : i + size] for i in range(0, len(text), size))
    assert "".join(repaired_escapes(chunks)) == "".join(repaired_escapes(iter([text])))
