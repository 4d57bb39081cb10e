import io
from collections.abc import Generator, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image

from medwh_assets.errors import CorruptSliceError, SettingError, SourceUnreachableError
from medwh_assets.lake.ports import SliceReading
from medwh_assets.lake.records import Media, Post, to_lines
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.reading import SourceDirectory, read_images, read_slices
from medwh_assets.telegram.recorded_source import RecordedSource
from tests.factories import (
    CHANNEL,
    DAY,
    FIRST_READ,
    SECOND_READ,
    make_post,
    make_reading,
    take_in,
    tree,
)
from tests.unit.telegram.accounts import RememberedAccount
from tests.unit.telegram.recordings import photo, recorded_post, write_channels, write_read

OTHER = "demo_other"
WEEK = [DAY + timedelta(days=n) for n in range(7)]


def noon(day: date) -> str:
    return f"{day}T12:00"


def jpeg(color: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(file, "JPEG")
    return file.getvalue()


class FakeSource:
    """Has one post a day, with a picture; raises what a day or a picture is told to."""

    def __init__(
        self,
        bad: dict[date, Exception] | None = None,
        pictures: dict[int, bytes | Exception] | None = None,
        photo_ids: Sequence[int] = (),
    ) -> None:
        self.bad = bad or {}
        self.pictures = pictures or {}
        self.photo_ids = photo_ids
        self.walks: list[DayRun] = []
        self.fetched: list[int] = []
        self.expected: list[int] = []
        self.photos: RememberedAccount | None = None
        self.meanwhile: Arriving | None = None

    def channels(self) -> frozenset[str]:
        return frozenset({CHANNEL})

    def read(self, run: DayRun) -> Iterator[SliceReading]:
        self.walks.append(run)
        for piece in run.slices():
            if piece.date in self.bad:
                raise self.bad[piece.date]
            yield make_reading(*self.posts(piece), piece=piece)

    def posts(self, piece: Slice) -> list[Post]:
        at = FIRST_READ.replace(year=piece.date.year, month=piece.date.month, day=piece.date.day)
        ids = self.photo_ids or (piece.date.day,)
        return [
            make_post(
                piece.date.day * 100 + number,
                at=at,
                media=Media(kind="photo", photo_id=photo_id),
            )
            for number, photo_id in enumerate(ids)
        ]

    def image(self, post: Post) -> bytes | None:
        self.fetched.append(post.id)
        assert post.media is not None
        found = self.pictures.get(post.media.photo_id or 0)
        if isinstance(found, Exception):
            raise found
        return found

    def expect(self, posts: Sequence[Post]) -> None:
        self.expected.extend(post.id for post in posts)

    def facts(self, channel: str) -> None:
        return None


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def slices(days: Sequence[date] = WEEK, channel: str = CHANNEL) -> list[Slice]:
    return [Slice(channel, day) for day in days]


def done(outcomes: Sequence[Outcome]) -> list[date]:
    return sorted(o.slice.date for o in outcomes if isinstance(o, Done))


def failed(outcomes: Sequence[Outcome]) -> dict[date, str]:
    return {o.slice.date: o.reason for o in outcomes if isinstance(o, Failed)}


# -- posts --------------------------------------------------------------------------------------


def test_a_contiguous_run_of_days_is_walked_once(lake: Lake) -> None:
    source = FakeSource()
    outcomes = list(read_slices(lake, SourceDirectory([source]), slices([*WEEK[:3], WEEK[5]])))
    assert done(outcomes) == [*WEEK[:3], WEEK[5]]
    assert [(run.first, run.last) for run in source.walks] == [
        (WEEK[0], WEEK[2]),
        (WEEK[5], WEEK[5]),
    ]
    assert isinstance(outcomes[0], Done)
    assert (outcomes[0].counts["posts"], outcomes[0].counts["new"]) == (1, 1)
    assert outcomes[0].counts["source"] == "recorded"


@pytest.mark.parametrize("error", [CorruptSliceError("poisoned"), RuntimeError("poisoned")])
def test_one_bad_day_does_not_cost_its_neighbours(lake: Lake, error: Exception) -> None:
    source = FakeSource(bad={WEEK[2]: error, WEEK[5]: error})
    outcomes = list(read_slices(lake, SourceDirectory([source]), slices()))
    assert done(outcomes) == [WEEK[0], WEEK[1], WEEK[3], WEEK[4], WEEK[6]]
    assert failed(outcomes).keys() == {WEEK[2], WEEK[5]}
    assert all("poisoned" in reason for reason in failed(outcomes).values())
    assert [piece.date for piece in lake.slices()] == done(outcomes)


def test_a_slice_that_cannot_be_written_does_not_cost_its_neighbours(lake: Lake) -> None:
    broken = lake.root / "telegram_messages" / str(WEEK[1]) / f"{CHANNEL}.json"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"{")
    outcomes = list(read_slices(lake, SourceDirectory([FakeSource()]), slices()))
    assert failed(outcomes).keys() == {WEEK[1]}
    assert broken.read_bytes() == b"{"


