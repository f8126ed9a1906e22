"""The Dockerfile and compose.yaml: what they name exists, and nothing runs as root or writes."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from monitor.options import _LONGEST_DRAIN_SECONDS
from monitor.rules.file import default_rules
from monitor.settings import HttpSettings, load_settings
from tests.deploy.words import DEPLOY, ROOT, unknown_options, unknown_variables

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
INSTRUCTIONS = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))


def _instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", INSTRUCTIONS, re.MULTILINE)


def _image_environment() -> dict[str, str]:
    pairs = (pair.partition("=") for line in _instructions("ENV") for pair in line.split())
    return {name: value for name, _, value in pairs}


def test_the_image_copies_what_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for line in _instructions("COPY"):
        if not line.startswith("--from"):
            for source in line.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored


def test_the_image_has_what_the_package_is_built_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    copied = {word for line in _instructions("COPY") for word in line.split()}
    assert needed <= copied
    extras = set(re.findall(r"EXTRAS=\[(\w+)\]", DOCKERFILE))
    assert extras == {"gpu"}
    assert extras <= set(project["project"]["optional-dependencies"])


def test_the_images_settings_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = _image_environment()
    assert not unknown_variables(DOCKERFILE)
    for name, value in environment.items():
        if name.startswith("NEWSURGE_"):
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.log_format == "json"
    assert _instructions("EXPOSE") == [str(settings.http.port)] == [str(HttpSettings().port)]
    assert f"COPY alerts.yaml {settings.rules}" in INSTRUCTIONS
    assert default_rules().name == "alerts.yaml"


def test_the_image_runs_newsurge_as_no_root() -> None:
    assert _instructions("USER") == ["10001:10001"]
    assert _instructions("ENTRYPOINT") == ['["newsurge"]']
    assert _instructions("CMD") == ['["run"]']
    assert "/livez" in INSTRUCTIONS.split("HEALTHCHECK")[1]


def test_images_are_pinned() -> None:
    for name, service in SERVICES.items():
        if name != "newsurge":
            assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+\.\d+", service["image"])


def test_ports_are_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_volumes_and_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists()
            else:
                assert source in COMPOSE["volumes"]
    build = SERVICES["newsurge"]["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()


def test_newsurge_is_confined_and_asked_for_what_exists() -> None:
    service = SERVICES["newsurge"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) > _LONGEST_DRAIN_SECONDS
    assert unknown_options(service["command"]) == []
    assert not unknown_variables(str(service["environment"]))
    assert all(port.endswith(f":{HttpSettings().port}") for port in service["ports"])
    assert service["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert "healthcheck" in SERVICES["kafka"]


def test_services_find_one_another() -> None:
    kafka = SERVICES["kafka"]["environment"]
    broker = SERVICES["newsurge"]["environment"]["NEWSURGE_KAFKA__BOOTSTRAP_SERVERS"]
    assert f"PLAINTEXT://{broker}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    named = {each.split("://")[0] for each in kafka["KAFKA_LISTENERS"].split(",")}
    mapped = dict(
        each.split(":") for each in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert named == set(mapped)
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{kafka['KAFKA_NODE_ID']}@kafka:9093"
    scraping = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (job,) = scraping["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    assert set(discovery["names"]) <= set(SERVICES)
    assert discovery["port"] == HttpSettings().port
    (manager,) = scraping["alerting"]["alertmanagers"]
    assert manager["static_configs"][0]["targets"] == ["alertmanager:9093"]
    provisioned = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(provisioned.read_text("utf-8"))["datasources"]
    assert source["uid"] == "newsurge-prometheus"
    assert source["url"] == "http://prometheus:9090"


def test_alertmanager_knows_the_alerts_and_receivers_it_names() -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text("utf-8"))
    assert config["route"]["receiver"] in {each["name"] for each in config["receivers"]}
    rules = yaml.safe_load((DEPLOY / "prometheus" / "newsurge.rules.yml").read_text("utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert set(re.findall(r'alertname="(\w+)"', str(config))) <= alerts
