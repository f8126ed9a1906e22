"""Rows as batches: tokenised, padded, and in the order of each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset, Sampler
from transformers import TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from training.targets import head_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.feeds import Row
    from training.metrics import Numbers
    from training.recipe import Recipe

Item = dict[str, Any]


class Rows(Dataset[Item]):
    """Tokenised rows. Texts are cut at `max_length` tokens here and padded by the collator.

    Args:
        rows: the texts, with their labels.
        tokenizer: of the encoder.
        recipe: what to do.
        teacher: a teacher's probabilities by head, [rows, classes] each.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        recipe: Recipe,
        teacher: tuple[Numbers, Numbers] | None = None,
    ) -> None:
        ids = tokenizer([row.text for row in rows], truncation=True, max_length=recipe.max_length)
        self.labels = head_labels(rows, len(recipe.topics), recipe.topic_mode)
        columns: dict[str, Any] = {
            "input_ids": ids["input_ids"],
            "weight": [row.weight for row in rows],
            **{head: labels.tolist() for head, labels in self.labels.items()},
        }
        if teacher is not None:
            columns |= {"teacher_topic": teacher[0], "teacher_sentiment": teacher[1]}
        self.items: list[Item] = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
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
        """Returns int64 [batch, seq] ids and mask, int64 labels, float32 [batch] weight.

        Labels are as `targets.head_labels` makes them. With a teacher, its probabilities are
        float32 [batch, classes].
        """
        texts = [torch.tensor(item["input_ids"], dtype=torch.long) for item in items]
        batch = {
            "input_ids": _pad(texts, self.pad_id),
            "attention_mask": _pad([torch.ones_like(text) for text in texts], 0),
            "weight": torch.tensor([item["weight"] for item in items], dtype=torch.float32),
        }
        for head in ("topic", "sentiment"):
            batch[head] = torch.tensor([item[head] for item in items], dtype=torch.long)
            if f"teacher_{head}" in items[0]:
                batch[f"teacher_{head}"] = torch.stack(
                    [torch.as_tensor(item[f"teacher_{head}"]).float() for item in items]
                )
        return batch


def _pad(texts: list[torch.Tensor], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=value)


class Order(Sampler[int]):
    """The order of an epoch's rows, texts of like length together: half the padding.

    It follows from seed and epoch alone. The Trainer's own sampler draws from the global
    generator, so a training resumed in the middle of an epoch would see other batches.
    """

    def __init__(self, lengths: Sequence[int], together: int, seed: int) -> None:
        self.epoch = 0
        self._lengths = lengths
        self._together = together
        self._seed = seed

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        grouped: Any = get_length_grouped_indices  # transformers leaves it untyped
        return iter(grouped(self._lengths, self._together, generator=chance))


class Epochs(TrainerCallback):
    """Tells the order which epoch it is; accelerate does not reach it in several processes."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: Any, **_: Any
    ) -> None:
        """Begin the epoch that the steps have come to."""
        self._order.epoch = int(state.epoch or 0)
