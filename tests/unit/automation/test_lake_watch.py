from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.jobs import pipeline_config, pipeline_tags
from medwh_assets.automation.lake_watch import (
    ASSETS,
    AtWork,
    LakeWatch,
    Reported,
    at_work,
    begin_after,
    contents_reported,
    events_of,
    lake_sensor,
)
from medwh_assets.definitions import build_defs
from medwh_assets.errors import LakeBusyError
from medwh_assets.lake.channels import facts_file, facts_sha256, keep_facts
from medwh_assets.lake.journal import FileKey, KnownFile, Seen, SeenFile
from medwh_assets.lake.listing import FileKind
from medwh_assets.lake.ports import ChannelFacts
from medwh_assets.lake.records import to_lines
from medwh_assets.lake.store import Lake
from medwh_assets.partitions import CHANNELS, RANGE_END, RANGE_START, partition_key
from medwh_assets.slice_asset import CONTENT
from medwh_assets.slices import Slice
from tests.factories import CHANNEL, DAY, FIRST_READ, PIECE, make_post, make_reading

TODAY = DAY + timedelta(days=30)
MESSAGES = f"telegram_messages/{DAY}/{CHANNEL}.json"


@dataclass
class Journal:
    """The journal in memory."""

    files: dict[FileKey, KnownFile] = field(default_factory=dict[FileKey, KnownFile])
    entries: list[Seen] = field(default_factory=list[Seen])
    kept: int = 0

    def known(self) -> Mapping[FileKey, KnownFile]:
        return dict(self.files)

    def keep(self, seen: Sequence[SeenFile], gone: Sequence[FileKey]) -> None:
        self.kept += len(seen)
        for key in gone:
            del self.files[key]
        for one in seen:
            self.files[one.key] = KnownFile(one.stamp, one.sha256)
            if one.is_new and one.sha256 is not None:
                number = len(self.entries) + 1
                self.entries.append(Seen(number, one.key, one.sha256, one.records))

    def newest(self) -> int:
        return len(self.entries)

    def after(self, seen_id: int, most: int) -> list[Seen]:
        return self.entries[seen_id : seen_id + most]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def drop(lake: Lake, piece: Slice = PIECE, *texts: str) -> None:
    """Put a file of posts into the lake as a copy does: without a manifest."""
    posts = [
        make_post(number, text, channel=piece.channel).model_copy(
            update={"date": make_post().date.replace(day=piece.date.day)}
        )
        for number, text in enumerate(texts or ("Paracetamol",), start=1)
    ]
    file = lake.root / f"telegram_messages/{piece.date}/{piece.channel}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(to_lines(posts))


def nothing(_: FileKind, __: Collection[Slice]) -> Mapping[Slice, str]:
    return {}


def told_of(lake: Lake) -> Reported:
    """Say that a run has reported whatever lies in the lake."""

    def reported(kind: FileKind, slices: Collection[Slice]) -> Mapping[Slice, str]:
        found = {piece: lake.file_sha256("telegram_messages", piece) for piece in slices}
        return {piece: sha256 for piece, sha256 in found.items() if sha256 and kind == "messages"}

    return reported


def scan(lake: Lake, journal: Journal, reported: Reported = nothing, **bounds: Any) -> Any:
    busy = bounds.pop("busy", tuple)
    return LakeWatch(lake, journal, dict[Slice, str]).scan(reported, busy, today=TODAY, **bounds)


def test_a_copied_file_is_brought_into_order_and_told_once(lake: Lake, journal: Journal) -> None:
    drop(lake)
    assert scan(lake, journal).new == 1
    assert [one.records for one in journal.entries] == [1]
    assert lake.manifest(PIECE) is not None
    # What settling it has written is no news, and from then on nothing is read.
    assert scan(lake, journal).new == 0
    kept = journal.kept
    assert scan(lake, journal).looked_at == 0
    assert journal.kept == kept


def test_other_content_is_told_again_and_the_same_content_with_another_stamp_is_not(
    lake: Lake, journal: Journal
) -> None:
    drop(lake)
    scan(lake, journal)
    scan(lake, journal)
    content = (lake.root / MESSAGES).read_bytes()
    (lake.root / MESSAGES).unlink()
    (lake.root / MESSAGES).write_bytes(content)
    assert scan(lake, journal).new == 0
    drop(lake, PIECE, "Paracetamol", "Amoxicillin")
    assert scan(lake, journal).new == 1


def test_what_a_run_has_brought_is_no_news(lake: Lake, journal: Journal) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post())])
    assert scan(lake, journal, told_of(lake)).new == 0
    assert journal.entries == []


