"""Promote and roll back while a daemon scores: every news record is accounted for, once."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("pandas", reason="reads labelled files: pip install 'newsurge[train]'")

from monitor import metrics
from monitor.audit.command import audit_command
from monitor.commands.model import models, rollback
from monitor.model.promotion_log import read_log
from monitor.records import ScoredRecord
from monitor.review.choosing import choose
from monitor.review.gathering import from_stream
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, running
from tests.integration.swapping import in_turn, log_of, models_of, swaps, under_load, until
from tests.model.tiny_bundle import tiny_bundle
from tests.training.desk import write_gate, write_holdout
from training.promotion_commands import promote

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
RULES = """\
rules:
  - {alert: Banks, type: threshold, by: topic, match: {key: Financials}, window: 1h,
     when: count >= 50}
"""


def disputed() -> float:
    """How often champion and shadow have differed in the sentiment so far."""
    return float(metrics.shadow_agreement_total.labels("sentiment", "no")._value.get())


async def run(command: object, *words: object) -> Result:
    """Run a command beside the daemon, as another process would."""
    return await asyncio.to_thread(
        CliRunner().invoke, command, [str(word) for word in words]  # type: ignore[arg-type]
    )  # fmt: skip


async def test_promoted_and_rolled_back_under_load_nothing_is_lost_or_repeated(
    broker: Broker, deployment: Deployment, tmp_path: Path
) -> None:
    registry = tmp_path / "models"
    write_gate(registry, write_holdout(tmp_path / "holdout.csv"))
    bundles = {
        "a": tiny_bundle(tmp_path / "a", version="a").path,
        "b": tiny_bundle(tmp_path / "b", version="b").path,
        "worse": tiny_bundle(tmp_path / "worse", version="worse", swapped=True).path,
    }
    where = ("--registry", registry)
    first = await run(promote, bundles["a"], *where)
    assert first.exit_code == 0, first.output
    (tmp_path / "alerts.yaml").write_text(RULES)
    settings = deployment(
        broker,
        rules=tmp_path / "alerts.yaml",
        model={"registry": registry, "shadow": str(bundles["worse"]), "shadow_share": 0.5},
        score={"chunk_records": 20},
        log_level="error",
    )
    before, compared = swaps("swapped"), disputed()
    async with running(settings):
        async with under_load(settings) as load:
            await accounted(settings, load.origins[:1])
            steps = [
                (await run(promote, bundles["b"], *where), 0),
                (await run(promote, bundles["worse"], *where), 3),
            ]
            await until(lambda: swaps("swapped") >= before + 1)
            await load.more()
            forced = await run(promote, bundles["worse"], *where, "--force", "a drill")
            await until(lambda: swaps("swapped") >= before + 2)
            await load.more()
            back = await run(rollback, *where, "--why", "the drill is over")
            await until(lambda: swaps("swapped") >= before + 3)
            await load.more()
        found = await accounted(settings, load.origins)
    for done, code in (*steps, (forced, 0), (back, 0)):
        assert done.exit_code == code, done.output
    assert {found[origin] for origin in load.origins} == {"scored"}

    logs = [await log_of(settings, partition) for partition in range(2)]
    records = [one for one in itertools.chain(*logs) if isinstance(one, ScoredRecord)]
    assert Counter(one.origin for one in records if one.by == "all") == Counter(load.origins)
    expected = ["a", "b", "worse", "b"]
    assert models_of(records) == {0: expected, 1: expected}
    for log in logs:
        assert [change.model for change in in_turn(log, "a")] == expected[1:]
    acts = [(entry.act, entry.version) for entry in read_log(registry).entries]
    assert acts == [
        ("promoted", "a"),
        ("promoted", "b"),
        ("refused", "worse"),
        ("promoted", "worse"),
        ("rolled_back", "b"),
    ]
    assert (await run(models, "log", *where)).exit_code == 0
    assert await audit_command(settings) == 0

    # The shadow, of the opposite mind, saw a share of what a and b judged.
    assert 0 < disputed() - compared < len(load.origins)
    candidates = await from_stream(settings, len(load.origins))
    assert len(candidates) == len(load.origins)
    # Titles differ in their number only: five stories were told, each again and again.
    assert 5 <= len(choose(candidates, 100)) < 50
