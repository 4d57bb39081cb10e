"""The house rules of the dbt project, read from what dbt makes of it. Parsing needs no database."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from medwh_dbt import PROJECT_DIR

Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("target")
    finished = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "--no-use-colors", "--warn-error", "parse"),
            *("--project-dir", PROJECT_DIR, "--profiles-dir", PROJECT_DIR),
        ],
        env={"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return json.loads((target / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[Node]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {"fct_messages", "dim_channels"} <= {node["name"] for node in found}
    return found


def test_only_staging_reads_sources_and_no_model_reads_a_layer_above_its_own(
    models: list[Node], manifest: dict[str, Any]
) -> None:
    for model in models:
        parents = model["depends_on"]["nodes"]
        kinds = {parent.split(".")[0] for parent in parents}
        if model["name"].startswith("stg_"):
            assert kinds == {"source"}, model["name"]
            continue
        assert kinds <= {"model", "seed"}, model["name"]
        schemas = {manifest["nodes"][parent]["schema"] for parent in parents}
        below = {"staging"} if model["name"].startswith("int_") else {"staging", "marts"}
        assert schemas <= below, model["name"]


def test_a_model_lives_in_the_schema_and_the_dagster_group_of_its_folder(
    models: list[Node],
) -> None:
    for model in models:
        folder = Path(model["original_file_path"]).parts[1]
        schema = {"staging": "staging", "intermediate": "staging", "marts": "marts"}[folder]
        assert model["schema"] == schema
        assert model["config"]["meta"] == {"dagster": {"group": schema}}


def test_every_model_states_its_grain_and_every_column_is_described(
    models: list[Node], manifest: dict[str, Any]
) -> None:
    for model in models:
        assert model["description"].startswith("One row per "), model["name"]
    seeds = [node for node in manifest["nodes"].values() if node["resource_type"] == "seed"]
    assert seeds
    for described in [*models, *seeds, *manifest["sources"].values()]:
        assert described["description"].strip(), described["name"]
        assert described["columns"], described["name"]
        for column in described["columns"].values():
            assert column["description"].strip(), f"{described['name']}.{column['name']}"


def test_every_model_tests_its_key(models: list[Node], manifest: dict[str, Any]) -> None:
    for model in models:
        tested: dict[str, set[str]] = {}
        for test in data_tests(manifest):
            if test["attached_node"] == model["unique_id"] and test["column_name"]:
                tested.setdefault(test["column_name"], set()).add(test["test_metadata"]["name"])
        keys = [column for column, names in tested.items() if names >= {"unique", "not_null"}]
        assert keys, model["name"]


def test_every_foreign_key_of_a_fact_is_tested(
    models: list[Node], manifest: dict[str, Any]
) -> None:
    keys = {
        (model["name"], column)
        for model in models
        if model["name"].startswith("fct_")
        for column in model["columns"]
        if column.endswith("_pk")
    } - {("fct_messages", "message_pk")}
    related = {
        (manifest["nodes"][test["attached_node"]]["name"], test["column_name"])
        for test in data_tests(manifest)
        if test["test_metadata"]["name"] == "relationships"
    }
    assert keys <= related


def test_marts_have_enforced_contracts_with_a_primary_key(models: list[Node]) -> None:
    for model in models:
        if model["schema"] != "marts":
            continue
        assert model["config"]["contract"]["enforced"], model["name"]
        constraints = [
            constraint["type"]
            for column in model["columns"].values()
            for constraint in column["constraints"]
        ]
        assert constraints.count("primary_key") == 1, model["name"]
        assert all(column["data_type"] for column in model["columns"].values()), model["name"]


def test_every_model_has_a_unit_test(models: list[Node], manifest: dict[str, Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    assert tested == {model["name"] for model in models}


def test_no_model_reads_the_clock_or_keeps_what_depends_on_a_load(models: list[Node]) -> None:
    for model in models:
        code = model["raw_code"].lower()
        for word in ("now()", "current_", "random(", "load_id", "loaded_at"):
            assert word not in code, f"{model['name']} says {word}"


def test_every_model_and_seed_has_its_own_description_file() -> None:
    written = {file.with_suffix(".yml") for file in PROJECT_DIR.glob("models/*/*.sql")}
    written |= {file.with_suffix(".yml") for file in PROJECT_DIR.glob("seeds/*.csv")}
    found = {*PROJECT_DIR.glob("models/*/*.yml"), *PROJECT_DIR.glob("seeds/*.yml")}
    assert written == {file for file in found if not file.name.startswith("_")}


def test_dbt_asks_no_hub_and_reports_nothing() -> None:
    assert not [*PROJECT_DIR.glob("packages.y*ml"), *PROJECT_DIR.glob("dependencies.y*ml")]
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False


def data_tests(manifest: dict[str, Any]) -> Iterator[Node]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("test_metadata"):
            yield node