def test_an_unreachable_source_fails_all_waiting_days_and_writes_nothing_of_them(
    lake: Lake,
) -> None:
    source = FakeSource(bad={WEEK[2]: SourceUnreachableError("no answer")})
    outcomes = list(read_slices(lake, SourceDirectory([source]), slices()))
    assert done(outcomes) == WEEK[:2]
    assert failed(outcomes) == dict.fromkeys(WEEK[2:], "no answer")
    assert [piece.date for piece in lake.slices()] == WEEK[:2]
    assert len(source.walks) == 1


def test_an_unread_day_is_not_an_empty_day(lake: Lake) -> None:
    source = FakeSource(bad={WEEK[0]: SourceUnreachableError("no answer")})
    list(read_slices(lake, SourceDirectory([source]), slices(WEEK[:1])))
    assert lake.manifest(Slice(CHANNEL, WEEK[0])) is None


def test_a_broken_source_fails_its_channels_and_leaves_the_others_alone(lake: Lake) -> None:
    class Broken(FakeSource):
        def channels(self) -> frozenset[str]:
            raise SettingError("MEDWH_SAMPLE: no list of channels")

    sources = SourceDirectory([FakeSource(), Broken()])
    outcomes = list(read_slices(lake, sources, [*slices(WEEK[:1]), *slices(WEEK[:1], OTHER)]))
    assert [type(outcome) for outcome in outcomes] == [Failed, Done]


def test_a_channel_that_no_source_knows_is_checked_where_it_lies(lake: Lake) -> None:
    piece = Slice(OTHER, DAY)
    take_in(lake, [make_post(1, channel=OTHER)])
    outcomes = list(read_slices(lake, SourceDirectory([FakeSource()]), slices(WEEK[:2], OTHER)))
    assert [o.counts for o in outcomes if isinstance(o, Done)] == [
        {"posts": 1, "quarantined": 0, "source": "lake"},
        {"posts": 0, "quarantined": 0, "source": "lake"},
    ]
    assert lake.slices() == [piece]
    manifest = lake.manifest(piece)
    assert manifest is not None
    assert manifest.status == "imported"


