import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import JsonValue, ValidationError

from medwh_assets.imports.desktop_export import (
    CHAT_TYPES,
    PUBLIC_TYPES,
    Chat,
    chat_of,
    is_export_chat,
    is_public,
    read_message,
)
from medwh_assets.imports.found import Found, RecordError
from medwh_assets.lake.records import POSTS, Entity, Forward, Media, Post, Reaction, to_lines
from tests.factories import ANY_TEXT, FIRST_READ, json_values, moment
from tests.unit.imports import desktop_exports
from tests.unit.imports.desktop_exports import CHAT, NOT_INCLUDED, bare, message

SHOP = chat_of(CHAT)


def found(raw: JsonValue, chat: Chat = SHOP) -> Found:
    return read_message(
        raw, chat, channel="demo_shop", source="desktop_export", observed_at=FIRST_READ
    )


def read(**fields: Any) -> Post:
    return found(bare(5, **fields)).post


def texts(*parts: JsonValue) -> dict[str, JsonValue]:
    return {
        "text": list(parts),
        "text_entities": [
            {"type": "plain", "text": part} if isinstance(part, str) else part for part in parts
        ],
    }


# -- chats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(CHAT_TYPES))
def test_a_chat_is_known_by_its_type(kind: str) -> None:
    assert is_export_chat({"type": kind})
    assert is_public({"type": kind}) == (kind in PUBLIC_TYPES)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "private_forum", "name": "Demo", "id": 1},
        {"type": None, "name": None, "id": 1},
    ],
)
def test_a_chat_of_a_type_that_nobody_knows_is_a_chat_but_not_public(
    fields: dict[str, JsonValue],
) -> None:
    assert is_export_chat(fields)
    assert not is_public(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "channel", "name": "Demo", "id": 1},
        {"type": ["public_channel"]},
        {"type": {}},
        {"name": "Demo", "id": 1},
        {"type": None, "name": "Demo", "id": True},
    ],
)
def test_what_another_program_writes_around_posts_is_no_chat(fields: dict[str, JsonValue]) -> None:
    assert not is_export_chat(fields)
    assert not is_public(fields)


def test_a_chat_has_what_its_fields_say() -> None:
    shop = chat_of({"name": "Demo", "type": "public_channel", "id": 1000000001})
    assert shop == Chat(1000000001, "Demo", "public_channel")
    assert chat_of({"type": "saved_messages", "id": 3}) == Chat(3, None, "saved_messages")
    assert chat_of({"name": 7, "id": True}) == Chat(None, None, "unknown")


# -- what a post is ------------------------------------------------------------------------------


def test_an_offer_is_read_whole() -> None:
    read = found(message(20, images=True))
    assert read.image_path == "photos/photo_20@01-03-2025_17-40-00.jpg"
    post = read.post
    assert (post.id, post.kind, post.channel_id) == (20, "message", 1000000001)
    assert (post.date, post.date_authority) == (moment("2025-03-01 14:40"), "telegram")
    assert post.text == "Paracetamol 500 mg 😀 120 ብር\nስልክ 0900000020 map"
    assert post.media == Media(
        kind="photo", mime_type="image/jpeg", size_bytes=1203, width=64, height=48
    )
    assert post.extra == {
        "channel_title": ("Demo Selam Pharmacy ሰላም ፋርማሲ",),
        "channel_type": ("public_channel",),
        "date": ("2025-03-01T17:40:00",),
        "photo": ("photos/photo_20@01-03-2025_17-40-00.jpg",),
    }


def test_what_an_export_does_not_know_is_unknown_and_not_zero() -> None:
    post = read(text="")
    assert (post.views, post.forwards, post.replies, post.grouped_id) == (None, None, None, None)
    assert post.reactions is None


def test_a_post_was_read_when_the_export_was_made() -> None:
    assert read().observations[0].observed_at == FIRST_READ


@pytest.mark.parametrize("raw", [None, 3, "text", [], [bare(5)], True])
def test_what_is_no_object_is_no_post(raw: JsonValue) -> None:
    with pytest.raises(RecordError, match="not an object"):
        found(raw)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": -999999990}, "before the group became a supergroup"),
        ({"id": None}, "no message id"),
        ({"id": "5"}, "no whole number"),
        ({"id": True}, "no whole number"),
        ({"type": "story"}, "unknown type"),
        ({"type": ["message"]}, "unknown type"),
        ({"date_unixtime": "soon"}, "date cannot be read"),
        ({"date_unixtime": 10**20}, "date cannot be read"),
        ({"date_unixtime": True}, "date cannot be read"),
        ({"date_unixtime": None, "date": "soon"}, "date cannot be read"),
        ({"date_unixtime": None, "date": None}, "no date"),
        ({"edited_unixtime": "soon"}, "date cannot be read"),
        ({"text": 5}, "text is no string"),
        ({"text": {"text": "a"}}, "text is no string"),
        ({"text": ["a", 5]}, "part of the text"),
        ({"text_entities": [{"type": "bold"}]}, "part of the text"),
    ],
)
def test_a_value_that_cannot_be_what_its_field_says_is_refused(
    fields: dict[str, JsonValue], reason: str
) -> None:
    with pytest.raises(RecordError, match=reason):
        read(**fields)


