"""Label Studio's JSON export: tasks with the choices of one or more annotators.

A column of labels is the `from_name` of a choice control in the labelling configuration; all
other columns are fields of the task's `data`. Predictions and cancelled annotations don't count.
https://labelstud.io/guide/export (the format called JSON)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import FeedError
from training.sources.record import Broken, Disagreement, Record, as_text
from training.sources.tables import json_array, require_columns

NOT_ANNOTATED = "not annotated"


class _Choice(msgspec.Struct):
    from_name: str = ""
    type: str = ""
    value: dict[str, Any] = {}


class _Annotation(msgspec.Struct):
    result: list[_Choice] = []
    was_cancelled: bool = False


class _Task(msgspec.Struct):
    data: dict[str, Any]
    id: int | str | None = None
    annotations: list[_Annotation] | None = None


_task = msgspec.json.Decoder(_Task)


def read_label_studio(file: Path, columns: Sequence[str]) -> Iterator[Record | Broken]:
    """The tasks of an export; `line` is the task's place in the list.

    The cell of a control holds the list of choices on which all annotators who used the control
    agree, or a `Disagreement`. The task's own `id` is the column `id`, unless its data has one.

    Raises:
        FeedError: when the file is no such export, or no task has a column.
    """
    seen: dict[str, None] = {}
    for number, raw in enumerate(json_array(file), 1):
        try:
            task = _task.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise FeedError(
                f"{file}: task {number}: not a task of Label Studio ({error}); export as JSON, "
                "not as JSON-MIN, which is read with `format: json`"
            ) from error
        done = [each for each in task.annotations or () if not each.was_cancelled]
        cells = {"id": task.id, **task.data, **_labels(done)}
        seen.update(dict.fromkeys(cells))
        yield Record(number, cells) if done else Broken(number, NOT_ANNOTATED)
    if seen:
        require_columns(str(file), list(seen), columns)


def _labels(annotations: Sequence[_Annotation]) -> dict[str, Any]:
    """Each control's choices, agreed or not. Whoever left a control out has no say in it."""
    said: dict[str, list[tuple[str, ...]]] = {}
    for annotation in annotations:
        own: dict[str, set[str]] = {}
        for choice in annotation.result:
            if choice.type == "choices":
                named = choice.value.get("choices") or ()
                own.setdefault(choice.from_name, set()).update(map(as_text, named))
        for name, chosen in own.items():
            said.setdefault(name, []).append(tuple(sorted(chosen)))
    return {
        name: list(votes[0])
        if len(set(votes)) == 1
        else Disagreement(tuple(sorted({"+".join(vote) for vote in votes})))
        for name, votes in said.items()
    }
