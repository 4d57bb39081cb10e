from pathlib import PurePosixPath

import pytest

from medwh_assets.errors import ChannelNameError, LakePathError
from medwh_assets.lake.paths import (
    LAYERS,
    image_file,
    inside,
    quarantine_file,
    replaced_image_file,
    slice_file,
)
from tests.factories import PIECE

HOSTILE = [
    "../../etc",
    "/etc",
    "a/b",
    "a" * 300,
    "",
    ".",
    "..",
    "a\0b",
    "a b",
    "a\\b",
    "ሰላም",
    "CON.",
]


def test_every_layer_of_a_slice_has_its_own_file() -> None:
    files = {slice_file(layer, PIECE) for layer in LAYERS}
    assert len(files) == len(LAYERS)
    expected = PurePosixPath("telegram_messages/2025-03-01/demo_shop.json")
    assert slice_file("telegram_messages", PIECE) == expected


def test_channels_that_differ_in_case_share_their_files() -> None:
    assert image_file("CheMed123", 7) == PurePosixPath("images/chemed123/7.jpg")
    replaced = replaced_image_file("@CheMed123", 7, "0123456789abcdef")
    assert replaced == PurePosixPath("images/chemed123/7.01234567.jpg")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_is_named_after_what_is_no_channel(name: str) -> None:
    with pytest.raises(ChannelNameError):
        image_file(name, 7)
    with pytest.raises(ChannelNameError):
        quarantine_file("posts", name, "entry")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "a b", "a\0", "ሰላም"])
def test_an_entry_of_the_quarantine_has_a_plain_name(name: str) -> None:
    with pytest.raises(LakePathError):
        quarantine_file("posts", "demo_shop", name)
    with pytest.raises(LakePathError):
        quarantine_file(name, "demo_shop", "entry")


def test_a_path_that_stays_inside_is_returned_as_it_is() -> None:
    path = "images/demo_shop/7.jpg"
    assert inside(path) == PurePosixPath(path)
