"""The `newsurge` command: its sub-commands, and errors as one line and an exit code.

The commands are in `monitor.commands`, and in other packages that plug theirs in through the
entry-point group `newsurge.commands`.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from monitor import __version__, commands
from monitor.errors import NewsurgeError
from monitor.logs import printable

_ENTRY_POINTS = "newsurge.commands"
_LONGEST_LINE = 2000


class _Commands(click.Group):
    """The commands of this package, and those plugged in, which are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        plugged_in = {each.name for each in entry_points(group=_ENTRY_POINTS)}
        return sorted({*super().list_commands(ctx), *plugged_in})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for each in entry_points(group=_ENTRY_POINTS, name=cmd_name):
            plugged_in = each.load()
            if isinstance(plugged_in, click.Command):
                return plugged_in
        return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="newsurge")
def cli() -> None:
    """newsurge: a streaming financial sentiment monitor.

    Reads news from Kafka, scores each item for topic and sentiment, follows every topic over
    sliding windows, and sends signed webhooks when negative news surges.

    Try `newsurge demo` first: it needs nothing else.
    """


for _command in commands.COMMANDS:
    cli.add_command(_command)


def _shown(error: NewsurgeError) -> str:
    """What it says, safe for a terminal: it may quote a file or a record."""
    lines = (printable(line) for line in str(error).split("\n"))
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines
    )


def main() -> None:
    """Run the command line; a `NewsurgeError` becomes one line and its exit code."""
    try:
        sys.exit(cli(prog_name="newsurge", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except NewsurgeError as error:
        click.echo(f"newsurge: {_shown(error)}", err=True)
        sys.exit(error.exit_code)
