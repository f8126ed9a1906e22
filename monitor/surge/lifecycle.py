"""The life of an alert: inactive, pending, firing, resolved. Every transition is in one table.

Pure; told the time in milliseconds. `resolved` is the moment of going back to inactive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a rule stands on one series."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


class Signal(Enum):
    """What an evaluation says, with the rule's two patiences already weighed."""

    MET = "met, but not yet for as long as `for` asks"
    MET_LONG = "met for as long as `for` asks"
    UNMET = "unmet, but not yet for as long as `keep_firing_for` asks"
    UNMET_LONG = "unmet for as long as `keep_firing_for` asks"


class Action(Enum):
    """What a transition does besides changing the state."""

    NONE = "none"
    FIRE = "fire"
    RESOLVE = "resolve"


TABLE: dict[tuple[State, Signal], tuple[State, Action]] = {
    (State.INACTIVE, Signal.MET): (State.PENDING, Action.NONE),
    (State.INACTIVE, Signal.MET_LONG): (State.FIRING, Action.FIRE),
    (State.INACTIVE, Signal.UNMET): (State.INACTIVE, Action.NONE),
    (State.INACTIVE, Signal.UNMET_LONG): (State.INACTIVE, Action.NONE),
    (State.PENDING, Signal.MET): (State.PENDING, Action.NONE),
    (State.PENDING, Signal.MET_LONG): (State.FIRING, Action.FIRE),
    (State.PENDING, Signal.UNMET): (State.INACTIVE, Action.NONE),
    (State.PENDING, Signal.UNMET_LONG): (State.INACTIVE, Action.NONE),
    (State.FIRING, Signal.MET): (State.FIRING, Action.NONE),
    (State.FIRING, Signal.MET_LONG): (State.FIRING, Action.NONE),
    (State.FIRING, Signal.UNMET): (State.FIRING, Action.NONE),
    (State.FIRING, Signal.UNMET_LONG): (State.INACTIVE, Action.RESOLVE),
}


@dataclass(frozen=True, slots=True)
class Status:
    """Where one rule stands on one series.

    `started_at` is when the condition was first met (0 when inactive), `last_met` when last.
    """

    state: State = State.INACTIVE
    started_at: int = 0
    last_met: int = 0


CALM = Status()
NEVER = 1 << 62
"""A `for` that nothing outlasts."""


def step(
    status: Status, met: bool, now: int, *, for_: int, keep_firing_for: int
) -> tuple[Status, Action]:
    """Advance a status by one on-time evaluation.

    An early evaluation may have looked ahead of the clock. An evaluation of a moment no later
    than when the condition was last met can't end what began there.

    Args:
        status: where the rule stands.
        met: whether the condition holds (against the exit level when firing).
        now: the time of the evaluation.
        for_: how long the condition must hold before the alert fires, in milliseconds.
        keep_firing_for: how long it must not hold before the alert resolves.
    """
    if not met and now <= status.last_met:
        return status, Action.NONE
    signal = _signal(status, met, now, for_, keep_firing_for)
    state, action = TABLE[status.state, signal]
    if state is State.INACTIVE:
        return CALM, action
    started_at = now if status.state is State.INACTIVE else status.started_at
    return Status(state, started_at, max(now, status.last_met) if met else status.last_met), action


def step_early(status: Status, met: bool, now: int, *, for_: int) -> tuple[Status, Action]:
    """Advance a status by an early evaluation, which can start an alert but never end one."""
    if not met:
        return status, Action.NONE
    now = max(now, status.last_met)
    return step(status, met, now, for_=for_, keep_firing_for=0)


def beat(status: Status, now: int, every: int) -> tuple[Status, Action]:
    """Advance an alert that always fires, and tell of it again in each slot of `every`.

    Slots are those of the clock, not of the start, so that every replay has the same ones.
    """
    if status.state is State.FIRING and now // every <= status.started_at // every:
        return status, Action.NONE
    return Status(State.FIRING, now, now), Action.FIRE


def _signal(status: Status, met: bool, now: int, for_: int, keep_firing_for: int) -> Signal:
    if met:
        since = now if status.state is State.INACTIVE else status.started_at
        return Signal.MET_LONG if now - since >= for_ else Signal.MET
    return Signal.UNMET_LONG if now - status.last_met >= keep_firing_for else Signal.UNMET
