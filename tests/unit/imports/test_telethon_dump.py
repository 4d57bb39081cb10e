import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from medwh_assets.imports.found import Found, RecordError
from medwh_assets.imports.telethon_dump import read_message
from medwh_assets.lake.records import POSTS, Entity, Forward, Media, Post, Reaction, to_lines
from medwh_assets.lake.telethon_message import channel_id_of, is_message
from tests.factories import ANY_TEXT, FIRST_READ, NOON, SECOND_READ, json_values, moment
from tests.unit.imports import telethon_dumps as dumps
from tests.unit.imports.telethon_dumps import live, parsed

LIKE = {"_": "ReactionEmoji", "emoticon": "👍"}


def found(raw: Any) -> Found:
    return read_message(raw, channel="demo_shop", source="telethon_dump", observed_at=FIRST_READ)


def read(**fields: Any) -> Post:
    return found(parsed(live(5, **fields))).post


# -- what is a dump --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Message", "MessageService", "MessageEmpty"])
def test_a_message_is_known_by_its_class(name: str) -> None:
    assert is_message({"_": name})


@pytest.mark.parametrize(
    "raw", [None, 3, "Message", [], {}, {"_": "Photo"}, {"_": ["Message"]}, {"id": 1}]
)
def test_anything_else_is_no_dump(raw: JsonValue) -> None:
    assert not is_message(raw)
    with pytest.raises(RecordError, match="no message"):
        found(raw)


def test_a_message_names_its_channel() -> None:
    assert channel_id_of(parsed(live(5))) == dumps.CHANNEL_ID
    assert channel_id_of({"to_id": dumps.peer(7)}) == 7
    for odd in (None, 3, {"_": "PeerUser", "user_id": 7}, dumps.peer(True), dumps.peer(-1)):
        assert channel_id_of({"peer_id": odd}) is None
    assert channel_id_of(["peer_id"]) is None


# -- what a post is --------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["to_json", "str"])
def test_an_offer_is_read_whole(spelling: dumps.Spelling) -> None:
    raw = parsed(dumps.message(2), spelling)
    post = found(raw).post
    assert (post.id, post.kind, post.channel_id) == (2, "message", dumps.CHANNEL_ID)
    assert (post.date, post.date_authority) == (moment("2025-03-01 09:34"), "telegram")
    assert post.text == "Paracetamol 500 mg 😀 120 ብር 0900000002"
    assert post.entities == (Entity(type="bold", offset=0, length=11),)
    assert (post.views, post.forwards, post.replies) == (102, 2, None)
    assert post.reactions == (Reaction(emoji="👍", count=3),)
    assert post.media == Media(
        kind="photo",
        mime_type="image/jpeg",
        photo_id=6000000000000000002,
        width=1280,
        height=960,
        size_bytes=84627,
    )
    assert post.extra == {
        "media": (dumps.kept(raw["media"]),),
        "post": (True,),
    }


@pytest.mark.parametrize("number", range(1, 9))
def test_a_live_message_is_read_like_the_one_that_to_json_writes(number: int) -> None:
    if dumps.is_post(number):
        assert found(dumps.message(number)) == found(parsed(dumps.message(number)))


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(RecordError, match="empty: deleted before it was read"):
        found(parsed(dumps.message(7)))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": None}, "no message id"),
        ({"id": "five"}, "id is no whole number"),
        ({"id": True}, "id is no whole number"),
        ({"date": None}, "no date"),
        ({"date": "soon"}, "date cannot be read"),
        ({"date": True}, "date cannot be read"),
        ({"date": 10**30}, "date cannot be read"),
        ({"edit_date": []}, "date cannot be read"),
        ({"scraped_at": "soon"}, "date cannot be read"),
        ({"message": ["a"]}, "text is no string"),
        ({"views": "many"}, "views is no whole number"),
        ({"replies": {"_": "MessageReplies", "replies": "many"}}, "replies is no whole number"),
    ],
)
def test_a_value_that_cannot_be_what_its_field_says_is_refused(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecordError, match=reason):
        read(**fields)


@pytest.mark.parametrize("fields", [{"id": 0}, {"id": 2**63}, {"views": -1}, {"forwards": 2**63}])
def test_a_number_out_of_range_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**fields)


def test_numbers_that_pandas_wrote_are_read() -> None:
    post = read(id=5.0, views=12.0, grouped_id="13000000000000001")
    assert (post.id, post.views, post.grouped_id) == (5, 12, 13000000000000001)


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "authority"),
    [
        (1740830400, "telegram"),
        (1740830400.0, "telegram"),
        ("1740830400", "telegram"),
        (1740830400000, "telegram"),
        ("2025-03-01T12:00:00+00:00", "telegram"),
        ("2025-03-01 12:00:00+00:00", "telegram"),
        ("2025-03-01T15:00:00+03:00", "telegram"),
        ("2025-03-01T12:00:00Z", "telegram"),
        (NOON, "telegram"),
        ("2025-03-01 12:00:00", "naive"),
        (NOON.replace(tzinfo=None), "naive"),
    ],
)
def test_a_date_is_read_in_every_form_and_known_by_its_authority(
    value: Any, authority: str
) -> None:
    post = found(live(5, date=value)).post
    assert (post.date, post.date_authority) == (NOON, authority)


