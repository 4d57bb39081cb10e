import base64
from importlib.resources import files

import dagster as dg
import pytest

from medwh_assets import keys
from medwh_assets.automation.jobs import SCHEDULE_NAME
from medwh_assets.definitions import build_defs

FACTS = dg.AssetKey(["marts", "fct_messages"])


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


def test_every_asset_has_a_group_an_owner_a_description_and_a_way_to_its_code(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert node.group_name, key
        assert node.owners, key
        assert node.description, key
        assert node.kinds, key
        assert "dagster/code_references" in node.metadata, key
        assert "documentation" in node.metadata, key


def test_tables_of_raw_tell_their_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in (keys.RAW_MESSAGES, keys.RAW_DETECTIONS, keys.RAW_EXTRACTIONS, keys.RAW_CHANNELS):
        assert "dagster/column_schema" in graph.get(key).metadata


def test_what_a_table_of_raw_tells_of_its_columns_is_so() -> None:
    text = (files("medwh_assets.warehouse") / "sql" / "setup" / "schemas.sql").read_text()
    graph = build_defs().resolve_asset_graph()
    for key in (keys.RAW_MESSAGES, keys.RAW_DETECTIONS, keys.RAW_EXTRACTIONS, keys.RAW_CHANNELS):
        start = text.index(f"create table if not exists raw.{key.path[-1]} (")
        table = text[start : text.index(");", start)].replace(" []", "[]")
        for column in graph.get(key).metadata["dagster/column_schema"].columns:
            assert f"    {column.name} {column.type}" in table, (key, column.name)


def test_nothing_can_be_late_where_nothing_is_read_live(
    definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = definitions.resolve_asset_graph()
    assert [k for k in graph.get_all_asset_keys() if graph.get(k).freshness_policy] == []
    monkeypatch.setenv("MEDWH_CHANNELS", "some_shop")
    graph = build_defs().resolve_asset_graph()
    late = {key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy}
    assert late == {keys.RAW_MESSAGES, FACTS}


def test_the_schedule_is_on_from_the_start_only_with_channels_and_a_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def status() -> str:
        return build_defs().resolve_schedule_def(SCHEDULE_NAME).default_status.value

    assert status() == "STOPPED"
    monkeypatch.setenv("MEDWH_CHANNELS", "some_shop")
    assert status() == "STOPPED"
    monkeypatch.setenv("TELEGRAM_SESSION", SESSION)
    assert status() == "RUNNING"


def test_every_sensor_is_on(definitions: dg.Definitions) -> None:
    sensors = definitions.get_repository_def().sensor_defs
    assert len(sensors) == 6
    assert {one.default_status for one in sensors} == {dg.DefaultSensorStatus.RUNNING}


# An invented session of the right shape: data centre 2 at 127.0.0.1, a key of 256 bytes.
SESSION = (
    "1"
    + base64.urlsafe_b64encode(
        b"\x02" + bytes([127, 0, 0, 1]) + (443).to_bytes(2, "big") + b"k" * 256
    ).decode()
)
