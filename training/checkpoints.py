"""The work directory of a training: what it belongs to, and from which checkpoint it goes on.

A checkpoint counts once it is marked as whole, so a kill at any moment leaves a state to go on
from: the last marked one. What is in a checkpoint is transformers' business.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.errors import NewsurgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

FACTS, WHOLE = "training.json", "whole"
WEIGHTS, AVERAGE, STATE = "model.safetensors", "average.safetensors", "trainer_state.json"
_NAME = re.compile(r"checkpoint-(\d+)")
_decoder = msgspec.json.Decoder(dict[str, str])


class ResumeError(NewsurgeError):
    """A work directory that this training can't use."""


def open_work(work: Path, facts: Mapping[str, str], *, resume: bool) -> Path | None:
    """Prepares the work directory and returns the checkpoint to go on from; None to begin.

    Args:
        work: the directory; made where it is missing.
        facts: what makes two trainings the same, in words → value; what is there must agree.
        resume: go on with what is there.

    Raises:
        ResumeError: it holds another training, or one that nobody asked to go on with; or it
            can't be written.
    """
    if work.exists() and (
        not work.is_dir() or (any(work.iterdir()) and not _is_ours(work / FACTS, facts))
    ):
        raise ResumeError(f"{work}: is not a training's work directory; name another with --work")
    found = whole_checkpoints(work)
    if found and not resume:
        raise ResumeError(
            f"{work}: holds a training that was interrupted at step {found[-1][0]:,}; go on with "
            "--resume, or delete the directory to begin anew"
        )
    if found:
        _compare(work, facts)
    try:
        work.mkdir(parents=True, exist_ok=True)
        (work / FACTS).write_bytes(msgspec.json.encode(dict(facts)))
    except OSError as error:
        raise ResumeError(
            f"{work}: checkpoints can't be kept there ({error.strerror}); check who may write "
            "there, and that the disk is not full"
        ) from error
    kept = {path for _, path in found}
    for path in work.iterdir():
        if _NAME.fullmatch(path.name) and path not in kept:
            shutil.rmtree(path)  # nobody can go on from it
    return found[-1][1] if found else None


def whole_checkpoints(work: Path) -> list[tuple[int, Path]]:
    """Returns the steps and directories of all checkpoints that are whole, oldest first."""
    if not work.is_dir():
        return []
    return sorted(
        (int(name[1]), path)
        for path in work.iterdir()
        if (name := _NAME.fullmatch(path.name)) and (path / WHOLE).is_file()
    )


def checkpoint_at(work: Path, step: int) -> Path:
    """Returns the directory of the checkpoint of an optimiser step."""
    return work / f"checkpoint-{step}"


def _is_ours(file: Path, facts: Mapping[str, str]) -> bool:
    """Whether a file is what a training left: anyone's labels may be called `training.json`."""
    try:
        raw = file.read_bytes()
        return bool(_decoder.decode(raw).keys() & facts.keys())
    except OSError:
        return False
    except msgspec.DecodeError:
        return not raw  # killed while it was written


def _compare(work: Path, facts: Mapping[str, str]) -> None:
    try:
        before = _decoder.decode((work / FACTS).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ResumeError(
            f"{work / FACTS}: can't be read ({error}); delete {work} to begin anew"
        ) from error
    if other := [name for name, value in facts.items() if before.get(name) != value]:
        raise ResumeError(
            f"{work}: holds an interrupted training with other {' and '.join(other)}; restore what "
            "was changed, or delete the directory to begin anew"
        )
