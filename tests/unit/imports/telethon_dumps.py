"""Dumps of Telethon's `message.to_dict()`, of a shop that does not exist, as large as a test wants.

The fields and their order are Telethon 1.45's. Written down they come in two spellings: `to_json`
writes bytes as base64 and times as ISO 8601, `json.dumps(…, default=str)` what `str` makes of both.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

CHANNEL_ID = 1000000001
Spelling = Literal["to_json", "str"]
_FIRST = datetime(2025, 3, 1, 9, tzinfo=UTC)
_APART = timedelta(minutes=17)
KINDS = 8


def moment(number: int) -> datetime:
    """When the message with an id was sent."""
    return _FIRST + number * _APART


def live(number: int, **fields: Any) -> dict[str, Any]:
    """A message as `to_dict` gives it in Python, with times and bytes, and some fields."""
    unset = dict.fromkeys(
        (
            "out", "mentioned", "media_unread", "silent", "post", "from_scheduled", "legacy",
            "edit_hide", "pinned", "noforwards", "invert_media", "offline",
            "video_processing_pending", "paid_suggested_post_stars", "paid_suggested_post_ton",
        ),
        False,
    )  # fmt: skip
    absent = dict.fromkeys(
        (
            "from_id", "from_boosts_applied", "from_rank", "saved_peer_id", "fwd_from",
            "via_bot_id", "via_business_bot_id", "guestchat_via_from", "reply_to", "media",
            "reply_markup",
        )
    )  # fmt: skip
    return {
        "_": "Message",
        "id": number,
        "peer_id": peer(CHANNEL_ID),
        "date": moment(number),
        "message": "",
        **unset,
        "post": True,
        **absent,
        "entities": [],
        "views": 100 + number,
        "forwards": number % 5,
        "replies": None,
        "edit_date": None,
        "post_author": None,
        "grouped_id": None,
        "reactions": None,
        "restriction_reason": [],
        "ttl_period": None,
        **fields,
    }


def service(number: int, action: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A service message as `to_dict` gives it in Python."""
    return {
        "_": "MessageService",
        "id": number,
        "peer_id": peer(CHANNEL_ID),
        "date": moment(number),
        "action": action,
        "out": False,
        "mentioned": False,
        "media_unread": False,
        "reactions_are_possible": False,
        "silent": False,
        "post": True,
        "legacy": False,
        "from_id": None,
        "saved_peer_id": None,
        "reply_to": None,
        "reactions": None,
        "ttl_period": None,
        **fields,
    }


def peer(channel_id: int) -> dict[str, Any]:
    """A channel's name for itself."""
    return {"_": "PeerChannel", "channel_id": channel_id}


def photo(photo_id: int) -> dict[str, Any]:
    """A photo with the sizes that Telegram gives one."""
    return {
        "_": "Photo",
        "id": photo_id,
        "access_hash": -77,
        "file_reference": b"\x02\xff" + photo_id.to_bytes(8, "big"),
        "date": _FIRST,
        "sizes": [
            {"_": "PhotoStrippedSize", "type": "i", "bytes": b"\x01\x28"},
            {"_": "PhotoSize", "type": "m", "w": 320, "h": 240, "size": 11111},
            {
                "_": "PhotoSizeProgressive", "type": "y", "w": 1280, "h": 960,
                "sizes": [9789, 84627, 26401],
            },
        ],
        "dc_id": 4,
        "has_stickers": False,
        "video_sizes": [],
    }  # fmt: skip


def photo_media(photo_id: int) -> dict[str, Any]:
    """The media of a message with a photo."""
    return {
        "_": "MessageMediaPhoto",
        "spoiler": False,
        "live_photo": False,
        "photo": photo(photo_id),
        "ttl_seconds": None,
        "video": None,
    }


def document_media(*attributes: dict[str, Any], mime: str = "application/pdf") -> dict[str, Any]:
    """The media of a message with a file."""
    return {
        "_": "MessageMediaDocument",
        "nopremium": False,
        "video": False,
        "document": {
            "_": "Document",
            "id": 5012,
            "access_hash": 1,
            "file_reference": b"r",
            "date": _FIRST,
            "mime_type": mime,
            "size": 123456,
            "dc_id": 4,
            "attributes": list(attributes),
            "thumbs": [],
            "video_thumbs": [],
        },
        "alt_documents": [],
        "ttl_seconds": None,
    }


def reactions(*results: tuple[dict[str, Any], int], **fields: Any) -> dict[str, Any]:
    """How often a message was answered with what."""
    return {
        "_": "MessageReactions",
        "results": [
            {"_": "ReactionCount", "reaction": reaction, "count": count, "chosen_order": None}
            for reaction, count in results
        ],
        "min": False,
        "can_see_list": False,
        "reactions_as_tags": False,
        "recent_reactions": [],
        "top_reactors": [],
        **fields,
    }


