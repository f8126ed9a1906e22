"""The command `newsurge audit`: the audit in words, and its exit code."""

from __future__ import annotations

from collections.abc import Iterator

import click

from monitor.audit.auditing import Audit, audit
from monitor.settings import Settings
from monitor.streams.admin import as_deployed
from monitor.watch_plan import deployed_plan


async def audit_command(settings: Settings) -> int:
    """Audit a deployment and print what was found; 0 where all is as it must be, else 1.

    Raises:
        NewsurgeError: when the streams or a file that the settings name can't be read.
    """
    deployed = await as_deployed(settings)
    found = await audit(deployed, deployed_plan(deployed))
    for line in _lines(found):
        click.echo(line)
    for fault in found.faults:
        click.echo(f"FAULT: {fault}")
    click.echo("Not all is as it must be." if found.faults else "All is accounted for.")
    return 1 if found.faults else 0


def _lines(found: Audit) -> Iterator[str]:
    news, alerts = found.news, found.alerts
    yield (
        f"news: {news.scored:,} scored, {news.dead:,} in dead-letter, "
        f"{news.pending:,} still to be scored, {news.gone:,} known only by their scores"
    )
    yield f"scored: {found.repeats:,} records repeat an origin, and count once"
    yield f"alerts: {len(alerts.ids):,} told, {len(alerts.due):,} due by the log"
    if alerts.unchecked:
        yield (
            f"  {alerts.unchecked:,} alerts of other rules, or of rules that came or changed since "
            "the log began, not checked"
        )
    if not alerts.whole:
        yield "  retention took the log's beginning: only what must be told can be checked"
    told = {*found.delivered, *found.given_up, *found.undelivered, *found.silenced}
    for receiver in sorted(told):
        silenced = found.silenced[receiver]
        yield (
            f"notifications to {receiver}: {found.delivered[receiver]:,} delivered, "
            f"{found.given_up[receiver]:,} given up, {found.undelivered[receiver]:,} under way"
            + (f"; {silenced:,} alerts were silenced" if silenced else "")
        )
