"""What aiokafka repeats is written once in a while, and none of it goes uncounted."""

import logging

import pytest

from monitor import logs
from monitor.log_repeats import Repeats


def record(
    message: str, *args: object, at: float = 0.0, name: str = "aiokafka.client"
) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "", 0, message, args, None)
    made.created = at
    return made


def test_a_message_is_let_through_once_in_an_interval_and_the_rest_is_counted() -> None:
    #   at:       0      1      59     | 60            | 119    | 120
    #   said:     it     again  again  | and 1 more    | again  | the last one
    repeats = Repeats("aiokafka", 60)
    assert repeats.let_through(record("node %s", 1, at=0))
    assert not repeats.let_through(record("node %s", 2, at=1))
    assert not repeats.let_through(record("node %s", 3, at=59))
    assert repeats.due(59.9) == []
    assert [each.getMessage() for each in repeats.due(60)] == ["node 3 (and 1 more like it)"]
    assert not repeats.let_through(record("node %s", 4, at=119))
    assert [each.getMessage() for each in repeats.due(120)] == ["node 4"]
    assert repeats.due(180) == []
    assert repeats.let_through(record("node %s", 5, at=181))


def test_other_messages_and_other_loggers_are_not_held_back() -> None:
    repeats = Repeats("aiokafka", 60)
    assert repeats.let_through(record("one"))
    assert repeats.let_through(record("two"))
    assert all(repeats.let_through(record("one", name="monitor.score")) for _ in range(3))
    assert all(repeats.let_through(record("one", name="aiokafkaesque")) for _ in range(3))


def test_a_message_with_a_percent_sign_is_told_as_it_is() -> None:
    repeats = Repeats("aiokafka", 60)
    for _ in range(3):
        repeats.let_through(record("%s is 100%% gone", "100%s", at=0))
    [told] = repeats.due(60)
    assert told.getMessage() == "100%s is 100% gone (and 1 more like it)"


def test_what_was_held_back_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure("text", "info")
        for node in range(5):
            logging.getLogger("aiokafka").error("node %d is away", node)
        root.handlers[0].close()
    finally:
        root.handlers[:], root.level = before[0], before[1]
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("aiokafka: ")[2] for line in lines] == [
        "node 0 is away",
        "node 4 is away (and 3 more like it)",
    ]