def reply_header(message_id: int, **fields: Any) -> dict[str, Any]:
    """What a message answers."""
    return {
        "_": "MessageReplyHeader",
        "reply_to_scheduled": False,
        "forum_topic": False,
        "quote": False,
        "reply_to_msg_id": message_id,
        "reply_to_peer_id": None,
        "reply_to_top_id": None,
        "quote_text": None,
        "quote_entities": [],
        **fields,
    }


def forward_header(**fields: Any) -> dict[str, Any]:
    """Where a forwarded message comes from."""
    return {
        "_": "MessageFwdHeader",
        "date": _FIRST,
        "imported": False,
        "saved_out": False,
        "from_id": None,
        "from_name": None,
        "channel_post": None,
        "post_author": None,
        **fields,
    }


def reply_counts(count: int) -> dict[str, Any]:
    """How many comments a message has in the channel's group."""
    return {
        "_": "MessageReplies",
        "replies": count,
        "replies_pts": 9,
        "comments": True,
        "recent_repliers": [],
        "channel_id": 1000000002,
        "max_id": 7,
        "read_max_id": None,
    }


def message(number: int) -> dict[str, Any]:
    """The message with an id: its kind is the remainder of the id by `KINDS`."""
    phone = f"09000000{number % 100:02d}"
    like = {"_": "ReactionEmoji", "emoticon": "👍"}
    match number % KINDS:
        case 1:
            title = "Demo Selam Pharmacy"
            return service(number, {"_": "MessageActionChannelCreate", "title": title})
        case 2:
            return live(
                number,
                message=f"Paracetamol 500 mg 😀 120 ብር {phone}",
                media=photo_media(6_000_000_000_000_000_000 + number),
                entities=[{"_": "MessageEntityBold", "offset": 0, "length": 11}],
                reactions=reactions((like, 3)),
            )
        case 3:
            return live(number, message=f"አሞክሲሲሊን 250 ሚ.ግ 85 ብር {phone}", replies=reply_counts(4))
        case 4:
            name = {"_": "DocumentAttributeFilename", "file_name": "ዋጋ list.pdf"}
            return live(
                number, media=document_media(name), grouped_id=13_000_000_000_000_000 + number
            )
        case 5:
            return live(
                number,
                message="Open until 20:00",
                edit_date=moment(number + 1),
                reply_to=reply_header(number - 1),
            )
        case 6:
            header = forward_header(from_id=peer(1000000055), channel_post=8)
            return live(number, message="Vitamin C 1000 mg, 200 birr", fwd_from=header)
        case 7:
            return {"_": "MessageEmpty", "id": number, "peer_id": peer(CHANNEL_ID)}
        case _:
            return live(number, message=f"Insulin is here. {phone}")


def is_post(number: int) -> bool:
    """Whether the message with an id is one that can be kept."""
    return number % KINDS != 7


def written(message: dict[str, Any], spelling: Spelling = "to_json") -> str:
    """A message as one line of JSON."""
    default = str if spelling == "str" else _to_json
    return json.dumps(message, default=default, ensure_ascii=spelling == "to_json")


def parsed(message: dict[str, Any], spelling: Spelling = "to_json") -> dict[str, Any]:
    """A message as JSON parses it."""
    return json.loads(written(message, spelling))


def write_array(file: Path, count: int = 20, spelling: Spelling = "to_json") -> Path:
    """Write the messages 1 to `count` as one JSON array."""
    with file.open("w", encoding="utf-8") as text:
        for number, line in enumerate(_lines(count, spelling)):
            text.write(("[" if number == 0 else ", ") + line)
        text.write("]" if count else "[]")
    return file


def write_lines(file: Path, count: int = 20, spelling: Spelling = "to_json") -> Path:
    """Write the messages 1 to `count` as JSON lines."""
    with file.open("w", encoding="utf-8") as text:
        text.writelines(f"{line}\n" for line in _lines(count, spelling))
    return file


def write_files(folder: Path, count: int = 20, spelling: Spelling = "to_json") -> Path:
    """Write the messages 1 to `count` as one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, line in enumerate(_lines(count, spelling), start=1):
        (folder / f"{number}.json").write_text(line, encoding="utf-8")
    return folder


def _lines(count: int, spelling: Spelling) -> Iterator[str]:
    return (written(message(number), spelling) for number in range(1, count + 1))


def _to_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode("ascii")


def kept(value: Any) -> Any:
    """What a post keeps of a value as JSON holds it: no keys to files, no previews."""
    if isinstance(value, list):
        return [kept(item) for item in value]
    if not isinstance(value, dict):
        return value
    gone = {"access_hash", "file_reference"}
    if value.get("_") == "PhotoStrippedSize":
        gone.add("bytes")
    return {name: kept(item) for name, item in value.items() if name not in gone}
