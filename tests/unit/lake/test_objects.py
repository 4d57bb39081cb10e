import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.errors import LakeBusyError, SettingError
from medwh_assets.lake import lease
from medwh_assets.lake.channels import keep_facts, last_observation
from medwh_assets.lake.detection_cache import DetectionCache
from medwh_assets.lake.files import Found
from medwh_assets.lake.objects import ObjectFiles
from medwh_assets.lake.paths import PurePosixPath
from medwh_assets.lake.ports import ChannelFacts, Sight
from medwh_assets.lake.records import DetectionRecord, ImageRecord
from medwh_assets.lake.store import Lake
from medwh_assets.run_process import HOST_TAG, PID_TAG
from medwh_assets.slices import Slice
from tests.factories import (
    CHANNEL,
    DAY,
    FIRST_READ,
    NOON,
    PIECE,
    SECOND_READ,
    make_post,
    make_reading,
    take_in,
    tree,
)
from tests.memory_store import MemoryStore

Job = Callable[[Lake], object]

JPEG = b"\xff\xd8\xff"
A_DAY = timedelta(days=1)
IMAGE = ImageRecord(message_id=1, path=f"images/{CHANNEL}/1.jpg", status="missing", reason="gone")


def lake_in(store: MemoryStore) -> Lake:
    return Lake(ObjectFiles(store))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def lake(store: MemoryStore) -> Lake:
    return lake_in(store)


def work_of_every_kind(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1), make_post(2))])
    lake.merge_readings(
        PIECE, [make_reading(make_post(2, views=7, seen=SECOND_READ), at=SECOND_READ)]
    )
    take_in(lake, [make_post(3, authority="naive", at=NOON + A_DAY), make_post(4)])
    take_in(lake, [make_post(3)])
    lake.keep_image(CHANNEL, 1, JPEG + b"picture")
    lake.keep_image(CHANNEL, 2, JPEG + b"picture", twin=f"images/{CHANNEL}/1.jpg")
    lake.keep_image(CHANNEL, 2, JPEG + b"a larger picture")
    lake.quarantine("images", CHANNEL, "an MP4 video", {"path": "x"}, name="9")
    lake.quarantine("images", CHANNEL, "truncated JPEG", {"path": "y"}, name="8")
    lake.release("images", CHANNEL, "8")
    made_from = lake.file_sha256("telegram_messages", PIECE)
    assert made_from is not None
    lake.write_images(PIECE, [IMAGE], made_from)
    lake.write_detections(PIECE, [], "made from")
    lake.forget_images(PIECE)
    keep_facts(lake, ChannelFacts(CHANNEL, 1001, "Selam", None, 5, None, FIRST_READ))
    cache = DetectionCache(lake.files, lambda: NOON)
    cache.put("model-1", "a" * 64, Sight((), "0" * 16))
    lake.settle(PIECE)


def test_an_object_store_holds_the_same_bytes_as_a_disk(
    store: MemoryStore, lake: Lake, tmp_path: Path
) -> None:
    on_disk = Lake(tmp_path)
    work_of_every_kind(lake)
    work_of_every_kind(on_disk)
    files = tree(tmp_path)
    files.pop("yolo_cache/.lock")
    assert store.tree() == files
    assert lake.slices() == on_disk.slices()
    assert [(f.path, f.slice, f.kind) for f in lake.listing()] == [
        (f.path, f.slice, f.kind) for f in on_disk.listing()
    ]
    assert lake.quarantined() == on_disk.quarantined() == [("images", CHANNEL, "9", "an MP4 video")]
    assert last_observation(lake, CHANNEL) == last_observation(on_disk, CHANNEL)
    assert DetectionCache(lake.files).find("model", "a" * 64) is not None


def test_a_renamed_channel_is_the_same_in_an_object_store_as_on_a_disk(
    store: MemoryStore, lake: Lake, tmp_path: Path
) -> None:
    on_disk = Lake(tmp_path)
    for one in (lake, on_disk):
        work_of_every_kind(one)
        one.rename_channel(CHANNEL, "new_shop")
    assert {k: v for k, v in store.tree().items() if k[0] not in "cy"} == {
        k: v for k, v in tree(tmp_path).items() if k[0] not in "cy"
    }
    assert lake.remove_channels(["new_shop"]) == on_disk.remove_channels(["new_shop"])
    assert lake.slices() == []


def test_no_object_says_where_the_lake_lies(store: MemoryStore, lake: Lake) -> None:
    work_of_every_kind(lake)
    assert lake.root is None
    assert not [key for key, content in store.tree().items() if b"memory:" in content]


def test_a_stamp_is_the_objects_version(store: MemoryStore, lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    (first,) = lake.listing()
    lake.merge_readings(PIECE, [make_reading(make_post(1))])
    assert list(lake.listing()) == [first]
    lake.merge_readings(PIECE, [make_reading(make_post(2), complete=False)])
    (second,) = lake.listing()
    assert (second.path, second.stamp != first.stamp) == (first.path, True)


def merge_one(lake: Lake) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1, views=1), make_post(2))])


