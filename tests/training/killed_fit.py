"""Fits the toy in processes that are killed on the way; run by tests/training/test_fit.py.

    python -m tests.training.killed_fit TOY WORK WHERE...

Each WHERE is `step:N` (killed in that step, before what it saves), `save:N` (killed with that
step's checkpoint half written) or `end`. One process after the other goes on where the last one
was killed; the last prints what was measured, as JSON. torch is imported once and then forked, to
save the time; no thread of it runs before.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, set_seed

from training.callbacks import Checkpoints
from training.checkpoints import open_work
from training.gathering import gather
from training.network import build, find_encoder
from training.recipe import load_recipe
from training.trainer import fit


class Killed(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledInSave(Checkpoints):
    step = 0

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)
        super().on_save(args, state, control, **others)


def run(toy: Path, work: Path, where: str) -> None:
    import training.trainer

    recipe = load_recipe(toy / "recipe.yaml")
    gathered = gather(recipe, toy)
    kind, _, step = where.partition(":")
    callbacks = [Killed(int(step))] if kind == "step" else []
    if kind == "save":
        KilledInSave.step = int(step)
        setattr(training.trainer, "Checkpoints", KilledInSave)  # noqa: B010
    checkpoint = open_work(work, {"toy": "toy"}, resume=True)
    set_seed(recipe.hyper.seed)
    network, tokenizer = build(recipe, find_encoder(recipe.base))
    epochs = fit(
        recipe,
        network,
        tokenizer,
        gathered.train,
        gathered.dev,
        work,
        checkpoint=checkpoint,
        callbacks=callbacks,
    )
    weights = {name: tensor.double().sum().item() for name, tensor in network.state_dict().items()}
    told = {"from": checkpoint and checkpoint.name, "epochs": epochs, "sums": weights}
    sys.stdout.write(json.dumps(told) + "\n")


def main() -> None:
    toy, work, *places = sys.argv[1:]
    for where in places:
        child = os.fork()
        if not child:
            run(Path(toy), Path(work), where)
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if killed != (where != "end") or (where == "end" and status):
            sys.exit(f"{where}: ended with {status}")


if __name__ == "__main__":
    main()