def test_an_id_out_of_range_is_refused() -> None:
    for message_id in (0, 2**63):
        with pytest.raises(ValidationError, match="id"):
            read(id=message_id)


def test_what_telegram_desktop_cannot_export_is_refused() -> None:
    with pytest.raises(RecordError, match="unsupported"):
        found({"id": 5, "type": "unsupported"})


# -- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", ["1740830400", 1740830400])
def test_the_seconds_stand_over_the_local_time_of_the_machine(seconds: JsonValue) -> None:
    post = read(date="2025-03-01T15:00:00", date_unixtime=seconds)
    assert (post.date, post.date_authority) == (moment("2025-03-01 12:00"), "telegram")
    assert post.extra["date"] == ("2025-03-01T15:00:00",)


def test_a_local_time_alone_is_a_date_in_doubt() -> None:
    post = read(date="2025-03-01T15:00:00", date_unixtime=None)
    assert (post.date, post.date_authority) == (moment("2025-03-01 15:00"), "naive")
    assert "date" not in post.extra


def test_an_edit_has_its_time() -> None:
    edited = read(edited="2025-03-01T16:00:00", edited_unixtime="1740834000")
    assert edited.edit_date == moment("2025-03-01 13:00")
    assert read(edited="2025-03-01T16:00:00").edit_date == moment("2025-03-01 16:00")
    assert read().edit_date is None


def test_the_epoch_is_no_edit() -> None:
    assert read(edited="1970-01-01T03:00:00").edit_date is None
    assert read(edited="1969-12-31T19:00:00", edited_unixtime="0").edit_date is None


# -- text ----------------------------------------------------------------------------------------


def test_formats_are_counted_as_telegram_counts() -> None:
    post = read(
        **texts(
            "😀ዋጋ ",
            {"type": "bold", "text": "120 ብር 💊"},
            " ",
            {"type": "text_link", "text": "map", "href": "https://example.org"},
        )
    )
    assert post.text == "😀ዋጋ 120 ብር 💊 map"
    assert post.entities == (
        Entity(type="bold", offset=5, length=9),
        Entity(type="text_url", offset=15, length=3, value="https://example.org"),
    )
    assert not {"text", "text_entities"} & post.extra.keys()


@pytest.mark.parametrize(
    ("part", "kind", "value"),
    [
        ({"type": "link"}, "url", None),
        ({"type": "strikethrough"}, "strike", None),
        ({"type": "phone"}, "phone", None),
        ({"type": "blockquote"}, "blockquote", None),
        ({"type": "bank_card"}, "bank_card", None),
        ({"type": "unknown"}, "unknown", None),
        ({"type": "mention_name", "user_id": 77}, "mention_name", "77"),
        ({"type": "pre", "language": ""}, "pre", ""),
        ({"type": "custom_emoji", "document_id": "51"}, "custom_emoji", "51"),
    ],
)
def test_a_format_has_mtprotos_name(
    part: dict[str, JsonValue], kind: str, value: str | None
) -> None:
    post = read(**texts({**part, "text": "ab"}))
    assert post.entities == (Entity(type=kind, offset=0, length=2, value=value),)
    assert not {"text", "text_entities"} & post.extra.keys()


def test_a_format_that_says_more_is_kept_whole() -> None:
    quote: dict[str, JsonValue] = {"type": "blockquote", "text": "ab", "collapsed": True}
    assert read(**texts(quote)).extra["text_entities"] == ([quote],)
    emoji: dict[str, JsonValue] = {
        "type": "custom_emoji", "text": "a", "document_id": NOT_INCLUDED,
    }  # fmt: skip
    post = read(**texts(emoji))
    assert post.entities == (Entity(type="custom_emoji", offset=0, length=1),)
    assert post.extra["text_entities"] == ([emoji],)


def test_an_export_before_the_second_list_is_read_from_the_first() -> None:
    post = read(text=["Call ", {"type": "phone", "text": "0900000011"}])
    assert post.text == "Call 0900000011"
    assert post.entities == (Entity(type="phone", offset=5, length=10),)
    assert "text" not in post.extra


def test_a_text_without_formats_has_none_and_a_missing_text_says_nothing() -> None:
    assert (read(text="plain").text, read(text="plain").entities) == ("plain", ())
    assert (read(text="").text, read(text="", text_entities=[]).entities) == ("", ())
    assert (read().text, read().entities) == (None, None)


