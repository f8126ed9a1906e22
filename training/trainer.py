"""Fits the network: rows in, a fitted `TwoHeads` out. transformers' Trainer does the loop.

Owns how the Trainer is set up and what is measured after each epoch; batches are `batches`', rates
`optimising`'s, losses the network's. It reads no feed and writes nothing but its checkpoints.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from transformers import Trainer, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback, TrainerState

from monitor.model.bundle import SENTIMENTS
from training.averaging import Averaging
from training.batches import Collator, Epochs, Order, Rows
from training.callbacks import Checkpoints, Finite, Patience, Telling, epochs_of, is_over
from training.checkpoints import AVERAGE, STATE, WEIGHTS, checkpoint_at
from training.metrics import head_metrics, probabilities_of
from training.optimising import optimizer, prepare, settle
from training.precision import bf16_here
from training.targets import class_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch.utils.data import Sampler
    from transformers import EvalPrediction, TrainerCallback

    from training.feeds import Row
    from training.metrics import Numbers
    from training.network import TwoHeads
    from training.recipe import Recipe


class _Fitter(Trainer):
    """The Trainer with our order of rows, measuring averaged weights where there are any."""

    order: Order
    averaging: Averaging | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:  # noqa: ARG002
        return self.order

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        averaged: Any = contextlib.nullcontext()
        if self.averaging is not None:
            model: Any = self.model
            averaged = self.averaging.in_place(model)
        with averaged:
            return super().evaluate(*args, **kwargs)


def fit(
    recipe: Recipe,
    network: TwoHeads,
    tokenizer: Any,
    train: Sequence[Row],
    dev: Sequence[Row],
    work: Path,
    *,
    checkpoint: Path | None = None,
    teacher: tuple[Numbers, Numbers] | None = None,
    say: Callable[[str], None] = lambda _: None,
    callbacks: Sequence[TrainerCallback] = (),
) -> list[dict[str, float]]:
    """Fits `network` in place and returns what was measured on `dev` after each epoch.

    The epoch with the best mean of the heads' macro-F1 on `dev` is the one that stays.

    Args:
        recipe: what to do.
        network: as `network.build` made it.
        tokenizer: of its encoder.
        train: rows to learn from.
        dev: rows to choose the epoch on.
        work: where checkpoints are written; see `checkpoints.open_work`.
        checkpoint: the one in `work` to go on from.
        teacher: a teacher's probabilities on `train`, by head.
        say: is told each epoch in one line.
        callbacks: what else is to happen between steps.

    Raises:
        DivergedError: the loss on `dev` became infinite or no number.
    """
    hyper = recipe.hyper
    set_seed(hyper.seed)
    if hyper.threads:
        torch.set_num_threads(hyper.threads)
    prepare(network, hyper)
    rows = Rows(train, tokenizer, recipe, teacher)
    _weigh_classes(network, rows, recipe)
    averaging = Averaging(hyper.average, work, checkpoint) if hyper.average else None
    trainer = _Fitter(
        model=network,
        args=_arguments(recipe, work, say),
        data_collator=Collator(tokenizer.pad_token_id),
        train_dataset=rows,
        # Batches of like lengths: dev's order means nothing, and padding costs as much as text.
        eval_dataset=Rows(sorted(dev, key=lambda row: len(row.text)), tokenizer, recipe),
        compute_metrics=lambda prediction: _dev_metrics(prediction, recipe),
        optimizers=(optimizer(network, hyper), None),
    )
    lengths = [len(item["input_ids"]) for item in rows.items]
    trainer.order = Order(lengths, trainer.get_total_train_batch_size(trainer.args), hyper.seed)
    trainer.averaging = averaging
    trainer.remove_callback(PrinterCallback)
    # The average is written before the checkpoint is marked as whole.
    ours = [Finite(), Epochs(trainer.order), averaging, Checkpoints(work, hyper.checkpoint_steps)]
    for callback in (*ours, Patience(hyper.patience), Telling(say), *callbacks):
        if callback is not None:
            trainer.add_callback(callback)
    state = TrainerState.load_from_json(str(checkpoint / STATE)) if checkpoint else None
    if state is None or not is_over(state.log_history, hyper.patience):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        state = trainer.state
    _take_best(network, checkpoint_at(work, state.best_global_step or state.global_step))
    return epochs_of(state.log_history)


def predict(
    network: TwoHeads, tokenizer: Any, rows: Sequence[Row], recipe: Recipe
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the fp32 logits of both heads, [rows, topics] and [rows, sentiments]."""
    data, collate = Rows(rows, tokenizer, recipe), Collator(tokenizer.pad_token_id)
    network.float().eval()
    device = next(network.parameters()).device
    topic, sentiment = [], []
    with torch.no_grad():
        for start in range(0, len(data), 64):
            batch = collate(data.items[start : start + 64])
            logits = network.logits(
                batch["input_ids"].to(device), batch["attention_mask"].to(device)
            )
            topic.append(logits[0].cpu())
            sentiment.append(logits[1].cpu())
    return torch.cat(topic), torch.cat(sentiment)


