from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.settings import load_settings


def test_flags_go_before_the_environment_before_the_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("kafka: {bootstrap_servers: 'file:1', client_id: file}\nrules: file.yaml\n")
    monkeypatch.setenv("NEWSURGE_KAFKA__BOOTSTRAP_SERVERS", "environment:1")
    monkeypatch.setenv("NEWSURGE_KAFKA__CLIENT_ID", "environment")
    settings = load_settings(file, {"kafka": {"client_id": "flag"}})
    assert settings.kafka.client_id == "flag"
    assert settings.kafka.bootstrap_servers == "environment:1"
    assert settings.rules == Path("file.yaml")
    assert settings.http.host == "127.0.0.1"


def test_every_fault_is_named_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("kafka: {idempotence: perhaps}\nhttp: {port: 99999}\nbrand: new\n")
    with pytest.raises(SettingsError) as error:
        load_settings(file)
    for part in (str(file), "kafka.idempotence", "http.port", "brand"):
        assert part in str(error.value)


def test_a_missing_or_broken_settings_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("kafka: [")
    with pytest.raises(SettingsError, match="not valid YAML"):
        load_settings(broken)


def test_a_secret_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSURGE_KAFKA__SASL_PASSWORD", "open-sesame")
    monkeypatch.setenv("NEWSURGE_KAFKA__SASL_USERNAME", "desk")
    settings = load_settings(flags={"kafka": {"security_protocol": "SASL_SSL"}})
    assert "open-sesame" not in repr(settings) + str(settings.model_dump())
    with pytest.raises(SettingsError) as error:
        load_settings(flags={"kafka": {"security_protocol": "SASL_SSL", "sasl_password_file": "f"}})
    assert "open-sesame" not in str(error.value)
