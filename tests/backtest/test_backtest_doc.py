"""docs/BACKTEST.md: its commands exist, its events can be read, and its example comes out."""

import re
import shlex
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from monitor.backtest.events_file import load_events
from monitor.backtest.result import Backtest
from monitor.cli import cli
from monitor.commands.backtest import backtest
from monitor.model.bundle import META, STARTER

ROOT = Path(__file__).parent.parent.parent
DOC = (ROOT / "docs" / "BACKTEST.md").read_text(encoding="utf-8")


def test_every_option_is_in_the_guide_or_shared_and_the_reverse() -> None:
    known = {name for option in backtest.params for name in (*option.opts, *option.secondary_opts)}
    told = set(re.findall(r"(--[a-z][a-z-]+)", DOC))
    assert told - known <= {"--from-start"}  # of `newsurge tail`
    own = {"--rules", "--stream", "--events", "--report", "--json", "--no-curve", "--cache"}
    assert own <= told


def test_the_files_that_it_names_are_there() -> None:
    for name in re.findall(r"\]\(([\w./-]+)\)", DOC):
        assert (ROOT / "docs" / name).is_file(), name


@pytest.mark.timeout(180)
@pytest.mark.skipif(not (STARTER / META).is_file(), reason="there is no starter bundle")
def test_the_example_comes_out_as_the_picture_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [events] = re.findall(r"```csv\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "events.csv").write_text(events)
    assert [event.name for event in load_events(tmp_path / "events.csv")] == [
        "Run on Larkfield Bancorp"
    ]
    [command] = re.findall(r"```\nnewsurge (backtest monitor.*?)```", DOC, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitor").symlink_to(ROOT / "monitor")
    (tmp_path / "alerts.yaml").symlink_to(ROOT / "alerts.yaml")
    arguments = [*shlex.split(command.replace("\\\n", " ")), "--cache", str(tmp_path / "scores")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Backtest)
    score = found.outcomes[0].scores[-1]
    assert (score.told, score.events, score.outside) == (1, 1, 0)
    assert score.median_delay_seconds is not None
    assert 300 < score.median_delay_seconds < 420  # "six minutes after it began"
    assert (tmp_path / "report.html").stat().st_size > 10_000
