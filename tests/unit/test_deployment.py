"""What compose, the image and CI name is what the project has. Nothing is built or started here."""

import json
import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from medwh_assets.home import instance_yaml
from tests.unit.test_settings_documented import defined

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
DAGSTER: dict[str, Any] = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
PACKAGES = ("medwh_assets", "medwh_api", "medwh_dbt")
MADE_BY_DBT = {"target", "logs", "__pycache__"}


def dockerfile() -> list[str]:
    """Instructions, one a line."""
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def environment_of(part: object) -> set[str]:
    """Names of the environment variables that a part of `dagster.yaml` reads."""
    if isinstance(part, Mapping):
        if set(part) == {"env"}:
            return {str(part["env"])}
        return {name for value in part.values() for name in environment_of(value)}
    return set()


def test_published_ports_are_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_variable_in_compose_is_a_setting() -> None:
    text = (REPOSITORY / "compose.yaml").read_text()
    interpolated = set(re.findall(r"\$\{([A-Z_]+)", text))
    given = {name for service in SERVICES.values() for name in service["environment"]}
    assert interpolated | given <= defined()


def test_no_password_has_a_default() -> None:
    passwords = {
        value
        for service in SERVICES.values()
        for name, value in service["environment"].items()
        if name.endswith("PASSWORD")
    }
    assert len(passwords) == 2
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value) for value in passwords)


def test_only_setup_and_the_api_know_the_password_of_the_apis_role() -> None:
    knowing = {name for name, s in OURS.items() if "MEDWH_API_DB_PASSWORD" in s["environment"]}
    assert knowing == {"init", "api"}
    assert "POSTGRES_PASSWORD" not in OURS["api"]["environment"]


def test_the_telegram_account_is_known_where_channels_are_read_and_nowhere_else() -> None:
    names = {"TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEGRAM_PHONE", "TELEGRAM_SESSION"}
    knowing = {name for name, s in OURS.items() if names & s["environment"].keys()}
    assert knowing == {"code", "daemon"}
    for service in knowing:
        given = OURS[service]["environment"]
        assert {name: given[name] for name in names} == {n: f"${{{n}:-}}" for n in names}
        # Channels are read where they are loaded: with all that the pipeline has.
        assert OURS["init"]["environment"].keys() - {"MEDWH_API_DB_PASSWORD"} <= given.keys()


def test_every_command_exists() -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")} | {"python"}
    commands = [service["command"] for service in OURS.values() if "command" in service]
    commands += [s["healthcheck"]["test"][1:] for s in OURS.values() if "healthcheck" in s]
    commands += [
        json.loads(line.removeprefix("CMD ")) for line in dockerfile() if line[:4] == "CMD "
    ]
    assert len(commands) == 11
    assert {command[0] for command in commands} <= scripts


def test_every_service_that_stays_is_checked_for_health() -> None:
    with_own = {name for name, service in SERVICES.items() if "healthcheck" in service}
    # The API's check stands in its image; two services do one thing and end.
    assert with_own | {"api"} == set(SERVICES) - {"init", "describe"}


def test_an_image_is_built_by_one_service_only() -> None:
    built = [service["image"] for service in OURS.values() if "build" in service]
    assert sorted(built) == sorted(set(built))
    assert set(built) == {service["image"] for service in OURS.values()}


def test_every_folder_that_a_volume_is_mounted_on_is_made_and_owned_in_the_image() -> None:
    (line,) = (line for line in dockerfile() if "mkdir -p" in line)
    targets = {volume.split(":")[1] for s in OURS.values() for volume in s.get("volumes", [])}
    assert targets
    assert targets <= set(line.split())
    assert "chown -R medwh /app/data /home/medwh" in line


def test_volumes_are_declared() -> None:
    used = {volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_workspace_names_the_service_and_port_of_the_code_location() -> None:
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())
    server = workspace["load_from"][0]["grpc_server"]
    assert server["host"] in SERVICES
    (command,) = (line for line in dockerfile() if line.startswith("CMD") and "grpc" in line)
    assert json.loads(command.removeprefix("CMD "))[-2:] == ["-p", str(server["port"])]
    assert SERVICES[server["host"]]["healthcheck"]["test"][-1] == str(server["port"])


def test_dagsters_instance_in_compose_differs_from_the_embedded_one_in_its_storage_only() -> None:
    embedded = instance_yaml()
    assert DAGSTER.keys() == embedded.keys()
    for part in embedded.keys() - {"storage"}:
        assert DAGSTER[part] == embedded[part], part


def test_compose_gives_what_dagsters_instance_reads() -> None:
    reads = environment_of(DAGSTER)
    assert reads
    for name in ("init", "code", "ui", "daemon"):
        assert reads <= SERVICES[name]["environment"].keys()


def test_dagsters_database_in_compose_is_the_one_that_setup_makes() -> None:
    database = DAGSTER["storage"]["postgres"]["postgres_db"]["db_name"]
    assert database == SERVICES["init"]["environment"]["POSTGRES_DB"] + "_dagster"


def test_the_build_context_holds_all_that_the_image_copies_and_no_secret() -> None:
    first, *patterns = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert first == "*"
    let_in = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    copied = {
        source for line in dockerfile() if line.startswith("COPY ") for source in line.split()[1:-1]
    }
    assert copied == let_in
    assert all((REPOSITORY / path).exists() for path in let_in)


def test_no_setting_of_a_secret_stands_in_the_image() -> None:
    assert not re.search(
        r"(?i)\b(ARG|ENV)\b.*(password|secret|token|pepper)", "\n".join(dockerfile())
    )


def test_processes_in_the_images_run_without_root() -> None:
    stages = re.split(r"(?m)^FROM ", "\n".join(dockerfile()))[1:]
    for stage in stages:
        if "\nCMD " in stage:
            assert "\nUSER medwh\n" in stage


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_its_wheel(package: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"][package]
    root = REPOSITORY / package
    files = (file.relative_to(root) for file in root.rglob("*") if file.is_file())
    left_out = [
        str(file)
        for file in files
        if file.suffix != ".py"
        and not file.name.startswith(".")
        and not MADE_BY_DBT & set(file.parts)
        and not any(fnmatchcase(f"/{file.as_posix()}", p.replace("**", "*")) for p in patterns)
    ]
    assert left_out == []


@pytest.mark.parametrize(
    ("extra", "foreign"),
    [
        ("api", ("torch", "torchvision", "ultralytics", "onnxruntime")),
        ("detection", ("fastapi", "uvicorn", "starlette")),
    ],
)
def test_neither_extra_asks_for_the_others_packages(extra: str, foreign: tuple[str, ...]) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"][extra]]
    assert not [line for line in asked if line.startswith(foreign)]


def test_the_lock_pins_every_package_that_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    lock = (REPOSITORY / "requirements.lock").read_text()
    pinned = {one_spelling(line.split("==")[0]) for line in lock.splitlines() if "==" in line}
    names = {one_spelling(re.split(r"[^\w.-]", line)[0]) for part in asked for line in part}
    assert names - pinned == set()


def one_spelling(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