def test_a_hidden_edit_is_none() -> None:
    assert read(edit_date=NOON).edit_date == NOON
    assert "edit_date" not in read(edit_date=NOON).extra
    hidden = read(edit_date=NOON, edit_hide=True)
    assert hidden.edit_date is None
    assert "edit_date" not in hidden.extra
    assert hidden.extra["edit_hide"] == (True,)


def test_a_message_may_say_itself_when_it_was_read() -> None:
    assert read().observations[0].observed_at == FIRST_READ
    post = read(scraped_at="2025-03-09T00:00:00")
    assert post.observations[0].observed_at == SECOND_READ
    assert "scraped_at" not in post.extra


# -- text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "kind", "value"),
    [
        ({"_": "MessageEntityUrl"}, "url", None),
        ({"_": "MessageEntityTextUrl", "url": "https://example.org"}, "text_url",
         "https://example.org"),
        ({"_": "MessageEntityMentionName", "user_id": 77}, "mention_name", "77"),
        ({"_": "MessageEntityPre", "language": ""}, "pre", ""),
        ({"_": "MessageEntityCustomEmoji", "document_id": 51}, "custom_emoji", "51"),
        ({"_": "MessageEntityBankCard"}, "bank_card", None),
        ({"_": "MessageEntityBotCommand"}, "bot_command", None),
        ({"_": "MessageEntityBlockquote", "collapsed": None}, "blockquote", None),
        ({"_": "MessageEntityUnknown"}, "unknown", None),
        ({"_": "MessageEntity"}, "unknown", None),
    ],
)  # fmt: skip
def test_a_format_has_its_class_as_its_name(
    entity: dict[str, Any], kind: str, value: str | None
) -> None:
    post = read(message="ab", entities=[{**entity, "offset": 0, "length": 2}])
    assert post.entities == (Entity(type=kind, offset=0, length=2, value=value),)
    assert "entities" not in post.extra


def test_a_format_that_says_more_is_kept_whole() -> None:
    quote = {"_": "MessageEntityBlockquote", "offset": 0, "length": 2, "collapsed": True}
    post = read(message="ab", entities=[quote])
    assert post.entities == (Entity(type="blockquote", offset=0, length=2),)
    assert post.extra["entities"] == ([quote],)


@pytest.mark.parametrize("odd", ["bold", [3], [{"_": "MessageEntityBold"}], {"a": 1}])
def test_formats_that_cannot_be_read_are_kept_as_they_are(odd: JsonValue) -> None:
    post = read(message="ab", entities=odd)
    assert post.entities is None
    assert post.extra["entities"] == (odd,)


def test_no_formats_are_none_and_a_missing_field_says_nothing() -> None:
    assert read(entities=[]).entities == ()
    assert read(entities=None).entities is None


def test_characters_that_no_database_holds_are_replaced_and_counted() -> None:
    read = found(live(5, message="a\x00b\ud800"))
    assert (read.post.text, read.mended) == ("a\ufffdb\ufffd", 2)


def test_a_text_that_was_decoded_wrongly_is_marked() -> None:
    assert found(live(5, message="ሰላም ፋርማሲ".encode().decode("latin-1"))).misdecoded


# -- media -----------------------------------------------------------------------------------------


def attribute(name: str, **fields: Any) -> dict[str, Any]:
    return {"_": f"DocumentAttribute{name}", **fields}


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ([], "document"),
        ([attribute("Filename", file_name="a.pdf")], "document"),
        ([attribute("Video", duration=3, w=640, h=360)], "video"),
        ([attribute("Video", w=1, h=1), attribute("Animated")], "animation"),
        ([attribute("Audio", voice=None)], "audio"),
        ([attribute("Audio", voice=True)], "voice"),
        ([attribute("ImageSize", w=1, h=1), attribute("Sticker", alt="x")], "sticker"),
    ],
)
def test_a_document_is_named_after_its_attributes(
    attributes: list[dict[str, Any]], kind: str
) -> None:
    media = read(media=dumps.document_media(*attributes)).media
    assert media is not None
    assert media.kind == kind


