"""When alarms are one: the rule that counts false alarms, the same for every detector.

Pure arithmetic on pane numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DAY = 1440
"""Panes of a minute."""


def episodes(alarms: NDArray[np.int64] | Sequence[int], apart: int = DAY) -> list[int]:
    """The first panes of episodes: an alarm within `apart` panes of the last one is not new.

    Args:
        alarms: panes in which a detector raised an alarm or went on raising it, rising.
        apart: panes of quiet that end an episode.
    """
    panes = np.asarray(alarms, dtype=np.int64)
    if not len(panes):
        return []
    new = np.concatenate(([True], np.diff(panes) > apart))
    return [int(pane) for pane in panes[new]]
