"""Averaged weights: what is measured, chosen and exported in place of the last ones.

`ema`: an exponential moving average over the optimiser's steps. `swa`: their plain mean, Izmailov
et al., Averaging Weights Leads to Wider Optima and Better Generalization (2018).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from training.checkpoints import AVERAGE, checkpoint_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from training.hyper import Average


class Averaging(TrainerCallback):
    """Keeps the average of what is fitted, beside the checkpoints.

    The first steps of `ema` are averaged more quickly, as (1 + n) / (10 + n), so that it does not
    remember the weights that training started from.
    """

    def __init__(self, how: Average, work: Path, checkpoint: Path | None) -> None:
        self._how = how
        self._work = work
        file = checkpoint / AVERAGE if checkpoint else None
        self._held: dict[str, Tensor] = load_file(file) if file and file.is_file() else {}

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **_: Any,
    ) -> None:
        """Take the new weights in."""
        first = 1 + int(self._how.start * state.max_steps)
        taken = state.global_step - first
        if model is None or taken < 0:
            return
        decay = (1 + taken) / (10 + taken)
        share = 1 / (1 + taken) if self._how.kind == "swa" else 1 - min(self._how.decay, decay)
        with torch.no_grad():
            for name, weight in _fitted(model):
                if name in self._held and taken:
                    held = self._held[name] = self._held[name].to(weight.device)
                    held.lerp_(weight, share)
                else:
                    self._held[name] = weight.detach().clone()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keep the average with the checkpoint."""
        if self._held and PartialState().is_main_process:
            save_file(self._held, checkpoint_at(self._work, state.global_step) / AVERAGE)

    @contextlib.contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """Has the model hold the averaged weights for a while."""
        own = {name: weight.detach().clone() for name, weight in _fitted(model)}
        _set(model, self._held)
        try:
            yield
        finally:
            _set(model, own)


def _fitted(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, held) for name, held in model.named_parameters() if held.requires_grad)


def _set(model: nn.Module, weights: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in weights:
                weight.copy_(weights[name])
