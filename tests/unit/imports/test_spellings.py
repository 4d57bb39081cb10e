from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from medwh_assets.imports.spellings import RecordError, first_text, read_record
from medwh_assets.lake.records import POSTS, DateAuthority, MediaKind, Post, to_lines
from tests.factories import NOON, SECOND_READ, json_values, moment

FOLDER_TIME = moment("2025-03-08 23:59")


def read(raw: JsonValue, spelling: str | None = None) -> Post:
    reading = read_record(
        raw,
        channel="demo_shop",
        source="scraped_lake",
        file_observed_at=FOLDER_TIME,
        spelling=spelling,
    )
    return reading.post


def record(**fields: Any) -> dict[str, JsonValue]:
    return {"id": 5, "date": "2025-03-01T12:00:00+00:00", **fields}


# -- what a post is ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["id", "message_id", "msg_id", "messageId"])
@pytest.mark.parametrize("value", [5, "5", 5.0, "5.0", " 5 "])
def test_every_spelling_of_an_id_is_read(name: str, value: JsonValue) -> None:
    assert read({name: value, "date": "2025-03-01"}).id == 5


@pytest.mark.parametrize("value", [True, "five", 5.5, [5], {"id": 5}, "", None, float("nan")])
def test_what_is_no_whole_number_is_no_id(value: JsonValue) -> None:
    with pytest.raises(RecordError, match="id"):
        read({"id": value, "date": "2025-03-01"})


@pytest.mark.parametrize("value", [0, -3, 2**63, 10**80, 1e300, "9" * 19])
def test_an_id_out_of_range_is_refused(value: JsonValue) -> None:
    with pytest.raises(ValidationError, match="id"):
        read({"id": value, "date": "2025-03-01"})


@pytest.mark.parametrize("name", ["message", "text", "message_text", "content", "caption"])
def test_every_spelling_of_a_text_is_read_as_it_was_sent(name: str) -> None:
    text = "  **ዋጋ** 120 ብር\n\u202e \U0001f48a "
    post = read(record(**{name: text}))
    assert post.text == text
    assert name not in post.extra


def test_a_text_stands_over_an_empty_one_and_an_empty_one_over_none() -> None:
    assert read(record(message="", caption="120 birr")).text == "120 birr"
    assert read(record(message="", caption=None)).text == ""
    assert read(record(message=None)).text is None


def test_two_different_texts_are_both_kept() -> None:
    post = read(record(message="sent", text="**sent**"))
    assert post.text == "sent"
    assert post.extra["text"] == ("**sent**",)


@pytest.mark.parametrize("value", [5, True, ["a", {"type": "bold"}], {"text": "a"}])
def test_a_text_that_is_no_string_is_refused(value: JsonValue) -> None:
    with pytest.raises(RecordError, match="text is no string"):
        read(record(message=value))


@pytest.mark.parametrize("raw", [None, 3, "text", [], ["id", 5], True])
def test_what_is_no_object_is_no_post(raw: JsonValue) -> None:
    with pytest.raises(RecordError, match="not an object"):
        read(raw)


def test_a_record_nested_too_deeply_is_refused() -> None:
    deep: JsonValue = None
    for _ in range(900):
        deep = [deep]
    with pytest.raises(RecordError, match="nested deeper"):
        read(record(media=deep))


# -- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["date", "message_date", "date_utc", "timestamp", "datetime"])
def test_every_spelling_of_a_date_is_read(name: str) -> None:
    assert read({"id": 1, name: "2025-03-01T12:00:00+00:00"}).date == NOON


@pytest.mark.parametrize(
    ("value", "authority"),
    [
        (1740830400, "telegram"),
        (1740830400.0, "telegram"),
        ("1740830400", "telegram"),
        (1740830400000, "telegram"),
        ("2025-03-01T12:00:00+00:00", "offset"),
        ("2025-03-01 12:00:00+00:00", "offset"),
        ("2025-03-01 12:00:00 +0000", "offset"),
        ("2025-03-01T12:00:00Z", "offset"),
        ("2025-03-01 12:00:00 UTC", "offset"),
        ("2025-03-01T15:00:00+03:00", "offset"),
        ("2025-03-01 15:00:00 +03:00", "offset"),
        ("2025-03-01T12:00:00", "naive"),
        ("2025-03-01 12:00:00", "naive"),
        (" 2025-03-01 12:00 ", "naive"),
        ("2025-03-01T12:00:00.000000", "naive"),
    ],
)
def test_a_date_is_read_in_every_form_and_known_by_its_authority(
    value: JsonValue, authority: DateAuthority
) -> None:
    post = read({"id": 1, "date": value})
    assert (post.date, post.date_authority) == (NOON, authority)


def test_a_day_without_a_time_is_its_midnight() -> None:
    assert read({"id": 1, "date": "2025-03-01"}).date == moment("2025-03-01 00:00")


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "01/03/2025",
        "2025-02-30T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        1e300,
        float("inf"),
        -(10**30),
        True,
        ["2025-03-01"],
        {"$date": 1},
    ],
)
def test_a_date_that_cannot_be_read_is_never_guessed(value: JsonValue) -> None:
    with pytest.raises(RecordError, match="the date cannot be read"):
        read({"id": 1, "date": value})


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_a_post_without_a_date_is_refused(value: JsonValue) -> None:
    with pytest.raises(RecordError, match="no date"):
        read({"id": 1, "date": value})


