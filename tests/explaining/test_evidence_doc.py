"""`docs/EVIDENCE.md` is true: its example is what the code makes, its tables name every field."""

import re
from pathlib import Path

import msgspec
import pytest

from monitor.records import (
    AlertEvent,
    BaselineStatistics,
    OffsetRange,
    Story,
    WindowStatistics,
    decode_alert,
)
from monitor.settings import Settings
from tests.explaining.example import blocks, event, explanation

DOC = (Path(__file__).parents[2] / "docs" / "EVIDENCE.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
    return str(found).removesuffix("\n")


def test_the_event_is_the_one_that_the_example_raises() -> None:
    assert block("json") == blocks()[0]
    assert decode_alert(block("json").encode()) == event()


def test_the_explanation_is_what_the_command_prints_of_it() -> None:
    assert block("text") == blocks()[1]
    assert explanation().reproduction.outcome == "reproduced"
    assert f"newsurge explain {event().id[:6]} " in DOC


@pytest.mark.parametrize(
    "kind", [AlertEvent, WindowStatistics, Story, BaselineStatistics, OffsetRange]
)
def test_every_field_is_in_a_table(kind: type[msgspec.Struct]) -> None:
    rows = "\n".join(line for line in DOC.splitlines() if line.startswith("| "))
    prose = DOC.split("`window` is (")[1].split("\n\n")[0]
    absent = [name for name in kind.__struct_fields__ if f"`{name}`" not in rows + prose]
    assert absent == []


def test_the_settings_that_it_names_are_there() -> None:
    settings = Settings()
    assert settings.watch.max_stories == 10
    for section, name in re.findall(r"`(watch|streams)\.(\w+)`", DOC):
        assert hasattr(getattr(settings, section), name), name
