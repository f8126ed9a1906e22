"""The Kubernetes manifests: what they name exists, here and among themselves."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.health import Health
from monitor.options import _LONGEST_DRAIN_SECONDS
from monitor.rules.file import load_rules
from monitor.settings import ROLES, HttpSettings, PartitionSettings, Settings, load_settings
from monitor.streams.spec import group_name, stream_name
from monitor.web.server import Actions, build_app
from tests.deploy.words import DEPLOY, unknown_options, unknown_variables

HERE = DEPLOY / "kubernetes"
KUSTOMIZATION = yaml.safe_load((HERE / "kustomization.yaml").read_text(encoding="utf-8"))
KUBECTL = shutil.which("kubectl")


def _objects(file: str, kind: str) -> list[dict[str, Any]]:
    found = yaml.safe_load_all((HERE / file).read_text(encoding="utf-8"))
    return [each for each in found if each["kind"] == kind]


def _deployment(role: str) -> dict[str, Any]:
    (found,) = _objects(f"{role}.yaml", "Deployment")
    return found


def _pod(role: str) -> dict[str, Any]:
    spec: dict[str, Any] = _deployment(role)["spec"]["template"]["spec"]
    return spec


def _container(role: str) -> dict[str, Any]:
    (container,) = _pod(role)["containers"]
    return dict(container)


def _settings() -> Settings:
    return load_settings(HERE / "settings.yaml")


def test_every_file_is_built_or_named_as_an_option() -> None:
    text = (HERE / "kustomization.yaml").read_text(encoding="utf-8")
    for file in HERE.iterdir():
        assert file.name == "kustomization.yaml" or file.name in text
    for file in KUSTOMIZATION["resources"]:
        assert (HERE / file).is_file()


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kustomize_builds_them() -> None:
    assert KUBECTL is not None
    built = subprocess.run(
        [KUBECTL, "kustomize", str(HERE)], capture_output=True, text=True, check=True
    )
    objects = [each for each in yaml.safe_load_all(built.stdout) if each]
    assert {(each["kind"], each["metadata"]["name"]) for each in objects} == {
        ("ConfigMap", "newsurge"),
        *(("Deployment", f"newsurge-{role}") for role in ROLES),
        *(("PodDisruptionBudget", f"newsurge-{role}") for role in ROLES),
    }
    assert {each["metadata"]["namespace"] for each in objects} == {"newsurge"}


def test_settings_and_rules_can_be_used() -> None:
    settings = _settings()
    rules = load_rules(
        HERE / "alerts.yaml", settings.watch.slide_seconds, settings.score.dimensions
    )
    told = [receiver.webhook for receiver in rules.receivers]
    given = {variable["name"] for variable in _container("notify")["env"]}
    assert {str(each.url_env) for each in told} | {str(each.secret_env) for each in told} == given


@pytest.mark.parametrize("role", ROLES)
def test_a_deployment_plays_its_role(role: str) -> None:
    container, deployment = _container(role), _deployment(role)
    arguments = container["args"]
    assert arguments[0] == "run"
    assert unknown_options(arguments) == []
    assert arguments[arguments.index("--roles") + 1] == role
    assert not unknown_variables((HERE / f"{role}.yaml").read_text(encoding="utf-8"))
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector == deployment["spec"]["template"]["metadata"]["labels"]
    assert selector["app.kubernetes.io/component"] == role
    (budget,) = [
        each
        for each in _objects("disruption.yaml", "PodDisruptionBudget")
        if each["metadata"]["name"] == deployment["metadata"]["name"]
    ]
    assert budget["spec"]["selector"]["matchLabels"] == selector
    assert deployment["spec"]["replicas"] > budget["spec"]["maxUnavailable"]


@pytest.mark.parametrize("role", ROLES)
def test_files_that_are_named_are_mounted(role: str) -> None:
    pod, container = _pod(role), _container(role)
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounts) == set(volumes)
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == generated["name"]
    there = {mounts["config"] / file for file in generated["files"]}
    there |= {mounts["secrets"] / item["path"] for item in volumes["secrets"]["secret"]["items"]}
    settings, arguments = _settings(), container["args"]
    named = {Path(arguments[arguments.index("--settings") + 1]), settings.rules}
    secrets = (
        settings.kafka.sasl_password_file,
        settings.kafka.ssl_cafile,
        settings.http.token_file,
    )
    named |= {file for file in secrets if file}
    assert named <= there


@pytest.mark.parametrize("role", ROLES)
def test_secrets_that_are_asked_for_are_in_the_example(role: str) -> None:
    (example,) = _objects("secret.example.yaml", "Secret")
    secret = {v["name"]: v for v in _pod(role)["volumes"]}["secrets"]["secret"]
    asked = {(secret["secretName"], item["key"]) for item in secret["items"]}
    for variable in _container(role).get("env", []):
        if "secretKeyRef" in variable["valueFrom"]:
            reference = variable["valueFrom"]["secretKeyRef"]
            asked.add((reference["name"], reference["key"]))
    assert asked <= {(example["metadata"]["name"], key) for key in example["stringData"]}


@pytest.mark.parametrize("role", ROLES)
def test_probes_ask_what_is_served(role: str) -> None:
    container, settings = _container(role), _settings()
    (port,) = container["ports"]
    assert port["containerPort"] == settings.http.port == HttpSettings().port
    app = build_app(settings.http, Health(), Actions())
    paths = {route.resource.canonical for route in app.router.routes() if route.resource}
    for probe, path in (
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
        assert path in paths


@pytest.mark.parametrize("role", ROLES)
def test_pods_are_confined(role: str) -> None:
    pod, container = _pod(role), _container(role)
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] > _LONGEST_DRAIN_SECONDS
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


def test_scaling_follows_the_lag_of_news() -> None:
    (scaled,) = _objects("keda.yaml", "ScaledObject")
    settings, spec = _settings(), scaled["spec"]
    assert spec["scaleTargetRef"]["name"] == _deployment("score")["metadata"]["name"]
    assert spec["minReplicaCount"] >= 1
    assert spec["maxReplicaCount"] == PartitionSettings().news == settings.streams.partitions.news
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["topic"] == stream_name(settings, "news")
    assert trigger["metadata"]["consumerGroup"] == group_name(settings, "score")
    assert trigger["metadata"]["bootstrapServers"] == settings.kafka.bootstrap_servers
    (login,) = _objects("keda.yaml", "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]


def test_the_operator_scrapes_what_the_pods_serve() -> None:
    (monitor,) = _objects("monitoring.yaml", "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == _container("score")["ports"][0]["name"]
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    for role in ROLES:
        assert wanted <= _deployment(role)["spec"]["template"]["metadata"]["labels"].items()
