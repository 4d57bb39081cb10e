"""Whole imports of damaged dumps, of every shape: each ends in a summary or in one sentence."""

import io
import json
import os
import random
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.errors import ImportShapeError
from medwh_assets.exports.lake_export import export_lake
from medwh_assets.imports.summary import ChannelSummary, ImportSummary
from medwh_assets.lake.store import Lake
from tests.factories import json_values, tree
from tests.unit.exports.made_lake import jpeg, made_lake
from tests.unit.imports import csv_dumps, desktop_exports, telethon_dumps
from tests.unit.imports.bringing import bring_in
from tests.unit.imports.test_scraped_lake import Scraped

SECRET = "SECRET-OF-A-PRIVATE-CHAT"
POSTS = 12
CHAT_ID = "1000000001"
CHANNEL = "demo_shop"
# Thousands of small lakes are made here and removed again, which takes a disk minutes.
MEMORY = Path("/dev/shm")


def fuzzed(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@contextmanager
def small_folder() -> Iterator[Path]:
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="medwh-", dir=place) as folder:
        yield Path(folder)


# -- small sound dumps of every shape ---------------------------------------------------------------


@dataclass(frozen=True)
class Dump:
    """A dump on disk.

    Attributes:
        path: what is imported.
        files: what of it can be damaged; an account's private chats are marked as secret.
        chats: channels of chats and files that tell none.
        account: whether `files` are a whole account as it is, not packed.
    """

    path: Path
    files: tuple[Path, ...]
    chats: Mapping[str, str] = field(default_factory=dict[str, str])
    account: bool = False


def desktop_chat(root: Path) -> Dump:
    folder = desktop_exports.write_chat(root, POSTS, images=False)
    return Dump(folder, (folder / "result.json",), {CHAT_ID: CHANNEL})


def private(message: dict[str, Any], place: int) -> dict[str, Any]:
    """A message of a private chat: everything that somebody wrote is secret."""
    words = f"{SECRET} {place}"
    return {
        **{key: message[key] for key in ("id", "type", "date", "date_unixtime")},
        "from": words,
        "from_id": "user700001",
        "text": words,
        "text_entities": [{"type": "plain", "text": words}],
    }


def private_chat(head: Mapping[str, JsonValue], count: int) -> dict[str, Any]:
    name = {"name": SECRET} if "name" in head else {}
    messages = [private(desktop_exports.bare(number), number) for number in range(1, count + 1)]
    return {**head, **name, "messages": messages}


def printed(content: object) -> str:
    """As Telegram Desktop prints it."""
    return json.dumps(content, ensure_ascii=False, indent=1)


