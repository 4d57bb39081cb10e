"""What is left to do, and in which runs: pure decisions on what the lake and the ledger say.

Each stage's output names the hash of what it was made from, so a slice is due at a stage exactly
when that hash is not the one that lies there now. A killed run needs no bookkeeping of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from medwh_assets.detection.in_lake import made_from
from medwh_assets.lake.records import Manifest
from medwh_assets.slices import Slice


@dataclass(frozen=True, slots=True)
class SliceState:
    """What lies in the lake of one slice: its manifest, and the hashes of its files as they are."""

    slice: Slice
    manifest: Manifest | None
    messages: str | None
    images: str | None
    detections: str | None


def messages_due(state: SliceState) -> bool:
    """Whether the posts lie there differently than the manifest says, as after a copy or a kill."""
    if state.messages is None:
        return False
    facts = state.manifest.messages if state.manifest else None
    return facts is None or facts.sha256 != state.messages


def images_due(state: SliceState) -> bool:
    """Whether the image records do not fit the posts."""
    if state.messages is None:
        return False
    facts = state.manifest.images if state.manifest else None
    return facts is None or facts.made_from != state.messages or facts.sha256 != state.images


def detections_due(state: SliceState, model: str) -> bool:
    """Whether the detections do not fit the images or the configured model."""
    if state.images is None:
        return False
    facts = state.manifest.detections if state.manifest else None
    return (
        facts is None
        or facts.made_from != made_from(state.images, model)
        or facts.sha256 != state.detections
    )


def load_due(content: str | None, piece: Slice, ledger: Mapping[Slice, str]) -> bool:
    """Whether a slice's file is not the one that was loaded last."""
    return content is not None and ledger.get(piece) != content