def test_a_text_that_differs_from_its_parts_is_kept_too() -> None:
    post = read(text="other", text_entities=[{"type": "plain", "text": "this"}])
    assert post.text == "this"
    assert post.extra["text"] == ("other",)


def test_characters_that_no_database_holds_are_replaced_and_counted() -> None:
    read = found(bare(5, text="a\x00b\ud800"))
    assert (read.post.text, read.mended) == ("a\ufffdb\ufffd", 2)


def test_a_text_that_was_decoded_wrongly_is_marked() -> None:
    assert found(bare(5, text="ሰላም ፋርማሲ".encode().decode("latin-1"))).misdecoded
    assert not found(bare(5, text="ሰላም ፋርማሲ")).misdecoded


# -- media ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("photo", [NOT_INCLUDED, "(File unavailable, please try again later)"])
def test_a_sentence_in_place_of_a_photo_is_no_file(photo: str) -> None:
    read = found(bare(5, photo=photo, width=64, height=48, text=""))
    assert read.image_path is None
    assert read.post.media == Media(kind="photo", mime_type="image/jpeg", width=64, height=48)
    assert read.post.extra["photo"] == (photo,)


def test_an_image_sent_as_a_file_is_an_image() -> None:
    read = found(message(4, images=True))
    assert read.image_path == "files/price_list_4.jpg"
    assert read.post.media is not None
    assert read.post.media.is_image
    assert found(message(4)).image_path is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"file": "a.pdf", "mime_type": "application/pdf"}, "document"),
        ({"file": "a.mp4", "media_type": "video_file", "mime_type": "video/mp4"}, "video"),
        ({"file": "a.mp4", "media_type": "video_message"}, "video"),
        ({"file": "a.mp4", "media_type": "animation"}, "animation"),
        ({"file": "a.mp3", "media_type": "audio_file"}, "audio"),
        ({"file": "a.ogg", "media_type": "voice_message"}, "voice"),
        ({"file": "a.webp", "media_type": "sticker", "mime_type": "image/webp"}, "sticker"),
        ({"file": "a", "media_type": "hologram"}, "other"),
        ({"file": NOT_INCLUDED}, "document"),
        ({"poll": {"question": "?"}}, "poll"),
        ({"location_information": {"latitude": 9.0}}, "location"),
        ({"location_information": None}, "location"),
        ({"place_name": "Demo"}, "location"),
        ({"contact_information": {"phone_number": "0900 000 011"}}, "contact"),
        ({"invoice_information": {}}, "other"),
        ({"todo_list": {}}, "other"),
    ],
)
def test_every_media_has_a_kind(fields: dict[str, JsonValue], kind: str) -> None:
    read = found(bare(5, text="", **fields))
    assert read.post.media is not None
    assert read.post.media.kind == kind
    assert read.image_path is None


def test_a_number_that_is_none_is_kept_but_not_believed() -> None:
    post = read(photo="a.jpg", width="64", height=-1, photo_file_size=10**30)
    assert post.media == Media(kind="photo", mime_type="image/jpeg")
    assert (post.extra["width"], post.extra["height"]) == (("64",), (-1,))
    assert post.extra["photo_file_size"] == (10**30,)


# -- the rest ------------------------------------------------------------------------------------


def test_a_service_message_has_no_text_and_no_media() -> None:
    new = bare(7, type="service", action="edit_group_photo", photo="photos/a.jpg", width=1, text="")
    read = found(new)
    assert (read.post.kind, read.post.text, read.post.media) == ("service", None, None)
    assert read.image_path is None
    assert read.post.extra["photo"] == ("photos/a.jpg",)
    assert "text" not in read.post.extra
    assert found(message(1)).post.extra["action"] == ("create_channel",)


def test_reactions_of_each_sort_are_counted() -> None:
    assert found(message(2)).post.reactions == (
        Reaction(emoji="👍", count=4),
        Reaction(emoji="paid", count=1),
        Reaction(emoji="custom:5123456789012345678", count=2),
    )
    assert "reactions" not in found(message(2)).post.extra


def test_who_reacted_is_kept_beside_the_counts() -> None:
    recent = [{"from": "Demo Friend", "from_id": "user700001", "date": "2025-03-01T12:00:00"}]
    reaction = {"type": "emoji", "count": 1, "emoji": "👍", "recent": recent}
    post = read(reactions=[reaction])
    assert post.reactions == (Reaction(emoji="👍", count=1),)
    assert post.extra["reactions"] == ([reaction],)


def test_reactions_that_cannot_be_read_are_kept_as_they_are() -> None:
    for odd in ("many", [3], [{"type": "emoji", "count": "4", "emoji": "👍"}], [{"type": "new"}]):
        post = read(reactions=odd)
        assert post.reactions is None
        assert post.extra["reactions"] == (odd,)


