"""Which alert is meant, among those that `alerts` holds. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.delivery.webhook import notification_id
from monitor.errors import NewsurgeError
from monitor.explaining.document import Delivery, Sibling, Written
from monitor.logs import printable
from monitor.records import AlertEvent, Notification, Outcome, Queued
from monitor.surge.evidence import id_of
from monitor.tail import moment

_NEAREST = 3


class UnknownAlertError(NewsurgeError):
    """No alert has that id, or several begin so."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """An event, and where it stands in `alerts` first."""

    event: AlertEvent
    written: Written


def standing(found: Iterable[tuple[AlertEvent, int, int, int]]) -> dict[str, Standing]:
    """The events by their ids, each as it was written first.

    Args:
        found: each record's event, partition, offset and timestamp in milliseconds.
    """
    known: dict[str, Standing] = {}
    for event, partition, offset, at in found:
        before = known.get(event.id)
        if before is None:
            known[event.id] = Standing(event, Written(partition, offset, at, times=1))
        else:
            one = before.written
            again = Written(one.partition, one.offset, one.at, one.times + 1)
            known[event.id] = Standing(before.event, again)
    return known


def choose(known: dict[str, Standing], wanted: str | None) -> Standing:
    """The alert with this id, or the only one whose id begins so; the latest for None.

    Raises:
        UnknownAlertError: when there is none, or more than one.
    """
    if not known:
        raise UnknownAlertError(
            "there is no alert in the stream `alerts` yet; `newsurge tail alerts` shows them as "
            "they come"
        )
    if wanted is None:
        return max(known.values(), key=lambda one: (when(one.event), one.written.at))
    if wanted in known:
        return known[wanted]
    begin_so = [identity for identity in known if wanted and identity.startswith(wanted.lower())]
    if len(begin_so) == 1:
        return known[begin_so[0]]
    if begin_so:
        raise UnknownAlertError(
            f"{len(begin_so)} alerts begin with {printable(wanted)}, such as "
            f"{_named(known, begin_so[:_NEAREST])}; give more of the id"
        )
    # An id that was mistyped is like another; of nothing alike the latest help most.
    like = difflib.get_close_matches(wanted.lower(), known, _NEAREST, cutoff=0.6)
    latest = sorted(known, key=lambda identity: when(known[identity].event), reverse=True)
    words = "nearest" if like else "the latest are"
    raise UnknownAlertError(
        f"no alert has the id {printable(wanted)}; {words}: "
        f"{_named(known, like or latest[:_NEAREST])}"
    )


def when(event: AlertEvent) -> int:
    """The time of the transition, in milliseconds."""
    return event.fired_at if event.resolved_at is None else event.resolved_at


def sibling(known: dict[str, Standing], event: AlertEvent) -> Sibling | None:
    """The other end of the event's episode, where `alerts` has it."""
    state = "resolved" if event.state == "firing" else "firing"
    other = known.get(
        id_of(event.rule, event.rule_hash, event.series, event.started_at, state)  # type: ignore[arg-type]
    )
    return None if other is None else Sibling(other.event.id, state, when(other.event))


def deliveries(notifications: Iterable[Notification], alert: str) -> tuple[Delivery, ...]:
    """What receivers were told of an alert, in the order in which it was queued."""
    queued: dict[str, Queued] = {}
    ended: dict[str, Outcome] = {}
    for one in notifications:
        match one:
            case Queued():
                if alert in one.alerts:
                    queued.setdefault(one.id, one)
            case Outcome():
                ended[one.id] = one
                if one.silence is not None and one.id == notification_id(one.receiver, [alert]):
                    queued.setdefault(one.id, Queued(one.id, one.receiver, (alert,), one.at))
    return tuple(_deliveries(queued, ended))


def _deliveries(queued: dict[str, Queued], ended: dict[str, Outcome]) -> Iterator[Delivery]:
    for one in queued.values():
        end = ended.get(one.id)
        if end is None:
            yield Delivery(one.id, one.receiver, len(one.alerts), one.at)
        else:
            yield Delivery(
                one.id, one.receiver, len(one.alerts), one.at,
                end.delivered, end.attempts, end.at, end.reason,
            )  # fmt: skip


def _named(known: dict[str, Standing], ids: Iterable[str]) -> str:
    return ", ".join(
        f"{identity} ({printable(f'{event.rule} {event.state} {event.series}')}, "
        f"{moment(when(event))})"
        for identity in ids
        for event in (known[identity].event,)
    )
