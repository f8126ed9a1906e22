"""What deployment files and guides may name: settings, environment variables, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import BaseModel

from monitor.cli import cli
from monitor.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
_VARIABLE = re.compile(r"\bNEWSURGE_[A-Z][A-Z_]*[A-Z]\b")
_SETTING = re.compile(
    r"\b((?:kafka|streams|model|score|watch|notify|http)\.[a-z_]+(?:\.[a-z]+)?)\b"
)
_COMMAND = re.compile(r"newsurge ([a-z][a-z-]*(?: [a-z][a-z-]*)?)")


def _paths(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        path = (*before, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _paths(field.annotation, path)
        else:
            yield path


SETTINGS = {".".join(path) for path in _paths(Settings)}
VARIABLES = {"NEWSURGE_" + "__".join(path).upper() for path in _paths(Settings)}


def unknown_variables(text: str) -> set[str]:
    """The environment variables in a text that no setting has."""
    return set(_VARIABLE.findall(text)) - VARIABLES


def unknown_settings(text: str) -> set[str]:
    """The settings in a text, such as `watch.prior`, that do not exist."""
    return set(_SETTING.findall(text)) - SETTINGS


def unknown_commands(words: str) -> set[str]:
    """The commands after `newsurge` in a text of code that do not exist."""
    unknown = set()
    for name in _COMMAND.findall(words):
        first, _, second = name.partition(" ")
        command = cli.commands.get(first)
        is_known = command is not None or first in {"train", "evaluate", "promote", "retrain"}
        if isinstance(command, click.Group) and second:
            is_known = second in command.commands
        if not is_known:
            unknown.add(name)
    return unknown


def unknown_options(arguments: list[str]) -> list[str]:
    """What the command line would refuse of a call, `newsurge` left out."""
    command = cli.commands[arguments[0]]
    known = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    return [word for word in arguments[1:] if word.startswith("-") and word not in known]


def quoted(markdown: str) -> str:
    """The code in a Markdown text: its blocks and what stands in backticks."""
    blocks = re.findall(r"^```.*?^```", markdown, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`([^`]+)`", rest)])
