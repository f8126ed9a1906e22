"""The part of a recipe that says where labels come from and what is done about bad ones.

Owns names, types and defaults. It opens no file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Format = Literal["csv", "jsonl", "json", "parquet", "phrasebank", "label-studio", "stream"]
_PHRASEBANK: dict[str, Any] = {"sentiment": {"column": "sentiment"}}
_STREAM: dict[str, Any] = {
    "topic": {"column": "topic"},
    "sentiment": {"column": "sentiment"},
    "time_column": "published_at",
    "source_column": "source",
    "language_column": "language",
    "id_column": "id",
}


class Section(BaseModel):
    """A mapping of a recipe: its keys are all known, its numbers finite, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Labels(Section):
    """Where a feed keeps the labels of one head, and what each value means."""

    column: str
    classes: dict[str, str] = Field(
        default_factory=dict, description="Value in the file → class; empty: the values as written."
    )
    format: Literal["value", "unanimous"] = Field(
        "value",
        description="`unanimous`: the cell is a literal {entity: label}; only one label counts.",
    )
    separator: str | None = Field(
        None, min_length=1, description="Between several topics in one cell of text."
    )


class Source(Section):
    """A file of texts, or the `labels` stream, and how it is read."""

    file: str = Field(
        "", description="Relative to --data; for `stream` the deployment's settings file, if any."
    )
    format: Format = "csv"
    sha256: Sha256 | None = None
    text_column: str = "text"
    encoding: str | None = Field(None, description="UTF-8 by default; a PhraseBank's is detected.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="Of a CSV.")

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                "".encode(value)
            except (LookupError, UnicodeError):  # hex and the like are no encodings of text
                raise ValueError(
                    f"no encoding is called {value!r}; write utf-8, latin-1, gb18030 or the like"
                ) from None
        return value

    @field_validator("delimiter")
    @classmethod
    def _delimits(cls, value: str) -> str:
        if value in ('"', "\r", "\n"):
            raise ValueError("a quote or a line end can't stand between cells; name another")
        return value

    @model_validator(mode="after")
    def _has_a_file(self) -> Source:
        if not self.file and self.format != "stream":
            raise ValueError("name its file")
        return self


class Feed(Source):
    """One labelled file: what it is, and how its columns are read."""

    name: str = Field(description="The public data set's name, for the model card.")
    source: str
    license: str
    topic: Labels | None = None
    sentiment: Labels | None = None
    weight: float = Field(1.0, gt=0, description="How much a row counts in the loss.")
    time_column: str | None = Field(None, description="When the news was published.")
    source_column: str | None = Field(None, description="Who published it.")
    language_column: str | None = None
    id_column: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _known_columns(cls, value: Any) -> Any:
        """Fills in what a format fixes, unless the recipe names a head itself."""
        if not isinstance(value, dict) or value.get("topic") or value.get("sentiment"):
            return value
        fixed = {"phrasebank": _PHRASEBANK, "stream": _STREAM}.get(value.get("format", ""), {})
        return {**fixed, **{name: given for name, given in value.items() if given is not None}}

    @model_validator(mode="after")
    def _carries_a_label(self) -> Feed:
        if self.topic is None and self.sentiment is None:
            raise ValueError("name a topic or a sentiment column, or both")
        return self


class Holdout(Source):
    """A file kept for the final evaluation: rows that share its text leave train."""


class Hygiene(Section):
    """What is done about rows that a model should not learn from. All of it is counted."""

    near: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Jaccard similarity of words from which two texts are near-duplicates.",
    )
    across: Literal["remove", "exact", "keep"] = Field(
        "remove",
        description="Rows like a held-out text: leave train; only the same text; are only told.",
    )
    within: Literal["keep", "thin"] = Field(
        "keep", description="Near-duplicates in train: all stay, or one of each cluster and label."
    )
    conflicts: Literal["drop", "majority"] = Field(
        "drop", description="One text, several labels: none of them counts, or what most rows say."
    )
    unknown_classes: Literal["drop", "refuse"] = "drop"
    empty_texts: Literal["drop", "refuse"] = "drop"
    small_classes: Literal["keep", "drop", "refuse"] = Field(
        "keep", description="Classes with too few texts to be split: stay in train, leave, refuse."
    )
