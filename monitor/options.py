"""What the commands share: the options that settings come from, the loop, and the signals.

It holds no command and does no command's work.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from monitor import logs
from monitor.errors import SettingsError
from monitor.settings import Settings, load_settings
from monitor.yaml_document import UnreadableError, read_yaml

_LONGEST_DRAIN_SECONDS = 30
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file (YAML). Environment variables (NEWSURGE_...) and flags go before it.",
    ),
    click.option("--bootstrap-servers", help="Kafka brokers, as host:port,host:port."),
    click.option("--prefix", help="Prefix of this deployment's stream names."),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="Any setting by its path, such as kafka.idempotence=false or "
        "model.registry=models; repeat for more.",
    ),
)


def settings_options(command: FunctionT) -> FunctionT:
    """Give a command the options from which its settings are resolved."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def resolve_settings(
    settings_file: Path | None,
    bootstrap_servers: str | None,
    prefix: str | None,
    assignments: tuple[str, ...],
    **sections: Any,
) -> Settings:
    """The settings of a command, and logging as they say.

    `sections` are further flags as nested dictionaries; None values are left out.

    Raises:
        SettingsError: when they can't be used.
    """
    flags: dict[str, Any] = {name: value for name, value in sections.items() if value is not None}
    for assignment in assignments:
        name, given, value = assignment.partition("=")
        if not given or not all(name.split(".")):
            raise SettingsError(f"--set {name}: write it as NAME=VALUE")
        _put(flags, name, _read(name, value))
    if bootstrap_servers is not None:
        _put(flags, "kafka.bootstrap_servers", bootstrap_servers)
    if prefix is not None:
        _put(flags, "streams.prefix", prefix)
    settings = load_settings(settings_file, flags)
    logs.configure(settings.log_format, settings.log_level)
    return settings


def _read(name: str, value: str) -> Any:
    try:
        document = read_yaml(value)
    except UnreadableError as error:
        raise SettingsError(f"--set {name}: {error}") from None
    for fault in document.faults:
        raise SettingsError(f"--set {name}: {fault.message}")
    return document.content


def _put(flags: dict[str, Any], name: str, value: Any) -> None:
    *parents, leaf = name.split(".")
    for parent in parents:
        flags = flags.setdefault(parent, {})
        if not isinstance(flags, dict):
            raise SettingsError(
                f"{name}: {parent} is given a value of its own, too; give one of them"
            )
    flags[leaf] = value


def run_async(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on the fastest event loop there is."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


async def until_signal(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run work that drains when its event is set, which the first SIGINT or SIGTERM does.

    The second signal ends the process at once, and so does a drain that takes too long, as when
    the broker is away: what was not committed is done again by whoever goes on.
    """
    stop = asyncio.Event()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        click.echo("stopping; once more to stop at once", err=True)
        stop.set()
        loop.call_later(_LONGEST_DRAIN_SECONDS, give_up)

    def give_up() -> None:
        click.echo(f"newsurge: not drained in {_LONGEST_DRAIN_SECONDS} s, so it ends now", err=True)
        os._exit(1)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told, number)
    await work(stop)


@contextmanager
def on_hangup(told: Callable[[], None]) -> Iterator[None]:
    """Call `told` at each SIGHUP within the block, on systems that have it.

    Also where it was ignored when the process started, as under nohup.
    """
    if sys.platform == "win32":
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, told)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
