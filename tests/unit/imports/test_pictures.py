import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from medwh_assets.imports import image_intake
from medwh_assets.imports.image_intake import ImageKeeper
from medwh_assets.imports.intake import ImportSummary
from medwh_assets.imports.pictures import walked_folders
from medwh_assets.imports.survey import survey
from medwh_assets.lake.store import Lake
from medwh_assets.slices import Slice
from tests.factories import moment, tree
from tests.unit.imports.bringing import bring_in

AMBIGUOUS = "image is named by other channels or folders too, and lies there once"


class Dump:
    """Files that somebody has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def image(self, name: str, content: bytes | None = None) -> "Dump":
        """Write an image; by default its content is its name."""
        return self._file(name, name.encode() if content is None else content)

    def posts(self, name: str, ids: dict[int, str | None], **fields: Any) -> "Dump":
        """Write posts and the images that they name."""
        records = [
            {
                "id": n,
                "date": "2025-03-01T12:00:00Z",
                "text": f"post {n}",
                "image_path": path,
                **fields,
            }
            for n, path in ids.items()
        ]
        return self._file(name, json.dumps(records).encode())

    def export(
        self, folder: str, ids: dict[int, str | None], kind: str = "public_channel"
    ) -> "Dump":
        """Write a Telegram Desktop export of one chat."""
        name = f"{folder}/result.json".lstrip("/")
        return self._file(name, json.dumps(_chat(kind, ids)).encode())

    def account(self, chats: dict[str, dict[int, str | None]]) -> "Dump":
        """Write a Telegram Desktop export of an account: chats by type."""
        listed = [_chat(kind, ids) for kind, ids in chats.items()]
        return self._file("result.json", json.dumps({"chats": {"list": listed}}).encode())

    def into(self, lake: Lake, path: str = "") -> ImportSummary:
        return bring_in(lake, self.root / path)

    def _file(self, name: str, content: bytes) -> "Dump":
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return self


def _chat(kind: str, ids: dict[int, str | None]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [
        {
            "id": n,
            "type": "message",
            "date": "2025-03-01T12:00:00",
            "date_unixtime": str(int(moment("2025-03-01 12:00").timestamp())),
            "text": f"post {n}",
            "text_entities": [],
            **({"photo": path, "width": 1, "height": 1} if path else {}),
        }
        for n, path in ids.items()
    ]
    number = 555 if kind.startswith("public") else 5
    return {"name": kind, "type": kind, "id": number, "messages": messages}


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    return Dump(tmp_path / "dump")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def images(lake: Lake) -> dict[str, str]:
    """The images in the lake, by name below their folder."""
    files = tree(lake.root)
    found = {name: content for name, content in files.items() if name.startswith("images/")}
    return {name.removeprefix("images/"): content.decode() for name, content in found.items()}


# -- Telegram Desktop ------------------------------------------------------------------------------


def test_photos_of_a_private_chat_stay_out_of_the_public_channel_beside_it(
    dump: Dump, lake: Lake
) -> None:
    dump.export("ChatExport_2024-05-01", dict.fromkeys(range(1, 9)))
    dump.export("ChatExport_2024-05-01 (1)", {100: "files/5.jpg"}, "personal_chat")
    dump.image("ChatExport_2024-05-01 (1)/files/5.jpg")
    dump.image("ChatExport_2024-05-01 (1)/c555/6.jpg").image("ChatExport_2024-05-01 (1)/c555_7.jpg")
    summary = dump.into(lake)
    assert images(lake) == {}
    assert summary.images_unmatched == 0
    assert summary.channels["c555"].images_unmatched == 0


def test_private_photos_stay_out_of_a_scraped_channel_that_lies_beside_them(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("CheMed123.json", {5: None, 6: "/old/photos/6.jpg", 7: "export/photos/7.jpg"})
    dump.export("export", {100: "photos/5.jpg"}, "personal_chat")
    for n in (5, 6, 7):
        dump.image(f"export/photos/{n}.jpg").image(f"export/CheMed123/{n}.jpg")
    summary = dump.into(lake)
    assert images(lake) == {}
    assert summary.channels["chemed123"].images_absent == 2
    assert summary.images_unmatched == 0


def test_an_export_that_is_broken_still_hides_what_lies_beside_it(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", {5: None}).image("export/CheMed123/5.jpg")
    (dump.root / "export" / "result.json").write_bytes(b'{"name": "Mother", "ty')
    dump.into(lake)
    assert images(lake) == {}


def test_images_sent_as_files_are_not_taken_by_the_number_that_they_are_called(
    dump: Dump, lake: Lake
) -> None:
    dump.export("", {5: None, 6: "files/5.jpg"}).image("files/5.jpg")
    dump.into(lake)
    assert images(lake) == {"c555/6.jpg": "files/5.jpg"}


def test_a_post_of_an_export_takes_no_image_by_its_id_wherever_that_lies(
    dump: Dump, lake: Lake
) -> None:
    dump.export("export", {5: None, 6: "photos/gone.jpg"})
    dump.image("images/c555/5.jpg").image("images/c555/6.jpg")
    assert dump.into(lake).channels["c555"].images_absent == 1
    assert images(lake) == {}


def test_an_export_takes_no_photo_of_the_export_beside_it(dump: Dump, lake: Lake) -> None:
    dump.export("a", {1: "../b/photos/1.jpg", 2: "photos\\2.jpg", 3: "../3.jpg"})
    dump.export("b", {100: None}, "personal_chat")
    dump.image("b/photos/1.jpg").image("a/photos/2.jpg").image("3.jpg")
    dump.into(lake)
    assert images(lake) == {"c555/2.jpg": "a/photos/2.jpg"}


def test_an_account_brings_the_photos_of_its_public_channel_and_no_others(
    dump: Dump, lake: Lake
) -> None:
    dump.account(
        {
            "public_channel": {1: "chats/chat_1/photos/a.jpg", 2: None},
            "personal_chat": {2: "chats/chat_2/photos/2.jpg"},
        }
    )
    dump.image("chats/chat_1/photos/a.jpg").image("chats/chat_2/photos/2.jpg")
    summary = dump.into(lake)
    assert images(lake) == {"c555/1.jpg": "chats/chat_1/photos/a.jpg"}
    assert summary.images_unmatched == 0


def test_a_result_json_of_a_script_hides_nothing(dump: Dump, lake: Lake) -> None:
    dump.posts("result.json", {1: None}, channel_username="CheMed123")
    dump.image("CheMed123/1.jpg").into(lake)
    assert images(lake) == {"chemed123/1.jpg": "CheMed123/1.jpg"}


# -- by id -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "CheMed123/1.jpg",
        "images/2025-03-01/chemed123/photos/1.png",
        "photos/CheMed123_1.jpg",
        "photos/@chemed123_1.jpg",
        "nobody_here/CheMed123_1.jpg",
    ],
)
def test_an_image_that_bears_channel_and_id_is_the_posts(dump: Dump, lake: Lake, name: str) -> None:
    dump.posts("CheMed123.json", {1: None}).posts("other_shop.json", {1: None}).image(name)
    dump.into(lake)
    assert images(lake) == {"chemed123/1.jpg": name}


@pytest.mark.parametrize(
    "name", ["photo_1", "image_1", "img_1", "IMG_0001", "photo_1@01-03-2025", "other_shop_1", "1a"]
)
def test_a_number_behind_another_word_is_no_id(dump: Dump, lake: Lake, name: str) -> None:
    dump.posts("CheMed123.json", {1: None})
    dump.image(f"CheMed123/{name}.jpg").image(f"photos/{name}.jpg").into(lake)
    assert images(lake) == {}


def test_an_image_belongs_to_the_channel_of_its_nearest_folder(dump: Dump, lake: Lake) -> None:
    dump.posts("one_shop.json", {1: None}).posts("other_shop.json", {1: None})
    dump.image("one_shop/other_shop/1.jpg").into(lake)
    assert images(lake) == {"other_shop/1.jpg": "one_shop/other_shop/1.jpg"}


def test_an_image_that_some_record_names_is_taken_for_no_other_post(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", {1: None, 7: "CheMed123/1.jpg", 2: None}).image("CheMed123/1.jpg")
    dump.image("CheMed123/2.jpg").into(lake)
    assert images(lake) == {
        "chemed123/7.jpg": "CheMed123/1.jpg",
        "chemed123/2.jpg": "CheMed123/2.jpg",
    }


def test_bare_ids_are_taken_if_most_of_their_folder_are_posts_of_the_only_channel(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("CheMed123.json", dict.fromkeys(range(101, 111)))
    for n in (101, 102, 999):
        dump.image(f"photos/{n}.jpg")
    for n in (103, 997, 998, 999):
        dump.image(f"pictures/{n}.jpg")
    for n in (104, 999):
        dump.image(f"media/{n}.jpg")
    summary = dump.image("holiday/105.jpg").into(lake)
    assert images(lake) == {
        "chemed123/101.jpg": "photos/101.jpg",
        "chemed123/102.jpg": "photos/102.jpg",
    }
    assert summary.channels["chemed123"].images_unmatched == 1
    assert summary.images_unmatched == 7


def test_bare_ids_are_nobodys_where_there_are_two_channels(dump: Dump, lake: Lake) -> None:
    dump.posts("one_shop.json", {1: None, 2: None}).posts("other_shop.json", {7: None})
    assert dump.image("photos/1.jpg").into(lake).images_unmatched == 1
    assert images(lake) == {}


# -- by name ---------------------------------------------------------------------------------------


def test_images_are_found_beside_the_file_that_names_them(dump: Dump, lake: Lake) -> None:
    for one, channel in (("a", "one_shop"), ("b", "other_shop")):
        dump.posts(f"{one}/{channel}.json", {1: "photos/x.jpg", 2: "./photos//y.jpg"})
        dump.image(f"{one}/photos/x.jpg").image(f"{one}/photos/y.jpg")
    dump.image("photos/x.jpg").into(lake)
    assert images(lake) == {
        "one_shop/1.jpg": "a/photos/x.jpg",
        "one_shop/2.jpg": "a/photos/y.jpg",
        "other_shop/1.jpg": "b/photos/x.jpg",
        "other_shop/2.jpg": "b/photos/y.jpg",
    }


def test_a_path_from_another_machine_is_found_by_its_end_beside_its_file_first(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("a/one_shop.json", {1: "C:\\scraper\\photos\\x.jpg", 2: "/home/x/photos/y.jpg"})
    dump.image("a/photos/x.jpg").image("photos/x.jpg").image("photos/y.jpg").into(lake)
    assert images(lake) == {"one_shop/1.jpg": "a/photos/x.jpg", "one_shop/2.jpg": "photos/y.jpg"}


@pytest.mark.parametrize(
    "named",
    [
        "photos/price list.jpg",
        "photos/price%20list.jpg",
        "photos\\price%20list.jpg",
        "file:///home/me/dump/photos/price%20list.jpg",
        "file://localhost/C:/dump/photos/price%20list.jpg",
        "FILE:///C:/dump/photos/price list.jpg",
        "../dump/photos/price list.jpg",
        "{root}/photos/price list.jpg",
        "file://{root}/photos/price%20list.jpg",
    ],
)
def test_a_path_is_found_however_it_is_written(dump: Dump, lake: Lake, named: str) -> None:
    dump.posts("CheMed123.json", {1: named.format(root=dump.root)})
    dump.image("photos/price list.jpg").into(lake)
    assert images(lake) == {"chemed123/1.jpg": "photos/price list.jpg"}


def test_a_name_with_a_percent_sign_is_taken_as_it_stands_first(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", {1: "photos/a%20b.jpg"})
    dump.image("photos/a%20b.jpg").image("photos/a b.jpg").into(lake)
    assert images(lake) == {"chemed123/1.jpg": "photos/a%20b.jpg"}


@pytest.mark.parametrize("named", ["https://example.org/photos/1.jpg", "s3://bucket/photos/1.jpg"])
def test_an_address_is_no_path(dump: Dump, lake: Lake, named: str) -> None:
    dump.posts("CheMed123.json", {7: named}).image("photos/1.jpg").into(lake)
    assert images(lake) == {}


def test_an_image_that_paths_of_two_channels_may_mean_is_neithers(dump: Dump, lake: Lake) -> None:
    dump.posts("one_shop.json", {11: "/home/x/A/photos/1.jpg", 1: None})
    dump.posts("other_shop.json", {90: "/home/x/B/photos/1.jpg"}).image("photos/1.jpg")
    summary = dump.into(lake)
    assert images(lake) == {}
    for channel in ("one_shop", "other_shop"):
        mine = summary.channels[channel]
        assert mine.quarantined == {AMBIGUOUS: 1}
        assert (mine.images, mine.images_absent, mine.images_unmatched) == (0, 0, 0)
    assert summary.images_unmatched == 0
    assert [entry[1:3] for entry in lake.quarantined()] == [
        ("one_shop", "11"),
        ("other_shop", "90"),
    ]


def test_an_image_that_two_folders_of_one_channel_may_mean_is_no_posts(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("CheMed123.json", {1: "/x/A/photos/1.jpg", 2: "/x/B/photos/1.jpg"})
    dump.image("photos/1.jpg")
    assert dump.into(lake).channels["chemed123"].quarantined == {AMBIGUOUS: 2}
    assert images(lake) == {}


def test_a_path_that_is_right_stands_over_one_that_only_ends_like_it(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("one_shop.json", {1: "photos/1.jpg"})
    dump.posts("other_shop.json", {1: "/x/B/photos/1.jpg"}).image("photos/1.jpg")
    summary = dump.into(lake)
    assert images(lake) == {"one_shop/1.jpg": "photos/1.jpg"}
    assert summary.channels["other_shop"].quarantined == {AMBIGUOUS: 1}


def test_one_post_may_be_named_from_two_machines(dump: Dump, lake: Lake) -> None:
    dump.posts("a/CheMed123.json", {1: "C:\\scraper\\images\\CheMed123\\1.jpg"})
    dump.posts("b/CheMed123.json", {1: "/home/x/images/CheMed123/1.jpg"})
    dump.image("images/CheMed123/1.jpg").into(lake)
    assert images(lake) == {"chemed123/1.jpg": "images/CheMed123/1.jpg"}


def test_posts_may_share_an_image_that_they_name_alike(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", dict.fromkeys((1, 2), "/home/x/photos/album.jpg"))
    dump.image("photos/album.jpg").into(lake)
    assert images(lake) == dict.fromkeys(("chemed123/1.jpg", "chemed123/2.jpg"), "photos/album.jpg")


def test_the_folder_of_a_file_that_names_images_may_have_any_name(dump: Dump, lake: Lake) -> None:
    folder = "b\udcffd"
    dump.posts(f"{folder}/CheMed123.json", {1: "photos/a.jpg", 2: "x\udcff.jpg"})
    dump.image(f"{folder}/photos/a.jpg", b"picture").into(lake)
    assert images(lake) == {"chemed123/1.jpg": "picture"}


# -- a single file ---------------------------------------------------------------------------------


def test_a_single_file_takes_nothing_of_what_merely_lies_beside_it(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", dict.fromkeys((1, 2, 3)))
    dump.image("1.jpg").image("holiday/2.jpg").image("2024/photos/3.jpg").image(
        "sub/CheMed123/1.jpg"
    )
    summary = dump.into(lake, "CheMed123.json")
    assert images(lake) == {}
    assert summary.images_unmatched == 0


def test_a_single_file_brings_images_that_it_names_and_those_of_folders_beside_it(
    dump: Dump, lake: Lake
) -> None:
    dump.posts("CheMed123.json", {1: "odd/place/a.jpg", 2: None, 3: None, 4: "../outside.jpg"})
    dump.image("odd/place/a.jpg").image("CheMed123/2.jpg").image("Photos/CheMed123/3.jpg")
    dump.image("../outside.jpg", b"outside").image("odd/place/2.jpg")
    dump.into(lake, "CheMed123.json")
    assert images(lake) == {
        "chemed123/1.jpg": "odd/place/a.jpg",
        "chemed123/2.jpg": "CheMed123/2.jpg",
        "chemed123/3.jpg": "Photos/CheMed123/3.jpg",
    }


def test_a_single_file_of_a_scraped_lake_brings_its_lakes_images(dump: Dump, lake: Lake) -> None:
    file = "telegram_messages/2025-03-01/CheMed123.json"
    dump.posts(file, {1: None, 2: "elsewhere/b.jpg"}).posts(
        "telegram_messages/x/other_shop.json", {}
    )
    dump.image("images/CheMed123/1.jpg").image("elsewhere/b.jpg").image("elsewhere/CheMed123/1.jpg")
    assert len(survey(dump.root / file).files) == 1
    dump.into(lake, file)
    assert images(lake) == {
        "chemed123/1.jpg": "images/CheMed123/1.jpg",
        "chemed123/2.jpg": "elsewhere/b.jpg",
    }


def test_a_single_file_beside_an_export_takes_none_of_its_photos(dump: Dump, lake: Lake) -> None:
    dump.posts("CheMed123.json", {1: "photos/a.jpg", 2: None, 3: "export/photos/c.jpg"})
    dump.export("", {100: "photos/a.jpg"}, "personal_chat").image("photos/a.jpg")
    dump.image("CheMed123/2.jpg").export("export", {100: None}, "personal_chat")
    dump.image("export/photos/c.jpg").into(lake, "CheMed123.json")
    assert images(lake) == {}


def test_the_single_file_of_an_export_brings_its_photos(dump: Dump, lake: Lake) -> None:
    dump.export("", {1: "photos/a.jpg", 2: "somewhere/b.jpg"}).image("photos/a.jpg")
    dump.image("somewhere/b.jpg").into(lake, "result.json")
    assert images(lake) == {"c555/1.jpg": "photos/a.jpg", "c555/2.jpg": "somewhere/b.jpg"}


def test_links_lead_a_single_files_names_nowhere_outside(dump: Dump, lake: Lake) -> None:
    secret = dump.root.parent / "secret"
    Dump(secret).image("a.jpg")
    dump.posts("CheMed123.json", {1: "link/a.jpg", 2: "b.jpg", 3: "photos/a.jpg", 4: "x\0.jpg"})
    (dump.root / "link").symlink_to(secret)
    (dump.root / "photos").symlink_to(secret)
    (dump.root / "b.jpg").symlink_to(secret / "a.jpg")
    dump.into(lake, "CheMed123.json")
    assert images(lake) == {}


def test_only_folders_named_after_images_or_the_channel_are_walked(tmp_path: Path) -> None:
    for name in ("Images", "photos", "media", "files", "pictures", "@CheMed123", "other_shop", "x"):
        (tmp_path / name).mkdir()
    file = tmp_path / "CheMed123.json"
    file.touch()
    found = walked_folders(file, tmp_path)
    assert [folder.name for folder in found] == [
        "@CheMed123", "Images", "files", "media", "photos", "pictures",
    ]  # fmt: skip
    assert walked_folders(tmp_path, tmp_path) == [tmp_path]


def test_folders_that_are_links_are_counted(dump: Dump) -> None:
    dump.posts("CheMed123.json", {1: None}).image("elsewhere/1.jpg")
    (dump.root / "CheMed123").symlink_to(dump.root / "elsewhere")
    assert survey(dump.root).pictures.links == 1


# -- keeping -----------------------------------------------------------------------------------------


def test_of_several_images_left_out_the_same_entry_stays_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_intake, "MAX_BYTES", 3)
    dumps = [
        Dump(tmp_path / name).posts("CheMed123.json", {1: path}).image(path)
        for name, path in (("a", "photos/ä.jpg"), ("b", "photos/b.jpg"), ("c", "photos/c.jpg"))
    ]
    lakes: list[dict[str, bytes]] = []
    for number, order in enumerate(itertools.permutations(dumps)):
        lake = Lake(tmp_path / f"lake{number}")
        for dump in order:
            dump.into(lake)
        (entry,) = (
            c for name, c in tree(lake.root).items() if name.startswith("quarantine/images")
        )
        lakes.append({"entry": entry})
    assert all(one == lakes[0] for one in lakes)


def test_an_image_that_lies_in_the_lake_already_is_not_written_again(
    tmp_path: Path, lake: Lake
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"picture")
    piece = Slice("chemed123", moment("2025-03-01 00:00").date())
    forgotten: list[Slice] = []
    keeper = ImageKeeper(lake, forgotten.append)
    first, again = keeper.keep(piece, 1, file), keeper.keep(piece, 1, file)
    assert first == again
    assert forgotten == [piece]


def test_only_so_many_images_are_remembered_for_being_linked(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_intake, "_TWINS", 1)
    piece = Slice("chemed123", moment("2025-03-01 00:00").date())
    keeper = ImageKeeper(lake, lake.forget_images)
    for number, content in enumerate((b"a", b"b", b"b", b"a")):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(content)
        keeper.keep(piece, number, file)
    kept = [lake.root / f"images/chemed123/{number}.jpg" for number in range(4)]
    assert kept[1].samefile(kept[2])
    assert not kept[0].samefile(kept[3])
