"""The life of an alert: the table, `for`, `keep_firing_for`, and what early may do."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.surge.lifecycle import CALM, TABLE, Action, Signal, State, Status, step, step_early

INACTIVE, PENDING, FIRING = State.INACTIVE, State.PENDING, State.FIRING


def live(pattern: str, for_: int = 0, keep_firing_for: int = 0) -> str:
    """The states after each on-time evaluation at 1, 2, 3 …: `x` met, `.` not; in capitals I P F.

    A fire is followed by `!`, a resolve by `~`.
    """
    status, drawn = CALM, ""
    for now, met in enumerate(pattern, 1):
        status, action = step(status, met == "x", now, for_=for_, keep_firing_for=keep_firing_for)
        drawn += status.state.value[0].upper()
        drawn += {Action.FIRE: "!", Action.RESOLVE: "~", Action.NONE: ""}[action]
    return drawn


def test_every_state_and_signal_is_in_the_table() -> None:
    assert set(TABLE) == set(product(State, Signal))


def test_an_alert_fires_only_into_firing_and_resolves_only_out_of_it() -> None:
    for (before, _), (after, action) in TABLE.items():
        assert (action is Action.FIRE) == (after is FIRING and before is not FIRING)
        assert (action is Action.RESOLVE) == (before is FIRING and after is not FIRING)


@pytest.mark.parametrize(
    ("pattern", "for_", "keep", "states"),
    [
        ("..x..", 0, 0, "IIF!I~I"),
        ("xxxxx", 2, 0, "PPF!FF"),
        ("xx.xx", 2, 0, "PPIPP"),
        ("x....", 0, 2, "F!FI~II"),
        ("x.x...", 0, 2, "F!FFFI~I"),
        ("xxx.x", 1, 1, "PF!FI~P"),
        ("xxxx..x", 3, 1, "PPPF!I~IP"),
    ],
)
def test_for_and_keep_firing_for(pattern: str, for_: int, keep: int, states: str) -> None:
    assert live(pattern, for_, keep) == states


def test_a_status_remembers_when_the_condition_was_first_and_last_met() -> None:
    status = CALM
    for now, met in [(10, True), (20, True), (30, False)]:
        status, _ = step(status, met, now, for_=0, keep_firing_for=100)
    assert status == Status(FIRING, started_at=10, last_met=20)


def test_early_starts_pending_and_firing() -> None:
    assert step_early(CALM, True, 5, for_=0) == (Status(FIRING, 5, 5), Action.FIRE)
    pending, action = step_early(CALM, True, 5, for_=10)
    assert (pending, action) == (Status(PENDING, 5, 5), Action.NONE)
    assert step_early(pending, True, 15, for_=10) == (Status(FIRING, 5, 15), Action.FIRE)


@pytest.mark.parametrize("state", State)
def test_early_ends_nothing(state: State) -> None:
    status = Status(state, 5, 5) if state is not INACTIVE else CALM
    assert step_early(status, False, 1000, for_=0) == (status, Action.NONE)


@pytest.mark.parametrize("state", [PENDING, FIRING])
@pytest.mark.parametrize("now", [40, 50])
def test_an_evaluation_of_an_earlier_moment_does_not_contradict_a_later_one(
    state: State, now: int
) -> None:
    # Early met at 50, before the clock came to the boundaries at 40 and 50.
    status = Status(state, 50, 50)
    assert step(status, False, now, for_=100, keep_firing_for=0) == (status, Action.NONE)


def test_what_was_last_met_does_not_go_back() -> None:
    status, _ = step(Status(FIRING, 50, 50), True, 40, for_=0, keep_firing_for=5)
    assert status.last_met == 50


evaluations = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 30)), min_size=1, max_size=60
)


@given(evaluations, st.integers(0, 40), st.integers(0, 40))
def test_fires_and_resolves_take_turns_in_time(
    evaluations: list[tuple[bool, bool, int]], for_: int, keep: int
) -> None:
    """Early looks ahead of the clock, on time does not; whatever comes, an episode is sound."""
    status, clock, fired = CALM, 0, None
    starts = []
    for early, met, advance in evaluations:
        before = status
        if early:
            status, action = step_early(status, met, clock + advance, for_=for_)
            assert action is not Action.RESOLVE
        else:
            clock += advance + 1
            status, action = step(status, met, clock, for_=for_, keep_firing_for=keep)
        if action is Action.FIRE:
            assert fired is None
            fired = max(clock, before.last_met)
            starts.append(status.started_at)
            assert status.last_met - status.started_at >= for_
        if action is Action.RESOLVE:
            assert fired is not None
            assert clock > before.last_met >= before.started_at
            fired = None
    assert len(set(starts)) == len(starts), "an episode is known by its start"