def desktop_account(root: Path) -> Dump:
    folder = desktop_exports.write_account(root, POSTS // 2, images=False)
    file = folder / "result.json"
    account = json.loads(file.read_text())
    account["contacts"]["list"][0]["first_name"] = SECRET
    account["frequent_contacts"]["list"][0]["name"] = SECRET
    account["personal_information"]["bio"] = SECRET
    account["chats"]["list"] = [
        account["chats"]["list"][0],
        *(private_chat(head, POSTS // 2) for head in desktop_exports.PRIVATE_CHATS),
    ]
    file.write_text(printed(account))
    return Dump(folder, (file,), account=True)


def csv_dump(root: Path) -> Dump:
    file = root / "posts.csv"
    file.write_text(csv_dumps.dump([csv_dumps.rows(POSTS), csv_dumps.rows(3)]), newline="")
    return Dump(file, (file,))


def telethon_array(root: Path) -> Dump:
    file = telethon_dumps.write_array(root / "demo_shop.json", POSTS)
    return Dump(file, (file,))


def telethon_lines(root: Path) -> Dump:
    file = telethon_dumps.write_lines(root / "messages.jsonl", POSTS, "str")
    return Dump(file, (file,), {CHAT_ID: CHANNEL})


def telethon_files(root: Path) -> Dump:
    folder = telethon_dumps.write_files(root / "demo_shop", POSTS // 2)
    return Dump(folder, tuple(sorted(folder.iterdir())))


def scraped_posts(first: int = 1, count: int = POSTS) -> list[dict[str, Any]]:
    return [
        {
            "message_id": number,
            "channel_name": "Demo Shop",
            "channel_username": "Demo_Shop",
            # Without a time zone, and so late that other dumps put some of them on another day.
            "message_date": f"{desktop_exports.moment(number) + timedelta(hours=3):%F %T}",
            "message_text": f"Aspirin 100 mg, {number} birr አስፕሪን",
            "has_media": number % 4 == 0,
            "image_path": f"data/raw/images/Demo_Shop/{number}.jpg" if number % 4 == 0 else None,
            "views": number * 3,
        }
        for number in range(first, first + count)
    ]


def scraped_lake(root: Path) -> Dump:
    Scraped(root).posts(scraped_posts(), "Demo_Shop").posts(scraped_posts(8), "other", "2025-07-10")
    return Dump(root, tuple(sorted(root.glob("telegram_messages/*/*.json"))))


def export(root: Path, table_format: Any) -> Dump:
    folder = root / "export"
    export_lake(
        made_lake(root / "made"), folder, table_format=table_format, progress=lambda _, __: None
    )
    tables = tuple(sorted(file for file in folder.iterdir() if file.is_file()))
    # Half of the damage goes where the posts are.
    return Dump(folder, (*tables, *[folder / f"posts.{table_format}"] * len(tables)))


def unpacked(root: Path) -> Path:
    (root / "unpacked").mkdir()
    return root / "unpacked"


def zipped(root: Path, dump: Dump) -> Dump:
    archive = root / "history.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in tree(dump.path).items():
            file.writestr(name, content)
    return replace(dump, path=archive, files=(archive,), account=False)


def tarred(root: Path, dump: Dump) -> Dump:
    archive = root / "history.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name, content in tree(dump.path).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return replace(dump, path=archive, files=(archive,), account=False)


SHAPES: dict[str, Callable[[Path], Dump]] = {
    "desktop chat": desktop_chat,
    "desktop account": desktop_account,
    "csv": csv_dump,
    "telethon array": telethon_array,
    "telethon lines": telethon_lines,
    "telethon files": telethon_files,
    "scraped lake": scraped_lake,
    "export, jsonl": lambda root: export(root, "jsonl"),
    "export, parquet": lambda root: export(root, "parquet"),
    "zip of an account": lambda root: zipped(root, desktop_account(unpacked(root))),
    "tar.gz of an account": lambda root: tarred(root, desktop_account(unpacked(root))),
    "zip of a scraped lake": lambda root: zipped(root, scraped_lake(unpacked(root))),
    "tar.gz of telethon files": lambda root: tarred(root, telethon_files(unpacked(root))),
}


# -- what must be true of every import ---------------------------------------------------------------


def check_import(dump: Dump) -> ImportSummary | None:
    """Import a dump twice into a fresh lake; the summary, or None where it holds nothing."""
    with small_folder() as folder:
        lake = Lake(folder / "lake")
        try:
            summary = bring_in(lake, dump.path, dump.chats)
        except ImportShapeError as error:
            assert SECRET not in str(error)
            assert tree(folder) == {}
            return None
        check_summary(lake, summary)
        before = tree(lake.root)
        again = bring_in(lake, dump.path, dump.chats)
        assert tree(lake.root) == before
        assert again.channels.keys() == summary.channels.keys()
        assert all((one.new, one.changed) == (0, 0) for one in again.channels.values())
        assert not any(SECRET in name for name in before)
        assert not any(SECRET.encode() in content for content in before.values())
        assert SECRET not in repr(summary)
        assert not list((folder / "state").glob("imports/*"))
        return summary


def check_summary(lake: Lake, summary: ImportSummary) -> None:
    """Every record is accounted for, and the lake holds, soundly, just what was kept."""
    for one in summary.channels.values():
        assert one.records == one.new + one.changed + one.unchanged + one.duplicates + refused(one)
    posts = dict.fromkeys(summary.channels, 0)
    for piece in lake.slices():
        found, bad = lake.examine(piece)
        assert bad == []
        lake.images(piece)
        lake.detections(piece)
        posts[piece.channel] = posts.get(piece.channel, 0) + len(found)
    # A slice without posts comes from an export, and its channel may have nothing else.
    assert {c: n for c, n in posts.items() if n} == {
        channel: one.new for channel, one in summary.channels.items() if one.new
    }
    for channel in posts:
        assert all(len(days) == 1 for days in lake.post_days(channel).values())


def refused(one: ChannelSummary) -> int:
    """Posts that were refused; images are counted beside them."""
    return sum(n for reason, n in one.quarantined.items() if not reason.startswith("image "))


# -- damage that is the same in every run ------------------------------------------------------------


def flipped(content: bytes, chance: random.Random) -> bytes:
    bad = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 3))):
        at = chance.randrange(len(bad))
        bad[at] = chance.choice((bad[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
    return bytes(bad)


def cut_off(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def without_a_span(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.randrange(1, 200) :]


def with_a_foreign_span(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    span = chance.choice((b"\0" * 50, chance.randbytes(50), b'"', b"]}", b"\n{", b"[[{"))
    return content[:at] + span + content[at:]


def with_a_span_of_its_own(content: bytes, chance: random.Random) -> bytes:
    start, at = chance.randrange(len(content)), chance.randrange(len(content))
    return content[:at] + content[start : start + chance.randrange(1, 400)] + content[at:]


def halves_swapped(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[at:] + content[:at]


Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: dict[Damage, int] = {
    flipped: 60,
    cut_off: 8,
    without_a_span: 6,
    with_a_foreign_span: 6,
    with_a_span_of_its_own: 6,
    halves_swapped: 4,
}
# Who cuts out the words between two chats, or copies from one into the other, makes one of two.
MIXES_CHATS = (without_a_span, with_a_span_of_its_own)


@contextmanager
def damaged(file: Path, content: bytes) -> Iterator[None]:
    """Let a file hold something else for a while."""
    whole = file.read_bytes()
    file.write_bytes(content)
    yield
    file.write_bytes(whole)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sound_dump_comes_in_whole(shape: str, tmp_path: Path) -> None:
    summary = check_import(SHAPES[shape](tmp_path))
    assert summary is not None
    assert summary.unreadable == []
    assert sum(one.new for one in summary.channels.values()) >= 5


@pytest.mark.parametrize("shape", SHAPES)
def test_a_damaged_dump_ends_in_a_summary_or_in_one_sentence(shape: str, tmp_path: Path) -> None:
    dump = SHAPES[shape](tmp_path)
    chance = random.Random(shape)
    came = 0
    for damage, times in DAMAGES.items():
        if dump.account and damage in MIXES_CHATS:
            continue
        # An export is six files, and its own tests damage it too.
        for _ in range(times // 3 if shape.startswith("export") else times):
            file = chance.choice(dump.files)
            with damaged(file, damage(file.read_bytes(), chance)):
                summary = check_import(dump)
            came += summary is not None and any(one.new for one in summary.channels.values())
    with damaged(dump.files[-1], b""):
        check_import(dump)
    assert bool(came) == (shape != "tar.gz of an account")


# -- private chats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("head", desktop_exports.PRIVATE_CHATS, ids=lambda head: head["type"])
def test_no_flipped_byte_makes_a_private_chat_one_that_is_read(
    head: dict[str, JsonValue], tmp_path: Path
) -> None:
    """All of what stands around the messages, in a folder that could be named after a channel."""
    text = printed(private_chat(head, 2)).encode()
    file = tmp_path / "demo_shop" / "result.json"
    file.parent.mkdir()
    file.write_bytes(text)
    for at in (*range(text.index(b"[") + 12), *range(len(text) - 12, len(text))):
        for value in {text[at] ^ 1, *b'"{['}:
            with damaged(file, text[:at] + bytes([value]) + text[at + 1 :]):
                summary = check_import(Dump(tmp_path, (file,)))
            assert summary is None or not any(one.new for one in summary.channels.values())


def test_no_flipped_mark_of_an_account_lets_a_private_chat_out(tmp_path: Path) -> None:
    dump = desktop_account(tmp_path)
    text = dump.files[0].read_bytes()
    marks = b'"[]{},:\\\n'
    places = [at for at, value in enumerate(text) if value in marks]
    chance = random.Random(3)
    for at in chance.sample(places, 150):
        flipped_mark = text[:at] + bytes([chance.choice(marks)]) + text[at + 1 :]
        with damaged(dump.files[0], flipped_mark):
            check_import(dump)


def test_brackets_that_are_lost_in_a_post_make_no_post_of_the_next_chat(tmp_path: Path) -> None:
    dump = desktop_account(tmp_path)
    text = dump.files[0].read_bytes()
    with damaged(dump.files[0], text.replace(b'"text_entities": []', b'"text_entities": [{', 1)):
        summary = check_import(dump)
    assert summary is not None
    assert "private chats could no longer be told apart" in summary.unreadable[0][1]


def test_of_a_damaged_archive_no_export_is_read_and_all_else_is(tmp_path: Path) -> None:
    """Packed bytes that are damaged unpack as copies of others, such as of a chat's type."""
    with_export = unpacked(tmp_path)
    desktop_account(with_export)
    (with_export / "DataExport_2025-07-11" / "result.json").rename(with_export / "history.json")
    telethon_dumps.write_files(with_export / "demo_shop", 3)
    dump = tarred(tmp_path, Dump(with_export, ()))
    content = dump.path.read_bytes()
    with damaged(dump.path, content[:-30]):
        summary = check_import(dump)
    assert summary is not None
    assert {channel: one.new for channel, one in summary.channels.items()} == {CHANNEL: 3}
    [(file, reason)] = summary.unreadable
    assert file == "history.json"
    assert "private chats could no longer be told apart" in reason


@pytest.mark.parametrize("folder", ["with\udcffa byte", "with \u200f a mark"])
def test_names_that_are_no_text_and_titles_that_are_none_come_in(
    folder: str, tmp_path: Path
) -> None:
    dump = desktop_exports.write_chat(tmp_path, 20).rename(tmp_path / folder)
    file = dump / "result.json"
    file.write_bytes(file.read_bytes().replace("ሰላም".encode(), b"\xff", 1))
    summary = check_import(Dump(tmp_path, (file,)))
    assert summary is not None
    assert summary.channels["c1000000001"].new == 20
    assert summary.channels["c1000000001"].images == 6


def test_an_archive_whose_checksum_is_wrong_is_damaged(tmp_path: Path) -> None:
    dump = tarred(tmp_path, desktop_account(unpacked(tmp_path)))
    content = bytearray(dump.path.read_bytes())
    content[-8] ^= 1
    with damaged(dump.path, bytes(content)):
        summary = check_import(dump)
    assert summary is not None
    assert summary.channels == {}
    assert "private chats could no longer be told apart" in summary.unreadable[0][1]


# -- damage that Hypothesis thinks of ------------------------------------------------------------------


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dump]:
    return {shape: make(tmp_path_factory.mktemp("dump")) for shape, make in SHAPES.items()}


@fuzzed(80)
@given(
    shape=st.sampled_from([*SHAPES]),
    which=st.integers(0, 99),
    at=st.floats(0, 1),
    gone=st.integers(0, 40),
    bytes_instead=st.binary(max_size=80),
)
def test_any_bytes_in_place_of_others_end_in_a_summary_or_in_one_sentence(
    dumps: dict[str, Dump], shape: str, which: int, at: float, gone: int, bytes_instead: bytes
) -> None:
    dump = dumps[shape]
    file = dump.files[which % len(dump.files)]
    content = file.read_bytes()
    start = int(at * len(content))
    with damaged(file, content[:start] + bytes_instead + content[start + gone :]):
        check_import(dump)


@dataclass(frozen=True)
class Records:
    """Records of one shape, and how they become a dump."""

    records: list[dict[str, Any]]
    write: Callable[[Path, list[Any]], Path]


def _write_chat(root: Path, records: list[Any]) -> Path:
    # The chat's own fields are a record like the others.
    head, *messages = records
    fields = head if isinstance(head, dict) else {"type": head}
    (root / "result.json").write_text(json.dumps({**fields, "messages": messages}))
    return root


def _write_lines(root: Path, records: list[Any]) -> Path:
    file = root / "demo_shop.jsonl"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return file


def _write_lake(root: Path, records: list[Any]) -> Path:
    return Scraped(root).posts(records, "Demo_Shop").root


def _write_csv(root: Path, records: list[Any]) -> Path:
    rows = [[*record.values()] if isinstance(record, dict) else [record] for record in records]
    text = csv_dumps.dump([[[str(cell) for cell in row] for row in rows]])
    (root / "demo_shop.csv").write_text(text, errors="surrogatepass", newline="")
    return root


def _write_export(root: Path, records: list[Any]) -> Path:
    for table in ("slices", "images", "detections", "quarantine"):
        (root / f"{table}.jsonl").touch()
    (root / "posts.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    (root / "medwh_export.json").write_text('{"format": 1, "table_format": "jsonl"}')
    return root


@pytest.fixture(scope="module")
def records(dumps: dict[str, Dump]) -> dict[str, Records]:
    desktop = [dict(desktop_exports.CHAT), *map(desktop_exports.message, range(1, POSTS))]
    telethon = [telethon_dumps.parsed(telethon_dumps.message(n)) for n in range(1, POSTS)]
    rows = [dict(zip(csv_dumps.COLUMNS, row, strict=True)) for row in csv_dumps.rows(POSTS)]
    lines = (dumps["export, jsonl"].path / "posts.jsonl").read_bytes().splitlines()
    return {
        "desktop": Records(desktop, _write_chat),
        "telethon": Records(telethon, _write_lines),
        "scraped": Records(scraped_posts(), _write_lake),
        "csv": Records(rows, _write_csv),
        "export": Records([json.loads(line) for line in lines], _write_export),
    }


def with_another_value(data: st.DataObject, value: Any) -> Any:
    """Put anything in the place of a value, however deep within."""
    keys = [*value] if isinstance(value, dict) else [*range(len(value))]
    if not keys:
        return data.draw(json_values())
    key = data.draw(st.sampled_from(keys))
    inner = value[key]
    deeper = isinstance(inner, dict | list) and data.draw(st.booleans())
    another = with_another_value(data, inner) if deeper else data.draw(json_values())
    if isinstance(value, dict):
        return {**value, key: another}
    return [*value[:key], another, *value[key + 1 :]]


@fuzzed(120)
@given(data=st.data())
def test_any_value_in_a_record_ends_in_a_summary_or_in_one_sentence(
    records: dict[str, Records], data: st.DataObject
) -> None:
    shape = records[data.draw(st.sampled_from([*records]))]
    bad = shape.records
    for _ in range(data.draw(st.integers(1, 3))):
        bad = with_another_value(data, bad)
    with small_folder() as folder:
        (folder / "dump").mkdir()
        check_import(Dump(shape.write(folder / "dump", bad), ()))


# -- order ---------------------------------------------------------------------------------------------

# These ids of the invented channel stand around a midnight, on which not all dumps agree.
FIRST, LAST = 44, 60


@pytest.fixture
def overlapping(tmp_path: Path) -> list[Dump]:
    """One channel as four tools brought it home, at four times, each with other posts and pictures."""
    desktop = tmp_path / "desktop" / "ChatExport_2025-07-08"
    (desktop / "photos").mkdir(parents=True)
    messages = [desktop_exports.message(n, images=True) for n in range(FIRST, LAST - 2)]
    (desktop / "result.json").write_text(printed({**desktop_exports.CHAT, "messages": messages}))
    for number, color in ((48, "red"), (50, "blue")):
        (desktop / desktop_exports.picture(number)).write_bytes(jpeg(color, 24))

    csv_folder = tmp_path / "csv" / "2025-07-09"
    (csv_folder / "photos").mkdir(parents=True)
    rows = csv_dumps.rows(LAST - FIRST, CHANNEL, FIRST + 1)
    (csv_folder / "posts.csv").write_text(csv_dumps.dump([rows]), newline="")
    for number, color in ((45, "red"), (50, "green"), (55, "red")):
        (csv_folder / "photos" / f"demo_shop_{number}.jpg").write_bytes(jpeg(color, 8))

    telethon = tmp_path / "telethon" / "2025-07-10"
    telethon.mkdir(parents=True)
    lines = [telethon_dumps.written(telethon_dumps.message(n)) for n in range(FIRST - 2, LAST, 2)]
    (telethon / "demo_shop.jsonl").write_text("\n".join(lines))

    scraped = Scraped(tmp_path / "scraped").posts(scraped_posts(FIRST + 2, POSTS), "Demo_Shop")
    scraped.image("Demo_Shop/48.jpg", jpeg("red", 16)).image("Demo_Shop/52.jpg", b"")

    named = {CHAT_ID: CHANNEL}
    return [
        Dump(desktop, (desktop / "result.json",), named),
        Dump(csv_folder, (csv_folder / "posts.csv",)),
        Dump(telethon, (telethon / "demo_shop.jsonl",), named),
        Dump(scraped.root, (scraped.root / "telegram_messages/2025-07-11/Demo_Shop.json",)),
    ]


def lake_of(dumps: Iterator[Dump] | tuple[Dump, ...]) -> dict[str, bytes]:
    """What a lake holds after some imports; a dump that holds nothing is none."""
    with small_folder() as folder:
        lake = Lake(folder / "lake")
        for dump in dumps:
            try:
                bring_in(lake, dump.path, dump.chats)
            except ImportShapeError:
                continue
        return tree(lake.root)


def test_dumps_of_four_shapes_give_the_same_lake_in_any_order(overlapping: list[Dump]) -> None:
    orders = permutations(overlapping)
    whole = lake_of(next(orders))
    assert {name.split("/")[0] for name in whole} >= {"telegram_messages", "slices", "images"}
    assert all(lake_of(order) == whole for order in orders)


def test_dumps_of_three_shapes_in_one_folder_give_the_lake_of_one_after_the_other(
    overlapping: list[Dump], tmp_path: Path
) -> None:
    # A scraped lake is its whole folder: what else lies there is not looked at.
    shutil.rmtree(overlapping.pop().path)
    assert lake_of((Dump(tmp_path, (), {CHAT_ID: CHANNEL}),)) == lake_of((*overlapping,))


@fuzzed(25)
@given(
    which=st.integers(0, 3),
    damage=st.sampled_from([*DAMAGES]),
    seed=st.integers(0, 10**6),
    orders=st.lists(st.permutations(range(4)), min_size=2, max_size=2, unique_by=tuple),
)
def test_a_damaged_dump_among_sound_ones_gives_the_same_lake_in_any_order(
    overlapping: list[Dump], which: int, damage: Damage, seed: int, orders: list[list[int]]
) -> None:
    file = overlapping[which].files[0]
    with damaged(file, damage(file.read_bytes(), random.Random(seed))):
        one, other = (lake_of(overlapping[at] for at in order) for order in orders)
    assert one == other
