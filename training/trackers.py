"""Where a training is followed from outside: the Trainer's own trackers, by a line of the recipe.

Owns which package each needs, so that a missing one is told before any feed is read.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from monitor.errors import NewsurgeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# transformers' name → modules of which one must be there.
TRACKERS = {
    "clearml": ("clearml",),
    "codecarbon": ("codecarbon",),
    "comet_ml": ("comet_ml",),
    "dvclive": ("dvclive",),
    "mlflow": ("mlflow",),
    "neptune": ("neptune",),
    "swanlab": ("swanlab",),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
}


class TrackerError(NewsurgeError):
    """A tracker whose package is not installed."""

    exit_code = 2


def require(trackers: Sequence[str]) -> None:
    """Checks that the packages of all trackers are installed.

    Raises:
        TrackerError: one is not.
    """
    for name in trackers:
        if not any(find_spec(module) for module in TRACKERS[name]):
            package = TRACKERS[name][0].replace("_", "-")
            raise TrackerError(
                f"trackers: {name} is not installed; pip install {package}, or take it out of the "
                "recipe"
            )


def place_logs(trackers: Sequence[str], runs: Path) -> None:
    """Has TensorBoard's files written to `runs`, unless the environment names another place.

    By default they would lie among the checkpoints, which are deleted when a training is done.
    """
    if "tensorboard" in trackers:
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(runs))
