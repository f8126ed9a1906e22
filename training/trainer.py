"""Fits the network: rows in, a fitted `TwoHeads` out. transformers' Trainer does the loop.

Owns how rows become batches, which parameters get which learning rate, and what is measured
after each epoch. It reads no feed and writes nothing but its checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments, set_seed

from training.metrics import head_metrics, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import EvalPrediction

    from training.feeds import Row
    from training.network import TwoHeads
    from training.recipe import Hyper, Recipe

Item = dict[str, Any]


class Rows(Dataset[Item]):
    """Tokenised rows. Texts are cut at `max_length` tokens here and padded by the collator."""

    def __init__(self, rows: Sequence[Row], tokenizer: Any, max_length: int) -> None:
        ids = tokenizer([row.text for row in rows], truncation=True, max_length=max_length)
        self.items: list[Item] = [
            {"input_ids": tokens, "topic": r.topic, "sentiment": r.sentiment, "weight": r.weight}
            for tokens, r in zip(ids["input_ids"], rows, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]


class Collator:
    """Pads a batch to its longest text."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Returns int64 [batch, seq] ids and mask, int64 [batch] labels, float32 [batch] weight."""
        texts = [torch.tensor(item["input_ids"], dtype=torch.long) for item in items]
        batch = {
            "input_ids": _pad(texts, self.pad_id),
            "attention_mask": _pad([torch.ones_like(text) for text in texts], 0),
            "weight": torch.tensor([item["weight"] for item in items], dtype=torch.float32),
        }
        for head in ("topic", "sentiment"):
            batch[head] = torch.tensor([item[head] for item in items], dtype=torch.long)
        return batch


def _pad(texts: list[torch.Tensor], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=value)


def fit(
    recipe: Recipe,
    network: TwoHeads,
    tokenizer: Any,
    train: Sequence[Row],
    dev: Sequence[Row],
    checkpoints: Path,
) -> list[dict[str, float]]:
    """Fits `network` in place and returns what was measured on `dev` after each epoch.

    The epoch with the best mean of the heads' macro-F1 on `dev` is the one that stays.
    """
    hyper = recipe.hyper
    set_seed(hyper.seed)
    if hyper.threads:
        torch.set_num_threads(hyper.threads)
    cuda = torch.cuda.is_available()
    trainer = Trainer(
        model=network,
        args=_arguments(hyper, checkpoints, len(train), cuda=cuda),
        data_collator=Collator(tokenizer.pad_token_id),
        train_dataset=Rows(train, tokenizer, recipe.max_length),
        eval_dataset=Rows(dev, tokenizer, recipe.max_length),
        compute_metrics=lambda p: _dev_metrics(p, recipe.topics),
        optimizers=(_optimizer(network, hyper), None),
    )
    trainer.train()
    return [
        {name.removeprefix("eval_"): value for name, value in entry.items()}
        for entry in trainer.state.log_history
        if "eval_quality" in entry
    ]


def predict(
    network: TwoHeads, tokenizer: Any, rows: Sequence[Row], max_length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the fp32 logits of both heads, [rows, topics] and [rows, sentiments]."""
    data, collate = Rows(rows, tokenizer, max_length), Collator(tokenizer.pad_token_id)
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


def _arguments(hyper: Hyper, checkpoints: Path, rows: int, *, cuda: bool) -> TrainingArguments:
    steps = hyper.epochs * rows / (hyper.batch_size * hyper.accumulate)
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=hyper.epochs,
        per_device_train_batch_size=hyper.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=hyper.accumulate,
        learning_rate=hyper.learning_rate,
        lr_scheduler_type=hyper.schedule,
        warmup_steps=round(hyper.warmup * steps),
        max_grad_norm=hyper.max_grad_norm,
        bf16=hyper.bf16,
        use_cpu=not cuda,
        # Texts of like length share a batch: half the padding, at the same results.
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        label_names=["topic", "sentiment"],
        eval_strategy="epoch",
        save_strategy="epoch",
        save_only_model=True,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="quality",
        greater_is_better=True,
        logging_steps=50,
        report_to="none",
        dataloader_pin_memory=cuda,
        seed=hyper.seed,
    )


def _optimizer(network: TwoHeads, hyper: Hyper) -> torch.optim.Optimizer:
    """AdamW with its own rate for the heads, and no decay on biases and layer norms."""
    plain, decayed, heads = [], [], []
    for name, parameter in network.named_parameters():
        if not name.startswith("encoder."):
            heads.append(parameter)
        elif parameter.ndim < 2:
            plain.append(parameter)
        else:
            decayed.append(parameter)
    rate = hyper.learning_rate
    return torch.optim.AdamW(
        [
            {"params": decayed, "lr": rate, "weight_decay": hyper.weight_decay},
            {"params": plain, "lr": rate, "weight_decay": 0.0},
            {"params": heads, "lr": hyper.head_learning_rate, "weight_decay": 0.0},
        ],
        fused=True,
    )


def _dev_metrics(prediction: EvalPrediction, topics: Sequence[str]) -> dict[str, float]:
    result: dict[str, float] = {}
    names = (("topic", topics), ("sentiment", ("negative", "neutral", "positive")))
    for (head, classes), logits, labels in zip(
        names, prediction.predictions, prediction.label_ids, strict=True
    ):
        measured = head_metrics(softmax(logits), labels, classes)
        if measured:
            result[f"{head}_accuracy"] = measured["accuracy"]
            result[f"{head}_macro_f1"] = measured["macro_f1"]
    scores = [value for name, value in result.items() if name.endswith("macro_f1")]
    result["quality"] = sum(scores) / len(scores) if scores else 0.0
    return result
