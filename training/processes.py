"""One training in several processes, as torchrun or accelerate start them.

The Trainer shares the steps among them; here is what only one of them does: reading, saying,
exporting. In a process of its own, none of this imports torch.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that reads, says and exports."""
    return int(os.environ.get("RANK", "0")) == 0


def shared(make: Callable[[], T]) -> T:
    """Returns what the main process made; the others wait for it and get a copy.

    So what they train on is the same, also where a feed grows meanwhile, and only one machine
    needs the files. If it can't be made, the error ends the main process, and its launcher then
    ends the others.
    """
    if count() == 1:
        return make()
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    state = PartialState(cpu=not torch.cuda.is_available())
    box = [make() if state.is_main_process else None]
    broadcast_object_list(box)
    return box[0]  # type: ignore[return-value]  # the main process's


def part() -> None:
    """Ends working together; all but the main process are done and exit."""
    if count() == 1:
        return
    from accelerate import PartialState

    state = PartialState()
    state.wait_for_everyone()
    state.destroy_process_group()
    if not is_main():
        raise SystemExit(0)
