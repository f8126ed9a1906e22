"""`newsurge tune`: searches hyper-parameters with Optuna, each trial a fit on a part of train.

Optuna is asked directly: the Trainer's own search varies its arguments only, while a rate of the
heads, a layer decay or the weight of a loss are ours, and two heads make one figure here.

Owns the split that trials are judged on, the study on disk, and what is kept of it. Neither dev
nor a holdout is looked at, so both stay fit to judge what is trained with the values found.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from training.feeds import Row
from training.gathering import gather
from training.hyper import Hyper, Range
from training.recipe import Recipe
from training.splits import split
from training.tune_result import Found, Outcome, Texts, TuneError

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

Say = Callable[[str], None]
Fit = Callable[[Recipe, list[Row], list[Row], "Trial"], float]
STUDY, FACTS, AGAIN = "study.db", "facts", "again"
_STARTUP = 8  # trials drawn at random before the sampler guesses


def tune(recipe: Recipe, data: Path, work: Path, *, trials: int, say: Say, fit: Fit) -> Found:
    """Runs trials until the study has `trials` of them, and returns what was found.

    The first one has the recipe's own values. The study is kept in `work` after every trial, and
    a further call goes on with it; a trial that was interrupted is tried again.

    Args:
        recipe: what is tuned, and over which space.
        data: the directory that its files are relative to.
        work: where the study and the trials' checkpoints are kept.
        trials: complete or pruned ones in all, those of earlier calls included.
        say: is told each trial in one line.
        fit: fits and returns the quality, reporting each epoch's to the trial.

    Raises:
        NewsurgeError: a feed can't be used, or `work` holds a study of something else.
    """
    rows = gather(recipe, data).train
    learned, judged = split(rows, recipe.hyper.dev_share, recipe.split_seed + 1, recipe.split)
    if not learned or not judged:
        raise TuneError(
            f"{len(learned)} texts to learn from and {len(judged)} to judge on are too few; label "
            "more texts, or raise hyper.dev_share"
        )
    say(f"{len(learned):,} texts to learn from, {len(judged):,} of train to judge trials on")
    study = _study(recipe, rows, work)
    left = trials - len(_done(study))
    if left > 0:
        _take_up(study, recipe)

    def objective(trial: Trial) -> float:
        values = {key: _suggest(trial, key, told) for key, told in recipe.tune.space.items()}
        tried = with_values(recipe, values)
        try:
            return fit(tried, learned, judged, trial)
        finally:
            shutil.rmtree(work / f"trial-{trial.number}", ignore_errors=True)

    def told(study: Study, trial: FrozenTrial) -> None:
        say(line(outcome(trial), best_of(study)))

    if left > 0:
        study.optimize(objective, n_trials=left, callbacks=[told])
    found = [outcome(trial) for trial in study.get_trials(deepcopy=False)]
    log = [key for key, values in recipe.tune.space.items() if values.log]
    texts = Texts(len(learned), len(judged))
    return Found(recipe.name, texts, best_of(study), tuple(found), tuple(log))


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Returns a recipe with other values under `hyper`."""
    hyper = Hyper.model_validate({**recipe.hyper.model_dump(), **values})
    return recipe.model_copy(update={"hyper": hyper})


def outcome(trial: FrozenTrial) -> Outcome:
    """What is kept of a trial."""
    values = {key: _as_given(value) for key, value in trial.params.items()}
    return Outcome(
        trial.number,
        trial.state.name.lower(),
        None if trial.value is None else round(trial.value, 6),
        round(trial.duration.total_seconds(), 1) if trial.duration else 0.0,
        values,
    )


def best_of(study: Study) -> Outcome:
    """The best complete trial, the earliest of equals; or the best pruned one if none is."""
    done = _done(study)
    complete = [t for t in done if t.state == optuna.trial.TrialState.COMPLETE]
    ranked = sorted(complete or done, key=lambda t: (-(t.value or 0.0), t.number))
    return outcome(ranked[0])


def line(trial: Outcome, best: Outcome) -> str:
    """A trial in a line."""
    values = ", ".join(f"{key} {shown(value)}" for key, value in trial.values.items())
    quality = "-" if trial.quality is None else f"{trial.quality:.4f}"
    state = "" if trial.state == "complete" else f" ({trial.state})"
    return (
        f"trial {trial.number}{state}: {quality} in {trial.seconds:.0f} s ({values}); best: trial "
        f"{best.number}, {best.quality or 0:.4f}"
    )


def shown(value: Any) -> str:
    """A value as short as it can be read."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _study(recipe: Recipe, rows: list[Row], work: Path) -> Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    work.mkdir(parents=True, exist_ok=True)
    # RetryFailed and the like are not needed: one process, and `_take_up` does it.
    study = optuna.create_study(
        study_name=recipe.name,
        storage=f"sqlite:///{(work / STUDY).resolve()}",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=recipe.hyper.seed, n_startup_trials=_STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=1),
        load_if_exists=True,
    )
    told = recipe.model_dump_json(exclude={"trackers", "description"})
    told += repr([(row.key, row.topics, row.sentiment) for row in rows])
    facts = hashlib.sha256(told.encode()).hexdigest()
    if study.user_attrs.get(FACTS, facts) != facts:
        raise TuneError(
            f"{work}: holds a study of another recipe or other rows; restore what was changed, or "
            "name another directory with --work"
        )
    study.set_user_attr(FACTS, facts)
    return study


def _take_up(study: Study, recipe: Recipe) -> None:
    """Puts the recipe's own values first, and what was interrupted next."""
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    known = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get(AGAIN) for trial in known}
    for trial in known:
        if trial.state == optuna.trial.TrialState.FAIL and trial.number not in again:
            study.enqueue_trial(trial.params, user_attrs={AGAIN: trial.number})
    if not known:
        own = recipe.hyper.model_dump()
        inside = {
            key: own[key] for key, told in recipe.tune.space.items() if _holds(told, own[key])
        }
        study.enqueue_trial(inside)


def _holds(told: Range, value: Any) -> bool:
    if told.choices:
        return value in told.choices
    return told.low is not None and told.high is not None and told.low <= value <= told.high


def _suggest(trial: Trial, key: str, told: Range) -> Any:
    if told.choices:
        return trial.suggest_categorical(key, told.choices)
    low, high = told.low or 0.0, told.high or 0.0
    if Hyper.model_fields[key].annotation is int:
        return trial.suggest_int(key, int(low), int(high), log=told.log)
    return _as_given(trial.suggest_float(key, low, high, log=told.log))


def _as_given(value: Any) -> Any:
    """A rate with three figures: more than a search can tell apart, and what is fitted with."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _done(study: Study) -> list[FrozenTrial]:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return study.get_trials(deepcopy=False, states=states)
