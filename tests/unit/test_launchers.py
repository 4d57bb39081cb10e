"""The settings below `deploy/` are such as the launchers take. No engine and no cluster is asked."""

import json
import re
from pathlib import Path
from typing import Any

import dagster as dg
import docker.models.containers
import jsonschema
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.instance.config import dagster_instance_config
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster_docker import DockerRunLauncher
from dagster_docker.utils import validate_docker_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import DagsterK8sJobConfig
from dagster_k8s.models import k8s_model_from_dict
from kubernetes import client

from tests.unit.test_deployment import DAGSTER, OF_AWS, REPOSITORY, SERVICES, specification
from tests.unit.test_settings_documented import defined

DOCKER = REPOSITORY / "deploy" / "docker"
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((KUBERNETES / "values.yaml").read_text())
LAUNCHER: dict[str, Any] = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
(CODE,) = VALUES["dagster-user-deployments"]["deployments"]
GPU_TAGS: dict[str, Any] = yaml.safe_load((KUBERNETES / "gpu-run-tags.yaml").read_text())


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def launcher_config() -> dict[str, Any]:
    """What the chart's template writes into the launcher's part of dagster.yaml."""
    config = {snake(key): value for key, value in LAUNCHER.items() if key != "runK8sConfig"}
    config["run_k8s_config"] = {snake(k): v for k, v in LAUNCHER["runK8sConfig"].items()}
    return {
        **config,
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "dagster_home": "/opt/dagster/dagster_home",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
    }


def code_context() -> dict[str, Any]:
    """What the chart makes of the code location's settings for the runs that come from it."""
    return {
        "env": CODE["env"],
        "env_secrets": [secret["name"] for secret in CODE["envSecrets"]],
        "volumes": CODE["volumes"],
        "volume_mounts": CODE["volumeMounts"],
        "resources": CODE["resources"],
        "security_context": CODE["securityContext"],
    }


def errors_of(schema: Any, config: dict[str, Any]) -> list[str]:
    result = process_config(resolve_to_config_type(schema), config)
    return [error.message for error in result.errors or ()]


def test_the_docker_launcher_takes_its_settings() -> None:
    config, _ = dagster_instance_config(str(DOCKER))
    launcher = config["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_docker", "DockerRunLauncher")
    assert errors_of(DockerRunLauncher.config_type(), launcher["config"]) == []
    validate_docker_config(
        launcher["config"]["network"], None, launcher["config"]["container_kwargs"]
    )


def test_docker_takes_the_arguments_of_a_runs_container() -> None:
    launcher = yaml.safe_load((DOCKER / "dagster.yaml").read_text())["run_launcher"]["config"]
    # It raises where it does not know an argument.
    made = docker.models.containers._create_container_args(
        {
            "image": "medwh-pipeline",
            "command": [],
            "version": "1.41",
            **launcher["container_kwargs"],
        }
    )
    assert made["host_config"]["ReadonlyRootfs"] is True
    assert made["host_config"]["CapDrop"] == ["ALL"]


def test_a_runs_container_has_the_volumes_of_the_code_location() -> None:
    launcher = yaml.safe_load((DOCKER / "dagster.yaml").read_text())["run_launcher"]["config"]
    expected = {f"medwh_{volume}" for volume in SERVICES["code"]["volumes"]}
    assert set(launcher["container_kwargs"]["volumes"]) == expected


def test_what_runs_are_given_the_daemon_has() -> None:
    launcher = yaml.safe_load((DOCKER / "dagster.yaml").read_text())["run_launcher"]["config"]
    beside = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["daemon"]
    has = {*beside["environment"], *beside["secrets"]}
    has |= {*SERVICES["daemon"]["environment"], *SERVICES["daemon"]["secrets"]}
    # A variable that is not set there stops every launch.
    assert set(launcher["env_vars"]) <= has
    assert set(launcher["env_vars"]) <= defined() | OF_AWS


def test_the_compose_file_for_it_is_as_the_specification_has_it() -> None:
    jsonschema.validate(
        yaml.safe_load((DOCKER / "compose.yaml").read_text()), specification("compose-spec")
    )


