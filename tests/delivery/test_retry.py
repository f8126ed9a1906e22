import datetime as dt
import typing
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.delivery.retry import (
    TABLE,
    Again,
    Answer,
    Done,
    Failure,
    GiveUp,
    Policy,
    Reason,
    backoff,
    decide,
    retry_after,
)

POLICY = Policy(first_wait=0.5, longest_wait=60, give_up_after=3600)
RETRIED: dict[int, Reason] = {408: "timeout", 425: "rate_limited", 429: "rate_limited"}
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def after(
    attempt: Answer | Failure, attempts: int = 1, elapsed: float = 0.0, draw: float = 0.0
) -> Done | Again | GiveUp:
    return decide(POLICY, attempt, attempts=attempts, elapsed=elapsed, draw=draw)


@pytest.mark.parametrize("status", range(200, 300))
def test_2xx_is_done(status: int) -> None:
    assert after(Answer(status)) == Done()


@pytest.mark.parametrize("status", [*RETRIED, *range(500, 600)])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert after(Answer(status)) == Again(RETRIED.get(status, "server_error"), 0.25)


@pytest.mark.parametrize(
    "status", [s for s in (*range(100, 200), *range(300, 500), 600, 999) if s not in RETRIED]
)
def test_everything_else_is_given_up_at_once(status: int) -> None:
    assert after(Answer(status)) == GiveUp("gone" if status == 410 else "permanent_status")


@pytest.mark.parametrize("reason", ["timeout", "connection"])
def test_no_answer_is_tried_again(reason: Literal["timeout", "connection"]) -> None:
    assert after(Failure(reason, "refused")) == Again(reason, 0.25)


def test_every_reason_can_occur_and_is_named() -> None:
    reached = {row.reason for row in TABLE} | {"connection", "deadline"}
    assert reached == set(typing.get_args(Reason))


def test_waits_double_until_the_longest() -> None:
    decisions = [after(Answer(503), attempts=n) for n in range(1, 12)]
    waits = [one.wait for one in decisions if isinstance(one, Again)]
    assert waits == [
        0.25,
        0.5,
        1,
        2,
        4,
        8,
        16,
        30,
        30,
        30,
        30,
    ]


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, 0.25), (0.0, 0.25), (7.0, 7.0), (60.0, 60.0), (9e9, 60.0)]
)
def test_retry_after_is_a_floor_and_is_capped(asked: float | None, waits: float) -> None:
    assert after(Answer(429, asked)) == Again("rate_limited", waits)
    assert after(Answer(503, asked)) == Again("server_error", waits)


def test_retry_after_does_not_soften_a_permanent_answer() -> None:
    assert after(Answer(400, 5.0)) == GiveUp("permanent_status")


def test_the_deadline_names_itself() -> None:
    assert after(Answer(503), elapsed=3599.7) == Again("server_error", 0.25)
    assert after(Answer(503), elapsed=3599.75) == GiveUp("deadline")


seconds = st.floats(0.001, 1e5)
draws = st.floats(0, 1, exclude_max=True)


@given(
    policy=st.builds(Policy, seconds, seconds, seconds),
    attempt=st.one_of(
        st.builds(Answer, st.integers(100, 999), st.none() | st.floats(0, 1e9)),
        st.builds(Failure, st.sampled_from(["timeout", "connection"]), st.just("")),
    ),
    attempts=st.integers(1, 10_000),
    elapsed=st.floats(0, 1e6),
    draw=draws,
)
def test_no_try_begins_past_the_deadline(
    policy: Policy, attempt: Answer | Failure, attempts: int, elapsed: float, draw: float
) -> None:
    decision = decide(policy, attempt, attempts=attempts, elapsed=elapsed, draw=draw)
    if isinstance(decision, Again):
        assert elapsed + decision.wait < policy.give_up_after
        assert 0 < decision.wait <= max(policy.longest_wait, policy.first_wait)


@given(policy=st.builds(Policy, seconds, seconds, seconds), n=st.integers(1, 10_000), draw=draws)
def test_backoff_stays_within_its_bounds(policy: Policy, n: int, draw: float) -> None:
    full = min(policy.longest_wait, policy.first_wait * 2 ** min(n - 1, 64))
    assert full / 2 <= backoff(policy, n, draw) <= full


@pytest.mark.parametrize(
    ("header", "asks"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, 999_999_999.0),
        ("-5", None),
        ("1.5", None),
        ("\u0665", None),
        ("soon", None),
        ("", None),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:04:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 03:04:35 -0000", None),
        ("Fri, 99 Jan 2026 03:04:35 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 99999999999999999999:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_retry_after_in_both_forms(header: str | None, asks: float | None) -> None:
    assert retry_after(header, NOW) == asks
