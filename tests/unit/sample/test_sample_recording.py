import hashlib
import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import phonenumbers
import pytest
from PIL import Image

from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.records import Content, Observation
from medwh_assets.slices import channel_name

Posts = list[dict[str, Any]]
Reads = dict[str, list[dict[str, Any]]]

MONTH = {date(2025, 3, 1) + timedelta(days=offset) for offset in range(30)}


def photo_ids(posts: Posts) -> list[int]:
    return [
        post["media"]["photo_id"] for post in posts if post["media"] and "photo_id" in post["media"]
    ]


def test_the_generator_makes_the_committed_reads_byte_for_byte(
    generator: ModuleType, recording: Path
) -> None:
    committed = {
        path.relative_to(recording).as_posix(): path.read_bytes()
        for path in recording.rglob("*.json")
    }
    assert generator.reads() == committed


def test_four_invented_channels_post_some_six_hundred_times_in_thirty_days(
    recording: Path, reads: Reads, posts: Posts
) -> None:
    channels = json.loads((recording / "channels.json").read_text("utf-8"))
    assert [entry["channel"] for entry in channels] == [
        "demo_selam_pharmacy", "demo_tsehay_cosmetics", "demo_abay_medical", "demo_fewus_health",
    ]  # fmt: skip
    assert {entry["channel"] for entry in channels} == set(reads)
    assert all(channel_name(name) == name for name in reads)
    assert 580 <= len(posts) <= 680
    assert {datetime.fromisoformat(post["date"]).date() for post in posts} == MONTH


def test_the_recording_is_at_most_five_megabytes(recording: Path) -> None:
    assert sum(path.stat().st_size for path in recording.rglob("*") if path.is_file()) <= 5_000_000


def test_every_post_is_a_record_of_the_lake(reads: Reads) -> None:
    for channel, made in reads.items():
        for read in made:
            for raw in read["posts"]:
                post = post_from_reading(
                    content=Content(
                        **{key: raw[key] for key in ("text", "entities", "media", "edit_date")}
                    ),
                    observation=Observation(
                        observed_at=read["observed_at"],
                        **{key: raw[key] for key in ("views", "forwards", "replies", "reactions")},
                    ),
                    source="recorded",
                    extra=raw["extra"],
                    channel=channel,
                    date_authority="telegram",
                    **{
                        key: raw[key]
                        for key in (
                            "id",
                            "date",
                            "kind",
                            "grouped_id",
                            "reply_to",
                            "forwarded_from",
                        )
                    },
                )
                assert read["first"] <= post.day.isoformat() <= read["last"]
                assert (post.text, post.views, post.id) == (raw["text"], raw["views"], raw["id"])


def test_ids_rise_with_time_within_a_channel_and_repeat_across_channels(
    reads: Reads, posts: Posts
) -> None:
    for made in reads.values():
        for read in made:
            listed = [(post["id"], post["date"]) for post in read["posts"]]
            assert listed == sorted(listed) and len({id_ for id_, _ in listed}) == len(listed)
            assert [when for _, when in listed] == sorted(when for _, when in listed)
    assert max(Counter(post["id"] for post in posts).values()) > 1


def test_a_later_read_sees_risen_counters_edits_and_vanished_posts(reads: Reads) -> None:
    edited: list[dict[str, Any]] = []
    vanished = photo_replaced = 0
    for first, second in reads.values():
        assert first["observed_at"] < second["observed_at"]
        assert (date.fromisoformat(second["last"]) - date.fromisoformat(second["first"])).days == 9
        earlier = {post["id"]: post for post in first["posts"] if post["date"] >= second["first"]}
        later = {post["id"]: post for post in second["posts"]}
        assert later.keys() <= earlier.keys()
        vanished += len(earlier) - len(later)
        for id_, post in later.items():
            before = earlier[id_]
            if post["views"] is not None:
                assert post["views"] >= before["views"]
                assert post["forwards"] >= before["forwards"]
            if post["text"] != before["text"]:
                assert first["observed_at"] < post["edit_date"] < second["observed_at"]
                edited.append(post)
            photo_replaced += post["media"] != before["media"]
        assert any(
            post["views"] > earlier[id_]["views"] for id_, post in later.items() if post["views"]
        )
    assert len(edited) >= 4
    assert vanished == 2
    assert photo_replaced == 1


def test_some_days_of_some_channels_are_read_and_empty(reads: Reads) -> None:
    posted = {
        name: {datetime.fromisoformat(post["date"]).date() for post in made[0]["posts"]}
        for name, made in reads.items()
    }
    assert MONTH - posted["demo_selam_pharmacy"] == set()
    assert MONTH - posted["demo_tsehay_cosmetics"] == {date(2025, 3, 23)}
    assert len(MONTH - posted["demo_fewus_health"]) == 3


def test_an_album_carries_its_caption_on_one_item_only(posts: Posts) -> None:
    albums: dict[int, Posts] = defaultdict(list)
    for post in posts:
        if post["grouped_id"]:
            albums[post["grouped_id"]].append(post)
    assert len(albums) >= 10
    for items in albums.values():
        assert len(items) >= 2
        assert sorted(bool(post["text"]) for post in items).count(True) == 1
        assert len({(post["channel"], post["date"]) for post in items}) == 1