@pytest.mark.parametrize(
    "name", ["scraped_at", "scrape_date", "scraped_date", "collected_at", "extracted_at"]
)
def test_the_time_of_the_read_is_what_the_record_says(name: str) -> None:
    post = read(record(**{name: "2025-03-09T00:00:00"}))
    assert post.observations[0].observed_at == SECOND_READ
    assert name not in post.extra


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_time_of_its_own_a_record_was_read_when_its_file_was(value: JsonValue) -> None:
    assert read(record(scraped_at=value)).observations[0].observed_at == FOLDER_TIME


@pytest.mark.parametrize("name", ["edit_date", "edited_at", "edited"])
def test_every_spelling_of_an_edit_is_read(name: str) -> None:
    assert read(record(**{name: "2025-03-09 00:00:00+00:00"})).edit_date == SECOND_READ


@pytest.mark.parametrize("value", [True, False, None, ""])
def test_whether_a_post_was_edited_is_no_date_of_an_edit(value: JsonValue) -> None:
    post = read(record(edited=value))
    assert post.edit_date is None
    assert post.extra.get("edited") == (None if value is None else (value,))


# -- counters and ids ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("views", ["views", "view_count", "views_count"]),
        ("forwards", ["forwards", "forward_count", "forwards_count"]),
        ("replies", ["replies", "reply_count", "replies_count"]),
    ],
)
def test_every_spelling_of_a_counter_is_read(field: str, names: list[str]) -> None:
    for name in names:
        for value, expected in ((7, 7), ("7", 7), (7.0, 7), (0, 0), (None, None), ("", None)):
            assert getattr(read(record(**{name: value})), field) == expected


def test_a_counter_that_is_not_a_number_at_all_is_unknown_and_not_zero() -> None:
    assert read(record(views=float("nan"))).views is None
    assert read(record()).views is None


@pytest.mark.parametrize("value", [True, "1.2K", "1 234", 7.5])
def test_a_counter_that_is_no_number_is_unknown_and_its_words_are_kept(value: JsonValue) -> None:
    post = read(record(views=value))
    assert post.views is None
    assert post.extra["views"] == (value,)


@pytest.mark.parametrize(
    "written", ["2024/01/05 10:00:00", "1704448800", "1704448800000", "2024-01-05T10:00:00Z"]
)
def test_a_date_is_read_with_slashes_and_in_milliseconds_too(written: str) -> None:
    assert read(record(date=written)).date == moment("2024-01-05 10:00")


def test_the_id_of_the_message_stands_over_that_of_a_row() -> None:
    post = read({**record(), "id": 0, "message_id": 501})
    assert post.id == 501
    assert post.extra["id"] == (0,)


@pytest.mark.parametrize("value", [-1, 2**63])
def test_a_counter_out_of_range_refuses_the_record(value: JsonValue) -> None:
    with pytest.raises(ValidationError):
        read(record(views=value))


def test_replies_in_telethons_own_shape_are_counted_and_kept() -> None:
    replies: JsonValue = {"_": "MessageReplies", "replies": 4, "comments": True}
    post = read(record(replies=replies))
    assert post.replies == 4
    assert post.extra["replies"] == (replies,)


@pytest.mark.parametrize(
    "fields",
    [
        {"reply_to_msg_id": 3},
        {"reply_to_message_id": "3"},
        {"reply_to": 3.0},
        {"reply_to": {"_": "MessageReplyHeader", "reply_to_msg_id": 3}},
        {"reply_to": "MessageReplyHeader(reply_to_msg_id=3, forum_topic=False)"},
    ],
)
def test_every_spelling_of_a_reply_is_read(fields: dict[str, JsonValue]) -> None:
    assert read(record(**fields)).reply_to == 3


@pytest.mark.parametrize("value", ["", None, True, "someone", {}, [], 10**40, -1])
def test_a_reply_that_says_no_id_stays_in_extra_and_costs_nothing(value: JsonValue) -> None:
    post = read(record(reply_to=value))
    assert post.reply_to is None
    assert ("reply_to" in post.extra) is (value is not None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"channel_id": 1627056354}, 1627056354),
        ({"sender_id": -1001627056354}, 1627056354),
        ({"chat_id": -1000000000123}, 123),
        ({"sender_id": 77}, None),
        ({"channel_id": True}, None),
        ({"channel_id": 10**40}, None),
        ({"channel_id": "x"}, None),
    ],
)
def test_the_channels_own_id_is_known_by_its_mark(
    fields: dict[str, JsonValue], expected: int | None
) -> None:
    assert read(record(**fields)).channel_id == expected


def test_an_album_is_known_by_its_group() -> None:
    post = read(record(grouped_id=13579))
    assert post.grouped_id == 13579
    assert "grouped_id" not in post.extra