def test_an_answer_within_the_chat_is_one_and_to_another_chat_is_none() -> None:
    assert read(reply_to_message_id=3).reply_to == 3
    same = read(reply_to_message_id=3, reply_to_peer_id="channel1000000001")
    assert same.reply_to == 3
    other = read(reply_to_message_id=3, reply_to_peer_id="channel1000000009")
    assert other.reply_to is None
    assert other.extra["reply_to_message_id"] == (3,)
    assert other.extra["reply_to_peer_id"] == ("channel1000000009",)
    assert read(reply_to_message_id="x").extra["reply_to_message_id"] == ("x",)


def test_a_forward_has_a_name_or_is_known_to_be_one() -> None:
    assert read(forwarded_from="Demo Tena").forwarded_from == Forward(name="Demo Tena")
    assert read(forwarded_from=None).forwarded_from == Forward()
    assert read().forwarded_from is None


def test_the_channel_is_not_named_twice_but_another_author_is() -> None:
    itself = read(**{"from": SHOP.title, "from_id": "channel1000000001"})
    assert not {"from", "from_id"} & itself.extra.keys()
    person = read(**{"from": "Demo Friend", "from_id": "user700001", "author": "Demo"})
    assert person.extra["from"] == ("Demo Friend",)
    assert person.extra["from_id"] == ("user700001",)
    assert person.extra["author"] == ("Demo",)


# -- whatever comes ------------------------------------------------------------------------------


def survives(raw: JsonValue) -> None:
    try:
        post = found(raw).post
    except (RecordError, ValidationError):
        return
    assert POSTS.validate_json(to_lines([post])) == [post]


@given(raw=json_values())
def test_no_json_value_ends_in_another_error(raw: JsonValue) -> None:
    survives(raw)


@settings(max_examples=300)
@given(number=st.integers(1, 10), data=st.data())
def test_no_damaged_message_ends_in_another_error(number: int, data: st.DataObject) -> None:
    raw = message(number, images=True)
    extras = st.sampled_from(["photo", "file", "edited", "reactions", "forwarded_from", "poll"])
    for name in data.draw(st.lists(st.sampled_from(sorted(raw)) | extras | ANY_TEXT, max_size=3)):
        raw[name] = data.draw(json_values())
    survives(raw)


@settings(max_examples=200)
@given(data=st.data())
def test_no_damage_within_a_field_ends_in_another_error(data: st.DataObject) -> None:
    raw = copy.deepcopy(message(data.draw(st.sampled_from([2, 7, 10])), images=True))
    inner = [
        item
        for value in raw.values()
        if isinstance(value, list)
        for item in value
        if isinstance(item, dict)
    ]
    for item in inner:
        key = data.draw(st.sampled_from(sorted(item)))
        item[key] = data.draw(json_values())
    survives(raw)


def test_a_message_nested_too_deeply_is_refused() -> None:
    deep: JsonValue = None
    for _ in range(900):
        deep = [deep]
    with pytest.raises(RecordError, match="nested deeper"):
        read(poll=deep)


# -- the exports that these tests write ------------------------------------------------------------


def test_a_written_chat_is_what_telegram_desktop_writes(tmp_path: Path) -> None:
    folder = desktop_exports.write_chat(tmp_path, 20)
    text = (folder / "result.json").read_text(encoding="utf-8")
    assert text.startswith('{\n "name": "Demo Selam Pharmacy ሰላም ፋርማሲ",\n "type": "public_channel"')
    assert '\n "messages": [\n  {\n   "id": 1,\n   "type": "service",\n   "date": "' in text
    export = json.loads(text)
    assert [raw["id"] for raw in export["messages"]] == list(range(1, 21))
    paths = [path for raw in export["messages"] if (path := found(raw).image_path)]
    assert len(paths) == 6
    for path in paths:
        with Image.open(folder / path) as image:
            assert image.size == (64, 48)


def test_a_written_account_has_private_chats_among_the_public(tmp_path: Path) -> None:
    folder = desktop_exports.write_account(tmp_path, 12)
    export = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    chats = export["chats"]["list"] + export["left_chats"]["list"]
    assert [chat["type"] for chat in chats if is_public(chat)] == ["public_channel"] * 2
    assert [is_export_chat(chat) for chat in chats] == [True] * 5
    assert "name" not in chats[2]
    path = found(chats[0]["messages"][9]).image_path
    assert path is not None
    assert (folder / path).is_file()
    assert path.startswith("chats/chat_01/photos/photo_10@")


def test_a_control_character_is_written_as_telegram_desktop_writes_it(tmp_path: Path) -> None:
    folder = desktop_exports.write_chat(tmp_path, 11, images=False, escapes=True)
    assert "Aspirin\\x0B 100 mg" in (folder / "result.json").read_text(encoding="utf-8")
