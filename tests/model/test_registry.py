"""The registry's pointer: moved whole or not at all, and read with a word on what is wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from monitor.errors import BundleError, SettingsError
from monitor.model.bundle import ONNX, STARTER
from monitor.model.registry import (
    POINTER,
    VERSIONS,
    load_version,
    point_at,
    serving_bundle,
    serving_version,
    sight,
)
from monitor.settings import ModelSettings, load_settings
from tests.model.tiny_bundle import tiny_bundle


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry of tiny-1, which serves, and tiny-2."""
    directory = tmp_path / "models"
    (directory / VERSIONS).mkdir(parents=True)
    for version in ("tiny-1", "tiny-2"):
        tiny_bundle(directory / VERSIONS / version, version=version)
    point_at(directory, "tiny-1")
    return directory


def test_the_pointer_names_the_bundle_that_serves(registry: Path) -> None:
    assert serving_version(registry) == "tiny-1"
    point_at(registry, "tiny-2")
    assert serving_bundle(ModelSettings(registry=registry)).meta.version == "tiny-2"
    assert {file.name for file in registry.iterdir()} == {POINTER, VERSIONS}


def test_whoever_reads_while_it_moves_finds_one_or_the_other(registry: Path) -> None:
    over, found = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            found.add(serving_version(registry))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(50):
            point_at(registry, "tiny-2")
            point_at(registry, "tiny-1")
    finally:
        over.set()
        reader.join()
    assert found <= {"tiny-1", "tiny-2"}
    assert found


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_move_that_fails_leaves_the_pointer_where_it_was(
    registry: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, fail)
    with pytest.raises(BundleError, match=r"can't be moved to tiny-2 \(No space left"):
        point_at(registry, "tiny-2")
    assert serving_version(registry) == "tiny-1"
    assert {file.name for file in registry.iterdir()} == {POINTER, VERSIONS}


@pytest.mark.parametrize("version", ["", " ", "..", ".hidden", "a/b", "../tiny-2", "a\nb", "a\0"])
def test_what_is_no_name_of_a_directory_is_no_version(registry: Path, version: str) -> None:
    with pytest.raises(BundleError, match="can't be a version"):
        point_at(registry, version)
    (registry / POINTER).write_text(version, encoding="utf-8")
    with pytest.raises(BundleError, match="which is no version; write the name of one of"):
        serving_version(registry)


def test_a_version_that_can_not_be_read_is_not_pointed_at(registry: Path) -> None:
    with pytest.raises(BundleError, match="has no version tiny-3"):
        point_at(registry, "tiny-3")
    (registry / VERSIONS / "tiny-2" / ONNX).write_bytes(b"cut short")
    with pytest.raises(BundleError, match="SHA-256"):
        point_at(registry, "tiny-2")
    assert serving_version(registry) == "tiny-1"


def test_a_bundle_lies_under_its_own_version(registry: Path) -> None:
    (registry / VERSIONS / "tiny-2").rename(registry / VERSIONS / "better")
    with pytest.raises(BundleError, match="says that it is version 'tiny-2'"):
        load_version(registry, "better")


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8")])
def test_a_registry_without_a_pointer_says_how_to_make_one(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / POINTER).write_bytes(content)
    with pytest.raises(BundleError, match=f"{said}.*; put a bundle into"):
        serving_bundle(ModelSettings(registry=tmp_path))


def test_a_look_changes_with_the_pointer_and_with_the_bundle(registry: Path) -> None:
    looks = [sight(registry)]
    assert sight(registry) == looks[0]
    point_at(registry, "tiny-2")
    looks.append(sight(registry))
    point_at(registry, "tiny-2")
    looks.append(sight(registry))
    (registry / VERSIONS / "tiny-2" / ONNX).write_bytes(b"mended")
    looks.append(sight(registry))
    (registry / POINTER).unlink()
    looks.append(sight(registry))
    assert len(set(looks)) == len(looks)


def test_without_a_registry_the_bundle_is_the_one_named_or_the_starter(registry: Path) -> None:
    named = registry / VERSIONS / "tiny-2"
    assert serving_bundle(ModelSettings(bundle=named)).path == named
    assert serving_bundle(ModelSettings()).path == STARTER


def test_bundle_and_registry_exclude_one_another(tmp_path: Path) -> None:
    both = {"bundle": str(tmp_path), "registry": str(tmp_path)}
    with pytest.raises(SettingsError, match=r"model: .*give one of bundle and registry"):
        load_settings(flags={"model": both})
