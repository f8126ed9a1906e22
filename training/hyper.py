"""The part of a recipe that says how the network is fitted, and what a tuning may vary.

Owns names, types and defaults. Everything beyond plain fine-tuning is off by default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from training.recipe_data import Section

Share = Annotated[float, Field(gt=0, lt=0.5)]


class Average(Section):
    """Weights averaged over the steps of the training; they are measured, chosen and exported."""

    kind: Literal["ema", "swa"] = Field(
        "ema", description="ema: newer steps count more; swa: all steps since `start` count alike."
    )
    decay: float = Field(0.999, gt=0, lt=1, description="Of ema, for each optimiser step.")
    start: float = Field(0.0, ge=0, lt=1, description="Share of the steps before it begins.")


class Distil(Section):
    """Bundles whose answers are learned beside the labels, on every row and for both heads."""

    bundles: tuple[Path, ...] = Field(
        min_length=1,
        description="Their directories, relative to --data; the mean of their answers is learned.",
    )
    weight: float = Field(0.5, gt=0, description="Of this loss beside that of the labels.")
    temperature: float = Field(2.0, gt=0, description="Above 1: what the teacher doubts counts.")


class Lora(Section):
    """Low-rank adapters instead of all the encoder's weights; merged before the export."""

    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class Hyper(Section):
    """How the network is fitted."""

    seed: int = Field(7, ge=0)
    epochs: float = Field(4, gt=0)
    patience: int = Field(0, ge=0, description="Epochs without a better one to stop after; 0: no.")
    batch_size: int = Field(32, ge=1, description="For each process.")
    accumulate: int = Field(1, ge=1, description="Batches for one optimiser step.")
    learning_rate: float = Field(1e-4, gt=0, lt=1)
    head_learning_rate: float = Field(1e-3, gt=0, lt=1)
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="Each layer's rate as a multiple of that of the one above it."
    )
    schedule: Literal["linear", "cosine"] = "linear"
    warmup: float = Field(0.08, ge=0, lt=1, description="Share of the steps.")
    weight_decay: float = Field(0.01, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1, description="Before the heads.")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced", "sqrt"] = Field(
        "none", description="Rare classes count more: as rare as they are, or its square root."
    )
    topic_weight: float = Field(1.0, ge=0, description="Of the topic loss in the sum.")
    sentiment_weight: float = Field(1.0, ge=0, description="Of the sentiment loss in the sum.")
    r_drop: float = Field(
        0.0, ge=0, description="Weight of the divergence of two passes with other dropout."
    )
    average: Average | None = None
    distil: Distil | None = None
    lora: Lora | None = None
    freeze_embeddings: bool = False
    class_offsets: tuple[Literal["topic", "sentiment"], ...] = Field(
        (), description="Heads whose classes' logits are moved by what dev asks for, at the end."
    )
    dev_share: Share = Field(0.08, description="Part of train kept for choices and temperatures.")
    bf16: bool = Field(True, description="Autocast to bfloat16, where the hardware computes in it.")
    threads: int = Field(0, ge=0, description="CPU threads; 0: torch's choice.")
    checkpoint_steps: int = Field(
        200, ge=1, description="Optimiser steps between checkpoints, beside one after each epoch."
    )


class Range(Section):
    """The values that a tuning may try for one key of `hyper`: a list, or an interval."""

    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = Field(False, description="Every order of magnitude is as likely as the others.")

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, (list, tuple)) else value

    @model_validator(mode="after")
    def _one_of_two(self) -> Range:
        interval = self.low is not None and self.high is not None and self.low < self.high
        if bool(self.choices) == interval:
            raise ValueError("give a list of values, or low and high with low below high")
        if self.log and (self.low or 0) <= 0:
            raise ValueError("log needs a low above 0")
        return self


DEFAULT_SPACE = {
    "learning_rate": Range(low=2e-5, high=5e-4, log=True),
    "head_learning_rate": Range(low=2e-4, high=5e-3, log=True),
    "layer_decay": Range(low=0.7, high=1.0),
    "label_smoothing": Range(low=0.0, high=0.15),
    "dropout": Range(low=0.0, high=0.3),
    "sentiment_weight": Range(low=0.5, high=2.0, log=True),
}


class Tune(Section):
    """What `newsurge tune` varies, and how often."""

    trials: int = Field(20, ge=1)
    space: dict[str, Range] = Field(default_factory=lambda: dict(DEFAULT_SPACE), min_length=1)
    found: Path | None = Field(
        None, description="The tune.json of the tuning that chose these values, for the report."
    )

    @model_validator(mode="after")
    def _known_keys(self) -> Tune:
        fixed = {"seed", "threads", "dev_share", "checkpoint_steps"}
        fixed |= {"average", "distil", "lora", "class_offsets"}
        for key, values in self.space.items():
            if key not in Hyper.model_fields or key in fixed:
                known = ", ".join(sorted(Hyper.model_fields.keys() - fixed))
                raise ValueError(f"{key!r} can't be tuned; these can: {known}")
            whole = Hyper.model_fields[key].annotation is int
            ends = [end for end in (values.low, values.high) if end is not None]
            if whole and any(end != int(end) for end in ends):
                raise ValueError(f"{key} takes whole numbers")
            for value in (*values.choices, *(int(end) if whole else end for end in ends)):
                Hyper.model_validate({key: value})
        return self
