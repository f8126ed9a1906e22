"""One trial of a tuning: a fit whose epochs are told to Optuna, which may give it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optuna
from transformers import TrainerCallback, set_seed

from training.callbacks import QUALITY, DivergedError
from training.network import build, find_encoder
from training.trainer import fit

if TYPE_CHECKING:
    from pathlib import Path

    from optuna import Trial
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from training.feeds import Row
    from training.recipe import Recipe


class _Epochs(TrainerCallback):
    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._epoch = 0

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        self._epoch += 1
        self._trial.report((metrics or {})[QUALITY], self._epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def fit_trial(
    recipe: Recipe, learned: list[Row], judged: list[Row], trial: Trial, work: Path
) -> float:
    """Fits with a trial's values and returns the best epoch's mean macro-F1 on `judged`.

    Raises:
        TrialPruned: after an epoch in which it is behind the median of the others, or diverged.
    """
    set_seed(recipe.hyper.seed)
    network, tokenizer = build(recipe, find_encoder(recipe.base))
    place = work / f"trial-{trial.number}"
    try:
        epochs = fit(recipe, network, tokenizer, learned, judged, place, callbacks=[_Epochs(trial)])
    except DivergedError:
        raise optuna.TrialPruned from None  # the search learns from it, and goes on
    return max(epoch["quality"] for epoch in epochs)