def _arguments(recipe: Recipe, work: Path, say: Callable[[str], None]) -> TrainingArguments:
    hyper, cuda = recipe.hyper, torch.cuda.is_available()
    bf16, refusal = bf16_here(wanted=hyper.bf16)
    if refusal:
        say(refusal)
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=hyper.epochs,
        per_device_train_batch_size=hyper.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=hyper.accumulate,
        learning_rate=hyper.learning_rate,
        lr_scheduler_type=hyper.schedule,
        warmup_steps=hyper.warmup,  # below 1 it is a share
        max_grad_norm=hyper.max_grad_norm,
        bf16=bf16,
        use_cpu=not cuda,
        remove_unused_columns=False,
        label_names=["topic", "sentiment"],
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=3,  # the best, the last, and the one before until the last is whole
        metric_for_best_model="quality",
        greater_is_better=True,
        logging_steps=50,
        logging_nan_inf_filter=False,  # it would show a loss of 0
        report_to=list(recipe.trackers) or "none",
        run_name=f"{recipe.name}-{recipe.version}",
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
        seed=hyper.seed,
    )


def _weigh_classes(network: TwoHeads, rows: Rows, recipe: Recipe) -> None:
    kind = recipe.hyper.class_weights
    for head, classes in (("topic", recipe.topics), ("sentiment", SENTIMENTS)):
        weights = class_weights(rows.labels[head], len(classes), kind)
        if weights is not None:
            name = f"{head}_loss"
            weighed = getattr(network, name)._replace(class_weights=torch.from_numpy(weights))
            setattr(network, name, weighed)


def _take_best(network: TwoHeads, checkpoint: Path) -> None:
    """Sets the network to what was measured best, adapters merged."""
    weights = load_file(checkpoint / WEIGHTS)
    if (checkpoint / AVERAGE).is_file():
        weights |= load_file(checkpoint / AVERAGE)
    network.load_state_dict(weights, strict=True)
    settle(network)


def _dev_metrics(prediction: EvalPrediction, recipe: Recipe) -> dict[str, float]:
    result: dict[str, float] = {}
    names = (("topic", recipe.topics), ("sentiment", SENTIMENTS))
    for (head, classes), logits, labels in zip(
        names, prediction.predictions, prediction.label_ids, strict=True
    ):
        measured = head_metrics(probabilities_of(logits, head, recipe.topic_mode), labels, classes)
        for name in ("accuracy", "micro_f1", "macro_f1"):
            if measured:
                result[f"{head}_{name}"] = measured[name]
    scores = [value for name, value in result.items() if name.endswith("macro_f1")]
    result["quality"] = sum(scores) / len(scores) if scores else 0.0
    return result
