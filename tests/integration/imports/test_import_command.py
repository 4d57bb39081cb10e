"""What `medwh import` says: what it found, what it did, and nothing that a terminal would obey."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.imports.conftest import TIMEOUT_SECONDS, Place
from tests.unit.exports.made_lake import made_lake
from tests.unit.imports import csv_dumps, desktop_exports, telethon_dumps
from tests.unit.imports.test_scraped_lake import Scraped, post

HOSTILE = "\x1b]0;taken over\x07\x1b[31m[red]Shop[/red] \x9b2J\r\x08"


def lines(said: str) -> list[str]:
    """What was printed, line by line; every character of it is one that shows."""
    assert all(line.isprintable() for line in said.split("\n")), repr(said)
    return [line.rstrip() for line in said.splitlines()]


def after(found: list[str], beginning: str) -> list[str]:
    """The lines from one on."""
    return found[next(at for at, line in enumerate(found) if line.startswith(beginning)) :]


# -- every shape: what was found, then what was done ---------------------------------------------------


def test_a_chat_of_telegram_desktop(place: Place) -> None:
    folder = desktop_exports.write_chat(place.folder, 20)
    assert lines(place.medwh("import", folder)) == [
        f"Found at {folder}:",
        "  Telegram Desktop export: 1 file, 20 records, channel c1000000001",
        "    Demo Selam Pharmacy ሰላም ፋርማሲ → c1000000001, 20 posts",
        "      exports carry no username; to give it one: "
        "--chat 'Demo Selam Pharmacy ሰላም ፋርማሲ'=<username>",
        "  6 images",
        "c1000000001  20 records in 1 file, 2025-03-01 … 2025-03-01",
        "  posts   20 new, 0 merged, 0 unchanged, 0 twice, 0 quarantined",
        "  images  6 matched, 0 named but absent, 0 without a post",
        f"The lake is {place.lake.root}. Next: medwh run",
    ]


def test_a_whole_account(place: Place) -> None:
    folder = desktop_exports.write_account(place.folder, 12, images=False)
    said = place.medwh("import", folder, "--chat", "1000000004=demo_left")
    found = lines(said)
    assert found[1:7] == [
        "  Telegram Desktop export: 1 file, 24 records, channels c1000000001, demo_left",
        "    Demo Selam Pharmacy ሰላም ፋርማሲ → c1000000001, 12 posts",
        "      exports carry no username; to give it one: "
        "--chat 'Demo Selam Pharmacy ሰላም ፋርማሲ'=<username>",
        "    Demo Left Channel → demo_left, 12 posts",
        "    left out, not public and not read: "
        "1 personal_chat, 1 private_supergroup, 1 saved_messages",
        "  0 images",
    ]
    assert "  posts   12 new, 0 merged, 0 unchanged, 0 twice, 0 quarantined" in found
    assert "Friend" not in said and "Staff" not in said


def test_csv(place: Place) -> None:
    file = place.folder / "posts.csv"
    file.write_text(csv_dumps.dump([csv_dumps.rows(10), csv_dumps.rows(4)]), newline="")
    found = lines(place.medwh("import", file))
    assert "  CSV dump: 1 file, 14 records, channel demo_shop" in found
    assert after(found, "demo_shop")[:3] == [
        "demo_shop  14 records in 1 file, 2025-03-01 … 2025-03-01",
        "  posts   10 new, 0 merged, 0 unchanged, 4 twice, 0 quarantined",
        "  images  0 matched, 2 named but absent, 0 without a post",
    ]


def test_a_telethon_dump(place: Place) -> None:
    file = telethon_dumps.write_lines(place.folder / "demo_shop.jsonl", 16)
    found = lines(place.medwh("import", file))
    assert "  Telethon dump: 1 file, 16 records, channel demo_shop" in found
    assert after(found, "demo_shop")[1] == (
        "  posts   14 new, 0 merged, 0 unchanged, 0 twice, 2 quarantined"
    )
    assert "  ! demo_shop: 2 quarantined: empty: deleted before it was read" in found


def test_a_scraped_lake_twice(place: Place) -> None:
    scraped = Scraped(place.folder / "scraped").posts([post(1), post(2), {"id": 3}], "Demo_Shop")
    scraped.image("Demo_Shop/1.jpg").image("Demo_Shop/7.jpg")
    found = lines(place.medwh("import", scraped.root))
    assert found[1] == "  scraped posts: 1 file, 3 records, channel demo_shop"
    assert after(found, "demo_shop") == [
        "demo_shop  3 records in 1 file, 2025-03-01 … 2025-03-01",
        "  posts   2 new, 0 merged, 0 unchanged, 0 twice, 1 quarantined",
        "  images  1 matched, 0 named but absent, 1 without a post",
        "  ! demo_shop: 1 quarantined: no date",
        f"The lake is {place.lake.root}. Next: medwh run",
    ]
    again = lines(place.medwh("import", scraped.root))
    assert "  posts   0 new, 0 merged, 2 unchanged, 0 twice, 1 quarantined" in again


@pytest.mark.parametrize("table_format", ["jsonl", "parquet"])
def test_what_medwh_exported(place: Place, table_format: str) -> None:
    made_lake(place.lake.root)
    said = lines(place.medwh("export", place.folder / "out", "--format", table_format))
    assert said[-1].startswith(f"{place.folder / 'out'}  7 posts in 4 slices, 5 images, ")
    place.lake.root.rename(place.folder / "moved")
    found = lines(place.medwh("import", place.folder / "out"))
    assert any(line.startswith("  what medwh export wrote: out, 7 posts") for line in found)
    assert "  posts   6 new, 0 merged, 0 unchanged, 0 twice, 0 quarantined" in found


def test_an_archive_says_what_of_it_was_left_out(place: Place) -> None:
    folder = desktop_exports.write_chat(place.folder, 20)
    (folder / "program.exe").write_bytes(b"MZ")
    archive = place.folder / "history.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", place.folder, folder.name], check=True)
    found = lines(place.medwh("import", archive))
    assert "  6 images" in found
    assert any(line.startswith("  ! archive: 1 entr") for line in found)
    assert "  posts   20 new, 0 merged, 0 unchanged, 0 twice, 0 quarantined" in found


# -- when nothing comes of it --------------------------------------------------------------------------


def test_an_account_without_public_chats_imports_nothing_and_fails(place: Place) -> None:
    messages = [desktop_exports.bare(1, text="to a friend", text_entities=[])]
    chat = {"name": "Demo Friend", "type": "personal_chat", "id": 7, "messages": messages}
    (place.folder / "result.json").write_text(json.dumps(chat, indent=1))
    said = place.medwh("import", place.folder / "result.json", status=1)
    assert "holds no posts (result.json: no public chat" in said
    assert "friend" not in said.lower()
    assert not place.lake.root.exists()


def test_a_folder_without_posts_is_told_what_could_be_imported(place: Place) -> None:
    (place.folder / "package.json").write_text('{"name": "demo"}')
    said = place.medwh("import", place.folder, status=1)
    assert f"error: {place.folder} holds no posts (package.json: no records" in said
    assert "medwh imports: a Telegram Desktop export (result.json)" in said
    assert "Traceback" not in said
    assert not place.lake.root.exists()


def test_a_path_that_is_not_there_is_said_to_be(place: Place) -> None:
    said = place.medwh("import", place.folder / "absent", status=1)
    assert said == f"error: {place.folder / 'absent'} does not exist\n"


def test_a_wrong_chat_is_answered_with_the_public_ones(place: Place) -> None:
    folder = desktop_exports.write_account(place.folder, 3, images=False)
    said = place.medwh("import", folder, "--chat", "Demo Selam=demo_shop", status=1)
    assert "error: --chat 'Demo Selam' fits nothing. There are Public chats: " in said
    assert "'Demo Left Channel' (--chat 1000000004=<username>)" in said
    assert "Friend" not in said and "Staff" not in said
    assert not place.lake.root.exists()


# -- text from outside ---------------------------------------------------------------------------------


def hostile(folder: Path) -> Path:
    """An export whose title gives orders to a terminal, and beside it a file named so."""
    chat = {**desktop_exports.CHAT, "name": HOSTILE}
    messages = [desktop_exports.message(2), {**desktop_exports.bare(3), "id": HOSTILE}]
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps({**chat, "messages": messages}))
    (folder / "\x1b]0;taken over\x07.json").write_text('{"messages": [{"id": 1, "date"')
    return folder


def test_what_a_title_or_a_name_orders_a_terminal_to_do_is_not_printed(place: Place) -> None:
    dump = hostile(place.folder / "dump")
    said = place.medwh("import", dump)
    assert "[red]Shop[/red]" in said
    assert "c1000000001, 2 posts" in said
    lines(said)
    lines(place.medwh("import", dump, "--chat", "none=demo_shop", status=1))


def test_nor_is_it_on_a_terminal(place: Place) -> None:
    dump = hostile(place.folder / "dump")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "medwh_assets.cli", "import", str(dump)],
        env={**place.environment, "TERM": "xterm-256color"},
        cwd=place.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65_536):
            shown += piece
    except OSError:
        # What Linux answers when the other side has closed.
        pass
    os.close(ours)
    assert process.wait(TIMEOUT_SECONDS) == 0
    assert b"Shop[/red]" in shown
    # The bars need orders of their own; none of them is of this kind.
    assert b"\x1b[1m" in shown
    for order in (b"\x1b]0;", b"\x07", b"\x1b[31m", "\x9b".encode(), b"\x08"):
        assert order not in shown