def test_a_document_says_what_it_is_and_what_it_is_called() -> None:
    size = attribute("ImageSize", w=640, h=480)
    media = dumps.document_media(size, attribute("Filename", file_name="ዋጋ.jpg"), mime="image/jpeg")
    post = read(media=media)
    assert post.media == Media(
        kind="document",
        mime_type="image/jpeg",
        size_bytes=123456,
        file_name="ዋጋ.jpg",
        width=640,
        height=480,
    )
    assert post.media.is_image
    assert post.extra["media"] == (dumps.kept(parsed(media)),)


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ({"_": "MessageMediaWebPage", "webpage": {"photo": dumps.photo(7)}}, Media(kind="webpage")),
        ({"_": "MessageMediaPoll"}, Media(kind="poll")),
        ({"_": "MessageMediaGeo"}, Media(kind="location")),
        ({"_": "MessageMediaVenue"}, Media(kind="location")),
        ({"_": "MessageMediaContact"}, Media(kind="contact")),
        ({"_": "MessageMediaUnsupported"}, Media(kind="other")),
        ({"_": ["odd"]}, Media(kind="other")),
        ({"_": "MessageMediaEmpty"}, None),
        ("MessageMediaPhoto", None),
        ({"_": "MessageMediaPhoto", "photo": None}, Media(kind="photo", mime_type="image/jpeg")),
        (
            {"_": "MessageMediaPhoto", "photo": {"_": "PhotoEmpty", "id": 3}},
            Media(kind="photo", mime_type="image/jpeg", photo_id=3),
        ),
        (
            {"_": "MessageMediaPhoto", "photo": {"id": "x", "sizes": [3, None, {"w": 1}]}},
            Media(kind="photo", mime_type="image/jpeg"),
        ),
        ({"_": "MessageMediaDocument", "document": None}, Media(kind="document")),
    ],
)
def test_every_media_is_described_and_kept_whole(media: JsonValue, expected: Media | None) -> None:
    post = read(media=media)
    assert post.media == expected
    written = json.loads(dumps.written({"media": media}))["media"]
    assert post.extra["media"] == (dumps.kept(written),)


def test_a_path_that_a_script_added_leads_to_the_image() -> None:
    read = found(parsed(live(5, media_path="photos/5.jpg")))
    assert read.image_path == "photos/5.jpg"
    assert read.post.extra["media_path"] == ("photos/5.jpg",)


# -- the rest --------------------------------------------------------------------------------------


def test_a_service_message_keeps_its_action() -> None:
    action = {"_": "MessageActionChatEditPhoto", "photo": dumps.photo(7)}
    post = found(parsed(dumps.service(9, action, reply_to=dumps.reply_header(3)))).post
    assert (post.kind, post.text, post.entities, post.media) == ("service", None, None, None)
    assert post.reply_to == 3
    assert post.extra == {"action": (dumps.kept(parsed(action)),), "post": (True,)}


def test_reactions_of_each_sort_are_counted() -> None:
    custom = {"_": "ReactionCustomEmoji", "document_id": 51}
    post = read(reactions=dumps.reactions((LIKE, 3), (custom, 2), ({"_": "ReactionPaid"}, 9)))
    assert post.reactions == (
        Reaction(emoji="👍", count=3),
        Reaction(emoji="custom:51", count=2),
        Reaction(emoji="paid", count=9),
    )
    assert "reactions" not in post.extra


def test_who_reacted_last_is_left_out() -> None:
    who = dumps.reactions((LIKE, 1), can_see_list=True)
    assert read(reactions=who).reactions == (Reaction(emoji="👍", count=1),)
    assert "reactions" not in read(reactions=who).extra


def test_reactions_of_before_custom_ones_are_read() -> None:
    old = {"results": [{"_": "ReactionCount", "reaction": "👍", "count": 3}]}
    assert read(reactions=old).reactions == (Reaction(emoji="👍", count=3),)


@pytest.mark.parametrize(
    "odd", ["many", {"results": 3}, {"results": [3]}, dumps.reactions(({"_": "New"}, 1))]
)
def test_reactions_that_cannot_be_read_are_kept_as_they_are(odd: JsonValue) -> None:
    post = read(reactions=odd)
    assert post.reactions is None
    assert post.extra["reactions"] == (odd,)


def test_comments_are_counted_and_their_place_is_kept() -> None:
    counts = dumps.reply_counts(4)
    assert read(replies=counts).replies == 4
    place = {k: v for k, v in counts.items() if k in ("_", "comments", "channel_id")}
    assert read(replies=counts).extra["replies"] == (place,)
    assert read(replies={"_": "MessageReplies", "replies": 4, "comments": False}).replies == 4
    assert "replies" not in read(replies=4).extra


