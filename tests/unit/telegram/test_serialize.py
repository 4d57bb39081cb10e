import json
from datetime import timedelta
from typing import Any, cast

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import types

from medwh_assets.lake.merge import merge
from medwh_assets.lake.records import Post
from medwh_assets.lake.telethon_message import MessageError, post_of_message, without_keys
from medwh_assets.telegram.serialize import SOURCE, post_of
from tests.factories import CHANNEL, FIRST_READ, NOON, SECOND_READ


def photo(reference: bytes = b"one", access_hash: int = 77) -> Any:
    sizes: list[Any] = [
        types.PhotoStrippedSize("i", b"\x01\x28"),
        types.PhotoSize("x", 800, 600, 40_000),
        types.PhotoSizeProgressive("y", 1280, 960, [9_789, 84_627, 26_401]),
    ]
    return types.MessageMediaPhoto(
        photo=types.Photo(6, access_hash, reference, NOON, sizes, dc_id=4)
    )


def message(**fields: Any) -> Any:
    given: dict[str, Any] = {
        "id": 5,
        "peer_id": types.PeerChannel(7),
        "date": NOON,
        "message": "Paracetamol 500 mg 😀 120 ብር",
        "views": 3,
        "forwards": 1,
        "post": True,
        **fields,
    }
    return types.Message(**given)


def over_the_wire(message: Any) -> Any:
    return cast("Any", BinaryReader(bytes(message))).tgread_object()


def read(message: Any, observed_at: Any = FIRST_READ) -> Post:
    return post_of(over_the_wire(message), channel=CHANNEL, observed_at=observed_at)


MESSAGES = {
    "text": message(),
    "photo": message(media=photo(), grouped_id=13_000_000_000_000_001),
    "formats": message(
        entities=[types.MessageEntityBold(0, 4), types.MessageEntityTextUrl(5, 3, "https://a.et")]
    ),
    "edited": message(edit_date=NOON + timedelta(hours=1)),
    "answer": message(reply_to=types.MessageReplyHeader(reply_to_msg_id=3)),
    "forward": message(
        fwd_from=types.MessageFwdHeader(
            date=NOON, from_id=types.PeerChannel(9), channel_post=11, post_author="A"
        )
    ),
    "poll": message(
        media=types.MessageMediaPoll(
            types.Poll(
                1,
                types.TextWithEntities("Which?", []),
                [types.PollAnswer(types.TextWithEntities("Syrup", []), b"\x00")],
                hash=0,
            ),
            types.PollResults(
                results=[
                    types.PollAnswerVoters(b"\x00", voters=4, recent_voters=[types.PeerUser(3)])
                ]
            ),
        )
    ),
    "comments": message(
        replies=types.MessageReplies(
            replies=2, replies_pts=9, comments=True, channel_id=88, max_id=4, recent_repliers=[]
        )
    ),
    "reactions": message(
        reactions=types.MessageReactions([types.ReactionCount(types.ReactionEmoji("👍"), 3)])
    ),
    "service": types.MessageService(
        id=6, peer_id=types.PeerChannel(7), date=NOON, action=types.MessageActionChatEditTitle("A")
    ),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_live_message_and_its_dump_give_the_same_post(kind: str) -> None:
    received = over_the_wire(MESSAGES[kind])
    dumped = json.loads(received.to_json())
    live = post_of(received, channel=CHANNEL, observed_at=FIRST_READ)
    record = {name: without_keys(value) for name, value in dumped.items()}
    assert live == post_of_message(record, channel=CHANNEL, source=SOURCE, observed_at=FIRST_READ)


@pytest.mark.parametrize("kind", MESSAGES)
def test_reading_again_adds_no_version_and_no_value(kind: str) -> None:
    first = read(MESSAGES[kind])
    again = merge(first, read(MESSAGES[kind], SECOND_READ))
    assert again.versions == ()
    assert again.extra == first.extra
    assert [o.observed_at for o in again.observations] == [FIRST_READ, SECOND_READ]


def test_what_changes_by_itself_leaves_no_trace() -> None:
    """References age, another account has other hashes, answers come, readers react."""

    def seen(number: int) -> Post:
        answers = types.MessageReplies(
            replies=number,
            replies_pts=number,
            comments=True,
            channel_id=88,
            max_id=number,
            read_max_id=number,
            recent_repliers=[types.PeerUser(number)],
        )
        reactions = types.MessageReactions(
            [types.ReactionCount(types.ReactionEmoji("👍"), number)],
            recent_reactions=[
                types.MessagePeerReaction(types.PeerUser(number), NOON, types.ReactionEmoji("👍"))
            ],
        )
        read_at = FIRST_READ + timedelta(days=number)
        changing = message(
            media=photo(bytes([number]), access_hash=number),
            replies=answers,
            reactions=reactions,
            edit_date=NOON + timedelta(minutes=number),
            edit_hide=True,
        )
        return read(changing, read_at)

    merged = merge(seen(1), seen(2))
    assert merged.extra == seen(1).extra
    assert merged.versions == ()
    assert merged.edit_date is None
    assert [o.replies for o in merged.observations] == [1, 2]


def test_keys_to_files_are_not_kept() -> None:
    kept = read(message(media=photo())).model_dump_json()
    for secret in ("access_hash", "file_reference", 'bytes":"ASg'):
        assert secret not in kept
    assert '"dc_id":4' in kept


def test_characters_that_no_database_holds_are_replaced() -> None:
    assert read(message(message="a\x00b")).text == "a�b"


def test_an_empty_message_is_no_post() -> None:
    with pytest.raises(MessageError, match="deleted before it was read"):
        post_of(types.MessageEmpty(5, types.PeerChannel(7)), channel=CHANNEL, observed_at=NOON)
