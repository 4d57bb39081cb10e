"""Exports as Telegram Desktop writes them, of shops that do not exist, as large as a test wants.

The names, the order of the fields and the indentation are Telegram Desktop's own. A message of each
kind is printed once and then repeated with other numbers, so that 100,000 take seconds.
"""

import json
import textwrap
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from PIL import Image
from pydantic import JsonValue

CHAT: dict[str, JsonValue] = {
    "name": "Demo Selam Pharmacy ሰላም ፋርማሲ",
    "type": "public_channel",
    "id": 1000000001,
}
LEFT_CHAT: dict[str, JsonValue] = {
    "name": "Demo Left Channel",
    "type": "public_channel",
    "id": 1000000004,
}
PRIVATE_CHATS: tuple[dict[str, JsonValue], ...] = (
    {"name": "Demo Friend", "type": "personal_chat", "id": 700001},
    {"type": "saved_messages", "id": 700000},
    {"name": "Demo Staff", "type": "private_supergroup", "id": 1000000003},
)
NOT_INCLUDED = "(File not included. Change data exporting settings to download.)"
# The exporting machine stands in Addis Ababa.
_OFFSET = timedelta(hours=3)
_FIRST = datetime(2025, 3, 1, 9, tzinfo=UTC)
_APART = timedelta(minutes=17)
# Stand for the numbers of one message in the text of its kind.
_ID, _BEFORE, _UNIX, _LOCAL, _FILE, _PHONE = (
    987654321001, 987654321002, "@unix@", "@local@", "@file@", "0900000099",
)  # fmt: skip
KINDS = 10


def moment(number: int) -> datetime:
    """When the message with an id was sent."""
    return _FIRST + number * _APART


def picture(number: int, *, folder: str = "photos/") -> str:
    """Where the picture of the message with an id lies, relative to the export."""
    kind = number % KINDS
    local = moment(number) + _OFFSET
    if kind == 4:
        return f"{folder.replace('photos', 'files')}price_list_{number}.jpg"
    return f"{folder}photo_{number}@{local:%d-%m-%Y_%H-%M-%S}.jpg"


def message(number: int, *, images: bool = False) -> dict[str, Any]:
    """The message with an id, as JSON parses it."""
    return json.loads(_written(number, "photos/" if images else None))


def bare(number: int, **fields: Any) -> dict[str, Any]:
    """The least that every message has, and some fields."""
    local = moment(number) + _OFFSET
    return {
        "id": number,
        "type": "message",
        "date": local.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(moment(number).timestamp())),
        **fields,
    }


def write_chat(root: Path, count: int = 20, *, images: bool = True, escapes: bool = False) -> Path:
    """Write the export of one public channel.

    Args:
        root: where the export's folder is made.
        count: of messages; their ids are 1 to `count`.
        images: whether the pictures were exported too.
        escapes: whether a text has a control character, which Telegram Desktop writes as no JSON is.

    Returns:
        The export's folder.
    """
    folder = root / "ChatExport_2025-07-11"
    folder.mkdir(parents=True)
    with (folder / "result.json").open("w", encoding="utf-8") as file:
        photos = "photos/" if images else None
        _write_chat(file, CHAT, count, photos, depth=0, escapes=escapes)
    if images:
        _write_pictures(folder, count, "photos/")
    return folder


def write_account(root: Path, count: int = 20, *, images: bool = True) -> Path:
    """Write the export of a whole account: a public channel among private chats, and one left.

    Args:
        root: where the export's folder is made.
        count: of messages in each chat.
        images: whether the pictures of public channels were exported too.

    Returns:
        The export's folder.
    """
    folder = root / "DataExport_2025-07-11"
    folder.mkdir(parents=True)
    contact = {"first_name": "Demo", "last_name": "Friend", "phone_number": "0900 000 002"}
    about = {
        "about": "Here is the data you requested.",
        "personal_information": {
            "user_id": 700000, "first_name": "Demo", "phone_number": "0900 000 001",
        },
        "profile_pictures": [],
        "contacts": {"about": "Your contacts.", "list": [contact]},
        "frequent_contacts": {
            "about": "Whom you write to.",
            "list": [{"id": 1000000003, "category": "people", "type": "private_supergroup",
                      "name": "Demo Staff", "rating": 3.25}],
        },
        "sessions": {"about": "Your sessions.", "list": [{"last_ip": "192.0.2.1"}]},
    }  # fmt: skip
    with (folder / "result.json").open("w", encoding="utf-8") as file:
        file.write(json.dumps(about, ensure_ascii=False, indent=1).removesuffix("\n}"))
        file.write(',\n "chats": {\n  "about": "Your chats.",\n  "list": [\n')
        for place, chat in enumerate((CHAT, *PRIVATE_CHATS), start=1):
            file.write("   " if place == 1 else ",\n   ")
            photos = f"chats/chat_{place:02d}/photos/" if images and chat is CHAT else None
            _write_chat(file, chat, count, photos, depth=3)
        file.write("\n  ]\n },\n")
        file.write(' "left_chats": {\n  "about": "Chats that you left.",\n  "list": [\n   ')
        _write_chat(file, LEFT_CHAT, count, None, depth=3)
        file.write("\n  ]\n }\n}")
    if images:
        _write_pictures(folder, count, "chats/chat_01/photos/")
    return folder


