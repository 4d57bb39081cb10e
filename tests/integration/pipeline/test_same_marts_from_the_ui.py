"""What is started in the UI ends in the marts that `medwh run` makes: real UI, daemon, code server."""

from datetime import date, timedelta

import pytest

from tests.integration.pipeline.conftest import Pipeline
from tests.integration.pipeline.recordings import write_recording
from tests.integration.pipeline.services import SELECTOR, medwh_up, wait_for

CHANNELS = ["demo_four", "demo_one", "demo_three", "demo_two"]
DAYS = 30
SLICE_ASSETS = [
    ["lake", "telegram_messages"],
    ["lake", "telegram_images"],
    ["lake", "yolo_detections"],
    ["raw", "telegram_messages"],
    ["raw", "yolo_detections"],
    ["raw", "post_extractions"],
]

ADD_CHANNEL = """
mutation($key: String!, $selector: RepositorySelector!) {
  addDynamicPartition(partitionsDefName: "channel", partitionKey: $key, repositorySelector: $selector) {
    __typename ... on PythonError { message }
  }
}"""
BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
BACKFILL_STATUS = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status error { message } } }
}"""
MODELS = "{ assetNodes { assetKey { path } isPartitioned isExecutable } }"


@pytest.mark.timeout(900)
def test_a_backfill_and_a_single_slice_from_the_ui_give_the_marts_of_medwh_run(
    pipeline: Pipeline, clean_pipeline: Pipeline
) -> None:
    for one in (pipeline, clean_pipeline):
        posts = write_recording(one.folder / "sample", CHANNELS, days=DAYS, posts_a_day=1)
    clean_pipeline.medwh("demo", "--no-serve")
    expected = clean_pipeline.marts()
    days = [str(date(2025, 3, 1) + timedelta(days=n)) for n in range(DAYS)]

    with medwh_up(pipeline) as ui:
        for channel in CHANNELS:
            added = ui.ask(ADD_CHANNEL, key=channel, selector=SELECTOR)["addDynamicPartition"]
            assert added["__typename"] == "AddDynamicPartitionSuccess", added
        launched = ui.ask(
            BACKFILL,
            params={
                "assetSelection": [{"path": path} for path in SLICE_ASSETS],
                "partitionNames": [f"{channel}|{day}" for channel in CHANNELS for day in days],
                "fromFailure": False,
            },
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def status() -> str:
            answer = ui.ask(BACKFILL_STATUS, id=launched["backfillId"])["partitionBackfillOrError"]
            return str(answer["status"])

        ends = {"COMPLETED_SUCCESS", "COMPLETED", "COMPLETED_FAILED", "FAILED", "CANCELED"}
        assert wait_for(status, ends) == "COMPLETED_SUCCESS"

        nodes = ui.ask(MODELS)["assetNodes"]
        models = [
            n["assetKey"]["path"] for n in nodes if n["isExecutable"] and not n["isPartitioned"]
        ]
        assert ui.launch(models, {}) == "SUCCESS"
        assert pipeline.rows("select count(*) from marts.fct_messages") == [(posts,)]
        assert pipeline.marts() == expected

        one_slice = {
            "dagster/partition": f"demo_one|{days[9]}",
            "dagster/partition/channel": "demo_one",
            "dagster/partition/date": days[9],
        }
        assert ui.launch(SLICE_ASSETS, one_slice) == "SUCCESS"
        assert ui.launch(models, {}) == "SUCCESS"
        assert pipeline.marts() == expected

    assert pipeline.lake_files() == clean_pipeline.lake_files()
