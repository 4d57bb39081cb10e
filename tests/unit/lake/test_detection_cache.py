import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medwh_assets.errors import LakePathError
from medwh_assets.lake.detection_cache import DetectionCache
from medwh_assets.lake.disk import DiskFiles
from medwh_assets.lake.ports import Sight
from medwh_assets.lake.records import Box

WEIGHTS = "tiny-0123456789ab-c0.25-s640-r2"
MODEL = f"{WEIGHTS}-openvino_bf16-2026.4"
SAME_WEIGHTS = f"{WEIGHTS}-torch_fp32-2.13"
IMAGE = "ab" + "0" * 62
BOXES = (
    Box(detected_class="bottle", confidence=0.9, x=1.5, y=2, width=3, height=4),
    Box(detected_class="የመድኃኒት ጠርሙስ", confidence=0.3, x=0, y=0, width=1, height=1),
)
SIGHT = Sight(BOXES, "ff00ff00ff00ff00")
NOTHING = Sight((), "8000000000000000")
NOON = datetime(2025, 4, 1, 12, tzinfo=UTC)


class Clock:
    """Ticks a minute each time it is looked at."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def cache(tmp_path: Path) -> DetectionCache:
    return DetectionCache(DiskFiles(tmp_path), Clock())


def sight(cache: DetectionCache, model: str, image: str = IMAGE) -> Sight | None:
    kept = cache.get(model, image)
    return None if kept is None else kept.sight


def entry(tmp_path: Path, model: str = MODEL, image: str = IMAGE) -> Path:
    return tmp_path / "yolo_cache" / model / image[:2] / f"{image}.json"


def test_what_was_put_is_got_again(cache: DetectionCache, tmp_path: Path) -> None:
    assert cache.get(MODEL, IMAGE) is None

    cache.put(MODEL, IMAGE, SIGHT)

    assert sight(cache, MODEL) == SIGHT
    assert entry(tmp_path).is_file()


def test_an_image_without_boxes_is_not_an_image_never_seen(cache: DetectionCache) -> None:
    cache.put(MODEL, IMAGE, NOTHING)

    assert sight(cache, MODEL) == NOTHING


def test_results_of_several_models_live_side_by_side(cache: DetectionCache) -> None:
    cache.put(MODEL, IMAGE, SIGHT)
    cache.put("other-model", IMAGE, NOTHING)

    assert sight(cache, MODEL) == SIGHT
    assert sight(cache, "other-model") == NOTHING


def test_an_entry_tells_when_it_was_made(cache: DetectionCache, tmp_path: Path) -> None:
    kept = cache.put(MODEL, IMAGE, SIGHT)

    assert kept.made_at == NOON + timedelta(minutes=1)
    assert cache.get(MODEL, IMAGE) == kept
    assert json.loads(entry(tmp_path).read_bytes())["made_at"] == "2025-04-01T12:01:00Z"


def test_what_another_engine_saw_with_the_same_weights_counts(cache: DetectionCache) -> None:
    assert cache.find(WEIGHTS, IMAGE) is None

    kept = cache.put(SAME_WEIGHTS, IMAGE, SIGHT)

    assert cache.find(WEIGHTS, IMAGE) == kept
    assert kept.fingerprint == SAME_WEIGHTS
    assert cache.find(MODEL, IMAGE) is None


def test_of_several_engines_the_newest_sight_counts(cache: DetectionCache, tmp_path: Path) -> None:
    cache.put(SAME_WEIGHTS, IMAGE, SIGHT)
    newest = cache.put(MODEL, IMAGE, NOTHING)

    assert cache.find(WEIGHTS, IMAGE) == newest
    assert DetectionCache(DiskFiles(tmp_path)).find(WEIGHTS, IMAGE) == newest


def test_other_weights_options_and_revisions_do_not_count(cache: DetectionCache) -> None:
    for other in ("tiny-0123456789ab-c0.25-s640-r20", "tiny-ba9876543210-c0.25-s640-r2"):
        cache.put(f"{other}-torch_fp32-2.13", IMAGE, SIGHT)

    assert cache.find(WEIGHTS, IMAGE) is None


def test_an_entry_without_a_sound_perceptual_hash_counts_as_absent(
    cache: DetectionCache, tmp_path: Path
) -> None:
    cache.put(MODEL, IMAGE, Sight(BOXES, "nonsense"))

    assert cache.get(MODEL, IMAGE) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"boxes": []}', b"\xff\xfe"])
def test_an_entry_that_cannot_be_read_counts_as_absent(
    cache: DetectionCache, tmp_path: Path, damage: bytes
) -> None:
    cache.put(MODEL, IMAGE, SIGHT)
    entry(tmp_path).write_bytes(damage)

    assert cache.get(MODEL, IMAGE) is None


def test_an_entry_of_another_image_counts_as_absent(cache: DetectionCache, tmp_path: Path) -> None:
    other = "ab" + "1" * 62
    cache.put(MODEL, other, SIGHT)
    entry(tmp_path, image=other).rename(entry(tmp_path))

    assert cache.get(MODEL, IMAGE) is None


def test_an_entry_may_hold_fields_of_a_later_version(cache: DetectionCache, tmp_path: Path) -> None:
    cache.put(MODEL, IMAGE, SIGHT)
    content = json.loads(entry(tmp_path).read_bytes())
    entry(tmp_path).write_text(json.dumps({**content, "seconds": 0.08}))

    assert sight(cache, MODEL) == SIGHT


def test_a_folder_in_the_place_of_an_entry_counts_as_absent(
    cache: DetectionCache, tmp_path: Path
) -> None:
    entry(tmp_path).mkdir(parents=True)

    assert cache.get(MODEL, IMAGE) is None


@pytest.mark.parametrize(
    ("model", "image"),
    [("../up", IMAGE), ("", IMAGE), ("a/b", IMAGE), (MODEL, "../../x"), (MODEL, IMAGE.upper())],
)
def test_no_name_leads_out_of_the_cache(
    cache: DetectionCache, tmp_path: Path, model: str, image: str
) -> None:
    with pytest.raises(LakePathError):
        cache.get(model, image)
    with pytest.raises(LakePathError):
        DetectionCache(DiskFiles(tmp_path)).find(model, image) or cache.get(model, image)
    with pytest.raises(LakePathError):
        cache.put(model, image, NOTHING)