def test_days_that_a_source_never_read_are_settled_and_not_marked_as_read(
    lake: Lake, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    write_channels(recording, CHANNEL)
    write_read(recording, CHANNEL, FIRST_READ, [recorded_post(1, noon(WEEK[0]))], last=str(WEEK[0]))
    posts = lake.root / "telegram_messages" / str(WEEK[1]) / f"{CHANNEL}.json"
    posts.parent.mkdir(parents=True)
    posts.write_bytes(to_lines([make_post(2, at=FIRST_READ)]))
    sources = SourceDirectory([RecordedSource(recording)])
    outcomes = list(read_slices(lake, sources, slices(WEEK[:3])))
    assert done(outcomes) == WEEK[:3]
    manifests = [lake.manifest(piece) for piece in slices(WEEK[:3])]
    assert [manifest.status if manifest else None for manifest in manifests] == [
        "complete",
        "imported",
        None,
    ]


def test_a_recording_read_twice_gives_the_same_lake(lake: Lake, tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    write_channels(recording, CHANNEL)
    posts = [recorded_post(n, noon(WEEK[n]), views=n) for n in range(1, 3)]
    write_read(recording, CHANNEL, FIRST_READ, posts)
    write_read(recording, CHANNEL, SECOND_READ, posts[:1])
    sources = SourceDirectory([RecordedSource(recording)])
    list(read_slices(lake, sources, slices(WEEK[:3])))
    content = tree(lake.root)
    list(read_slices(lake, sources, slices(WEEK[1:2])))
    list(read_slices(lake, sources, slices(WEEK[:3])))
    assert tree(lake.root) == content
    assert lake.posts(Slice(CHANNEL, WEEK[2]))[0].missing_since == SECOND_READ


def test_the_first_source_that_knows_a_channel_reads_it() -> None:
    first, second = FakeSource(), FakeSource()
    directory = SourceDirectory([first, second])
    assert directory.of(CHANNEL) is first
    assert directory.of(OTHER) is None


# -- images -------------------------------------------------------------------------------------


class Arriving:
    """Has the pictures of the day before with it, each time somebody comes by."""

    def __init__(self) -> None:
        self.wanted: list[Post] = []
        self.ended: list[bool] = []

    def want(self, posts: Sequence[Post]) -> None:
        self.wanted.extend(posts)

    def arrived(self) -> list[tuple[Post, bytes]]:
        found, self.wanted = [(post, jpeg()) for post in self.wanted], []
        return found

    def end(self, *, wait_for_last: bool) -> list[tuple[Post, bytes]]:
        self.ended.append(wait_for_last)
        return []


class Forgetful(RememberedAccount):
    """Cannot remember where a photo lies."""

    def remember_photo(self, photo_id: int, path: str) -> None:
        raise SourceUnreachableError("no database")


def test_pictures_that_came_while_posts_were_read_are_told_and_found(lake: Lake) -> None:
    source = FakeSource(photo_ids=[1, 2])
    source.photos, source.meanwhile = RememberedAccount(), Arriving()
    outcomes = list(read_slices(lake, SourceDirectory([source]), slices(WEEK[:3])))
    counts = [o.counts["pictures_meanwhile"] for o in outcomes if isinstance(o, Done)]
    # The second day shows the same photos; the last one's are left to the next step.
    assert counts == [0, 2, 0]
    assert source.meanwhile.ended == [True]
    assert set(source.photos.photos) == {1, 2}
    images = list(read_images(lake, SourceDirectory([source]), slices(WEEK[:3])))
    assert source.fetched == []
    assert [o.counts["linked"] for o in images if isinstance(o, Done)] == [0, 2, 2]
    assert [o.counts["images"] for o in images if isinstance(o, Done)] == [2, 2, 2]


def test_who_stops_listening_does_not_wait_for_pictures(lake: Lake) -> None:
    source = FakeSource()
    source.photos, source.meanwhile = RememberedAccount(), Arriving()
    outcomes = read_slices(lake, SourceDirectory([source]), slices(WEEK[:4]))
    next(outcomes)
    assert isinstance(outcomes, Generator)
    outcomes.close()
    assert source.meanwhile.ended == [False]


def test_a_picture_that_came_and_cannot_be_kept_costs_no_post(lake: Lake) -> None:
    source = FakeSource(photo_ids=[1, 2], bad={WEEK[3]: SourceUnreachableError("no answer")})
    source.photos, source.meanwhile = Forgetful(), Arriving()
    outcomes = list(read_slices(lake, SourceDirectory([source]), slices(WEEK[:4])))
    assert done(outcomes) == WEEK[:3]
    # Who does not answer is not waited for.
    assert source.meanwhile.ended == [False]


def read_with_images(lake: Lake, source: FakeSource, days: Sequence[date]) -> list[Outcome]:
    directory = SourceDirectory([source])
    assert all(isinstance(o, Done) for o in read_slices(lake, directory, slices(days)))
    return list(read_images(lake, directory, slices(days)))


def test_an_image_is_ok_missing_or_quarantined_and_never_stops_the_others(lake: Lake) -> None:
    pictures: dict[int, bytes | Exception] = {1: jpeg(), 2: b"", 3: jpeg()[:-200]}
    source = FakeSource(pictures=pictures, photo_ids=[1, 2, 3, 4])
    (outcome,) = read_with_images(lake, source, WEEK[:1])
    assert isinstance(outcome, Done)
    counts = outcome.counts
    assert (counts["images"], counts["quarantined"], counts["missing"]) == (1, 2, 1)
    rows = lake.images(Slice(CHANNEL, DAY))
    assert [row.status for row in rows] == ["ok", "quarantined", "quarantined", "missing"]
    assert [row.path is not None for row in rows] == [True, True, True, False]
    assert (rows[0].width, rows[0].height, rows[0].type) == (8, 6, "jpeg")
    assert [(kind, name) for kind, _, name, _ in lake.quarantined()] == [
        ("images", "101"),
        ("images", "102"),
    ]


def test_reading_images_again_changes_no_byte_and_fetches_nothing_that_is_there(
    lake: Lake,
) -> None:
    source = FakeSource(pictures={1: jpeg(), 2: b"broken"}, photo_ids=[1, 2])
    read_with_images(lake, source, WEEK[:2])
    content = tree(lake.root)
    source.fetched.clear()
    read_with_images(lake, source, WEEK[:2])
    assert source.fetched == []
    assert tree(lake.root) == content


def test_a_photo_that_several_posts_share_is_fetched_once_and_linked(lake: Lake) -> None:
    source = FakeSource(pictures={7: jpeg()}, photo_ids=[7, 7])
    read_with_images(lake, source, WEEK[:2])
    assert source.fetched == [100]
    files = list((lake.root / "images" / CHANNEL).glob("*.jpg"))
    assert len(files) == 4
    assert len({file.stat().st_ino for file in files}) == 1


def test_an_image_that_became_readable_leaves_the_quarantine(lake: Lake) -> None:
    read_with_images(lake, FakeSource(pictures={1: b"broken"}, photo_ids=[1]), WEEK[:1])
    assert len(lake.quarantined()) == 1
    lake.keep_image(CHANNEL, 100, jpeg())
    read_with_images(lake, FakeSource(photo_ids=[1]), WEEK[:1])
    assert lake.quarantined() == []
    assert [row.status for row in lake.images(Slice(CHANNEL, DAY))] == ["ok"]


def test_an_imported_image_is_described_though_its_post_does_not_speak_of_it(lake: Lake) -> None:
    take_in(lake, [make_post(1, channel=OTHER)])
    lake.keep_image(OTHER, 1, jpeg())
    list(read_images(lake, SourceDirectory([]), slices([DAY], OTHER)))
    assert [row.status for row in lake.images(Slice(OTHER, DAY))] == ["ok"]


def test_an_image_that_only_the_lake_could_have_is_missing_without_a_source(lake: Lake) -> None:
    post = make_post(1, channel=OTHER, media=Media(kind="photo", photo_id=4))
    take_in(lake, [post])
    list(read_images(lake, SourceDirectory([]), slices([DAY], OTHER)))
    (row,) = lake.images(Slice(OTHER, DAY))
    assert (row.status, row.reason, row.photo_id) == ("missing", "no source has delivered it", 4)


def test_a_source_that_stops_answering_fails_the_slice_and_leaves_its_rows_unwritten(
    lake: Lake,
) -> None:
    pictures: dict[int, bytes | Exception] = {1: jpeg(), 2: SourceUnreachableError("no answer")}
    source = FakeSource(pictures=pictures, photo_ids=[1, 2])
    outcomes = read_with_images(lake, source, WEEK[:1])
    assert failed(outcomes) == {DAY: "no answer"}
    assert lake.file_sha256("telegram_images", Slice(CHANNEL, DAY)) is None


def test_a_slice_without_posts_in_the_lake_has_no_image_records(lake: Lake) -> None:
    (outcome,) = read_images(lake, SourceDirectory([]), slices([DAY]))
    assert isinstance(outcome, Done)
    assert outcome.counts["images"] == 0
    assert tree(lake.root) == {}


def test_a_recorded_image_reaches_the_lake_under_the_id_of_its_post(
    lake: Lake, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    write_channels(recording, CHANNEL)
    write_read(recording, CHANNEL, FIRST_READ, [recorded_post(5, noon(DAY), media=photo(9))])
    (recording / "images").mkdir()
    (recording / "images" / "9.jpg").write_bytes(jpeg())
    sources = SourceDirectory([RecordedSource(recording)])
    list(read_slices(lake, sources, slices(WEEK[:3])))
    list(read_images(lake, sources, slices(WEEK[:3])))
    (row,) = lake.images(Slice(CHANNEL, DAY))
    assert row.path == f"images/{CHANNEL}/5.jpg"
    assert lake.read(f"images/{CHANNEL}/5.jpg") == jpeg()
