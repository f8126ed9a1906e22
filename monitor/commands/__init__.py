"""The commands of `newsurge`: each turns options into one call, and does no work itself.

Heavy modules are imported by the command that needs them, so that `--help` is quick.
"""

from __future__ import annotations

from monitor.commands.backtest import backtest
from monitor.commands.dead_letter import dead_letter
from monitor.commands.desk import DESK_COMMANDS
from monitor.commands.explain import explain
from monitor.commands.labels import labels
from monitor.commands.main import audit, baseline, check, demo, publish, run, score, streams, tail
from monitor.commands.model import models, rollback
from monitor.commands.review import review

COMMANDS = (
    *(run, demo, publish, score, baseline, check, tail, streams, audit, explain, dead_letter),
    *(backtest, labels, models, rollback, review),
    *DESK_COMMANDS,
)