def test_what_a_run_works_on_waits_until_it_has_ended(lake: Lake, journal: Journal) -> None:
    drop(lake)
    working = [AtWork(frozenset({CHANNEL}), DAY, DAY)]
    found = scan(lake, journal, busy=lambda: working)
    assert (found.new, found.waiting) == (0, 1)
    working.clear()
    assert scan(lake, journal, told_of(lake)).new == 0


def test_a_run_that_begins_while_files_are_read_makes_them_wait_too(
    lake: Lake, journal: Journal
) -> None:
    drop(lake)
    answers = iter([[], [AtWork(None, DAY, DAY)]])
    found = scan(lake, journal, busy=lambda: next(answers))
    assert (found.new, found.waiting, journal.kept) == (0, 1, 0)


def test_a_file_that_cannot_be_read_costs_itself_and_is_looked_at_again_when_it_changes(
    lake: Lake, journal: Journal
) -> None:
    drop(lake, Slice("other_shop", DAY))
    drop(lake)
    (lake.root / MESSAGES).write_bytes(b'[{"half": ')
    found = scan(lake, journal)
    assert found.new == 1
    assert list(found.unreadable) == [PIECE]
    assert scan(lake, journal).unreadable == {}
    drop(lake)
    assert scan(lake, journal).new == 1


def test_a_channel_that_an_import_holds_waits_and_keeps_no_other_waiting(
    lake: Lake, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    @contextmanager
    def lock(channel: str, timeout: float | None = None) -> Iterator[None]:
        tried.append(channel)
        if channel == CHANNEL and timeout is not None:
            raise LakeBusyError("an import")
        yield

    monkeypatch.setattr(lake, "lock", lock)
    for piece in (PIECE, Slice(CHANNEL, DAY + timedelta(days=1)), Slice("other_shop", DAY)):
        drop(lake, piece)
    found = scan(lake, journal)
    assert (found.new, found.waiting) == (1, 2)
    assert tried.count(CHANNEL) == 1


def test_a_tick_reads_at_most_so_many_files_and_the_next_ones_the_rest(
    lake: Lake, journal: Journal
) -> None:
    for n in range(5):
        drop(lake, Slice(CHANNEL, DAY + timedelta(days=n)))
    found = scan(lake, journal, most=2)
    assert (found.looked_at, found.waiting) == (2, 3)
    assert scan(lake, journal, seconds=0).looked_at == 0
    while scan(lake, journal, most=2).looked_at:
        pass
    assert len(journal.entries) == 5


def test_days_without_a_partition_are_left_alone(lake: Lake, journal: Journal) -> None:
    for day in ("2017-12-31", str(TODAY + timedelta(days=1))):
        file = lake.root / f"telegram_messages/{day}/{CHANNEL}.json"
        file.parent.mkdir(parents=True)
        file.write_text("[]")
    assert scan(lake, journal).looked_at == 0


def test_a_file_that_goes_and_comes_again_is_told_unless_a_run_has_told_of_it(
    lake: Lake, journal: Journal
) -> None:
    drop(lake)
    scan(lake, journal)
    (lake.root / MESSAGES).unlink()
    scan(lake, journal)
    assert journal.files == {}
    drop(lake)
    assert scan(lake, journal, told_of(lake)).new == 0


@pytest.mark.parametrize(
    ("cursor", "newest", "expected"),
    [(None, 5, 0), ("3", 5, 3), ("9", 5, 0), ("nonsense", 5, 0), ("5", 5, 5)],
)
def test_the_journal_is_read_on_from_the_cursor_or_anew_if_it_begins_anew(
    cursor: str | None, newest: int, expected: int
) -> None:
    assert begin_after(cursor, newest) == expected


def test_a_run_works_on_the_slices_that_its_configuration_names() -> None:
    days = [Slice("shop", DAY), Slice("shop", DAY + timedelta(days=1))]
    work = at_work(pipeline_tags(days[0]), pipeline_config(days), ["shop"])
    assert work == [AtWork(frozenset({"shop"}), DAY, DAY + timedelta(days=1))]


def test_a_run_works_on_its_range_of_days_and_channels() -> None:
    later = date(2025, 3, 9)
    tags = {RANGE_START: f"bravo|{DAY}", RANGE_END: f"delta|{later}"}
    (work,) = at_work(tags, {}, ["alpha", "bravo", "charlie", "delta", "echo"])
    assert work == AtWork(frozenset({"bravo", "charlie", "delta"}), DAY, later)
    assert work.covers(Slice("charlie", DAY))
    assert not work.covers(Slice("echo", DAY))
    # Channels that nobody knows the order of: better to wait for all.
    assert at_work(tags, {}, []) == [AtWork(None, DAY, later)]


def test_a_run_of_one_partition_works_on_it_and_one_without_on_none() -> None:
    only = at_work({"dagster/partition": f"shop|{DAY}"}, {}, ["shop"])
    assert only == [AtWork(frozenset({"shop"}), DAY, DAY)]
    assert at_work({}, {}, ["shop"]) == []


def tick(
    instance: dg.DagsterInstance,
    lake: Lake,
    journal: Journal,
    cursor: str | None,
    loaded_facts: Callable[[], Mapping[Slice, str]] = dict[Slice, str],
) -> Any:
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=build_defs().get_repository_def()
    )
    return lake_sensor(lambda: LakeWatch(lake, journal, loaded_facts)).evaluate_tick(context)


