import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.errors import ImportShapeError
from medwh_assets.imports import image_intake
from medwh_assets.imports.intake import import_dump
from medwh_assets.imports.json_stream import LISTS
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.imports.survey import survey
from medwh_assets.lake.store import Lake
from medwh_assets.lake.telethon_message import UNREADABLE_DATE
from medwh_assets.slices import Slice
from tests.factories import FIRST_READ, json_values, make_post, make_reading, moment, tree
from tests.unit.imports.bringing import bring_in

CHANNEL = "chemed123"


def post(message_id: int, at: str = "2025-03-01T12:00:00+00:00", **fields: Any) -> dict[str, Any]:
    return {"id": message_id, "date": at, "message": f"post {message_id}", **fields}


class Scraped:
    """The folder that another script left behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def posts(
        self, content: object, channel: str = "CheMed123", day: str = "2025-07-11"
    ) -> "Scraped":
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.file(f"telegram_messages/{day}/{channel}.json", text)

    def image(self, name: str, content: bytes = b"picture") -> "Scraped":
        return self.file(f"images/{name}", content)

    def file(self, name: str, content: bytes) -> "Scraped":
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return self

    def into(self, lake: Lake, path: str = "") -> ImportSummary:
        return bring_in(lake, self.root / path)


@pytest.fixture
def scraped(tmp_path: Path) -> Scraped:
    return Scraped(tmp_path / "scraped")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def in_lake(lake: Lake, channel: str = CHANNEL) -> dict[int, date]:
    """The posts of a channel and their days; each must be in one slice only."""
    days = lake.post_days(channel)
    assert all(len(several) == 1 for several in days.values())
    return {message_id: min(several) for message_id, several in sorted(days.items())}


# -- posts -----------------------------------------------------------------------------------------


def test_posts_land_on_their_own_days_with_the_images_beside_them(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1), post(2, "2025-03-04T00:00:00+00:00"), post(1)])
    scraped.image("CheMed123/1.jpg").image("CheMed123/9.jpg")
    summary = scraped.into(lake)
    assert in_lake(lake) == {1: date(2025, 3, 1), 2: date(2025, 3, 4)}
    assert lake.read(f"images/{CHANNEL}/1.jpg") == b"picture"
    one = summary.channels[CHANNEL]
    assert (one.files, one.records, one.new, one.changed, one.duplicates) == (1, 3, 2, 0, 1)
    assert (one.images, one.images_absent, one.images_unmatched) == (1, 0, 1)
    assert (one.first, one.last) == (date(2025, 3, 1), date(2025, 3, 4))
    assert summary.unreadable == []


def test_a_post_was_read_on_the_last_second_of_its_folders_day(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1)], day="2025-07-11").posts([post(1, views=4)], day="latest")
    scraped.into(lake)
    (read,) = lake.posts(Slice(CHANNEL, date(2025, 3, 1)))
    times = [observation.observed_at for observation in read.observations]
    assert times == [None, moment("2025-07-11 23:59").replace(second=59)]


def test_how_the_file_spells_its_channel_is_kept(scraped: Scraped, lake: Lake) -> None:
    scraped.posts([post(1), post(2, channel_username="chemed123")])
    scraped.into(lake)
    posts = lake.posts(Slice(CHANNEL, date(2025, 3, 1)))
    assert [read.extra["channel_username"] for read in posts] == [("CheMed123",), ("chemed123",)]


def test_importing_the_same_thing_twice_changes_no_byte(scraped: Scraped, lake: Lake) -> None:
    scraped.posts([post(1), post(2), {"id": 3}, "no object"]).posts(b"{broken", "broken")
    scraped.image("CheMed123/1.jpg").image("CheMed123/2.jpg", b"")
    scraped.into(lake)
    content = tree(lake.root)
    times = {file: file.stat().st_mtime_ns for file in lake.root.rglob("*.*") if file.is_file()}
    again = scraped.into(lake)
    assert tree(lake.root) == content
    assert {f: f.stat().st_mtime_ns for f in lake.root.rglob("*.*") if f.is_file()} == times
    one = again.channels[CHANNEL]
    assert (one.new, one.changed, one.unchanged, one.images) == (0, 0, 2, 2)


def overlapping(tmp_path: Path) -> tuple[Scraped, Scraped]:
    early = Scraped(tmp_path / "early").posts(
        [
            post(1, "2025-03-02T01:30:00", views=2),
            post(2, "2025-03-02T09:00:00", message="120 birr"),
            post(3, "2025-02-28T12:00:00+00:00"),
        ],
        day="2025-07-10",
    )
    early.image("CheMed123/1.jpg", b"small").image("CheMed123/2.jpg")
    late = Scraped(tmp_path / "late").posts(
        [
            post(1, "2025-03-01T22:30:00+00:00", views=7),
            post(2, "2025-03-02 09:00:00", message="150 birr", edit_date="2025-03-03 09:00:00"),
            post(4, "2025-03-02T10:00:00+00:00"),
        ],
        "chemed123",
    )
    late.image("chemed123/1.jpg", b"a larger picture").image("chemed123/2.jpg")
    return early, late


def test_lakes_that_overlap_give_the_same_bytes_in_either_order(tmp_path: Path) -> None:
    early, late = overlapping(tmp_path)
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    early.into(one)
    moved = late.into(one).channels[CHANNEL]
    late.into(other)
    early.into(other)
    assert tree(one.root) == tree(other.root)
    assert in_lake(one) == {
        1: date(2025, 3, 1),
        2: date(2025, 3, 2),
        3: date(2025, 2, 28),
        4: date(2025, 3, 2),
    }
    assert (moved.new, moved.changed, moved.unchanged) == (1, 2, 0)
    (read,) = one.posts(Slice(CHANNEL, date(2025, 3, 1)))
    assert [seen.views for seen in read.observations] == [2, 7]
    assert one.read(f"images/{CHANNEL}/1.jpg") == b"a larger picture"


def test_lakes_that_overlap_give_the_same_bytes_together_as_apart(tmp_path: Path) -> None:
    early, late = overlapping(tmp_path)
    apart, together = Lake(tmp_path / "apart"), Lake(tmp_path / "together")
    early.into(apart)
    late.into(apart)
    both = Scraped(tmp_path / "both")
    for part in (early, late):
        for name, content in tree(part.root).items():
            both.file(name, content)
    both.into(together)
    assert tree(together.root) == tree(apart.root)


def test_a_lake_imported_after_its_channel_was_read_keeps_what_was_read(
    scraped: Scraped, lake: Lake
) -> None:
    piece = Slice(CHANNEL, date(2025, 3, 1))
    seen = make_post(1, "as telegram has it", channel=CHANNEL, views=50)
    lake.merge_readings(piece, [make_reading(seen, piece=piece, at=FIRST_READ)])
    scraped.posts([post(1, "2025-03-02T01:00:00", views=4)], day="2025-03-01").into(lake)
    (merged,) = lake.posts(piece)
    assert (merged.text, merged.views) == ("as telegram has it", 50)
    assert merged.sources == ("recorded", "scraped_lake")
    manifest = lake.manifest(piece)
    assert manifest is not None
    assert manifest.status == "complete"


# -- files in every state ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"[]", "no posts in it"),
        (b" \n", "empty file"),
        (b"[{", "cut off before the first record"),
        (b'{"id": 1', "cut off before the first record"),
        (b"<!doctype html>", "neither a list nor an object"),
        (b"3", "neither a list nor an object"),
        (b"null", "neither a list nor an object"),
        (("[" + "ዋጋ" * 40 + "]").encode("utf-16-le"), "not UTF-8"),
        (b"[" * 100_000, "too many levels"),
    ],
    ids=range(10),
)
def test_a_file_that_gives_no_post_is_passed_over_with_its_reason_and_the_others_come_in(
    scraped: Scraped, lake: Lake, content: bytes, reason: str
) -> None:
    scraped.posts(content, "wronghandle").posts([post(1)])
    ((file, why),) = survey(scraped.root).passed_over
    assert file == "telegram_messages/2025-07-11/wronghandle.json"
    assert reason in why
    scraped.into(lake)
    assert lake.slices() == [Slice(CHANNEL, date(2025, 3, 1))]


def test_a_bad_byte_costs_a_character_and_is_counted(scraped: Scraped, lake: Lake) -> None:
    scraped.posts(json.dumps([post(1, message="120 birr")]).encode().replace(b"120", b"1\xff0"))
    assert scraped.into(lake).channels[CHANNEL].mended == 1
    (read,) = lake.posts(Slice(CHANNEL, date(2025, 3, 1)))
    assert read.text == "1\ufffd0 birr"


def test_a_file_that_says_it_is_utf_16_is_read(scraped: Scraped, lake: Lake) -> None:
    scraped.posts(json.dumps([post(1)]).encode("utf-16")).into(lake)
    assert list(in_lake(lake)) == [1]


LINES = [json.dumps(post(1)), json.dumps(post(2, text="a\u2028b\x85c"), ensure_ascii=False)]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(LINES),
        "\r\n".join(LINES) + "\r\n",
        "\ufeff" + "\n\n".join(LINES),
        "[" + ",\n".join(LINES) + "\n]",
        json.dumps({"messages": [post(1), post(2)]}),
        json.dumps({"channel_title": "CheMed", "count": 2, "posts": [post(1), post(2)]}),
    ],
    ids=["lines", "crlf", "blank lines", "list", "envelope", "envelope of posts"],
)
def test_posts_are_found_in_a_list_in_lines_and_in_an_envelope(
    scraped: Scraped, lake: Lake, content: str
) -> None:
    scraped.posts(content.encode())
    summary = scraped.into(lake)
    assert list(in_lake(lake)) == [1, 2]
    assert summary.unreadable == []
    assert not summary.channels[CHANNEL].quarantined


def test_a_single_post_may_be_a_file(scraped: Scraped, lake: Lake) -> None:
    scraped.posts(post(1)).into(lake)
    assert list(in_lake(lake)) == [1]


@pytest.mark.parametrize(
    "content",
    ["\n".join([*LINES, LINES[0][:20]]), "[\n" + ",\n".join(LINES) + ",\n", "[" + ",".join(LINES)],
    ids=["lines", "list of lines", "list"],
)
def test_what_comes_before_a_cut_comes_in_and_the_cut_is_reported(
    scraped: Scraped, lake: Lake, content: str
) -> None:
    summary = scraped.posts(content.encode()).into(lake)
    assert list(in_lake(lake)) == [1, 2]
    ((_, why),) = summary.unreadable
    assert why.startswith("cut off after record 2")
    assert [kind for kind, *_ in lake.quarantined()] == ["files"]


def test_damage_in_the_middle_costs_a_record_and_not_the_rest(scraped: Scraped, lake: Lake) -> None:
    lines = [json.dumps(post(n)) for n in range(1, 6)]
    scraped.posts(("[\n" + ",\n".join(lines) + "\n]").replace('"id": 3,', '"id" 3,').encode())
    summary = scraped.into(lake)
    assert list(in_lake(lake)) == [1, 2, 4, 5]
    assert len(summary.unreadable) == 1


def test_what_an_envelope_says_is_kept_with_each_post_and_is_not_taken_for_its_own(
    scraped: Scraped, lake: Lake
) -> None:
    envelope = {"id": 777, "text": "about us", "scraped_at": "2025-03-16T00:00:00Z"}
    posts = [{"message_id": n, "date": "2025-03-01T12:00:00Z"} for n in (1, 2)]
    scraped.posts({**envelope, "messages": posts}).into(lake)
    assert list(in_lake(lake)) == [1, 2]
    for read in lake.posts(Slice(CHANNEL, date(2025, 3, 1))):
        assert read.text is None
        assert read.observations[0].observed_at == moment("2025-03-16 00:00")
        assert read.extra["envelope"] == ({"id": 777, "text": "about us"},)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("text", "not an object"),
        (None, "not an object"),
        ([1], "not an object"),
        ({}, "no message id"),
        ({"id": True, "date": "2025-03-01"}, "id is no whole number"),
        (
            {"id": 9**99, "date": "2025-03-01"},
            "id: Input should be less than or equal to 9223372036854775807",
        ),
        ({"id": 1}, "no date"),
        ({"id": 1, "date": "soon"}, UNREADABLE_DATE),
        (post(1, views=-1), "views: Input should be greater than or equal to 0"),
        (post(1, "2017-12-31T23:59:59+00:00"), "older than MEDWH_START_DATE (2018-01-01)"),
        (post(1, "2025-07-13T00:00:01+00:00"), "dated in the future"),
    ],
)
def test_a_record_that_is_no_post_goes_to_the_quarantine_with_its_reason(
    scraped: Scraped, lake: Lake, record: JsonValue, reason: str
) -> None:
    scraped.posts([record, post(2)])
    summary = scraped.into(lake)
    assert summary.channels[CHANNEL].quarantined == {reason: 1}
    assert [(kind, why) for kind, _, _, why in lake.quarantined()] == [("posts", reason)]
    assert list(in_lake(lake)) == [2]


def test_a_number_that_python_refuses_costs_one_record_and_not_the_file(
    scraped: Scraped, lake: Lake
) -> None:
    huge = "9" * 5_000
    scraped.posts(f'[{{"id": {huge}}}, {{"id": 2, "date": "2025-03-01", "odd": {huge}}}]'.encode())
    summary = scraped.into(lake)
    assert summary.channels[CHANNEL].quarantined == {"id is no whole number": 1}
    (read,) = lake.posts(Slice(CHANNEL, date(2025, 3, 1)))
    assert read.extra["odd"] == (huge,)


def test_a_record_nested_too_deeply_goes_to_the_quarantine(scraped: Scraped, lake: Lake) -> None:
    deep = "[" * 400 + "]" * 400
    line = json.dumps(post(1, odd="here")).replace('"here"', deep)
    scraped.posts(f"[{line}, {json.dumps(post(2))}]".encode())
    summary = scraped.into(lake)
    assert summary.channels[CHANNEL].quarantined == {"nested deeper than 100 levels": 1}
    assert list(in_lake(lake)) == [2]
    assert len(lake.quarantined()) == 1


def test_a_day_of_the_lake_that_cannot_be_read_is_reported_and_the_others_come_in(
    scraped: Scraped, lake: Lake
) -> None:
    broken = lake.root / "telegram_messages" / "2025-03-01" / f"{CHANNEL}.json"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"{")
    scraped.posts([post(1), post(2, "2025-03-02")])
    summary = scraped.into(lake)
    assert [what for what, _ in summary.unreadable] == [f"{CHANNEL}|2025-03-01"]
    assert summary.channels[CHANNEL].new == 1
    assert broken.read_bytes() == b"{"


# Names of what holds posts, or is private: nothing that has them is a record.
NO_RECORDS = (
    *LISTS, "chats", "channels", "personal_information", "frequent_contacts", "web_sessions",
    "date_unixtime", "text_entities", "from_id",
)  # fmt: skip


def could_be_record(value: JsonValue) -> bool:
    """A list among the records is taken for damage: what it holds may be records."""
    written = json.dumps(value)
    return not isinstance(value, list) and not any(name in written for name in NO_RECORDS)


RECORDS: st.SearchStrategy[Any] = st.one_of(
    json_values().filter(could_be_record),
    st.fixed_dictionaries(
        {"id": st.integers(1, 4), "date": st.sampled_from(["2025-03-01", "2025-03-02T01:00Z"])},
        optional={
            "text": json_values(),
            "views": st.integers(0, 3) | json_values(),
            "image_path": st.sampled_from(["../../etc/passwd", "images/1.jpg", "a\0.jpg"]),
            "odd": json_values().filter(could_be_record),
        },
    ),
)


@given(st.lists(RECORDS, min_size=1, max_size=4))
@settings(max_examples=30)
def test_every_record_of_any_file_is_kept_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, records: list[JsonValue]
) -> None:
    root = tmp_path_factory.mktemp("import")
    lake, scraped = Lake(root / "lake"), Scraped(root / "scraped").posts(records)
    summary = scraped.into(lake)
    one = summary.channels[CHANNEL]
    assert one.records == len(records)
    assert one.new + one.duplicates + one.quarantined.total() == len(records)
    assert one.new == len(in_lake(lake))
    content = tree(lake.root)
    scraped.into(lake)
    assert tree(lake.root) == content


# -- channels ------------------------------------------------------------------------------------


def test_a_file_that_speaks_of_several_channels_is_named_after_none(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1, channel="@one_shop"), post(1, channel="t.me/other_shop")], "messages")
    summary = scraped.into(lake)
    assert lake.channels() == ["one_shop", "other_shop"]
    assert {name: one.files for name, one in summary.channels.items()} == {
        "one_shop": 1,
        "other_shop": 1,
    }


def test_a_title_that_could_be_a_username_does_not_rename_a_channel(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1, channel="CheMed", channel_name="Che Med")]).into(lake)
    assert lake.channels() == [CHANNEL]


def test_the_usernames_of_those_who_wrote_the_posts_are_no_channels(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1, username="abebe"), post(2, username="kebede")]).into(lake)
    assert lake.channels() == [CHANNEL]


def test_the_username_of_a_record_stands_over_the_name_of_its_file(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1, channel_username="@CheMed123")], "che_med")
    scraped.image("che_med/1.jpg")
    scraped.into(lake)
    assert lake.channels() == [CHANNEL]
    assert lake.read(f"images/{CHANNEL}/1.jpg") == b"picture"


def test_records_that_name_no_channel_where_others_do_are_quarantined(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1), "odd", post(2, channel="one_shop")], "all messages")
    summary = scraped.into(lake)
    assert list(in_lake(lake, "one_shop")) == [2]
    assert summary.quarantined == {"names no channel": 2}
    ((_, channel, _, why),) = lake.quarantined()
    assert (channel, why) == ("unknown", "names no channel")


def test_one_channel_in_files_of_several_names_is_counted_once(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1), post(2)]).posts([post(2), post(3)], "@CHEMED123", "2025-07-10")
    scraped.posts([post(3, channel_username="chemed123")], "all messages")
    one = scraped.into(lake).channels[CHANNEL]
    assert (one.files, one.records) == (3, 5)
    assert one.new == 3
    assert one.new + one.changed + one.unchanged + one.duplicates == 5


# -- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        "data\\raw\\images\\CheMed123\\photo_77.jpg",
        "C:\\scraper\\images\\CheMed123\\photo_77.jpg",
        "/home/somebody/scraper/images/CheMed123/photo_77.jpg",
        "images/CheMed123/photo_77.jpg",
        "../../images/./CheMed123//photo_77.jpg",
    ],
)
def test_an_image_is_found_by_the_path_that_its_record_names(
    scraped: Scraped, lake: Lake, named: str
) -> None:
    scraped.posts([post(1, image_path=named)]).image("CheMed123/photo_77.jpg", b"named")
    scraped.image("CheMed123/1.jpg", b"by its id")
    summary = scraped.into(lake)
    assert lake.read(f"images/{CHANNEL}/1.jpg") == b"named"
    assert (summary.channels[CHANNEL].images, summary.channels[CHANNEL].images_unmatched) == (1, 1)


@pytest.mark.parametrize(
    "named",
    [
        "../../secret.jpg",
        "/etc/secret.jpg",
        "..\\..\\secret.jpg",
        "images/link.jpg",
        "images/\0.jpg",
        "images/" + "x/" * 2_500 + "1.jpg",
        "images/" + "x" * 4_000 + ".jpg",
        "..",
        ".jpg",
    ],
)
def test_no_record_names_a_file_outside(scraped: Scraped, lake: Lake, named: str) -> None:
    secret = scraped.root.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    (scraped.root / "images").mkdir()
    (scraped.root / "images" / "link.jpg").symlink_to(secret)
    (scraped.root / "images" / "CheMed123").symlink_to(secret.parent)
    scraped.posts([post(1, image_path=named)]).into(lake)
    assert list(in_lake(lake)) == [1]
    assert all(content != b"secret" for content in tree(lake.root).values())


@pytest.mark.parametrize(
    "name",
    [
        "CheMed123/1.jpg",
        "chemed123/1.JPG",
        "CheMed123/2025-07-11/1.jpeg",
        "2025-07-11/CheMed123/1.png",
        "CheMed123/photos/1.webp",
    ],
)
def test_an_image_is_found_by_its_id_below_a_folder_of_the_channels_name(
    scraped: Scraped, lake: Lake, name: str
) -> None:
    scraped.posts([post(1)]).image(name)
    summary = scraped.into(lake)
    assert lake.read(f"images/{CHANNEL}/1.jpg") == b"picture"
    assert (summary.channels[CHANNEL].images, summary.channels[CHANNEL].images_unmatched) == (1, 0)


def test_two_pictures_of_one_post_are_both_kept(scraped: Scraped, lake: Lake) -> None:
    scraped.posts([post(1)]).image("CheMed123/1.jpg", b"small").image("chemed123/1.jpg", b"larger")
    scraped.into(lake)
    kept = [content for name, content in tree(lake.root).items() if name.startswith("images/")]
    assert sorted(kept) == [b"larger", b"small"]


def test_the_same_picture_of_two_posts_lies_on_the_disk_once(scraped: Scraped, lake: Lake) -> None:
    scraped.posts([post(1), post(2)]).image("CheMed123/1.jpg").image("CheMed123/2.jpg")
    scraped.into(lake)
    one, other = (lake.root / f"images/{CHANNEL}/{n}.jpg" for n in (1, 2))
    assert one.samefile(other)


def test_images_that_are_absent_or_belong_to_no_post_are_counted(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.posts([post(1, image_path="images/CheMed123/1.jpg"), post(2, media_path="x/2.mp4")])
    scraped.posts([post(3)], "other_shop")
    scraped.image("CheMed123/9.jpg").image("CheMed123/cover.jpg").image("nobody_here/1.jpg")
    summary = scraped.into(lake)
    one, other = summary.channels[CHANNEL], summary.channels["other_shop"]
    assert (one.images, one.images_absent, one.images_unmatched) == (0, 1, 1)
    assert (other.images, other.images_absent, other.images_unmatched) == (0, 0, 0)
    assert not (lake.root / "images").exists()


def test_an_image_larger_than_the_limit_is_quarantined_by_name(
    scraped: Scraped, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_intake, "MAX_BYTES", 2**20)
    scraped.posts([post(1)]).image("CheMed123/1.jpg", b"x" * (2**20 + 1))
    summary = scraped.into(lake)
    assert summary.channels[CHANNEL].quarantined == {"image larger than 1 MB": 1}
    assert lake.quarantined() == [("images", CHANNEL, "1", "image larger than 1 MB")]


def test_an_import_takes_back_what_is_known_of_images_only_if_one_of_them_changes(
    scraped: Scraped, lake: Lake
) -> None:
    piece = Slice(CHANNEL, date(2025, 3, 1))
    scraped.posts([post(1)]).image("CheMed123/1.jpg", b"middling").into(lake)
    facts = lake.write_images(piece, [], "posts' hash")

    def known(picture: bytes) -> bool:
        scraped.image("CheMed123/1.jpg", picture).into(lake)
        manifest = lake.manifest(piece)
        assert manifest is not None
        return manifest.images == facts

    assert known(b"middling")
    assert known(b"small")
    assert not known(b"a larger one")


# -- what is imported, and what is not --------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["telegram_messages/2025-07-11/CheMed123.json", "telegram_messages/2025-07-11"]
)
def test_a_part_of_a_scraped_lake_brings_its_images_along(
    scraped: Scraped, lake: Lake, path: str
) -> None:
    scraped.posts([post(1)]).posts([post(2)], day="2025-07-12").image("CheMed123/1.jpg")
    scraped.into(lake, path)
    assert list(in_lake(lake)) == [1]
    assert lake.read(f"images/{CHANNEL}/1.jpg") == b"picture"


def test_files_of_posts_are_found_outside_the_usual_folder_too(
    scraped: Scraped, lake: Lake
) -> None:
    scraped.file("export/CheMed123.jsonl", json.dumps(post(1)).encode())
    scraped.file("export/other_shop.json", json.dumps([post(2)]).encode())
    scraped.file("export/readme.json", b'"no posts"').file("export/list.txt", b"[]")
    assert {file.channel for file in survey(scraped.root).files} == {CHANNEL, "other_shop"}


def test_other_json_beside_the_usual_folder_is_no_file_of_posts(scraped: Scraped) -> None:
    scraped.posts([post(1)]).file("package.json", b"{}").file("slices/x/CheMed123.json", b"{}")
    scraped.file("telegram_messages/.git/config.json", b"{}")
    assert [file.path.name for file in survey(scraped.root).files] == ["CheMed123.json"]


def test_a_path_without_posts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportShapeError, match="does not exist"):
        survey(tmp_path / "nothing")
    with pytest.raises(ImportShapeError, match="holds no posts"):
        survey(tmp_path)


def test_looking_writes_nothing(scraped: Scraped) -> None:
    scraped.posts([post(1)]).image("CheMed123/1.jpg")
    before = tree(scraped.root)
    survey(scraped.root)
    assert tree(scraped.root) == before


@pytest.mark.parametrize("path", ["", "telegram_messages", "telegram_messages/2025-03-01"])
def test_the_lake_is_not_imported_into_itself(scraped: Scraped, lake: Lake, path: str) -> None:
    scraped.posts([post(1)]).into(lake)
    content = tree(lake.root)
    with pytest.raises(ImportShapeError, match="the lake itself"):
        Scraped(lake.root).into(lake, path)
    assert tree(lake.root) == content


def test_a_folder_that_holds_the_lake_brings_in_everything_but_the_lake(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "data" / "raw")
    scraped = Scraped(tmp_path / "data" / "scraped").posts([post(1)]).image("CheMed123/1.jpg")
    scraped.into(lake)
    content = tree(lake.root)
    summary = Scraped(tmp_path / "data").into(lake)
    assert tree(lake.root) == content
    assert summary.channels[CHANNEL].records == 1


def test_another_medwhs_lake_comes_in_as_it_is(scraped: Scraped, tmp_path: Path) -> None:
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    scraped.posts([post(1, views=5), post(2, text="x", odd=[1])]).image("CheMed123/1.jpg")
    scraped.into(one)
    Scraped(one.root).into(other)
    assert tree(other.root) == tree(one.root)


class Told:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.stages: list[list[str | int]] = []

    def stage(self, name: str, total: int) -> None:
        self.stages.append([name, total, 0])

    def advance(self, number: int = 1) -> None:
        self.stages[-1][2] += number


def test_progress_is_told_by_stage(scraped: Scraped, lake: Lake) -> None:
    scraped.posts([post(1), post(2), post(2)]).image("CheMed123/1.jpg")
    told = Told()
    import_dump(
        lake,
        survey(scraped.root),
        now=moment("2025-07-12 00:00"),
        watcher=told,
        folder=lake.root.parent / "state",
    )
    assert told.stages == [["reading", 3, 3], ["writing chemed123", 2, 2]]


def test_a_survey_tells_channels_times_records_and_images(scraped: Scraped) -> None:
    scraped.posts([post(1)]).posts([], "a b", day="latest").image("CheMed123/1.jpg")
    found = survey(scraped.root)
    assert [(file.channel, file.observed_at, file.records) for file in found.files] == [
        (CHANNEL, moment("2025-07-11 23:59").replace(second=59), 1)
    ]
    assert found.passed_over == (("telegram_messages/latest/a b.json", "no posts in it"),)
    assert found.pictures.paths == {"images/CheMed123/1.jpg"}
