"""`docs/SILENCES.md` is true: its commands and options exist, and so do its metrics."""

import re
import shlex
from pathlib import Path

import click
import pytest

from monitor import metrics
from monitor.cli import cli

DOC = (Path(__file__).parents[2] / "docs" / "SILENCES.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ newsurge (.+?)(?: >.*)?$", DOC, re.MULTILINE)


def test_commands_are_found() -> None:
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_is_one(line: str) -> None:
    words = shlex.split(line)
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    command.make_context("newsurge", words)


def test_every_option_of_a_silence_is_told() -> None:
    silence = cli.get_command(click.Context(cli), "silence")
    assert isinstance(silence, click.Group)
    ours = {"--rule", "--by", "--key", "--severity", "--for", "--in", "--why", "--who"}
    has = {option for each in silence.commands["add"].params for option in each.opts}
    assert ours <= has
    assert all(f"`{option}`" in DOC for option in ours)


def test_the_metrics_exist() -> None:
    told = set(re.findall(r"`(newsurge_[a-z_]+)", DOC))
    names = {family.name for family in metrics.REGISTRY.collect()}
    assert told
    assert {name.removesuffix("_total") for name in told} <= names