def test_the_sensor_adds_the_channel_and_reports_the_slice_with_its_content(
    instance: dg.DagsterInstance, lake: Lake, journal: Journal
) -> None:
    drop(lake)
    data = tick(instance, lake, journal, None)
    (event,) = data.asset_events
    assert event.asset_key == ASSETS["messages"]
    assert event.partition == str(partition_key(PIECE))
    assert event.metadata[CONTENT].value == lake.file_sha256("telegram_messages", PIECE)
    (request,) = data.dynamic_partitions_requests
    assert (request.partitions_def_name, request.partition_keys) == (CHANNELS.name, [CHANNEL])
    assert data.cursor == "1"
    assert not data.run_requests


def test_a_tick_that_was_cut_off_before_its_cursor_was_kept_tells_nothing_twice(
    instance: dg.DagsterInstance, lake: Lake, journal: Journal
) -> None:
    drop(lake)
    for event in tick(instance, lake, journal, None).asset_events:
        instance.report_runless_asset_event(event)
    assert contents_reported(instance, "messages", [PIECE]) == {
        PIECE: lake.file_sha256("telegram_messages", PIECE)
    }
    again = tick(instance, lake, journal, None)
    assert (list(again.asset_events), again.cursor) == ([], "1")
    assert again.skip_message is not None
    assert "nothing new" in again.skip_message


FACTS = ChannelFacts(CHANNEL, 1001, "Selam", "We sell", 120, "Demo_Shop", FIRST_READ)
OF_FACTS = Slice(CHANNEL, FIRST_READ.date())


def test_what_a_channel_says_of_itself_is_loaded_though_nothing_else_came(
    instance: dg.DagsterInstance, lake: Lake, journal: Journal
) -> None:
    keep_facts(lake, FACTS)
    data = tick(instance, lake, journal, None)
    assert not data.asset_events
    assert not data.dynamic_partitions_requests
    (request,) = data.run_requests
    assert request.asset_selection == [keys.RAW_CHANNELS]
    # Once: the next tick knows the file, and one that was cut off asks by the same key.
    assert tick(instance, lake, journal, None).run_requests[0].run_key == request.run_key
    assert not tick(instance, lake, journal, data.cursor).run_requests
    keep_facts(lake, replace(FACTS, observed_at=FIRST_READ + timedelta(hours=1)))
    assert tick(instance, lake, journal, data.cursor).run_requests[0].run_key != request.run_key


def test_what_a_run_has_loaded_of_a_channel_is_no_news(
    instance: dg.DagsterInstance, lake: Lake, journal: Journal
) -> None:
    keep_facts(lake, FACTS)
    sha256 = facts_sha256(lake, OF_FACTS) or ""
    data = tick(instance, lake, journal, None, lambda: {OF_FACTS: sha256})
    assert not data.run_requests
    assert journal.entries == []


def test_what_a_channel_says_waits_while_a_run_reads_the_channel_on_whatever_days(
    lake: Lake, journal: Journal
) -> None:
    keep_facts(lake, FACTS)
    last_year = AtWork(frozenset({CHANNEL}), date(2020, 1, 1), date(2020, 1, 2))
    assert scan(lake, journal, busy=lambda: [last_year]).waiting == 1
    assert scan(lake, journal).new == 1


def test_channel_facts_that_cannot_be_read_are_named_and_not_asked_for(
    instance: dg.DagsterInstance, lake: Lake, journal: Journal
) -> None:
    lake.write(facts_file(OF_FACTS), b"[{]")
    assert scan(lake, journal).unreadable.keys() == {OF_FACTS}
    assert not tick(instance, lake, journal, None).run_requests


def test_events_name_the_asset_of_each_kind_of_file() -> None:
    kinds: tuple[FileKind, ...] = ("messages", "images", "detections")
    seen = [Seen(n, (kind, PIECE), "abc", None) for n, kind in enumerate(kinds)]
    assert [event.asset_key for event in events_of(seen)] == [ASSETS[kind] for kind in kinds]
