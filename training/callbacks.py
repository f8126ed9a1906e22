"""What happens between the steps of a training: checkpoints, stopping early, telling how it goes.

Everything here follows from the step count and the log that checkpoints carry, so a training that
was resumed does what one that was not would have done.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from transformers import TrainerCallback

from monitor.errors import NewsurgeError
from training.checkpoints import WHOLE, checkpoint_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.progress import Progress
    from transformers import TrainerControl, TrainerState, TrainingArguments

QUALITY = "eval_quality"
Entry = dict[str, Any]


class DivergedError(NewsurgeError):
    """A training whose loss became infinite or no number."""


class Checkpoints(TrainerCallback):
    """Asks for a checkpoint every so many steps, and marks each as whole when it is."""

    def __init__(self, work: Path, every: int) -> None:
        self._work = work
        self._every = every

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save between epochs' ends; there it is done after measuring."""
        at_the_end = (state.epoch or 0) % 1 == 0 or state.global_step >= state.max_steps
        if state.global_step % self._every == 0 and not at_the_end:
            control.should_save = True
            control.should_log = True  # what is not logged yet is in no checkpoint

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The same at an epoch's end, where the Trainer measures and saves."""
        control.should_log = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Mark the checkpoint, once every process has written its part."""
        processes = PartialState()
        processes.wait_for_everyone()
        if processes.is_main_process:
            (checkpoint_at(self._work, state.global_step) / WHOLE).touch()


class Finite(TrainerCallback):
    """Ends a training that diverged: its network says nothing, yet could be exported."""

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Entry | None = None,
        **_: Any,
    ) -> None:
        """Raises DivergedError where the loss on dev is infinite or no number."""
        if not math.isfinite((metrics or {}).get("eval_loss", 0.0)):
            raise DivergedError(
                f"after epoch {state.epoch or 0:.3g} the loss on dev is no finite number: the "
                "training diverged; lower hyper.learning_rate, or a feed's weight, and begin anew"
            )


class Patience(TrainerCallback):
    """Stops when the last `epochs` epochs brought nothing better. 0: never."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop where it is time."""
        if is_over(state.log_history, self._epochs):
            control.should_training_stop = True


def is_over(log: Sequence[Entry], patience: int) -> bool:
    """Whether the best of the epochs measured lies `patience` epochs back."""
    found = [entry[QUALITY] for entry in log if QUALITY in entry]
    return bool(patience and found) and len(found) - 1 - found.index(max(found)) >= patience


class Telling(TrainerCallback):
    """Says a line after each epoch and, on a terminal, keeps one with loss and time left."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._bar: Progress | None = None
        self._began = (0.0, 0)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start the clock."""
        self._began = (time.monotonic(), state.global_step)
        if PartialState().is_main_process and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.add_task("", total=state.max_steps, completed=state.global_step, loss="")
            self._bar.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Move the bar."""
        if self._bar is not None:
            shown = f"epoch {state.epoch or 0:.2f} of {args.num_train_epochs:g}"
            self._bar.update(self._bar.task_ids[0], completed=state.global_step, description=shown)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Entry | None = None,
        **_: Any,
    ) -> None:
        """Show the loss on the bar, and an epoch's measurements in a line."""
        if self._bar is not None and logs and "loss" in logs:
            self._bar.update(self._bar.task_ids[0], loss=f"loss {logs['loss']:.4f}")
        if logs and QUALITY in logs and PartialState().is_main_process:
            self._say(self._line(args, state))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _line(self, args: TrainingArguments, state: TrainerState) -> str:
        last = epochs_of(state.log_history)[-1]
        began, first = self._began
        left = state.max_steps - state.global_step
        seconds = left * (time.monotonic() - began) / max(1, state.global_step - first)
        parts = [f"epoch {state.epoch or 0:.3g} of {args.num_train_epochs:g}"]
        parts += [f"loss {last['train_loss']:.4f}"] if "train_loss" in last else []
        parts += [f"on dev {last['loss']:.4f}"]
        parts += [
            f"{name.removesuffix('_macro_f1')} macro-F1 {value:.4f}"
            for name, value in last.items()
            if name.endswith("macro_f1")
        ]
        return ", ".join([*parts, f"{duration(seconds)} left" if left else "done"])


def epochs_of(log: Sequence[Entry]) -> list[dict[str, float]]:
    """Returns what was measured after each epoch; `train_loss` is the mean over its steps.

    How long it took is left out: two trainings that came out the same say the same here.
    """
    found: list[dict[str, float]] = []
    total, last, first = 0.0, 0, 0
    for entry in log:
        if "loss" in entry:
            total += entry["loss"] * (entry["step"] - last)
            last = entry["step"]
        if QUALITY not in entry:
            continue
        measured = {
            name.removeprefix("eval_"): value
            for name, value in entry.items()
            if name != "step" and not name.endswith(("runtime", "_per_second"))
        }
        if last > first:
            measured["train_loss"] = total / (last - first)
        found.append(measured)
        total, first = 0.0, last
    return found


def duration(seconds: float) -> str:
    """A time in words short enough for a line: `48 s`, `12 min`, `3 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    )