def test_dagsters_instance_is_the_same_with_either_launcher() -> None:
    with_docker = yaml.safe_load((DOCKER / "dagster.yaml").read_text())
    assert {**DAGSTER, "run_launcher": with_docker["run_launcher"]} == with_docker
    added = VALUES["additionalInstanceConfig"]
    assert {part: DAGSTER[part] for part in added} == added
    monitoring = VALUES["dagsterDaemon"]["runMonitoring"]
    assert DAGSTER["run_monitoring"].items() <= {snake(k): v for k, v in monitoring.items()}.items()
    assert DAGSTER.keys() - added.keys() == {"storage", "telemetry", "run_monitoring"}
    database = DAGSTER["storage"]["postgres"]["postgres_db"]
    assert VALUES["postgresql"]["postgresqlScheme"] == database["scheme"]
    assert VALUES["postgresql"]["postgresqlDatabase"] == database["db_name"]
    assert VALUES["telemetry"] == DAGSTER["telemetry"]


def test_the_kubernetes_launcher_takes_its_settings() -> None:
    assert errors_of(K8sRunLauncher.config_type(), launcher_config()) == []
    assert errors_of(DagsterK8sJobConfig.config_type_container_context(), code_context()) == []


def test_settings_on_kubernetes_are_settings() -> None:
    assert {variable["name"] for variable in CODE["env"]} <= defined()


def test_a_run_on_kubernetes_is_a_job_without_root_and_with_the_settings(tmp_path: Path) -> None:
    pod = launched(tmp_path, {}).spec.template.spec
    assert pod.security_context.run_as_user == 10001
    assert pod.termination_grace_period_seconds == 120
    (container,) = pod.containers
    assert container.security_context.allow_privilege_escalation is False
    assert container.resources.limits == {"memory": "4Gi"}
    assert {one.name for one in container.env} >= {"MEDWH_LAKE", "POSTGRES_HOST"}
    assert [one.secret_ref.name for one in container.env_from] == ["medwh"]
    assert "/app/data/state" in [one.mount_path for one in container.volume_mounts]


def test_run_tags_lead_detection_to_a_node_with_a_gpu(tmp_path: Path) -> None:
    tags = {key: json.dumps(value) for key, value in GPU_TAGS.items()}
    pod = launched(tmp_path, tags).spec.template.spec
    (container,) = pod.containers
    assert container.resources.limits == {"memory": "4Gi", "nvidia.com/gpu": "1"}
    assert [one.key for one in pod.tolerations] == ["nvidia.com/gpu"]
    given = {one.name: one.value for one in container.env}
    assert given["MEDWH_YOLO_ENGINE"] == "gpu"
    assert given["MEDWH_LAKE"].startswith("s3://")


def test_the_guide_shows_the_tags_as_they_are() -> None:
    guide = (REPOSITORY / "deploy" / "README.md").read_text()
    shown = guide.split("```json\n")[1].split("```")[0]
    assert json.loads(shown) == GPU_TAGS["dagster-k8s/config"]


def test_kubernetes_knows_every_key_of_the_manifests() -> None:
    kinds = {
        "Job": client.V1Job,
        "Deployment": client.V1Deployment,
        "Service": client.V1Service,
    }
    manifests = list(yaml.safe_load_all((KUBERNETES / "medwh.yaml").read_text()))
    assert [one["kind"] for one in manifests] == list(kinds)
    for manifest in manifests:
        # It raises where it does not know a key.
        k8s_model_from_dict(kinds[manifest["kind"]], _snake_keys(manifest))


class Cluster:
    """What the launcher asks Kubernetes for."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        assert namespace == "default"
        self.jobs.append(body)


def launched(folder: Path, tags: dict[str, str]) -> Any:
    """Return the job that the launcher makes of a run with these tags."""
    cluster = Cluster()
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    access = {
        "current-context": "none",
        "contexts": [context],
        "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1"}}],
        "users": [{"name": "none", "user": {}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(access))
    launcher = K8sRunLauncher(
        **{**launcher_config(), "load_incluster_config": False},
        kubeconfig_file=str(folder / "kubeconfig"),
        k8s_client_batch_api=cluster,
        k8s_client_core_api=cluster,
    )
    code = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=ModuleCodePointer("medwh_assets.definitions", "defs"),
        container_image=CODE["image"]["repository"],
        container_context={"k8s": code_context()},
    )
    run = DagsterRun(job_name="any", tags=tags, job_code_origin=JobPythonOrigin("any", code))
    with dg.instance_for_test() as instance:
        instance.add_run(run)
        launcher.register_instance(instance)
        launcher.launch_run(LaunchRunContext(run, None))
    (job,) = cluster.jobs
    return job


def _snake_keys(part: Any) -> Any:
    if isinstance(part, dict):
        return {snake(str(key)): _snake_keys(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_snake_keys(one) for one in part]
    return part