def merge_other(lake: Lake) -> None:
    seen = make_post(1, views=9, seen=SECOND_READ)
    lake.merge_readings(PIECE, [make_reading(seen, make_post(3, seen=SECOND_READ), at=SECOND_READ)])


def move(lake: Lake) -> None:
    """Bring a post to the day of its better date, away from where it stood."""
    take_in(lake, [make_post(1, "another text", seen=SECOND_READ), make_post(5, seen=SECOND_READ)])


def prepare_move(lake: Lake) -> None:
    take_in(lake, [make_post(1, authority="naive", at=NOON + A_DAY), make_post(8, at=NOON + A_DAY)])


def touch_where_it_stood(lake: Lake) -> None:
    take_in(
        lake, [make_post(1, authority="naive", at=NOON + A_DAY, views=3, seen=FIRST_READ + A_DAY)]
    )


def small_picture(lake: Lake) -> None:
    lake.keep_image(CHANNEL, 1, JPEG + b"small")


def large_picture(lake: Lake) -> None:
    lake.keep_image(CHANNEL, 1, JPEG + b"a large picture")


def linked_picture(lake: Lake) -> None:
    lake.keep_image(CHANNEL, 7, JPEG + b"twin")
    lake.keep_image(CHANNEL, 1, JPEG + b"twin", twin=f"images/{CHANNEL}/7.jpg")


def facts(title: str, subscribers: int) -> Job:
    at = FIRST_READ + timedelta(minutes=subscribers)
    return lambda lake: keep_facts(
        lake, ChannelFacts(CHANNEL, 1001, title, None, subscribers, None, at)
    )


def nothing(lake: Lake) -> None:
    """Begin with an empty lake."""


def rows(lake: Lake) -> None:
    lake.write_images(PIECE, [IMAGE], lake.file_sha256("telegram_messages", PIECE) or "")


PAIRS = [
    pytest.param(nothing, merge_one, merge_other, id="two reads of a slice"),
    pytest.param(merge_one, merge_other, rows, id="posts and rows of a slice"),
    pytest.param(prepare_move, move, touch_where_it_stood, id="a post that moves"),
    pytest.param(nothing, small_picture, large_picture, id="two pictures of one name"),
    pytest.param(large_picture, linked_picture, small_picture, id="a copy and a picture"),
    pytest.param(nothing, facts("Selam", 1), facts("Selam Shop", 2), id="a channel's words"),
]


