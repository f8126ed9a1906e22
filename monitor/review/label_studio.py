"""Chosen items as tasks that Label Studio imports, and texts of such files read back.

Owns the format (https://labelstud.io/guide/tasks). Text stays text: the tasks carry no markup.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import FeedError
from monitor.model.text import clean
from monitor.review.choosing import Choice, View

CONFIG = """\
<View>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" choice="single">
    <Choice value="negative"/><Choice value="neutral"/><Choice value="positive"/>
  </Choices>
  <Choices name="topic" toName="text" choice="{choice}">
{topics}
  </Choices>
</View>
"""


class _Task(msgspec.Struct):
    data: dict[str, Any]


_TASKS = msgspec.json.Decoder(list[_Task])


def task(choice: Choice, *, suggest: bool) -> dict[str, Any]:
    """One task.

    Args:
        choice: the item.
        suggest: give the model's answer along, which saves clicks and sways whoever labels.
    """
    one = choice.candidate
    data = {
        "text": clean(one.item.title),
        "id": one.item.id,
        "source": one.item.source or "",
        "url": one.item.url or "",
        "language": one.item.language or "",
        "why": ", ".join(choice.reasons),
        "model": one.model,
    }
    if one.item.published_at is not None:
        # What a file holds may be no time at all; the text is worth a label all the same.
        with suppress(ValueError, OverflowError, OSError):
            moment = dt.datetime.fromtimestamp(one.item.published_at / 1000, dt.UTC)
            data["published_at"] = moment.isoformat(timespec="seconds")
    told: dict[str, Any] = {"data": data}
    if suggest:
        told["predictions"] = [
            {
                "model_version": one.model,
                "score": round(1 - choice.worth, 4),
                "result": _answers(one.view),
            }
        ]
    return told


def write_tasks(file: Path, choices: Sequence[Choice], *, suggest: bool) -> None:
    """Write tasks as one JSON array, in one piece or not at all.

    Raises:
        FeedError: when the file can't be written.
    """
    tasks = [task(choice, suggest=suggest) for choice in choices]
    _write(file, msgspec.json.format(msgspec.json.encode(tasks), indent=2) + b"\n")


def write_config(file: Path, topics: Iterable[str], *, several: bool) -> None:
    """Write the labelling configuration, in one piece or not at all.

    Raises:
        FeedError: when the file can't be written.
    """
    _write(file, labelling_config(topics, several=several).encode())


def _write(file: Path, content: bytes) -> None:
    written = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        written.write_bytes(content)
        os.replace(written, file)  # noqa: PTH105 - the name of a file, not a move by parts
    except OSError as error:
        written.unlink(missing_ok=True)
        raise FeedError(f"{file}: can't be written ({error.strerror}); check the path") from error


def read_texts(file: Path) -> list[str]:
    """The texts of an earlier import or of an export.

    Raises:
        FeedError: when it is neither.
    """
    try:
        tasks = _TASKS.decode(file.read_bytes())
    except OSError as error:
        raise FeedError(f"{file}: can't be read ({error.strerror}); check the path") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FeedError(f"{file}: no tasks of Label Studio ({error}); give its JSON") from error
    return [text for one in tasks if isinstance(text := one.data.get("text"), str)]


def labelling_config(topics: Iterable[str], *, several: bool = False) -> str:
    """The labelling configuration for a project of these tasks.

    Args:
        topics: the classes.
        several: a text may have any number of them.
    """
    from xml.sax.saxutils import quoteattr

    lines = (f"    <Choice value={quoteattr(topic)}/>" for topic in topics)
    return CONFIG.format(topics="\n".join(lines), choice="multiple" if several else "single")


def _answers(view: View) -> list[dict[str, Any]]:
    shares: dict[str, float] = msgspec.structs.asdict(view.sentiment)
    answers = {"sentiment": max(shares, key=shares.__getitem__), "topic": view.topic}
    return [
        {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": [answer]}}
        for name, answer in answers.items()
    ]
