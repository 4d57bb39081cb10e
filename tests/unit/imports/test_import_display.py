"""What the terminal says of an import before it writes."""

import io
from pathlib import Path

from rich.console import Console

from medwh_assets.import_display import show_import, show_survey
from medwh_assets.imports.chat_names import Asked
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.imports.survey import survey
from tests.unit.imports.test_survey import account, chat, post, put


def shown(root: Path, chats: Asked = ()) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_survey(console, survey(root, chats=chats, known={55555: "c55555"}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_chat_is_named_by_its_title_or_where_titles_repeat_by_its_id(tmp_path: Path) -> None:
    put(tmp_path, "result.json", account(chat("A", 11111), chat("A", 22222), chat("B c", 33333)))
    lines = shown(tmp_path)
    assert "--chat 11111=<username>" in lines
    assert "--chat 'B c'=<username>" in lines
    assert "channels c11111, c22222, c33333" in lines


def test_a_name_that_is_a_guess_is_called_one(tmp_path: Path) -> None:
    put(tmp_path, "lobelia.json", [post(1)])
    put(tmp_path, "other.json", [post(1, channel="tikvah")])
    lines = shown(tmp_path)
    assert "lobelia: channel from the file's name; if that is wrong: --chat lobelia=" in lines
    assert "tikvah: channel from" not in lines
    assert "channels lobelia, tikvah" in lines


def test_new_names_titles_without_any_and_files_without_posts_are_told(tmp_path: Path) -> None:
    put(tmp_path, "result.json", chat("A", 55555))
    put(tmp_path, "all.json", [post(1, channel="tikvah"), post(2, channel="Some Title")])
    put(tmp_path, "messages.html", "<html>")
    lines = shown(tmp_path, {"A": "lobelia"})
    assert "c55555 of the lake is now lobelia" in lines
    assert "all.json: no username of Some Title: --chat 'Some Title'=<username>" in lines
    assert "passed over: messages.html: an HTML export" in lines


def test_what_a_reason_is_about_is_said_once() -> None:
    summary = ImportSummary()
    summary.unreadable.append(("a|2024-01-01", "a|2024-01-01: not JSON"))
    summary.channel("lobelia").misdecoded = 1
    console = Console(file=io.StringIO(), width=200)
    show_import(console, summary)
    assert isinstance(console.file, io.StringIO)
    assert "! a|2024-01-01: not JSON" in console.file.getvalue()
    assert "1 text decoded wrongly" in console.file.getvalue()
