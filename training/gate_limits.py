"""What a challenger must reach: the limits of the gate, their defaults, and their YAML file.

Owns names, types and the sentences told when one is wrong. It measures nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from monitor.errors import NewsurgeError
from monitor.yaml_file import read_yaml_file
from training.recipe import Feed

FILE = "gate.yaml"  # in a registry: the desk's own limits, and its frozen holdouts
Head = Literal["topic", "sentiment"]
Share = Annotated[float, Field(ge=0, le=1)]


class GateError(NewsurgeError):
    """Limits or a holdout that can't be used."""

    exit_code = 2


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateLimits(_Section):
    """The section `gate`. Shares and F1 are from 0 to 1."""

    heads: tuple[Head, ...] = Field(
        ("topic", "sentiment"), min_length=1, description="Which heads must be measured."
    )
    min_rows: int = Field(100, ge=1, description="Labelled rows of the holdout, for each head.")
    max_loss: Share = Field(
        0.02, description="Macro-F1 that the challenger may lose, at the interval's lower end."
    )
    confidence: float = Field(0.9, gt=0.5, lt=1, description="Of the two-sided interval.")
    resamples: int = Field(2000, ge=100, le=1_000_000)
    seed: int = Field(7, ge=0)
    min_macro_f1: dict[Head, Share] = Field({}, description="Head → floor; none by default.")
    min_class_f1: Share = Field(0.5, description="The floor of every class that has no own one.")
    floors: dict[Head, dict[str, Share]] = Field({}, description="Head → class → floor of its F1.")
    min_support: int = Field(
        20, ge=1, description="Rows from which a class is held against its floor."
    )
    max_ece: Share = Field(0.08, description="Calibration error, 15 equal-width bins.")
    behaviour: dict[str, float] = Field(
        {"entity_swap.flip_rate": 0.05},
        description="Most that a number under metrics.behaviour of the bundle may be.",
    )

    def floor(self, head: Head, name: str) -> float:
        """The F1 that a class must reach."""
        return self.floors.get(head, {}).get(name, self.min_class_f1)


class GateFile(_Section):
    """A gate file: the limits, and the labelled files that the desk keeps for judging.

    `holdouts` are read as the feeds of a recipe are; their files are relative to this one.
    """

    gate: GateLimits = GateLimits()
    holdouts: tuple[Feed, ...] = ()

    @field_validator("holdouts")
    @classmethod
    def _are_files(cls, value: tuple[Feed, ...]) -> tuple[Feed, ...]:
        if any(feed.format == "stream" for feed in value):
            raise ValueError(
                "a stream grows, so it can't be frozen; write it to a file with `newsurge labels "
                "export`"
            )
        return value


def load_gate(file: Path) -> GateFile:
    """Read a gate file.

    Raises:
        GateError: naming everything in it that can't be used.
    """
    read = read_yaml_file(file, GateError)
    try:
        return GateFile.model_validate(read.content or {})
    except ValidationError as error:
        raise GateError(
            f"{read.faults(error)}\ndocs/PROMOTION.md lists the keys of a gate file"
        ) from None
