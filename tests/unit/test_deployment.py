"""What compose, the image and CI name is what the project has. Nothing is built or started here."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from medwh_assets.home import BATCH_VARIABLE, EVENT_BATCH, instance_yaml
from tests.unit.test_settings_documented import defined

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
DAGSTER: dict[str, Any] = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
PACKAGES = ("medwh_assets", "medwh_api", "medwh_dbt")
# Settings of Amazon's library, which finds them for itself.
OF_AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"}
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


def specification(name: str) -> dict[str, Any]:
    """The JSON schema of a file format, as its makers publish it."""
    vendored = files("check_jsonschema") / f"builtin_schemas/vendor/{name}.json"
    return json.loads(vendored.read_text())


def test_the_compose_file_is_as_the_specification_has_it() -> None:
    jsonschema.validate(COMPOSE, specification("compose-spec"))


def test_every_variable_in_compose_is_a_setting() -> None:
    text = (REPOSITORY / "compose.yaml").read_text()
    interpolated = set(re.findall(r"\$\{([A-Z_]+)", text))
    given = {name for service in OURS.values() for name in service.get("environment", {})}
    assert interpolated | given | COMPOSE["secrets"].keys() <= defined() | OF_AWS


def test_no_secret_stands_in_an_environment() -> None:
    named = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert named & COMPOSE["secrets"].keys() == set()
    assert [
        name
        for name in named
        if re.search("PASSWORD|PEPPER|TELEGRAM_API|SESSION|HOOK$|ACCESS_KEY", name)
    ] == ["POSTGRES_PASSWORD_FILE"]


def test_each_secret_is_known_where_it_is_needed_and_nowhere_else() -> None:
    knowing: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for secret in service.get("secrets", []):
            knowing.setdefault(secret, set()).add(name)
    telegram = {f"TELEGRAM_{part}" for part in ("API_ID", "API_HASH", "PHONE", "SESSION")}
    assert knowing == {
        "POSTGRES_PASSWORD": {"postgres", "init", "code", "ui", "daemon", "describe"},
        "MEDWH_API_DB_PASSWORD": {"init", "api"},
        "MEDWH_PII_PEPPER": {"code"},
        "MEDWH_FAILURE_WEBHOOK": {"code"},
        **{name: {"code"} for name in telegram},
        "AWS_ACCESS_KEY_ID": {"code"},
        "AWS_SECRET_ACCESS_KEY": {"code"},
    }
    assert knowing.keys() == COMPOSE["secrets"].keys()


def test_every_secret_is_a_file_that_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    folder.mkdir()
    shutil.copy(REPOSITORY / "deploy" / "make-secrets", folder)
    for api_id in ("77", "78"):
        subprocess.run(
            [folder / "make-secrets"],
            check=True,
            env={"PATH": os.environ["PATH"], "TELEGRAM_API_ID": api_id},
            capture_output=True,
        )
    made = {f"deploy/secrets/{file.name}": file for file in (folder / "secrets").iterdir()}
    assert made.keys() == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert {file.stat().st_mode & 0o777 for file in made.values()} == {0o600}
    assert made["deploy/secrets/TELEGRAM_API_ID"].read_text() == "77\n"
    assert made["deploy/secrets/TELEGRAM_SESSION"].read_text() == ""
    at_random = {file.read_text() for file in made.values() if len(file.read_bytes()) > 3}
    assert [len(text.strip()) for text in at_random] == [48, 48, 48]


def test_no_service_can_write_its_image_or_gain_rights() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert "/tmp" in service["tmpfs"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert [name for name, service in SERVICES.items() if "cap_add" in service] == ["postgres"]


def test_there_is_one_daemon() -> None:
    assert [n for n, s in OURS.items() if "dagster-daemon" in s.get("command", [])] == ["daemon"]
    assert "deploy" not in SERVICES["daemon"]


def test_every_command_exists() -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")}
    scripts |= {"python", "with-secrets"}
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
    assert len(targets) == 5
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
        assert reads <= {*SERVICES[name]["environment"], *SERVICES[name]["secrets"]}


def test_dagsters_database_in_compose_is_the_one_that_setup_makes() -> None:
    database = DAGSTER["storage"]["postgres"]["postgres_db"]["db_name"]
    assert database == SERVICES["init"]["environment"]["POSTGRES_DB"] + "_dagster"


def test_the_build_context_holds_all_that_the_image_copies_and_no_secret() -> None:
    first, *patterns = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert first == "*"
    let_in = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    copied = {
        word
        for line in dockerfile()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
        if not word.startswith("--")
    }
    assert copied == let_in
    assert all((REPOSITORY / path).exists() for path in let_in)


def test_no_setting_of_a_secret_stands_in_the_image() -> None:
    assert not re.search(
        r"(?i)\b(ARG|ENV)\b.*(password|secret|token|pepper)", "\n".join(dockerfile())
    )


def test_runs_in_containers_store_their_events_as_those_of_medwh_up_do() -> None:
    assert re.search(rf"(?m)^ENV .*\b{BATCH_VARIABLE}={EVENT_BATCH}\b", "\n".join(dockerfile()))


def test_processes_in_the_images_run_without_root() -> None:
    stages = re.split(r"(?m)^FROM ", "\n".join(dockerfile()))[1:]
    for stage in stages:
        if "\nCMD " in stage:
            assert "\nUSER 10001\n" in stage
    assert "useradd --uid 10001 " in stages[0]


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