# -- media -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"media": "MessageMediaPhoto(photo=Photo(id=3, sizes=[]))"}, "photo"),
        ({"media": "MessageMediaDocument(document=None)"}, "document"),
        ({"media": "photo"}, "photo"),
        ({"media": {"_": "MessageMediaPhoto", "photo": {}}}, "photo"),
        ({"media": {"something": 1}}, "other"),
        ({"media_type": "MessageMediaPhoto"}, "photo"),
        ({"media_type": " Video "}, "video"),
        ({"file_type": "document"}, "document"),
        ({"has_photo": True}, "photo"),
        ({"has_image": True, "media": None}, "photo"),
        ({"has_media": True, "image_path": "data\\images\\x\\5.JPG"}, "photo"),
        ({"has_media": True, "media_path": "x/5.mp4"}, "other"),
        ({"has_media": True}, "other"),
        ({"media": True}, "other"),
    ],
)
def test_every_spelling_of_media_has_a_kind(fields: dict[str, JsonValue], kind: MediaKind) -> None:
    media = read(record(**fields)).media
    assert media is not None
    assert media.kind == kind


@pytest.mark.parametrize(
    "fields",
    [{}, {"media": None}, {"has_media": False}, {"has_photo": False}, {"media": ""}, {"media": []}],
)
def test_a_post_without_media_has_none(fields: dict[str, JsonValue]) -> None:
    assert read(record(**fields)).media is None


@pytest.mark.parametrize("name", ["image_path", "photo_path", "media_path", "media_file", "image"])
def test_every_spelling_of_an_image_path_is_handed_on_as_written(name: str) -> None:
    raw = record(**{name: "data\\images\\x\\5.jpg"})
    reading = read_record(raw, channel="demo_shop", source="x", file_observed_at=None)
    assert reading.image_path == "data\\images\\x\\5.jpg"
    assert reading.post.extra[name] == ("data\\images\\x\\5.jpg",)


# -- nothing is dropped ------------------------------------------------------------------------------


def test_whatever_else_a_record_says_is_kept() -> None:
    raw = record(
        media="MessageMediaPhoto(photo=None)", sender_id=-1001, reactions={"b": 1, "a": [2]}, x=None
    )
    assert read(raw).extra == {
        "media": ("MessageMediaPhoto(photo=None)",),
        "reactions": ({"a": [2], "b": 1},),
        "sender_id": (-1001,),
    }


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, "CheMed123"),
        ({"channel_username": None}, "CheMed123"),
        ({"channel_username": ""}, "CheMed123"),
        ({"channel_username": "chemed123"}, "chemed123"),
    ],
)
def test_how_the_file_spells_the_channel_is_kept_where_the_record_does_not_say(
    fields: dict[str, JsonValue], kept: str
) -> None:
    assert read(record(**fields), spelling="CheMed123").extra["channel_username"] == (kept,)


def test_characters_that_cannot_be_stored_are_mended_and_counted() -> None:
    raw = record(text="a\0b\ud83d", extra_field={"k\0": "\udfff"})
    reading = read_record(raw, channel="demo_shop", source="x", file_observed_at=None)
    assert reading.post.text == "a\ufffdb\ufffd"
    assert reading.mended == 4


def test_a_post_of_another_medwhs_lake_is_taken_as_it_stands_there() -> None:
    (line,) = POSTS.validate_json(to_lines([read(record(text="x", views=4))]))
    raw = line.model_dump(mode="json")
    assert read(raw) == line
    with pytest.raises(RecordError, match="demo_other"):
        read({**raw, "channel": "demo_other"})


def test_the_first_text_of_some_fields_is_found() -> None:
    assert first_text({"a": " ", "b": 3, "c": " x "}, ("a", "b", "c")) == "x"


FIELDS = [
    "message",
    "text",
    "caption",
    "views",
    "forwards",
    "replies",
    "media",
    "reply_to",
    "scraped_at",
    "edited",
    "edit_date",
    "channel_id",
    "sender_id",
    "grouped_id",
    "has_media",
    "has_photo",
    "image_path",
    "media_type",
    "odd",
]
PLAUSIBLE: st.SearchStrategy[JsonValue] = st.sampled_from(
    ["5", "2025-03-01 12:00", "MessageMediaPhoto(photo=None)", 1740830400, 5, "photo", None, True]
)
RECORDS = st.fixed_dictionaries(
    {"id": st.just(5) | json_values(), "date": st.just("2025-03-01") | json_values()},
    optional={name: PLAUSIBLE | json_values() for name in FIELDS},
)


@given(RECORDS | json_values())
@settings(max_examples=200)
def test_any_record_becomes_a_post_that_can_be_stored_or_is_refused_with_a_reason(
    raw: JsonValue,
) -> None:
    try:
        post = read(raw)
    except (RecordError, ValidationError):
        return
    content = to_lines([post])
    assert to_lines(POSTS.validate_json(content)) == content
    assert b"\\u0000" not in content
    assert post.date == post.date.astimezone(UTC)
    assert isinstance(post.observations[0].observed_at, datetime)
