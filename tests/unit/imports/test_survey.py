"""What a survey decides before anything is written: names, chats, and what is passed over."""

import errno
import json
from pathlib import Path
from typing import IO, Any

import pytest

from medwh_assets.errors import ImportShapeError
from medwh_assets.imports.chat_names import Asked, way_out
from medwh_assets.imports.survey import Survey, survey
from tests.factories import moment, tree
from tests.unit.imports import telethon_dumps
from tests.unit.imports.desktop_exports import bare


def put(root: Path, name: str, content: object) -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def chat(title: str, chat_id: int, *texts: str, kind: str = "public_channel") -> dict[str, Any]:
    messages = [bare(n, text=text) for n, text in enumerate(texts or ("hi",), 1)]
    return {"name": title, "type": kind, "id": chat_id, "messages": messages}


def account(*chats: dict[str, Any]) -> dict[str, Any]:
    return {"about": "", "chats": {"about": "", "list": list(chats)}}


def of(channel_id: int, number: int = 1, **fields: Any) -> dict[str, Any]:
    message = telethon_dumps.live(number, peer_id=telethon_dumps.peer(channel_id), **fields)
    return json.loads(json.dumps(message, default=str))


def lines(*records: dict[str, Any]) -> str:
    return "\n".join(json.dumps(record) for record in records)


def post(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "date": "2025-03-01T12:00:00+00:00", **fields}


def into(found: Survey) -> set[str | None]:
    return {channel for file in found.files for channel in file.into}


# -- several channels in one file -------------------------------------------------------------------


def test_a_file_of_several_telethon_channels_is_not_one_channel(tmp_path: Path) -> None:
    put(tmp_path, "pharma_all.jsonl", lines(of(1001001), of(1001002), of(1001003)))
    assert into(survey(tmp_path)) == {"c1001001", "c1001002", "c1001003"}
    known = {1001001: "lobelia"}
    named = survey(tmp_path, chats={"-1001001002": "tikvah"}, known=known)
    assert into(named) == {"lobelia", "tikvah", "c1001003"}


def test_titles_without_usernames_are_passed_over_with_the_way_to_name_them(tmp_path: Path) -> None:
    rows = "Channel Title,ID,Message,Date\nAlpha Pharm,1,a,2024-01-01\nBeta Pharm,1,b,2024-01-02\n"
    put(tmp_path, "pharma_posts.csv", rows)
    with pytest.raises(ImportShapeError, match="--chat 'Alpha Pharm'=<username>"):
        survey(tmp_path)
    found = survey(tmp_path, chats={"Alpha Pharm": "alpha"})
    assert into(found) == {"alpha", None}
    assert "--chat 'Beta Pharm'" in (way_out(found.files[0], found.files) or "")


def test_two_files_of_one_name_and_two_chats_are_two_channels(tmp_path: Path) -> None:
    put(tmp_path, "lobelia/1.json", of(1001001))
    put(tmp_path, "lobelia/2.json", of(1001002, 2))
    assert into(survey(tmp_path)) == {"c1001001", "c1001002"}


def test_a_username_is_the_channels_only_if_all_records_have_the_same(tmp_path: Path) -> None:
    put(tmp_path, "messages.json", [post(1, username="one_shop"), post(2, username="one_shop")])
    assert into(survey(tmp_path)) == {"one_shop"}
    put(tmp_path, "messages.json", [post(1, username="alice"), post(2, username="kebede")])
    with pytest.raises(ImportShapeError, match="--chat messages=<username>"):
        survey(tmp_path)
    put(tmp_path, "lobelia.json", [post(1, username="alice")])
    assert into(survey(tmp_path / "lobelia.json")) == {"lobelia"}


def test_the_name_of_a_file_does_not_go_for_the_rest_where_some_name_another_channel(
    tmp_path: Path,
) -> None:
    put(tmp_path, "guess.json", [post(1, channel="one_shop"), post(2)])
    assert into(survey(tmp_path)) == {"one_shop", None}


@pytest.mark.parametrize(
    ("name", "records", "channel"),
    [
        ("2024-01-05/messages.json", [post(1, channel="lobelia")], "lobelia"),
        ("lobelia/2024-01-05.json", [post(1)], "lobelia"),
        ("2024-01-05/lobelia/123.json", post(123), "lobelia"),
        ("2024-01-05/lobelia_messages.json", [post(1)], "lobelia"),
    ],
)
def test_every_layout_of_a_scraped_lake_names_its_channels(
    tmp_path: Path, name: str, records: object, channel: str
) -> None:
    put(tmp_path, f"telegram_messages/{name}", records)
    found = survey(tmp_path)
    assert into(found) == {channel}
    assert found.files[0].observed_at == moment("2024-01-05 23:59").replace(second=59)


@pytest.mark.parametrize(
    "content",
    [
        {"lobelia_x": [post(1)], "tikvah_y": [post(2)]},
        {"channels": [{"username": c, "messages": [post(1)]} for c in ("lobelia_x", "tikvah_y")]},
    ],
)
def test_a_file_may_hold_a_list_for_each_channel(tmp_path: Path, content: object) -> None:
    put(tmp_path, "out.json", content)
    assert into(survey(tmp_path)) == {"lobelia_x", "tikvah_y"}


