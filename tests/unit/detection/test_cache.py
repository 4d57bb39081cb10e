import json
from pathlib import Path

import pytest

from medwh_assets.detection.cache import DetectionCache
from medwh_assets.errors import LakePathError
from medwh_assets.lake.records import Box

MODEL = "tiny-0123456789ab-c0.25-s640-torch_fp32-u8.4-r1"
IMAGE = "ab" + "0" * 62
BOXES = (
    Box(detected_class="bottle", confidence=0.9, x=1.5, y=2, width=3, height=4),
    Box(detected_class="የመድኃኒት ጠርሙስ", confidence=0.3, x=0, y=0, width=1, height=1),
)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def cache(tmp_path: Path) -> DetectionCache:
    return DetectionCache(tmp_path, write)


def entry(tmp_path: Path, model: str = MODEL, image: str = IMAGE) -> Path:
    return tmp_path / "yolo_cache" / model / image[:2] / f"{image}.json"


def test_what_was_put_is_got_again(cache: DetectionCache, tmp_path: Path) -> None:
    assert cache.get(MODEL, IMAGE) is None

    cache.put(MODEL, IMAGE, BOXES)

    assert cache.get(MODEL, IMAGE) == BOXES
    assert entry(tmp_path).is_file()


def test_an_image_without_boxes_is_not_an_image_never_seen(cache: DetectionCache) -> None:
    cache.put(MODEL, IMAGE, ())

    assert cache.get(MODEL, IMAGE) == ()


def test_results_of_several_models_live_side_by_side(cache: DetectionCache) -> None:
    cache.put(MODEL, IMAGE, BOXES)
    cache.put("other-model", IMAGE, ())

    assert cache.get(MODEL, IMAGE) == BOXES
    assert cache.get("other-model", IMAGE) == ()


def test_the_same_result_is_always_the_same_file(cache: DetectionCache, tmp_path: Path) -> None:
    cache.put(MODEL, IMAGE, BOXES)
    before = entry(tmp_path).read_bytes()

    cache.put(MODEL, IMAGE, BOXES)

    assert entry(tmp_path).read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"boxes": []}', b"\xff\xfe"])
def test_an_entry_that_cannot_be_read_counts_as_absent(
    cache: DetectionCache, tmp_path: Path, damage: bytes
) -> None:
    cache.put(MODEL, IMAGE, BOXES)
    entry(tmp_path).write_bytes(damage)

    assert cache.get(MODEL, IMAGE) is None


def test_an_entry_of_another_image_counts_as_absent(cache: DetectionCache, tmp_path: Path) -> None:
    other = "ab" + "1" * 62
    cache.put(MODEL, other, BOXES)
    entry(tmp_path, image=other).rename(entry(tmp_path))

    assert cache.get(MODEL, IMAGE) is None


def test_an_entry_may_hold_fields_of_a_later_version(cache: DetectionCache, tmp_path: Path) -> None:
    cache.put(MODEL, IMAGE, BOXES)
    content = json.loads(entry(tmp_path).read_bytes())
    entry(tmp_path).write_text(json.dumps({**content, "seconds": 0.08}))

    assert cache.get(MODEL, IMAGE) == BOXES


def test_a_folder_in_the_place_of_an_entry_counts_as_absent(
    cache: DetectionCache, tmp_path: Path
) -> None:
    entry(tmp_path).mkdir(parents=True)

    assert cache.get(MODEL, IMAGE) is None


@pytest.mark.parametrize(
    ("model", "image"),
    [("../up", IMAGE), ("", IMAGE), ("a/b", IMAGE), (MODEL, "../../x"), (MODEL, IMAGE.upper())],
)
def test_no_name_leads_out_of_the_cache(cache: DetectionCache, model: str, image: str) -> None:
    with pytest.raises(LakePathError):
        cache.get(model, image)
    with pytest.raises(LakePathError):
        cache.put(model, image, ())
