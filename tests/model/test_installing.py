"""A bundle comes into a registry whole or not at all, whenever the process is killed."""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.errors import BundleError
from monitor.model import installing
from monitor.model.bundle import META, ONNX, load_bundle
from monitor.model.installing import LOCK, changing, install, installed
from monitor.model.registry import VERSIONS, load_version
from tests.model.tiny_bundle import tiny_bundle


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "made", version="one").path


def test_a_bundle_is_installed_under_its_version_and_can_not_be_written_to(
    source: Path, tmp_path: Path
) -> None:
    (source / "notes.txt").write_text("not a part of the bundle")
    bundle = install(tmp_path / "models", source)
    assert bundle.meta == load_bundle(source).meta
    assert bundle.path == tmp_path / "models" / VERSIONS / "one"
    assert installed(tmp_path / "models") == ["one"]
    assert {file.name for file in bundle.path.iterdir()} == {META, *bundle.meta.files}
    for one in (bundle.path, *bundle.path.iterdir()):
        assert not one.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_the_same_bundle_again_changes_nothing_and_another_is_refused(
    source: Path, tmp_path: Path
) -> None:
    registry = tmp_path / "models"
    first = install(registry, source)
    assert install(registry, source) == first
    assert install(registry, first.path) == first
    other = tiny_bundle(tmp_path / "other", version="one", swapped=True)
    with pytest.raises(BundleError, match="another bundle of version one is there"):
        install(registry, other.path)
    assert load_version(registry, "one").meta == first.meta


def test_a_damaged_bundle_leaves_nothing(source: Path, tmp_path: Path) -> None:
    (source / ONNX).write_bytes(b"cut")
    with pytest.raises(BundleError, match="was changed or cut short"):
        install(tmp_path / "models", source)
    assert installed(tmp_path / "models") == []


def test_a_copy_that_goes_wrong_on_the_disk_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy: Callable[[Path, Path], None] = installing._copy

    def losing_a_byte(one: Path, other: Path) -> None:
        copy(one, other)
        if other.name == ONNX:
            other.chmod(0o644)
            other.write_bytes(one.read_bytes()[:-1])

    monkeypatch.setattr(installing, "_copy", losing_a_byte)
    with pytest.raises(BundleError, match="was changed or cut short"):
        install(tmp_path / "models", source)
    assert list((tmp_path / "models" / VERSIONS).iterdir()) == []


def _installs_and_dies(registry: Path, source: Path, steps: int) -> None:
    """Install, and die without a word at the step so numbered."""
    left = iter(range(steps))

    def dying(work: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object) -> object:
            if next(left, None) is None:
                os._exit(9)
            return work(*args)

        return step

    for name in ("_copy", "sync_directory", "load_bundle"):
        setattr(installing, name, dying(getattr(installing, name)))
    with changing(registry):
        install(registry, source)


@pytest.mark.parametrize("steps", range(8))
def test_killed_at_any_step_it_is_there_or_not_and_the_next_one_succeeds(
    source: Path, tmp_path: Path, steps: int
) -> None:
    registry = tmp_path / "models"
    process = multiprocessing.get_context("spawn").Process(
        target=_installs_and_dies, args=(registry, source, steps)
    )
    process.start()
    process.join()
    assert process.exitcode in {0, 9}
    for version in installed(registry):
        load_version(registry, version)
    with changing(registry):
        install(registry, source)
    assert [one.name for one in (registry / VERSIONS).iterdir()] == ["one"]


def test_one_process_at_a_time_changes_a_registry(tmp_path: Path) -> None:
    with (
        changing(tmp_path / "models"),
        pytest.raises(BundleError, match="being changed by another"),
        changing(tmp_path / "models"),
    ):
        pass
    with changing(tmp_path / "models"):
        assert (tmp_path / "models" / LOCK).exists()


def test_a_version_that_names_no_directory_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "made", version="../out")
    with pytest.raises(BundleError, match="can't name a directory"):
        install(tmp_path / "models", bundle.path)