@pytest.mark.parametrize(("first", "one", "other"), PAIRS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_writer_that_comes_between_any_two_calls_loses_and_destroys_nothing(
    first: Job, one: Job, other: Job, turned: bool
) -> None:
    # No lease keeps the other writer out: conditions alone do it.
    if turned:
        one, other = other, one
    wanted: list[dict[str, bytes]] = []
    for order in ((one, other), (other, one)):
        alone = MemoryStore()
        for job in (first, *order):
            job(lake_in(alone))
        wanted.append(alone.tree())
    number, more = 0, True
    while more:
        store = MemoryStore()
        first(lake_in(store))
        lake, guest = lake_in(store), lake_in(store.of_a_stranger())
        with store.nth_call(number, lambda guest=guest: other(guest)) as happened:
            one(lake)
        more = happened()
        if not more:
            other(guest)
        if one in (move, touch_where_it_stood) and store.tree() not in wanted:
            # A post in two slices is what the lease is for; without it the next merge mends that.
            one(lake)
            other(lake)
        assert store.tree() in wanted
        number += 1
    assert number > 2


class Killed(BaseException):
    """The end of a process, as its own code cannot see it."""


@pytest.mark.parametrize(("first", "one", "other"), PAIRS)
def test_a_writer_that_is_killed_at_any_call_holds_nobody_up(
    first: Job, one: Job, other: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY_SECONDS", 0.01)
    whole = MemoryStore()
    for job in (first, one, other):
        job(lake_in(whole))
    number, more = 0, True
    while more:
        store = MemoryStore()
        first(lake_in(store))
        calls = 0

        def before(call: str, key: str, last: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Killed

        store.before = before
        try:
            one(lake_in(store))
            more = False
        except Killed:
            pass
        store.before = lambda call, key: None
        one(lake_in(store))
        other(lake_in(store))
        assert store.tree() == whole.tree()
        number += 1
    assert number > 2


@given(st.randoms(use_true_random=False), st.integers(2, 4))
def test_many_writers_at_once_leave_what_one_would_have_left(
    rnd: random.Random, writers: int
) -> None:
    posts = [
        make_post(
            number,
            views=rnd.choice([None, 3, 8]),
            seen=rnd.choice([FIRST_READ, SECOND_READ]),
            at=NOON + rnd.choice([0, 1]) * A_DAY,
            authority=rnd.choice(["naive", "offset"]),
        )
        for number in (1, 2, 3)
        for _ in range(3)
    ]
    wanted = MemoryStore()
    for post in posts:
        take_in(lake_in(wanted), [post])
    rnd.shuffle(posts)
    store = MemoryStore()
    shares = [posts[number::writers] for number in range(writers)]

    def write(share: list) -> None:
        for post in share:
            take_in(lake_in(store), [post])

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, shares))
    assert store.tree() == wanted.tree()


def test_work_that_is_always_disturbed_ends_with_a_reason(
    store: MemoryStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medwh_assets.lake.objects._LONGEST_PAUSE_SECONDS", 0)
    numbers = iter(range(1000))

    def disturb(call: str, key: str) -> None:
        if call == "put" and key.startswith("images/"):
            store.objects[key] = str(next(numbers)).encode()

    store.before = disturb
    with pytest.raises(LakeBusyError, match="others wrote in between 50 times"):
        lake.keep_image(CHANNEL, 1, JPEG)


def test_a_lease_is_one_holders_at_a_time_and_free_afterwards(lake: Lake) -> None:
    assert not lake.is_busy(CHANNEL)
    with lake.lock(CHANNEL), lake.lock(CHANNEL), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lake.is_busy, CHANNEL).result()
        assert not pool.submit(lake.is_busy, "other_shop").result()
    assert not lake.is_busy(CHANNEL)


def held_elsewhere(store: MemoryStore, **holder: str) -> None:
    told = ", ".join(f'"{name}": "{value}"' for name, value in holder.items())
    store.objects[f".locks/{CHANNEL}.lock"] = f"{{{told}}}".encode()


def test_a_lease_that_another_machine_renews_is_waited_for(
    store: MemoryStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY_SECONDS", 0.3)
    stop = threading.Event()

    def renew() -> None:
        beat = 0
        while not stop.wait(0.02):
            held_elsewhere(store, token="theirs", beat=str(beat := beat + 1))
        held_elsewhere(store)

    held_elsewhere(store, token="theirs")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(renew)
        with (
            pytest.raises(LakeBusyError, match="another machine has held"),
            lake.lock(CHANNEL, 0.8),
        ):
            pass
        stop.set()
    with lake.lock(CHANNEL, 1):
        pass


def test_a_lease_that_nobody_renews_is_taken_over(
    store: MemoryStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY_SECONDS", 0.05)
    held_elsewhere(store, token="theirs")
    with lake.lock(CHANNEL, 5):
        pass


def test_a_lease_of_a_dead_process_of_this_machine_is_free_at_once(
    store: MemoryStore, lake: Lake
) -> None:
    held_elsewhere(store, token="theirs", **{HOST_TAG: lease.this_host(), PID_TAG: str(2**22 + 1)})
    with lake.lock(CHANNEL, 0.5):
        pass


def test_a_holder_that_has_lost_its_lease_writes_no_more(
    store: MemoryStore, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    with lake.intake(CHANNEL) as intake:
        held_elsewhere(store, token="theirs")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.02)
            try:
                lease.check(store, f".locks/{CHANNEL}.lock")
            except LakeBusyError:
                break
        with pytest.raises(LakeBusyError, match="another one has taken"):
            intake.merge([make_post(1)], {})
    assert store.tree() == {}


def test_a_store_that_ignores_conditions_is_refused(store: MemoryStore, lake: Lake) -> None:
    lake.check()
    assert store.objects == {}
    honest = store.put
    store.put = lambda key, content, expected=None: honest(key, content)  # type: ignore[method-assign]
    with pytest.raises(SettingError, match="does not keep to the conditions"):
        lake.check()
    assert store.objects == {}


def test_no_more_of_a_large_object_is_read_than_was_asked_for(
    store: MemoryStore, lake: Lake
) -> None:
    store.objects["images/demo_shop/1.jpg"] = b"x" * 1000
    assert lake.read("images/demo_shop/1.jpg", most=10) == b"x" * 11
    assert list(lake.files.find("images")) == [
        Found(PurePosixPath("images/demo_shop/1.jpg"), store.version("images/demo_shop/1.jpg"))
    ]


def test_detections_of_a_slice_that_two_write_at_once_are_one_of_both(store: MemoryStore) -> None:
    lake = lake_in(store)
    merge_one(lake)
    row = DetectionRecord(
        message_id=1, image_sha256="a" * 64, image_path=IMAGE.path or "", image_type="jpeg",
        image_bytes=1, image_width=1, image_height=1, perceptual_hash="0" * 16, model="m",
        status="ok", reason=None, boxes=(),
    )  # fmt: skip
    number, more = 0, True
    while more:
        with store.nth_call(number, lambda: lake_in(store).write_detections(PIECE, [], "b")) as did:
            lake.write_detections(PIECE, [row], "a")
        more, number = did(), number + 1
        manifest = lake.manifest(Slice(CHANNEL, DAY))
        assert manifest is not None and manifest.detections is not None
        assert lake.file_sha256("yolo_detections", PIECE) == manifest.detections.sha256
