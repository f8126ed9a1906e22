import re
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.children import free_port
from monitor.cli import cli
from monitor.errors import SettingsError
from monitor.options import resolve_settings
from monitor.rules.file import default_rules

NEWSURGE = Path(sys.executable).with_name("newsurge")
ROOT = Path(__file__).parent.parent


def newsurge(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWSURGE, *arguments], capture_output=True, text=True, timeout=50, check=False
    )


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    nowhere = f"127.0.0.1:{free_port()}"
    rules = [] if "--rules" in arguments else ["--rules", str(default_rules())]
    return newsurge(
        "run", "--bootstrap-servers", nowhere, "--set", "http.port=0",
        "--set", "log_level=warning", *rules, *arguments,
    )  # fmt: skip


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert result.returncode != 0
    return lines[0]


def test_an_unreachable_broker_is_one_clear_line() -> None:
    line = only_line(start("--set", "kafka.connect_timeout_seconds=1"))
    assert "127.0.0.1:" in line
    assert "bootstrap_servers" in line


def test_a_missing_bundle_is_one_clear_line(tmp_path: Path) -> None:
    line = only_line(start("--set", f"model.bundle={tmp_path / 'none'}"))
    assert str(tmp_path / "none") in line


def test_broken_rules_are_one_clear_line(tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules:\n  - {alert: A, type: absent, by: all, window: soon}\n")
    line = only_line(start("--rules", str(rules)))
    assert "alerts.yaml:2:" in line
    assert "'soon' is not a duration" in line


def test_missing_rules_are_one_clear_line(tmp_path: Path) -> None:
    assert "--rules" in only_line(start("--rules", str(tmp_path / "none.yaml")))


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = only_line(start("--set", f"http.port={port}"))
    assert str(port) in line
    assert "http.port" in line


def test_an_unknown_setting_or_role_is_said() -> None:
    assert "colour" in only_line(start("--set", "colour=red"))
    assert "roles" in only_line(start("--roles", "score,dance"))


def test_what_a_message_quotes_can_not_steer_the_terminal(tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("\x1b[31mred\u202e" + "x" * 100_000 + "\n")
    line = only_line(newsurge("backtest", str(feed)))
    assert "no column title" in line
    assert line.isprintable()
    assert len(line) < 3000


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        (["kafka.client_id=["], "--set kafka.client_id: not valid YAML"),
        (["kafka={client_id: a, client_id: b}"], "--set kafka: 'client_id' is given twice"),
        (["kafka=1", "kafka.client_id=x"], "kafka.client_id: kafka is given a value of its own"),
        (["kafka..client_id=x"], "--set kafka..client_id: write it as NAME=VALUE"),
        (["kafka"], "--set kafka: write it as NAME=VALUE"),
    ],
)
def test_an_assignment_that_is_none_is_said(assignments: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_settings(None, None, None, tuple(assignments))
    assert str(caught.value).startswith(told)


def test_check_tells_a_usable_file_from_a_broken_one(tmp_path: Path) -> None:
    good = newsurge("check", str(default_rules()))
    assert good.returncode == 0
    assert "NegativeSurge: surge by topic, critical" in good.stdout
    broken = tmp_path / "alerts.yaml"
    broken.write_text("rules: 3\n")
    assert newsurge("check", str(broken)).returncode == 2


def test_flags_reach_their_settings() -> None:
    settings = resolve_settings(
        None, "there:1", "desk.", ("kafka.idempotence=false", "notify.timeout_seconds=3")
    )
    assert settings.kafka.bootstrap_servers == "there:1"
    assert settings.streams.prefix == "desk."
    assert settings.kafka.idempotence is False
    assert settings.notify.timeout_seconds == 3


def every_command(group: click.Group, path: str = "newsurge") -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((f"{path} {name}", command))
        if isinstance(command, click.Group):
            found += every_command(command, f"{path} {name}")
    return found


COMMANDS = dict(every_command(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [*name.split()[1:], "--help"])
    assert result.exit_code == 0
    assert all(
        parameter.help for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)
    ), f"an option of {name} has no help"


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_command_and_flag_in_the_documents_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for line in re.findall(r"newsurge (?:[a-z-]+ ?)[^`\n]*", text):
        words = line.split()
        name = f"newsurge {words[1]}"
        if name not in COMMANDS:
            continue
        nested = f"{name} {words[2]}" if len(words) > 2 else name
        command = COMMANDS.get(nested, COMMANDS[name])
        known = {flag for parameter in command.params for flag in parameter.opts}
        used = {word.split("=")[0].rstrip(".,;)") for word in words if word.startswith("--")}
        assert used <= {*known, "--help", "--version"}, f"{document.name}: {line}"


def test_help_is_quick_as_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from monitor.cli import cli; "
        "print([m for m in ('torch', 'transformers', 'openvino', 'aiokafka', 'rich') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert result.stdout.strip() == "[]"
