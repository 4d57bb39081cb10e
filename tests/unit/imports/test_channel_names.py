"""Which channel a record belongs to: the table of the rules."""

from typing import Any

import pytest

from medwh_assets.imports.channel_names import (
    FileName,
    Names,
    Says,
    channel_of,
    is_mixed,
    named_by,
    says_around,
    says_of,
    says_of_message,
)
from tests.unit.imports import telethon_dumps

NAMES = Names(asked={555: "asked"}, titles={"Shop": "titled"}, ids={555: "asked", 777: "c777"})
GUESS = FileName("guess", "file")
SURE = FileName("sure", "file", sure=True)
MIXED = FileName("guess", "file", mixed=True)
GIVEN = FileName("given", "chat")


@pytest.mark.parametrize(
    ("says", "file", "channel"),
    [
        (Says(username="own", id=555), GUESS, "asked"),
        (Says(username="own", title="Shop"), SURE, "own"),
        (Says(name="shop", title="Shop"), SURE, "titled"),
        (Says(id=777, by_telegram=True), GUESS, "c777"),
        (Says(id=888, by_telegram=True), GUESS, None),
        (Says(id=888), GUESS, "guess"),
        (Says(name="maybe_title", title="maybe_title"), SURE, "sure"),
        (Says(name="own"), GUESS, "own"),
        (Says(name="own"), MIXED, "own"),
        (Says(), MIXED, None),
        (Says(title="Other"), MIXED, None),
        (Says(title="Other"), GUESS, "guess"),
        (Says(name="own"), GIVEN, "own"),
        (Says(), GIVEN, "given"),
        (Says(), FileName("given", "chat", mixed=True), "given"),
        (Says(title="Other"), FileName("given", "chat", mixed=True), None),
        (Says(), FileName(), None),
    ],
)
def test_a_record_belongs_to_what_speaks_of_it_most_surely(
    says: Says, file: FileName, channel: str | None
) -> None:
    assert channel_of(says, file, NAMES) == channel


@pytest.mark.parametrize(
    ("several", "mixed"),
    [
        ([], False),
        ([Says(), Says(name="one")], False),
        ([Says(username="one", title="A"), Says(username="one", title="B")], False),
        ([Says(name="one"), Says(name="other")], True),
        ([Says(title="A"), Says(title="B")], True),
        ([Says(id=555), Says(id=777)], True),
    ],
)
def test_a_file_is_mixed_if_it_speaks_of_two_channels(several: list[Says], mixed: bool) -> None:
    assert is_mixed(several) == mixed


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("CheMed123", ("chemed123", "file")),
        ("@CheMed123", ("chemed123", "file")),
        ("lobelia_messages", ("lobelia", "file")),
        ("messages", (None, None)),
        ("all_data_2", (None, None)),
        ("telegram_messages", (None, None)),
        ("lobelia/messages", ("lobelia", "folder")),
        ("lobelia/2024-01-05", ("lobelia", "folder")),
        ("2024-01-05/lobelia/123", ("lobelia", "folder")),
        ("2024-01-05/messages", (None, None)),
        ("shop/other", ("other", "file")),
    ],
)
def test_a_files_or_a_folders_name_is_a_channels_unless_it_is_plain(
    path: str, found: tuple[str | None, str | None]
) -> None:
    *folders, stem = path.split("/")
    assert named_by(folders, stem) == found


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"channel_username": "@One", "channel": "x y"}, Says(username="one", title="x y")),
        ({"channel": "t.me/one"}, Says(name="one", title="t.me/one")),
        ({"channel_name": "Two Words", "username": "writer"}, Says(title="Two Words")),
        ({"channel_title": "A", "channel": "one"}, Says(name="one", title="A")),
        ({"chat_id": -1001234567890}, Says(id=1234567890)),
        ({"chat_id": 1234567890}, Says()),
        ({"channel_id": "1234567890.0"}, Says(id=1234567890)),
        ({"channel_id": 5}, Says()),
        ({"channel": {"username": "one"}, "channel_title": ["A"], "channel_name": "B c"}, Says(title="B c")),
    ],
)  # fmt: skip
def test_a_record_says_what_its_fields_say(record: dict[str, Any], says: Says) -> None:
    assert says_of(record) == says


def test_a_message_of_telethons_has_telegrams_own_id() -> None:
    says = says_of_message(telethon_dumps.live(1))
    assert says == Says(id=telethon_dumps.CHANNEL_ID, by_telegram=True)


def test_a_username_around_posts_is_the_channels() -> None:
    around = says_around({"username": "One_Shop", "title": "One"})
    assert Says(title="x").within(around) == Says(username="one_shop", title="x")
