"""Reading a deployment's streams from beginning to end, and holding them against each other.

Reads without any consumer group's part in it, so that it may run beside the daemon. The alerts
that follow from the log are found by the core that the daemon runs (`monitor.surge`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from monitor.audit.accounts import AlertAccount, NewsAccount, NewsReport
from monitor.records import (
    Origin,
    Outcome,
    Queued,
    ScoredRecord,
    decode_alert,
    decode_notification,
    decode_scored,
)
from monitor.settings import Role, Settings
from monitor.streams.clients import consumer, partitions_of, started
from monitor.streams.dead_letters import decode_dead_letter
from monitor.streams.reading import read_all
from monitor.streams.spec import StreamName, group_name, stream_name
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import committed as commit_in
from monitor.watch_plan import part_of, scored_partition


@dataclass(slots=True)
class Audit:
    """What the streams say.

    `repeats` counts scored records that repeat an origin, which WATCH passes over. `delivered`
    and `given_up` count notifications by receiver; `undelivered` those that have no outcome yet;
    `silenced` alerts that a silence kept back, for now or for good.
    """

    news: NewsReport
    alerts: AlertAccount
    repeats: int = 0
    delivered: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)
    undelivered: Counter[str] = field(default_factory=Counter)
    silenced: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> list[str]:
        """In words, what is not as it must be; empty where all is well."""
        found: dict[str, Sequence[Origin | str]] = {
            "news records are neither in scored nor in dead-letter": self.news.missing,
            "news records are in scored and in dead-letter": self.news.both,
            "alerts follow from the log and were not told": self.alerts.missing,
            "alerts were told that do not follow from the log": self.alerts.unexpected,
            "alerts were told otherwise than follows from the log": self.alerts.unlike,
            "alerts were told more than once": self.alerts.repeated,
        }
        return [
            f"{len(each):,} {words}, such as {_named(each[0])}"
            for words, each in found.items()
            if each
        ]


async def audit(settings: Settings, plan: WatchPlan) -> Audit:
    """Hold a deployment's streams against each other.

    Args:
        settings: the deployment.
        plan: what it watches; alerts of rules that are not in it, as they are, are passed over,
            and those of rules that came later than the log's beginning, by reload or restart.

    Raises:
        StreamError: when the streams can't be read.
    """
    account, alerts = NewsAccount(), AlertAccount()
    # In this order, as all of it goes on meanwhile: what was committed has been told, and what was
    # told follows from a log that is read later.
    news_committed = await _committed(settings, "score", "news")
    scored_committed = await _committed(settings, "watch", "scored")
    lasting = await _lasting(settings, plan, scored_committed)
    await _read_alerts(settings, lasting, alerts)
    repeats = await _read_scored(settings, plan, account, alerts, scored_committed, lasting)
    await _read_news(settings, account)
    found = Audit(account.report(news_committed), alerts, repeats)
    await _read_notifications(settings, found)
    return found


async def _read_news(settings: Settings, account: NewsAccount) -> None:
    async with aclosing(read_all(settings, "dead-letter")) as letters:
        async for record in letters:
            letter = decode_dead_letter(record.value or b"", record.headers)
            if letter.stream == stream_name(settings, "news"):
                account.dead(Origin(letter.partition, letter.offset))
    async with aclosing(read_all(settings, "news")) as news:
        async for record in news:
            account.news(Origin(record.partition, record.offset))


async def _read_scored(
    settings: Settings,
    plan: WatchPlan,
    account: NewsAccount,
    alerts: AlertAccount,
    committed: dict[int, int],
    lasting: dict[int, set[str]],
) -> int:
    """Feed the log to the core. Returns how many records repeat an origin."""
    count = settings.streams.partitions.scored
    watches = {number: PartitionWatch(number, part_of(plan, number, count)) for number in committed}
    begun: set[int] = set()
    async with aclosing(read_all(settings, "scored")) as records:
        async for record in records:
            number = record.partition
            if number not in begun:
                begun.add(number)
                alerts.whole &= record.offset == 0
            try:
                scored = decode_scored(record.value)
            except msgspec.MsgspecError:
                continue  # WATCH passes it over too, and tells of it
            if isinstance(scored, ScoredRecord):
                account.scored(scored.origin)
            for event in watches[number].apply(record.offset, scored):
                if event.rule_hash in lasting[number]:
                    alerts.follows(event, is_due=record.offset < committed[number])
    return sum(watch.outcomes["repeated_origin"] for watch in watches.values())


async def _lasting(
    settings: Settings, plan: WatchPlan, partitions: Iterable[int]
) -> dict[int, set[str]]:
    """By scored partition, the hashes of rules that have been in force since the log began."""
    lasting = {number: {plan.hash_of(rule) for rule in plan.rules} for number in partitions}
    since: dict[int, dict[str, int]] = {}
    async with aclosing(read_all(settings, "state")) as records:
        async for record in records:
            found = commit_in(record.key or b"", record.value)
            if found is not None:
                number, state = found
                since[number] = state.rules or {}
    for number, rules in since.items():
        lasting[number] -= {each for each, offset in rules.items() if offset > 0}
    return lasting


async def _read_alerts(
    settings: Settings, lasting: dict[int, set[str]], alerts: AlertAccount
) -> None:
    count = settings.streams.partitions.scored
    async with aclosing(read_all(settings, "alerts")) as told:
        async for record in told:
            event = decode_alert(record.value)
            if event.rule_hash in lasting[scored_partition(event.series, count)]:
                alerts.told(event)
            else:
                alerts.unchecked += 1


async def _read_notifications(settings: Settings, found: Audit) -> None:
    waiting: dict[str, str] = {}
    silenced: dict[str, str] = {}
    async with aclosing(read_all(settings, "notifications")) as records:
        async for record in records:
            match decode_notification(record.value or b""):
                case Queued(id=identity, receiver=receiver):
                    waiting.setdefault(identity, receiver)
                case Outcome(id=identity, receiver=receiver, silence=str()):
                    silenced[identity] = receiver
                case Outcome(id=identity, receiver=receiver, delivered=delivered):
                    waiting.pop(identity, None)
                    (found.delivered if delivered else found.given_up)[receiver] += 1
    found.undelivered.update(waiting.values())
    found.silenced.update(silenced.values())


async def _committed(settings: Settings, role: Role, stream: StreamName) -> dict[int, int]:
    """What the role's group has committed, by partition."""
    partitions = await partitions_of(settings, stream)
    async with started(consumer(settings, group_name(settings, role)), settings) as client:
        client.assign(partitions)
        return {each.partition: await client.committed(each) or 0 for each in partitions}


def _named(one: Origin | str) -> str:
    return one if isinstance(one, str) else f"partition {one.partition} offset {one.offset}"
