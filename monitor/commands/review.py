"""`newsurge review`: items for people to label, from what was scored.

Each command turns options into one call. Heavy modules are imported by the command that needs
them, so that `--help` is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.options import resolve_settings, run_async, settings_options

if TYPE_CHECKING:
    from monitor.review.choosing import Candidate
    from monitor.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def review() -> None:
    """What people should look at, so that the next model is better."""


@review.command()
@click.option("-o", "--output", type=_FILE, required=True, help="The tasks (JSON).")
@click.option(
    "--most", type=click.IntRange(min=1), default=200, show_default=True, help="Tasks at most."
)
@click.option(
    "--from", "file", type=_FILE, help="A JSONL file of scored items.  [default: `scored`]"
)
@click.option(
    "--newest",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Choose among so many of the newest items.",
)
@click.option(
    "--shadow",
    metavar="VERSION|DIRECTORY",
    help="A second model, asked for its view of each.  [default: the setting model.shadow]",
)
@click.option(
    "--without",
    type=_FILE,
    multiple=True,
    help="Leave out what is in these tasks (earlier ones, or an export of Label Studio); repeat.",
)
@click.option("--suggest", is_flag=True, help="Give the model's answers along with the tasks.")
@click.option("--config", type=_FILE, help="Write the labelling configuration (XML) there too.")
@settings_options
def export(
    output: Path,
    most: int,
    file: Path | None,
    newest: int,
    shadow: str | None,
    without: tuple[Path, ...],
    suggest: bool,
    config: Path | None,
    **options: Any,
) -> None:
    """Write the items most worth a label as an import of Label Studio.

    These are, in turns: items of which the model that serves and the shadow say different things,
    items that the model is uncertain about, and items of sources whose news has changed. A story
    is taken once, however often it was told.
    """
    from collections import Counter

    from monitor.model.registry import serving_bundle
    from monitor.model.signature import sign
    from monitor.review.choosing import choose
    from monitor.review.gathering import from_file, from_stream, with_shadow
    from monitor.review.label_studio import read_texts, write_config, write_tasks

    settings = resolve_settings(**options)
    known = [sign(text) for each in without for text in read_texts(each)]
    candidates: list[Candidate]
    bad = 0
    if file is None:
        candidates = run_async(from_stream(settings, newest))
    else:
        candidates, bad = from_file(file, newest)
    if bad:
        click.echo(f"{file}: {bad:,} lines are no scored items and were passed over", err=True)
    second = shadow or settings.model.shadow
    if second is not None:
        candidates = list(with_shadow(candidates, _judge(second, settings)))
    chosen = choose(candidates, most, known)
    write_tasks(output, chosen, suggest=suggest)
    if config is not None:
        meta = serving_bundle(settings.model).meta
        write_config(config, meta.topics, several=meta.topic_mode == "multi")
    reasons = Counter(reason for one in chosen for reason in one.reasons[:1])
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items()) or "none"
    click.echo(f"{output}: {len(chosen):,} of {len(candidates):,} items ({told})")


def _judge(name: str, settings: Settings) -> Any:
    from monitor.model.judge import load_judge
    from monitor.model.overview import find_bundle

    return load_judge(find_bundle(name, settings.model.registry), settings)
