from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from medwh_assets.lake.channels import facts_file, keep_facts
from medwh_assets.lake.ports import ChannelFacts
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed
from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import unbuilt_loads
from medwh_assets.warehouse.channel_facts import load_facts
from medwh_assets.warehouse.connection import Connection, Database

CHANNEL = "demo_selam_pharmacy"
MIDNIGHT = datetime(2025, 3, 9, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def seen(at: datetime = MIDNIGHT, channel: str = CHANNEL, subscribers: int = 5) -> ChannelFacts:
    about = "☎️ 0900 000 012"
    return ChannelFacts(channel, 1001, "Selam 0900 000 013", about, subscribers, "Selam", at)


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select channel_username, observed_at, observed_date, facts_data ->> 'about',"
        " title_masked, about_masked, (facts_data ->> 'subscribers')::int"
        " from raw.channel_facts order by 1, 2"
    ).fetchall()


def test_what_a_channel_says_is_loaded_once_with_its_phone_numbers_masked_beside_it(
    lake: Lake, database: Database, loader: Connection
) -> None:
    keep_facts(lake, seen())
    (outcome,) = load_facts(lake, database)
    assert isinstance(outcome, Done)
    assert outcome.slice == Slice(CHANNEL, date(2025, 3, 9))
    assert rows(loader) == [
        (
            CHANNEL,
            MIDNIGHT,
            date(2025, 3, 9),
            "☎️ 0900 000 012",
            "Selam [phone]",
            "☎️ [phone]",
            5,
        )
    ]
    assert unbuilt_loads(loader) == 1
    assert list(load_facts(lake, database)) == []
    assert unbuilt_loads(loader) == 1


def test_another_read_of_the_day_is_added_and_a_changed_file_replaces_its_day_alone(
    lake: Lake, database: Database, loader: Connection
) -> None:
    keep_facts(lake, seen(MIDNIGHT - timedelta(days=1), subscribers=4))
    keep_facts(lake, seen())
    list(load_facts(lake, database))
    keep_facts(lake, seen(MIDNIGHT + timedelta(hours=6), subscribers=6))
    (outcome,) = load_facts(lake, database)
    assert outcome.slice.date == date(2025, 3, 9)
    assert [row[-1] for row in rows(loader)] == [4, 5, 6]


def test_a_file_that_cannot_be_read_costs_itself_alone(
    lake: Lake, database: Database, loader: Connection
) -> None:
    keep_facts(lake, seen())
    lake.write(facts_file(Slice("demo_broken", date(2025, 3, 9))), b"[{}]")
    bad, good = load_facts(lake, database)
    assert isinstance(bad, Failed)
    assert "channels/2025-03-09/demo_broken.json" in bad.reason
    assert isinstance(good, Done)
    assert len(rows(loader)) == 1
    assert unbuilt_loads(loader) == 1
