"""Bundles: what is read is what was written, and what can't be served is refused with a reason."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.errors import BundleError
from monitor.model.bundle import (
    META,
    ONNX,
    STARTER,
    TOKENIZER,
    BaseModel,
    BundleMeta,
    Temperatures,
    TrainingData,
    digests,
    load_bundle,
    write_meta,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A bundle with placeholders for the network and the tokenizer."""
    (tmp_path / ONNX).write_bytes(b"network")
    (tmp_path / TOKENIZER).write_bytes(b"{}")
    write_meta(tmp_path, meta(files=digests(tmp_path)))
    return tmp_path


def meta(**changes: Any) -> BundleMeta:
    plain = BundleMeta(
        name="toy",
        version="1",
        created_at="2026-01-01T00:00:00+00:00",
        topics=("Earnings", "Macro"),
        temperatures=Temperatures(topic=1.2, sentiment=0.9),
        max_length=64,
        languages=("en",),
        minimum_words=2,
        base_model=BaseModel("toy-encoder", "0" * 64, "MIT"),
        training_data=(TrainingData("toy", "invented", "MIT", "1" * 64, 10),),
        recipe={"name": "toy"},
        metrics={},
        files={ONNX: "0" * 64, TOKENIZER: "0" * 64},
    )
    return msgspec.structs.replace(plain, **changes)


def rewrite(directory: Path, **changes: Any) -> None:
    """Changes keys of `meta.json` behind the checks of `write_meta`."""
    file = directory / META
    content = {**msgspec.json.decode(file.read_bytes()), **changes}
    file.write_bytes(msgspec.json.encode(content))


def test_what_is_written_is_read(directory: Path) -> None:
    bundle = load_bundle(directory)
    assert bundle.meta == meta(files=digests(directory))
    assert bundle.onnx.read_bytes() == b"network"
    assert bundle.tokenizer == directory / TOKENIZER


def test_a_key_of_a_later_version_is_let_through(directory: Path) -> None:
    rewrite(directory, invented_later=1)
    assert load_bundle(directory).meta.name == "toy"


def test_a_missing_bundle_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no model bundle at .*nowhere.*newsurge train"):
        load_bundle(tmp_path / "nowhere")


def test_a_changed_file_is_refused(directory: Path) -> None:
    (directory / ONNX).write_bytes(b"netw0rk")
    with pytest.raises(BundleError, match=r"model\.onnx: SHA-256 is .* copy the bundle again"):
        load_bundle(directory)


def test_a_lost_file_is_refused(directory: Path) -> None:
    (directory / TOKENIZER).unlink()
    with pytest.raises(BundleError, match=r"tokenizer\.json: named in meta\.json but can't be"):
        load_bundle(directory)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": 2}, "schema_version is 2, this newsurge reads 1"),
        ({"sentiments": ["positive", "neutral", "negative"]}, "in this order"),
        ({"topics": ["Earnings"]}, "two or more different names"),
        ({"topics": ["Earnings", "Earnings"]}, "two or more different names"),
        ({"topics": ["Earnings", "none"]}, "rename the class"),
        (
            {"topic_mode": "many"},
            "topic_mode is 'many', not one of single, multi; upgrade newsurge",
        ),
        ({"temperatures": {"topic": 0, "sentiment": 1}}, "temperatures.topic is 0"),
        ({"max_length": 0}, "max_length"),
        ({"max_length": "long"}, "not a bundle's description"),
        ({"files": {ONNX: "0" * 64}}, "files does not list tokenizer.json"),
        ({"files": {ONNX: "0", TOKENIZER: "0", "../passwords": "0"}}, "not a plain file name"),
    ],
)
def test_what_cannot_be_served_is_refused(
    directory: Path, changes: dict[str, Any], reason: str
) -> None:
    files = msgspec.json.decode((directory / META).read_bytes())["files"]
    if "files" in changes:
        changes = {
            "files": {**changes["files"], **{k: files[k] for k in changes["files"] if k in files}}
        }
    rewrite(directory, **changes)
    with pytest.raises(BundleError) as caught:
        load_bundle(directory)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"[]", b"{}", b'{"schema_version": "x"}', b'{"schema_version": "\xff"}'],
)
def test_a_broken_description_is_refused(directory: Path, content: bytes) -> None:
    (directory / META).write_bytes(content)
    with pytest.raises(BundleError, match="not a bundle's description"):
        load_bundle(directory)


def test_a_bundle_that_could_not_be_loaded_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        write_meta(tmp_path, meta(topics=("Earnings", "Earnings")))
    assert not (tmp_path / META).exists()


def test_the_starter_bundle_loads() -> None:
    bundle = load_bundle(STARTER)
    assert len(bundle.meta.topics) == 20
    assert sum(file.stat().st_size for file in STARTER.iterdir()) <= 25_000_000


def test_a_damaged_copy_of_the_starter_is_refused(tmp_path: Path) -> None:
    copy = shutil.copytree(STARTER, tmp_path / "copy")
    content = (copy / ONNX).read_bytes()
    (copy / ONNX).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match="cut short"):
        load_bundle(copy)


def test_reading_a_bundle_needs_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, monitor.model.bundle, monitor.model.text;"
        "sys.exit(bool({'torch', 'transformers', 'pandas'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
