import pytest

from medwh_assets.automation.plan import (
    SliceState,
    detections_due,
    images_due,
    load_due,
    messages_due,
)
from medwh_assets.detection.in_lake import made_from
from medwh_assets.lake.records import FileFacts, Manifest
from medwh_assets.slices import Slice
from tests.factories import CHANNEL, DAY, PIECE

MODEL = "yolo-demo"
DONE = Manifest(
    channel=CHANNEL,
    date=DAY,
    status="complete",
    messages=FileFacts(records=1, sha256="posts"),
    images=FileFacts(records=1, sha256="images", made_from="posts"),
    detections=FileFacts(records=1, sha256="boxes", made_from=made_from("images", MODEL)),
)


def state(
    *,
    messages: str | None = "posts",
    images: str | None = "images",
    detections: str | None = "boxes",
    manifest: Manifest | None = DONE,
) -> SliceState:
    """A slice that has been through every stage, except for what is said otherwise."""
    return SliceState(PIECE, manifest, messages, images, detections)


def but(**facts: FileFacts | None) -> Manifest:
    """The manifest of such a slice, except for what is said otherwise."""
    return DONE.model_copy(update=facts)


def due(state: SliceState, model: str = MODEL) -> list[str]:
    stages = {
        "messages": messages_due(state),
        "images": images_due(state),
        "detections": detections_due(state, model),
    }
    return [stage for stage, is_due in stages.items() if is_due]


def test_a_slice_that_has_been_through_every_stage_is_due_at_none() -> None:
    assert due(state()) == []


def test_a_slice_without_files_is_due_at_none() -> None:
    nothing = state(messages=None, images=None, detections=None, manifest=None)
    assert due(nothing) == []


def test_a_slice_that_was_copied_here_is_due_at_every_stage_whose_input_lies_there() -> None:
    assert due(state(manifest=None)) == ["messages", "images", "detections"]
    assert due(state(manifest=None, images=None, detections=None)) == ["messages", "images"]


def test_changed_posts_make_the_images_due_and_the_manifest_too() -> None:
    assert due(state(messages="changed")) == ["messages", "images"]
    settled = FileFacts(records=2, sha256="changed")
    assert due(state(messages="changed", manifest=but(messages=settled))) == ["images"]


def test_images_that_are_about_to_change_or_were_cut_off_are_due() -> None:
    assert due(state(manifest=but(images=None))) == ["images"]
    assert due(state(images=None)) == ["images"]
    assert due(state(images="changed")) == ["images", "detections"]


def test_a_changed_image_file_or_another_model_makes_the_detections_due() -> None:
    redone = FileFacts(records=1, sha256="changed", made_from="posts")
    assert due(state(images="changed", manifest=but(images=redone))) == ["detections"]
    assert due(state(), model="yolo-other") == ["detections"]
    assert due(state(manifest=but(detections=None))) == ["detections"]
    assert due(state(detections="cut off")) == ["detections"]


@pytest.mark.parametrize(
    ("content", "loaded", "expected"),
    [
        ("a", {}, True),
        ("a", {PIECE: "b"}, True),
        ("a", {PIECE: "a"}, False),
        (None, {}, False),
        (None, {PIECE: "a"}, False),
        ("a", {Slice("demo_other", DAY): "a"}, True),
    ],
)
def test_a_file_is_loaded_unless_it_is_the_one_loaded_last(
    content: str | None, loaded: dict[Slice, str], expected: bool
) -> None:
    assert load_due(content, PIECE, loaded) is expected
