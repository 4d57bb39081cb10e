"""What is read of a surveyed file, and what is never read."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.reading import Bounds, Shaped, read_file
from medwh_assets.imports.source_file import CHATLESS
from medwh_assets.imports.survey import survey
from tests.factories import moment
from tests.unit.imports.desktop_exports import bare
from tests.unit.imports.test_survey import account, chat, of, post, put

SECRET = "SECRET"
BOUNDS = Bounds(date(2018, 1, 1), moment("2026-01-01 00:00"))


def read(root: Path, **asked: Any) -> list[Shaped | Refused | Unread]:
    found = survey(root, **asked)
    return [item for file in found.files for item in read_file(found, file, BOUNDS)]


def posts(items: list[Shaped | Refused | Unread]) -> list[tuple[str, int]]:
    return [(i.found.post.channel, i.found.post.id) for i in items if isinstance(i, Shaped)]


@pytest.mark.parametrize("sort_keys", [False, True])
def test_of_an_account_public_chats_are_read_and_nothing_else(
    tmp_path: Path, sort_keys: bool
) -> None:
    mom = chat("Mom", 5, SECRET, kind="personal_chat")
    whole = account(mom, chat("A", 11111, "a"), mom, chat("B", 22222, "b", "c"), mom)
    put(tmp_path, "result.json", json.dumps(whole, sort_keys=sort_keys))
    items = read(tmp_path)
    assert posts(items) == [("c11111", 1), ("c22222", 1), ("c22222", 2)]
    assert len(items) == 3
    assert SECRET not in repr(items)


@pytest.mark.parametrize(
    "private",
    [
        bare(1, text=SECRET),
        {"messages": [bare(1, text=SECRET)]},
        {"id": 7, "saved": {"messages": [bare(1, text=SECRET)]}},
        {"chats": [chat("Mom", 5, SECRET, kind="personal_chat")]},
        chat("Mom", 5, SECRET, kind="nobody_knows"),
    ],
    ids=range(5),
)
def test_messages_without_a_public_chat_are_neither_read_nor_quarantined(
    tmp_path: Path, private: dict[str, Any]
) -> None:
    content = "\n".join(map(json.dumps, [post(1), private, post(2)]))
    put(tmp_path, "telegram_messages/2024-01-05/lobelia.jsonl", content)
    items = read(tmp_path)
    assert posts(items) == [("lobelia", 1), ("lobelia", 2)]
    assert SECRET not in repr(items)
    assert items[2:] in ([], [Unread(CHATLESS)])


def test_records_of_several_channels_go_each_to_its_own(tmp_path: Path) -> None:
    put(tmp_path, "pharma_all.json", [of(1001001, 1), of(1001002, 1), of(1001002, 2)])
    assert posts(read(tmp_path)) == [("c1001001", 1), ("c1001002", 1), ("c1001002", 2)]


def test_what_stands_around_posts_names_their_channel(tmp_path: Path) -> None:
    put(tmp_path, "out.json", {"messages": [post(1), post(2)], "username": "lobelia_x"})
    assert posts(read(tmp_path)) == [("lobelia_x", 1), ("lobelia_x", 2)]


def test_a_file_that_changed_since_the_look_gives_none_of_its_new_chats(tmp_path: Path) -> None:
    put(tmp_path, "result.json", chat("A", 11111, "a"))
    found = survey(tmp_path)
    mom = chat("Mom", 5, SECRET, kind="personal_chat")
    put(tmp_path, "result.json", account(mom, chat("A", 11111, "a")))
    items = [item for file in found.files for item in read_file(found, file, BOUNDS)]
    assert SECRET not in repr(items)
