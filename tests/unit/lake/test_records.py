import json
from typing import cast

import pytest
from hypothesis import given
from pydantic import JsonValue, ValidationError

from medwh_assets.lake.records import (
    MAX_INT,
    POSTS,
    Media,
    Post,
    canonical,
    clip,
    mend,
    mend_json,
    to_lines,
    too_deep,
)
from tests.factories import ANY_TEXT, json_values, make_post


def nested(levels: int) -> JsonValue:
    value: JsonValue = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"inner": value}
    return value


def parsed(post: Post) -> Post:
    (back,) = POSTS.validate_json(to_lines([post]))
    return back


@given(ANY_TEXT)
def test_any_text_survives_and_what_cannot_be_stored_is_mended_and_counted(text: str) -> None:
    mended, count = mend(text)
    assert len(mended) == len(text)
    assert count == sum(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)
    assert parsed(make_post(text=mended)).text == mended


@pytest.mark.parametrize(
    "text",
    [
        "ፓራሲታሞል 500 ሚ.ግ ዋጋ 120 ብር",
        "\u202eדואר\u202c عربى",
        "a\u200b\u200d\u2060b\ufeff",
        "x" * 4095 + "😀",
        "line\nline\r\n\u2028\u2029\x85\x0b\x1f",
        '"],\n[{"id": 2}',
    ],
    ids=["amharic", "right to left", "zero width", "4,096", "line ends", "json"],
)
def test_a_text_lies_in_its_file_as_it_was_sent(text: str) -> None:
    content = to_lines([make_post(text=text)])
    assert parsed(make_post(text=text)).text == text
    assert len(content.decode().split("\n")) == 4


def test_a_nul_and_a_lone_surrogate_are_mended_in_keys_and_values() -> None:
    mended, count = mend_json({"a\0": ["x\ud83d", "ok"], "b": "\udc00"})
    assert mended == {"a\ufffd": ["x\ufffd", "ok"], "b": "\ufffd"}
    assert count == 3


def test_keys_that_become_equal_by_mending_both_stay() -> None:
    mended, _ = mend_json({f"a{bad}": n for n, bad in enumerate("\0\ud800\ufffd", 1)})
    assert isinstance(mended, dict)
    assert sorted(cast("list[int]", mended.values())) == [1, 2, 3]


def test_numbers_that_no_json_holds_become_null_or_their_names() -> None:
    mended, count = mend_json(json.loads("[NaN, Infinity, -Infinity, 1e999, 1.5]"))
    assert mended == [None, "inf", "-inf", "inf", 1.5]
    assert count == 0


@given(json_values())
def test_whatever_is_mended_has_one_canonical_spelling_in_utf_8(value: JsonValue) -> None:
    mended, _ = mend_json(value)
    spelling = canonical(mended)
    spelling.encode()
    assert "\0" not in json.dumps(mended, ensure_ascii=False)
    assert canonical(json.loads(spelling)) == spelling


def test_what_is_nested_too_deeply_is_told_and_can_be_shown() -> None:
    assert not too_deep(nested(100))
    assert too_deep(nested(101))
    assert clip(nested(100)) == nested(100)
    assert not too_deep(clip(nested(900)))
    json.dumps(clip(nested(900)), indent=1)


def test_a_value_of_the_greatest_depth_comes_back_from_the_file() -> None:
    post = make_post(extra={"deep": nested(100)})
    assert parsed(post) == post


def test_a_file_of_records_is_an_array_of_one_record_a_line_sorted_by_id() -> None:
    content = to_lines([make_post(20), make_post(3)])
    lines = content.decode().splitlines()
    assert lines[0] == "["
    assert lines[-1] == "]"
    assert [json.loads(line.rstrip(","))["id"] for line in lines[1:-1]] == [3, 20]
    assert content.endswith(b"\n")


def test_a_file_of_no_records_is_an_empty_array() -> None:
    assert to_lines([]) == b"[]\n"
    assert POSTS.validate_json(to_lines([])) == []


@pytest.mark.parametrize("bad", [0, -1, MAX_INT + 1])
def test_an_id_is_positive_and_fits_into_eight_bytes(bad: int) -> None:
    with pytest.raises(ValidationError):
        make_post(bad)


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media(kind="photo"), True),
        (Media(kind="document", mime_type="image/png"), True),
        (Media(kind="document", mime_type="application/pdf"), False),
        (Media(kind="document"), False),
        (Media(kind="video", mime_type="video/mp4"), False),
    ],
)
def test_an_image_is_a_photo_or_a_document_that_telegram_calls_one(
    media: Media, expected: bool
) -> None:
    assert media.is_image is expected
