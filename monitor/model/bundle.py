"""The model bundle: one directory that says everything about a trained model.

Owns the schema of `meta.json`, the digests, and the checks made before any weight is read. It
loads no network and imports neither torch nor transformers, so that serving stays light.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import BundleError

SCHEMA_VERSION = 1
SENTIMENTS = ("negative", "neutral", "positive")
NO_TOPIC = "none"  # names the series of items without a probable topic; no class may take it
TOPIC_MODES = ("single", "multi")  # softmax over the topics, or a sigmoid for each
META, ONNX, TOKENIZER, CARD = "meta.json", "model.onnx", "tokenizer.json", "MODEL_CARD.md"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
HOLDOUT = "holdout.json"  # which texts were held out for good, by digest
FROZEN = "frozen holdout"  # what they are called in reports and metrics
LABELS = "labels"  # under `metrics`: which labels were learned from
STARTER = Path(__file__).parent / "starter"


class Temperatures(msgspec.Struct, frozen=True):
    """What each head's logits are divided by before the softmax, or the sigmoids."""

    topic: float = 1.0
    sentiment: float = 1.0


class BaseModel(msgspec.Struct, frozen=True):
    """The encoder that training started from; `sha256` is that of its safetensors file."""

    id: str
    sha256: str
    license: str


class TrainingData(msgspec.Struct, frozen=True):
    """One labelled file that the model learned from; `rows` is what was left after cleaning."""

    name: str
    source: str
    license: str
    sha256: str
    rows: int


class BundleMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `meta.json`.

    `topics` and `sentiments` are in the order of the logits. With `topic_mode` "multi" a text may
    have any number of topics, each with a probability of its own. `files` maps every other file of
    the bundle to its SHA-256. Texts with fewer than `minimum_words` words are not judged.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    version: str
    created_at: str
    topics: tuple[str, ...]
    topic_mode: str = "single"
    sentiments: tuple[str, ...] = SENTIMENTS
    temperatures: Temperatures
    max_length: int
    input_fields: tuple[str, ...] = ("title",)
    languages: tuple[str, ...]
    minimum_words: int
    base_model: BaseModel
    training_data: tuple[TrainingData, ...]
    recipe: dict[str, Any]
    metrics: dict[str, Any]
    files: dict[str, str]


class Bundle(msgspec.Struct, frozen=True):
    """A bundle on disk whose schema, classes and digests have been checked."""

    path: Path
    meta: BundleMeta

    @property
    def onnx(self) -> Path:
        """The exported network: int64 `input_ids` and `attention_mask` in, raw logits out."""
        return self.path / ONNX

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, as the `tokenizers` library reads it."""
        return self.path / TOKENIZER


class _Version(msgspec.Struct):
    schema_version: int


# Made before there are threads: bundles are read in several, and two that decode a struct's type
# for the first time at once crash the process (msgspec 0.22).
_version_decoder = msgspec.json.Decoder(_Version)
_meta_decoder = msgspec.json.Decoder(BundleMeta)


def load_bundle(path: Path) -> Bundle:
    """Reads and checks the bundle in directory `path`.

    Raises:
        BundleError: it is missing or damaged, of another schema, or its classes are not in an
            order that newsurge can serve.
    """
    file = path / META
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BundleError(
            f"no model bundle at {path}: {META} can't be read ({error.strerror}); give the "
            "directory that `newsurge train` wrote, or leave it out to use the starter bundle"
        ) from error
    try:
        version = _version_decoder.decode(raw).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{file}: schema_version is {version}, this newsurge reads {SCHEMA_VERSION}; "
                "upgrade newsurge or train the bundle again"
            )
        meta = _meta_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(
            f"{file}: not a bundle's description ({error}); fetch the bundle again or retrain"
        ) from error
    _check_classes(file, meta)
    _check_numbers(file, meta)
    _check_files(path, meta)
    return Bundle(path=path, meta=meta)


def check_topics(bundle: Bundle, named: Collection[str]) -> None:
    """Checks that the bundle knows every topic that rules name.

    Raises:
        BundleError: it does not, so that those rules would be silent for ever.
    """
    lacking = sorted(set(named) - {NO_TOPIC, *bundle.meta.topics})
    if lacking:
        raise BundleError(
            f"{bundle.path}: the bundle {bundle.meta.version} has no topic called "
            f"{', '.join(lacking)}, which match.key of a rule names; mend the rule, or give a "
            f"bundle that has it (it has {', '.join(bundle.meta.topics)})"
        )


def write_meta(directory: Path, meta: BundleMeta) -> None:
    """Writes `meta.json`, checking first that `load_bundle` will take it."""
    file = directory / META
    _check_classes(file, meta)
    _check_numbers(file, meta)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(meta), indent=2) + b"\n")


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digests(directory: Path) -> dict[str, str]:
    """Returns name → SHA-256 of every file of a bundle but `meta.json`, by name."""
    return {
        file.name: digest(file)
        for file in sorted(directory.iterdir())
        if file.is_file() and file.name != META
    }


def _check_classes(file: Path, meta: BundleMeta) -> None:
    if meta.sentiments != SENTIMENTS:
        raise BundleError(
            f"{file}: sentiments are {list(meta.sentiments)}, they must be {list(SENTIMENTS)} in "
            "this order; train the bundle again"
        )
    if meta.topic_mode not in TOPIC_MODES:
        raise BundleError(
            f"{file}: topic_mode is {meta.topic_mode!r}, not one of {', '.join(TOPIC_MODES)}; "
            "upgrade newsurge or train the bundle again"
        )
    topics = meta.topics
    if len(topics) < 2 or len(set(topics)) != len(topics) or not all(map(str.strip, topics)):
        raise BundleError(f"{file}: topics must be two or more different names; retrain")
    if NO_TOPIC in topics:
        raise BundleError(
            f"{file}: a topic is called {NO_TOPIC!r}, which names the items without a probable "
            "topic; rename the class in the recipe and train again"
        )


def _check_numbers(file: Path, meta: BundleMeta) -> None:
    for head, value in (
        ("topic", meta.temperatures.topic),
        ("sentiment", meta.temperatures.sentiment),
    ):
        if not 0.01 <= value <= 100:
            raise BundleError(f"{file}: temperatures.{head} is {value}, not within 0.01 and 100")
    if meta.max_length < 8 or meta.minimum_words < 0:
        raise BundleError(f"{file}: max_length must be 8 or more, minimum_words 0 or more")


def _check_files(path: Path, meta: BundleMeta) -> None:
    missing = {ONNX, TOKENIZER} - meta.files.keys()
    if missing:
        raise BundleError(f"{path / META}: files does not list {', '.join(sorted(missing))}")
    for name, expected in meta.files.items():
        if Path(name).name != name or name in {"", ".", ".."}:
            raise BundleError(f"{path / META}: {name!r} under files is not a plain file name")
        try:
            actual = digest(path / name)
        except OSError as error:
            raise BundleError(
                f"{path / name}: named in {META} but can't be read ({error.strerror}); copy the "
                "whole bundle again"
            ) from error
        if actual != expected:
            raise BundleError(
                f"{path / name}: SHA-256 is {actual[:12]}…, {META} says {expected[:12]}…: the file "
                "was changed or cut short; copy the bundle again"
            )
