from pathlib import Path
from typing import Any

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


def faults(file: Path | None = None, flags: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(file, flags)
    return str(caught.value).splitlines()


def test_every_fault_is_told_with_its_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("http: {port: 99999}\nkafka:\n  idempotence: perhaps\n  bootstrap_server: x\n")
    wrong_flag, unknown, wrong_port = faults(file)
    assert wrong_flag.startswith(f"{file}:3:3: kafka.idempotence: must be a valid boolean")
    assert wrong_port == f"{file}:1:8: http.port: must be less than or equal to 65535"
    assert unknown == (
        f"{file}:4:3: kafka.bootstrap_server: there is no such setting; "
        "did you mean 'bootstrap_servers'?"
    )


def test_what_gave_a_wrong_value_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("http: {port: 99999}\n")
    [fault] = faults(file, {"http": {"port": -1}})
    assert fault.startswith("on the command line: http.port: must be greater than")
    monkeypatch.setenv("NEWSURGE_HTTP__PORT", "many")
    [fault] = faults(file)
    assert fault.startswith("NEWSURGE_HTTP__PORT: http.port: must be a valid integer")
    monkeypatch.setenv("NEWSURGE_HTTP__PORT", "80")
    monkeypatch.setenv("NEWSURGE_HTTP__PROT", "81")
    [fault] = faults(file)
    assert fault == (
        "NEWSURGE_HTTP__PROT: http.prot: there is no such setting; did you mean 'port'?"
    )


def test_what_is_wrong_only_together_is_told_of_all_that_gave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("rules: a.yaml\nhttp: {token_file: token.txt}\n")
    monkeypatch.setenv("NEWSURGE_HTTP__TOKEN", "open-sesame-and-longer")
    [fault] = faults(file)
    assert fault == f"NEWSURGE_HTTP__TOKEN and {file}:2:1: http: give one of token and token_file"


def test_a_variable_that_is_no_json_where_a_list_is_wanted_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEWSURGE_ROLES", "score")
    [fault] = faults()
    assert '"roles"' in fault
    assert '["score"]' in fault
    monkeypatch.setenv("NEWSURGE_ROLES", '["score"]')
    assert load_settings().roles == ("score",)


def test_an_item_beyond_the_files_own_list_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_text("roles: [score]\n")
    monkeypatch.setenv("NEWSURGE_ROLES", '["score", "wach"]')
    [fault] = faults(file)
    assert fault.startswith("NEWSURGE_ROLES: roles.1: must be 'score', 'watch' or 'notify'")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"kafka: [", ":1:9: not valid YAML"),
        (b"- kafka", ":1:1: the file must be a mapping"),
        (b"kafka:\n", ":1:1: kafka: must be a mapping"),
        (b"rules: a\nrules: b\n", ":2:1: 'rules' is given twice, first on line 1"),
        (b"rules: \xff\n", ": is not UTF-8 (invalid start byte at byte 7)"),
        (
            b"rules: !!python/object:os.system {}",
            ":1:8: the tag '!!python/object:os.system' is not",
        ),
        (b"[" * 3000, ":1:1: nested too deeply"),
    ],
)
def test_what_is_no_settings_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "newsurge.yaml"
    file.write_bytes(content)
    [fault] = faults(file)
    assert fault.startswith(f"{file}{told}")


def test_a_missing_file_is_told_and_an_empty_one_sets_nothing(tmp_path: Path) -> None:
    [fault] = faults(tmp_path / "none.yaml")
    assert fault.endswith("none.yaml: can't be read (No such file or directory); check the path")
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing yet\n")
    assert load_settings(empty).model_dump() == load_settings().model_dump()


def test_a_secret_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSURGE_KAFKA__SASL_PASSWORD", "open-sesame")
    monkeypatch.setenv("NEWSURGE_KAFKA__SASL_USERNAME", "desk")
    settings = load_settings(flags={"kafka": {"security_protocol": "SASL_SSL"}})
    assert "open-sesame" not in repr(settings) + str(settings.model_dump())
    with pytest.raises(SettingsError) as error:
        load_settings(flags={"kafka": {"security_protocol": "SASL_SSL", "sasl_password_file": "f"}})
    assert "open-sesame" not in str(error.value)
