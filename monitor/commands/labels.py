"""`newsurge labels`: labels that people give, into their stream and out of it.

Each command turns options into one call. Heavy modules are imported by the command that needs
them, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from monitor.errors import NewsurgeError
from monitor.options import resolve_settings, run_async, settings_options

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def labels() -> None:
    """Labels that people gave to texts: publish them, and export them for training."""


@labels.command()
@click.argument("file", type=_FILE)
@click.option("--who", help="Whose labels these are, where the file doesn't say.")
@settings_options
def publish(file: Path, who: str | None, **options: Any) -> None:
    """Publish the labels of FILE (JSONL or CSV) to `labels`.

    A label has a text (text, title or headline), a topic, a sentiment or both, and may have id,
    source, language, published_at, at (when it was given; else now) and who. The file is checked
    as a whole first. A person's later label on the same id, or the same text, replaces an earlier.
    """
    from monitor.labels.publishing import publish_labels

    count = run_async(publish_labels(resolve_settings(**options), file, who))
    click.echo(f"published {count:,} labels")


@labels.command()
@click.option("-o", "--out", type=_FILE, help="Write to this new file.  [default: the output]")
@settings_options
def export(out: Path | None, **options: Any) -> None:
    """Write the labels of `labels` as JSONL: the latest word of each person on each item."""
    from monitor.labels.reading import latest
    from monitor.records import encode

    found = run_async(latest(resolve_settings(**options)))
    lines = (encode(label) + b"\n" for _, label in found.labels)
    if out is None:
        sys.stdout.buffer.writelines(lines)
    else:
        try:
            with out.open("xb") as file:
                file.writelines(lines)
        except FileExistsError:
            raise NewsurgeError(f"-o {out}: exists already; give another path") from None
        except OSError as error:
            raise NewsurgeError(
                f"-o {out}: can't be written ({error.strerror}); check the path"
            ) from None
    told = f"{len(found.labels):,} labels"
    if found.broken:
        told += f"; {len(found.broken):,} records are no labels, first at offset {found.broken[0]}"
    click.echo(told, err=True)