def test_a_list_of_items_belongs_to_the_files_channel(tmp_path: Path) -> None:
    put(tmp_path, "lobelia_x.json", {"items": [post(1)]})
    assert into(survey(tmp_path)) == {"lobelia_x"}


# -- --chat ------------------------------------------------------------------------------------------


def test_a_title_of_several_chats_is_no_name_and_their_ids_are(tmp_path: Path) -> None:
    put(tmp_path, "result.json", account(chat("Pharma", 11111), chat("Pharma", 22222)))
    with pytest.raises(ImportShapeError, match=r"--chat 11111=<username>, --chat 22222=<username>"):
        survey(tmp_path, chats={"Pharma": "one"})
    assert into(survey(tmp_path, chats={"11111": "one"})) == {"one", "c22222"}


@pytest.mark.parametrize("name", ["Alpha", "70001", "-10070001", "result", "result.json"])
def test_a_single_chat_is_known_by_title_id_and_file(tmp_path: Path, name: str) -> None:
    put(tmp_path, "result.json", chat("Alpha", 70001))
    assert into(survey(tmp_path, chats=[(name, "alpha_x")])) == {"alpha_x"}


@pytest.mark.parametrize(
    ("chats", "known", "message"),
    [
        ([("Alpha", "one"), ("Alpha", "two")], {}, "given twice"),
        ([("Alpha", "one"), ("70001", "two")], {}, "both one and two"),
        ({"Alhpa": "one"}, {}, "'Alpha' .--chat 70001=<username>.; files: result.json"),
        ({"Alpha": "other"}, {70001: "lobelia"}, "use --chat 70001=lobelia"),
        ({"Alpha": "lobelia"}, {70002: "lobelia"}, "the chat with the id 70002"),
        ({"Alpha": "not a name"}, {}, "no Telegram username"),
    ],
)
def test_a_chat_that_fits_nothing_or_contradicts_is_refused(
    tmp_path: Path, chats: Asked, known: dict[int, str], message: str
) -> None:
    put(tmp_path, "result.json", chat("Alpha", 70001))
    with pytest.raises(Exception, match=message):
        survey(tmp_path, chats=chats, known=known)


def test_two_chats_cannot_come_in_as_one_channel(tmp_path: Path) -> None:
    put(tmp_path, "result.json", account(chat("A", 11111), chat("B", 22222)))
    with pytest.raises(ImportShapeError, match="cannot be two chats"):
        survey(tmp_path, chats={"A": "one", "B": "one"})


def test_a_file_is_known_by_its_path_or_by_a_name_that_no_other_has(tmp_path: Path) -> None:
    put(tmp_path, "chana_x/messages.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "chanb_x/messages.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "messages.csv", "id,date\n1,2024-01-01\n")
    with pytest.raises(ImportShapeError, match=r"several files: --chat messages.csv=.*chana_x"):
        survey(tmp_path, chats={"messages": "other"})
    found = survey(tmp_path, chats={"messages.csv": "other"})
    assert into(found) == {"chana_x", "chanb_x", "other"}
    (tmp_path / "messages.csv").unlink()
    (tmp_path / "chanb_x/messages.csv").unlink()
    with pytest.raises(ImportShapeError, match="lies in a folder that names the channel chana_x"):
        survey(tmp_path, chats={"messages": "other"})
    assert into(survey(tmp_path, chats={"chana_x/messages.csv": "other"})) == {"other"}


def test_a_name_for_a_file_whose_records_have_one_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "data.json", [post(1, channel_username="lobelia")])
    with pytest.raises(ImportShapeError, match="changes nothing"):
        survey(tmp_path, chats={"data": "other"})


def test_the_same_id_is_the_same_channel_in_every_file(tmp_path: Path) -> None:
    answer = {
        "_": "messages.ChannelMessages",
        "messages": [of(55555)],
        "chats": [{"_": "Channel", "id": 55555, "title": "Lobelia", "username": "lobelia_x"}],
    }
    put(tmp_path, "history.json", answer)
    put(tmp_path, "some_name.jsonl", lines(of(55555, 2)))
    put(tmp_path, "export/result.json", chat("Lobelia", 55555))
    assert into(survey(tmp_path)) == {"lobelia_x"}


@pytest.mark.parametrize(
    ("name", "content", "chats"),
    [
        ("result.json", chat("Lobelia", 55555), {"Lobelia": "lobelia_x"}),
        ("lobelia_x.jsonl", of(55555), {}),
        ("m.json", post(1, channel_id=55555, channel_username="lobelia_x"), {}),
    ],
)
def test_a_channel_known_by_its_id_alone_gets_its_name(
    tmp_path: Path, name: str, content: object, chats: dict[str, str]
) -> None:
    found = survey(put(tmp_path, name, content), chats=chats, known={55555: "c55555"})
    assert found.renames == {"c55555": "lobelia_x"}
    assert into(found) == {"lobelia_x"}
    again = survey(tmp_path, chats=chats, known={55555: "lobelia_x"})
    assert (again.renames, into(again)) == ({}, {"lobelia_x"})