def _write_chat(
    file: TextIO,
    chat: dict[str, JsonValue],
    count: int,
    photos: str | None,
    *,
    depth: int,
    escapes: bool = False,
) -> None:
    indent = " " * depth
    head = "".join(
        f'{indent} "{name}": {json.dumps(value, ensure_ascii=False)},\n'
        for name, value in chat.items()
    )
    file.write(f'{{\n{head}{indent} "messages": [\n')
    for number in range(1, count + 1):
        text = _written(number, photos, depth + 2)
        file.write(text.replace("Aspirin", "Aspirin\\x0B") if escapes else text)
        file.write(",\n" if number < count else "\n")
    file.write(f"{indent} ]\n{indent}}}")


def _written(number: int, photos: str | None, depth: int = 0) -> str:
    """One message as text."""
    at = moment(number)
    path = picture(number, folder=photos) if photos else NOT_INCLUDED
    return (
        _template(0 if number == 1 else number % KINDS + 1, depth)
        .replace(str(_ID), str(number))
        .replace(str(_BEFORE), str(number - 1))
        .replace(_UNIX, str(int(at.timestamp())))
        .replace(_LOCAL, (at + _OFFSET).strftime("%Y-%m-%dT%H:%M:%S"))
        .replace(_FILE, path)
        .replace(_PHONE, f"09000000{number % 100:02d}")
    )


@cache
def _template(kind: int, depth: int) -> str:
    printed = json.dumps(_kinds()[kind], ensure_ascii=False, indent=1)
    return textwrap.indent(printed, " " * depth)


def _kinds() -> list[dict[str, Any]]:
    """A message of every kind: the channel's first, then by the last digit of the id."""
    head = {"id": _ID, "type": "message", "date": _LOCAL, "date_unixtime": _UNIX}
    service = {**head, "type": "service", "actor": CHAT["name"], "actor_id": f"channel{CHAT['id']}"}
    post = {**head, "from": CHAT["name"], "from_id": f"channel{CHAT['id']}"}
    edited = {"edited": _LOCAL, "edited_unixtime": _UNIX}
    nothing = {"text": "", "text_entities": []}
    offer = [
        {"type": "bold", "text": "Paracetamol 500 mg"},
        {"type": "plain", "text": " 😀 120 ብር\nስልክ "},
        {"type": "phone", "text": _PHONE},
        {"type": "plain", "text": " "},
        {"type": "text_link", "text": "map", "href": "https://example.org/map"},
    ]
    photo = {
        "photo": _FILE, "photo_file_size": 1203, "width": 64, "height": 48,
    }  # fmt: skip
    return [
        {**service, "action": "create_channel", "title": CHAT["name"], **nothing},
        {**post, **photo, "text": [p["text"] if p["type"] == "plain" else p for p in offer],
         "text_entities": offer},
        {**post, **_plain("Aspirin 100 mg, 60 birr. Call " + _PHONE)},
        {**post, **_plain("አሞክሲሲሊን 250 ሚ.ግ 85 ብር " + _PHONE),
         "reactions": [
             {"type": "emoji", "count": 4, "emoji": "👍"},
             {"type": "paid", "count": 1},
             {"type": "custom_emoji", "count": 2, "document_id": "5123456789012345678"},
         ]},
        {**post, **_plain("Insulin is here.\nKeep it cold.")},
        {**post, "file": _FILE, "file_name": "price list.jpg", "file_size": 1203,
         "thumbnail": NOT_INCLUDED, "mime_type": "image/jpeg", "width": 64, "height": 48,
         **nothing},
        {**head, **edited, **post, "reply_to_message_id": _BEFORE,
         **_plain("Today until 20:00 ክፍት ነው")},
        {**post, "forwarded_from": "Demo Tena Drug Store", **_plain("Vitamin C 1000 mg, 200 birr")},
        {**post, "poll": {
            "question": "Which size?", "closed": False, "total_voters": 3,
            "answers": [{"text": "10", "voters": 2, "chosen": False},
                        {"text": "20", "voters": 1, "chosen": False}],
        }, **nothing},
        {**post, **photo, **nothing},
        {**service, "action": "pin_message", "message_id": _BEFORE, **nothing},
    ]  # fmt: skip


def _plain(text: str) -> dict[str, Any]:
    return {"text": text, "text_entities": [{"type": "plain", "text": text}]}


def _write_pictures(folder: Path, count: int, photos: str) -> None:
    for number in range(2, count + 1):
        if number % KINDS in (0, 4, 8):
            file = folder / picture(number, folder=photos)
            file.parent.mkdir(parents=True, exist_ok=True)
            image = Image.new("RGB", (64, 48), (number % 256, number // 256 % 256, 90))
            image.save(file, "JPEG")
            if number % KINDS != 4:
                image.resize((16, 12)).save(file.with_name(f"{file.stem}_thumb.jpg"), "JPEG")