def test_an_answer_within_the_channel_is_one_and_to_another_is_none() -> None:
    post = read(reply_to=dumps.reply_header(3))
    assert post.reply_to == 3
    assert "reply_to" not in post.extra
    same = dumps.reply_header(3, reply_to_peer_id=dumps.peer(dumps.CHANNEL_ID))
    assert read(reply_to=same).reply_to == 3
    assert read(reply_to=same).extra["reply_to"] == (same,)
    other = dumps.reply_header(3, reply_to_peer_id=dumps.peer(1000000009))
    assert read(reply_to=other).reply_to is None
    assert read(reply_to=other).extra["reply_to"] == (other,)
    story = {"_": "MessageReplyStoryHeader", "story_id": 3}
    assert read(reply_to=story).reply_to is None
    assert read(reply_to_msg_id=3).reply_to == 3


def test_a_forward_has_an_origin_and_keeps_its_header() -> None:
    header = dumps.forward_header(from_id=dumps.peer(1000000055), channel_post=8)
    post = read(fwd_from=header)
    assert post.forwarded_from == Forward(
        channel_id=1000000055, message_id=8, date=moment("2025-03-01 09:00")
    )
    assert post.extra["fwd_from"] == (parsed(header),)
    hidden = read(fwd_from=dumps.forward_header(from_name="Demo Tena", date="soon"))
    assert hidden.forwarded_from == Forward(name="Demo Tena")
    old = read(fwd_from={"_": "MessageFwdHeader", "channel_id": 55, "channel_post": 8})
    assert old.forwarded_from == Forward(channel_id=55, message_id=8)
    person = read(fwd_from=dumps.forward_header(from_id={"_": "PeerUser", "user_id": 7}))
    assert person.forwarded_from == Forward(date=moment("2025-03-01 09:00"))


def test_nothing_that_the_post_does_not_say_is_lost() -> None:
    post = read(
        post_author="Demo", pinned=True, is_offer=False, ttl_period=3, from_id=dumps.peer(7)
    )
    assert post.extra == {
        "from_id": (dumps.peer(7),),
        "is_offer": (False,),
        "pinned": (True,),
        "post": (True,),
        "post_author": ("Demo",),
        "ttl_period": (3,),
    }
    group = {"_": "PeerChat", "chat_id": 3}
    assert read(peer_id=group).extra["peer_id"] == (group,)


# -- whatever comes --------------------------------------------------------------------------------


def survives(raw: JsonValue) -> None:
    try:
        post = found(raw).post
    except (RecordError, ValidationError):
        return
    assert POSTS.validate_json(to_lines([post])) == [post]


@given(raw=json_values())
def test_no_json_value_ends_in_another_error(raw: JsonValue) -> None:
    survives(raw)
    survives({"_": "Message", "id": 5, "date": 1740830400, "message": raw, "media": raw})


@settings(max_examples=300)
@given(number=st.integers(1, 8), data=st.data())
def test_no_damaged_message_ends_in_another_error(number: int, data: st.DataObject) -> None:
    raw = parsed(dumps.message(number))
    for name in data.draw(st.lists(st.sampled_from(sorted(raw)[1:]) | ANY_TEXT, max_size=3)):
        raw[name] = data.draw(json_values())
    survives(raw)


@settings(max_examples=300)
@given(number=st.sampled_from([2, 3, 4, 5, 6]), data=st.data())
def test_no_damage_within_a_field_ends_in_another_error(number: int, data: st.DataObject) -> None:
    raw = copy.deepcopy(parsed(dumps.message(number)))
    inner: list[dict[str, Any]] = []
    waiting: list[Any] = list(raw.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            inner.append(value)
        waiting.extend(value.values() if isinstance(value, dict) else ())
        waiting.extend(value if isinstance(value, list) else ())
    item = data.draw(st.sampled_from(inner))
    item[data.draw(st.sampled_from(sorted(item)))] = data.draw(json_values())
    survives(raw)


def test_a_message_nested_too_deeply_is_refused() -> None:
    deep: JsonValue = None
    for _ in range(900):
        deep = [deep]
    with pytest.raises(RecordError, match="nested deeper"):
        read(media=deep)


# -- the dumps that these tests write ----------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["to_json", "str"])
def test_a_dump_is_the_same_in_one_file_in_lines_and_in_many_files(
    tmp_path: Path, spelling: dumps.Spelling
) -> None:
    array = json.loads(dumps.write_array(tmp_path / "a.json", 16, spelling).read_text("utf-8"))
    text = dumps.write_lines(tmp_path / "a.jsonl", 16, spelling).read_text("utf-8")
    folder = dumps.write_files(tmp_path / "many", 16, spelling)
    assert [json.loads(line) for line in text.splitlines()] == array
    assert [json.loads((folder / f"{n}.json").read_text("utf-8")) for n in range(1, 17)] == array
    assert [raw["id"] for raw in array] == list(range(1, 17))
    assert [found(raw).post.id for raw in array if dumps.is_post(raw["id"])]