def test_a_repost_names_its_channels_earlier_post(posts: Posts) -> None:
    by_key = {(post["channel"], post["id"]): post for post in posts}
    reposts = [post for post in posts if post["forwarded_from"]]
    assert len(reposts) > 100
    for post in reposts:
        origin = post["forwarded_from"]
        assert origin["channel"] == post["channel"]
        original = by_key[origin["channel"], origin["message_id"]]
        assert original["date"] == origin["date"] < post["date"]
        assert original["text"] == post["text"]
        assert photo_ids([original]) == photo_ids([post])


def test_service_messages_have_neither_text_nor_views(posts: Posts) -> None:
    service = [post for post in posts if post["kind"] == "service"]
    assert len(service) == 2
    assert all(post["text"] is None and post["views"] is None for post in service)


@pytest.mark.parametrize("kind", ["photo", "document", "video", "webpage", "poll"])
def test_every_kind_of_media_occurs(posts: Posts, kind: str) -> None:
    assert any(post["media"] and post["media"]["kind"] == kind for post in posts)


@pytest.mark.parametrize(
    "spelling",
    [
        r"Price \d{3,5} birr", r"Price: \d,\d{3} ETB", r"ETB \d", r"\d{2,5}br\b", r"ዋጋ \d+ ብር",
        r"ዋጋ፦ ", r"Price \d+(,\d{3})?\n", r"12,000", r"70 birr - 500 birr", r"ከ70 - 500 ብር",
        r"Amoxacillin",
    ],
)  # fmt: skip
def test_prices_footers_and_names_come_in_their_real_spellings(posts: Posts, spelling: str) -> None:
    assert any(re.search(spelling, post["text"] or "") for post in posts)


def test_texts_are_in_english_and_amharic_with_a_very_long_one_and_characters_without_width(
    posts: Posts,
) -> None:
    texts = [post["text"] for post in posts if post["text"]]
    heads = [text.split("\n")[0] for text in texts]
    amharic = sum(bool(re.search("[\u1200-\u137f]", head)) for head in heads)
    assert 0.2 < amharic / len(heads) < 0.6
    longest = max(texts, key=len)
    assert 3_000 < len(longest) <= 4_096 and longest.startswith("📌 ስለ መድሃኒት")
    assert sum(bool(re.search("[\u200b-\u200f\ufeff]", text)) for text in texts) >= 5
    assert any(post["reactions"] for post in posts)


def test_entities_count_utf16_code_units(posts: Posts) -> None:
    found = 0
    for post in posts:
        units = (post["text"] or "").encode("utf-16-le")
        for entity in post["entities"] or []:
            part = units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])]
            start = {"mention": "@", "url": "https://", "hashtag": "#"}.get(entity["type"], "")
            assert part.decode("utf-16-le").startswith(start) and part
            found += 1
    assert found > 300


def test_only_invented_telephone_numbers_links_and_usernames_occur(recording: Path) -> None:
    said = "\n".join(path.read_text("utf-8") for path in recording.rglob("*.json"))
    texts = [
        post["text"]
        for path in (recording / "reads").rglob("*.json")
        for post in json.loads(path.read_text("utf-8"))["posts"]
        if post["text"]
    ]
    numbers = Counter(
        phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        for text in texts
        for match in phonenumbers.PhoneNumberMatcher(
            text, "ET", leniency=phonenumbers.Leniency.POSSIBLE
        )
    )
    invented = {number for number in numbers if re.fullmatch(r"\+2519000000\d\d", number)}
    assert len(invented) == 8
    assert set(numbers) == invented
    assert all(name.startswith("demo_") for name in re.findall(r"(?:@|t\.me/)([A-Za-z]\w+)", said))
    hosts = {match.rstrip("/") for match in re.findall(r"https?://([^/\s\"\\]+)", said)}
    assert all(host == "t.me" or host.endswith(".example") for host in hosts)


def test_every_photo_has_a_file_and_every_file_a_post(recording: Path, reads: Reads) -> None:
    told = {id_ for made in reads.values() for read in made for id_ in photo_ids(read["posts"])}
    files = {int(path.stem) for path in (recording / "images").iterdir()}
    assert files == told
    assert 80 <= len(files) <= 120


def test_pictures_repeat_under_one_photo_id_and_under_two(recording: Path, posts: Posts) -> None:
    used = Counter(photo_ids(posts))
    assert sum(count > 1 for count in used.values()) > 60
    copies = Counter(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (recording / "images").iterdir()
    )
    assert len(copies) == 100
    assert sum(count - 1 for count in copies.values()) == 8


def test_exactly_one_file_is_no_whole_image_and_one_post_shows_it(
    recording: Path, posts: Posts
) -> None:
    broken: list[int] = []
    for path in sorted((recording / "images").iterdir()):
        try:
            with Image.open(path) as image:
                image.load()
                assert 320 <= max(image.size) <= 480
        except OSError:
            broken.append(int(path.stem))
    assert len(broken) == 1
    assert photo_ids(posts).count(broken[0]) == 1
