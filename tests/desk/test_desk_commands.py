"""What the desk's commands refuse before they ask a broker, and what they say then."""

import pytest
from click.testing import CliRunner

from monitor.cli import cli

SILENCE = ("silence", "add", "--rule", "x")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((*SILENCE, "--for", "2h"), "Missing option '--why'"),
        ((*SILENCE, "--for", "2h", "--why", " "), "it is empty"),
        ((*SILENCE, "--for", "2h", "--why", "y" * 501), "longer than 500 characters"),
        ((*SILENCE, "--for", "soon", "--why", "y"), "'soon' is not a duration"),
        ((*SILENCE, "--for", "0s", "--why", "y"), "silences nothing"),
        (("silence", "add", "--for", "2h", "--why", "y"), "say which alerts"),
        (("ack",), "give ALERT_ID, or --list"),
        (("ack", "alert-1", "--list"), "give ALERT_ID, or --list"),
        (("feedback", "alert-1"), "say what it was: useful or noise"),
        (("feedback", "alert-1", "perhaps"), "'perhaps' is not one of"),
    ],
)
def test_what_is_asked_wrongly_is_told(words: tuple[str, ...], why: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert why in done.output
