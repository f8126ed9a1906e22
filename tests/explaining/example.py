"""The example of docs/EVIDENCE.md, made from a log of invented news; run to print it anew.

`python -m tests.explaining.example` prints the two blocks; test_evidence_doc.py holds the page
against them.
"""

import msgspec

from monitor.explaining.choosing import deliveries, sibling, standing
from monitor.explaining.document import Explanation
from monitor.explaining.reckoning import reckoning, rule_of
from monitor.explaining.recounting import counts, records, reproduction
from monitor.explaining.trace import Trace, rule_then
from monitor.explaining.words import lines
from monitor.records import (
    AlertEvent,
    NewsItem,
    Notification,
    Origin,
    Outcome,
    Queued,
    Scored,
    Sentiment,
)
from monitor.surge.partition import PartitionWatch
from monitor.surge.prior import Prior, SeriesPrior
from tests.surge.log import NEUTRAL, feed, mark, minute, plan, record, rule

RULE = rule(
    type="surge",
    alert="NegativeSurge",
    window="7d",
    factor=3,
    min_support=5,
    keep_firing_for="30m",
    severity="critical",
    annotations={"summary": "Negative news on this topic arrives far faster than usual."},
    receivers=["desk"],
)
PLAN = plan(RULE, prior=Prior("an invented past", SeriesPrior(0.5, 400.0, 0.2, 60.0)), horizon=1440)

_STORIES = (
    # minute, story, headline, source, negative
    (601, "run", "Depositors queue outside Harbourline Bank branches", "Northwire", 0.93),
    (602, "run", "Queues of depositors outside Harbourline Bank's branches", "Ledger Daily", 0.91),
    (603, "halt", "Harbourline Bank halts large withdrawals", "Northwire", 0.97),
    (604, "run", "Depositors queue at Harbourline Bank branches, witnesses say", "Tape", 0.88),
    (606, "cut", "Agency cuts Harbourline Bank to junk", "Northwire", 0.9),
    (607, "peer", "Shares of Northgate Savings fall by a third", "Ledger Daily", 0.86),
    (608, "calm", "Harbourline Bank opens a branch in Easton", "Tape", 0.1),
    (609, "ecb", "Supervisor calls emergency meeting over Harbourline Bank", "Northwire", 0.81),
)


def log() -> list[Scored]:
    """Ten quiet hours, then a run on a bank."""
    entries: list[Scored] = []
    for hour in range(10):
        entries.append(mark(60 * hour))
        entries.append(record(60 * hour + 5, f"calm {hour}", NEUTRAL, origin=(0, 10 * hour + 1)))
    for number, (at, story, title, source, negative) in enumerate(_STORIES):
        entries.append(mark(at))
        mood = Sentiment(negative, round(1 - negative, 2), 0.0)
        told = record(at + 0.4, story, mood, origin=(0, 200 + number), wording=number)
        item = NewsItem(
            id=f"nw-{number}",
            title=title,
            source=source,
            url=f"https://news.example/{number}" if number == 2 else None,
        )
        entries.append(msgspec.structs.replace(told, item=item, model="starter-1"))
    return entries


def event() -> AlertEvent:
    """The alert that the log raises."""
    (raised,) = feed(PartitionWatch(0, PLAN), log())
    return raised


def explanation() -> Explanation:
    """The alert, explained as the command explains it."""
    raised = event()
    known = standing([(raised, 0, 17, minute(609.5))])
    trace = Trace(raised, PLAN, 0)
    for offset, each in enumerate(log()):
        trace.take(offset, each)
        if trace.done:
            break
    found = trace.traced()
    now = rule_of(raised, PLAN, "alerts.yaml")
    gone = Origin(0, 200)
    news = {
        one.entry.record.origin: "gone" if one.entry.record.origin == gone else "there"
        for one in found.members
    }
    told: list[Notification] = [
        Queued("ntf_5e1f", "desk", (raised.id,), at=minute(609.5)),
        Outcome("ntf_5e1f", "desk", delivered=True, attempts=2, at=minute(609.6)),
    ]
    return Explanation(
        alert=raised,
        written=known[raised.id].written,
        sibling=sibling(known, raised),
        rule=now,
        reproduction=reproduction(raised, found, now, 0, 0),
        recounted=counts(found.tally),
        reckoning=tuple(reckoning(raised, rule_then(raised, PLAN), PLAN, found.tally)),
        records=records(raised, found, news, 0),  # type: ignore[arg-type]
        deliveries=deliveries(told, raised.id),
    )


def blocks() -> tuple[str, str]:
    """The event as JSON, and its explanation as text."""
    written = msgspec.json.format(msgspec.json.encode(event()), indent=2).decode()
    return written, "\n".join(lines(explanation()))


if __name__ == "__main__":
    print(*blocks(), sep="\n\n")  # noqa: T201  for whoever edits the page
