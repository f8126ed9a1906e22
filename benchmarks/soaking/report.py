"""The report of a soak as Markdown: what was done to it, what it held, what was lost."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.soaking.processes import Member
from monitor.audit.auditing import Audit

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What a soak came to.

    Attributes:
        began: when, as a date.
        minutes: how long news was published.
        warm_minutes: how much of the beginning the slopes leave out.
        rate: items a second.
        sent: acknowledged news records.
        outages: how often the publisher had to connect anew.
        faults: what was injected, and how often.
        members: the processes.
        log_lines: how many lines each logged.
        audit: what the streams say.
        alerts: ids of all alert events.
        requests: how many webhooks the receiver accepted, by alert id.
        changed_bodies: webhook ids that came with more than one body.
    """

    began: str
    minutes: float
    warm_minutes: float
    rate: float
    sent: int
    outages: int
    faults: Counter[str]
    members: Sequence[Member]
    log_lines: Mapping[str, int]
    audit: Audit
    alerts: set[str]
    requests: Counter[str]
    changed_bodies: set[str]

    @property
    def unreceived(self) -> set[str]:
        """Ids of alerts that the receiver never got."""
        return self.alerts - self.requests.keys()

    @property
    def failures(self) -> list[str]:
        """What is not as it must be, in words."""
        found = list(self.audit.faults)
        if self.audit.news.pending:
            found.append(f"{self.audit.news.pending} news records were never taken up")
        if self.unreceived:
            found.append(f"{len(self.unreceived)} alerts never reached the receiver")
        if self.changed_bodies:
            found.append(f"{len(self.changed_bodies)} webhook ids came with two bodies")
        found += [f"{each.name} died {each.died} times" for each in self.members if each.died]
        return found


def markdown(outcome: Outcome) -> str:
    """The whole report."""
    return "\n".join([*_head(outcome), *_faults(outcome), *_vitals(outcome), *_accounts(outcome)])


def _head(outcome: Outcome) -> Iterator[str]:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    yield "# Soak"
    yield ""
    yield "What `python -m benchmarks.soak --write` found: a deployment of two processes of each "
    yield "role on one real Kafka node, under a steady load, with faults injected all the time. "
    yield "The first process of each role is spared, so that what it holds shows leaks; the second "
    yield "is killed and frozen. Everything is accounted for at the end."
    yield ""
    yield f"Run on {outcome.began}, {outcome.minutes:.0f} minutes at {outcome.rate:g} items/s "
    yield f"({outcome.sent:,} acknowledged), on {machine}, Python {platform.python_version()}."
    yield ""


def _faults(outcome: Outcome) -> Iterator[str]:
    yield "## What was done to it"
    yield ""
    yield "| fault | times |"
    yield "|---|---|"
    for fault, times in sorted(outcome.faults.items()):
        yield f"| {fault} | {times} |"
    yield ""
    yield f"The publisher had to connect anew {outcome.outages} times."
    yield ""


def _vitals(outcome: Outcome) -> Iterator[str]:
    yield "## What it held"
    yield ""
    yield f"Slopes are least-squares lines after the first {outcome.warm_minutes:g} minutes."
    yield ""
    yield "| process | memory, first and last tenth | slope | descriptors | slope | log lines |"
    yield "|---|---|---|---|---|---|"
    for member in outcome.members:
        lines = outcome.log_lines[member.name]
        if not member.spared:
            yield f"| {member.name} | started {member.restarts + 1} times | | | | {lines:,} |"
            continue
        vitals = member.vitals.after(outcome.warm_minutes * 60)
        first, last = vitals.memory
        low, high = vitals.descriptors
        yield (
            f"| {member.name} | {first / _MIB:.1f} and {last / _MIB:.1f} MiB "
            f"| {vitals.memory_slope / _MIB:+.1f} MiB/h | {low} to {high} "
            f"| {vitals.descriptor_slope:+.1f}/h | {lines:,} |"
        )
    yield ""


def _accounts(outcome: Outcome) -> Iterator[str]:
    audit, requests = outcome.audit, outcome.requests
    repeats = sum(requests.values()) - len(requests)
    yield "## What became of everything"
    yield ""
    yield f"- News records: {audit.news.scored:,} scored, {audit.news.dead:,} in dead-letter, "
    yield f"  {len(audit.news.missing)} missing, {len(audit.news.both)} in both, "
    yield f"  {audit.news.pending} pending."
    yield f"- Scored records that repeat an origin (a crash before a commit): {audit.repeats:,}."
    alerts = audit.alerts
    yield f"- Alerts: {len(alerts.due):,} due by the log as written, {len(alerts.ids):,} told; "
    yield f"  {len(alerts.missing)} missing, {len(alerts.unexpected)} that do not follow, "
    yield f"  {len(alerts.unlike)} with other content, {len(alerts.repeated)} told twice."
    yield f"- Webhooks: {len(requests):,} alerts received, {len(outcome.unreceived)} never; "
    yield f"  {repeats:,} repeats, {len(outcome.changed_bodies)} of a webhook id with another body."
    yield ""
    yield "**Held.**" if not outcome.failures else "**Did not hold:**"
    yield ""
    for failure in outcome.failures:
        yield f"- {failure}"