# -- private chats -----------------------------------------------------------------------------------


def test_an_export_whose_keys_were_sorted_gives_its_public_chats(tmp_path: Path) -> None:
    whole = account(chat("Mom", 5, kind="personal_chat"), chat("Pharma", 11111, "a", "b"))
    put(tmp_path, "result.json", json.dumps(whole, sort_keys=True))
    found = survey(tmp_path)
    (file,) = found.files
    assert [(one.chat.title, one.channel, one.posts) for one in file.chats] == [
        (None, None, 1), ("Pharma", "c11111", 2),
    ]  # fmt: skip
    assert found.chats_left_out == {"personal_chat": 1}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(chat("Mom", 5, kind="personal_chat"), sort_keys=True),
        json.dumps([bare(1, text="hi")]),
        json.dumps({"mom": [bare(1, text="hi")]}),
        json.dumps({"messages": [bare(1, text="hi")], "type": "nobody_knows"}),
        json.dumps({"channels": [chat("Mom", 5, kind="personal_chat")]}),
        lines(bare(1, text="hi"), bare(2, text="hi")),
    ],
)
def test_messages_of_a_chat_that_is_not_surely_public_are_passed_over(
    tmp_path: Path, content: str
) -> None:
    put(tmp_path, "lobelia.json", content)
    with pytest.raises(ImportShapeError, match=r"without their chat|no public chat"):
        survey(tmp_path)


def test_a_public_chat_without_a_usable_id_is_left_out_alone(tmp_path: Path) -> None:
    nameless = {key: value for key, value in chat("No Id", 1).items() if key != "id"}
    put(tmp_path, "result.json", account(chat("A", 7), chat("B", 70009), nameless))
    found = survey(tmp_path)
    assert into(found) == {"c70009"}
    assert [one.reason for one in found.files[0].chats] == [
        "c7 can be no channel's name: --chat 7=<username>",
        None,
        "has no id: --chat 'No Id'=<username>",
    ]
    assert into(survey(tmp_path, chats={"No Id": "one", "A": "two"})) == {"one", "two", "c70009"}


# -- what is passed over -----------------------------------------------------------------------------


def test_every_file_of_data_that_gives_nothing_is_listed_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "good_one.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "bad.csv", "Title,When\nhi,2024-01-01\n")
    (tmp_path / "old.csv").write_bytes("id,date,text\n1,2024-01-01,é\n".encode("cp1252") * 99)
    put(tmp_path, "messages.html", "<html>").joinpath("x.xlsx").write_bytes(b"PK")
    put(tmp_path, "package.json", {"id": 1, "name": "x"})
    put(tmp_path, "readme.md", "not data")
    found = dict(survey(tmp_path).passed_over)
    assert set(found) == {"bad.csv", "old.csv", "messages.html", "x.xlsx", "package.json"}
    assert "an id and a date column missing (found Title, When)" in found["bad.csv"]
    assert "save it as UTF-8 (Excel: CSV UTF-8)" in found["old.csv"]
    assert "Machine-readable JSON" in found["messages.html"]
    assert found["package.json"] == "no records with an id and a date"


def test_a_file_that_cannot_be_opened_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "good_one.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "secret.csv", "id,date\n")
    opened = Path.open

    def refusing(self: Path, mode: str = "r") -> IO[Any]:
        if self.name == "secret.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, mode)

    monkeypatch.setattr(Path, "open", refusing)
    assert survey(tmp_path).passed_over == (("secret.csv", "cannot be opened (Permission denied)"),)


def test_where_nothing_is_found_the_error_says_why_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path, "messages.html", "<html>")
    before = tree(tmp_path)
    with pytest.raises(ImportShapeError, match=r"\(messages.html: an HTML export: export again"):
        survey(tmp_path)
    assert tree(tmp_path) == before


def test_the_other_layers_of_a_lake_hold_no_posts_and_other_files_beside_it_may(
    tmp_path: Path,
) -> None:
    put(tmp_path, "telegram_messages/2024-01-05/lobelia.json", [post(1)])
    put(tmp_path, "telegram_messages/2024-01-05/csvchan.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "older/otherchan.csv", "id,date\n1,2024-01-01\n")
    put(tmp_path, "yolo_detections/2024-01-05/lobelia.json", [post(9)])
    put(tmp_path, "quarantine/posts/lobelia/1.json", [post(9)])
    found = survey(tmp_path)
    assert into(found) == {"lobelia", "csvchan", "otherchan"}
    assert found.passed_over == ()


def test_only_what_was_given_says_when_posts_were_seen(tmp_path: Path) -> None:
    above = tmp_path / "2020-02-02"
    put(above, "dump/lobelia.json", [post(1)])
    assert survey(above / "dump").files[0].observed_at is None
    last = moment("2020-02-02 23:59").replace(second=59)
    assert survey(above).files[0].observed_at == last
