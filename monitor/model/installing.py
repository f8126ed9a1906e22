"""Bundles on their way into a registry: whole or not at all, and never changed afterwards.

Owns the copy and the lock under which a registry changes. It judges no bundle and moves no
pointer.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import BundleError
from monitor.model.bundle import META, Bundle, digest, load_bundle
from monitor.model.registry import VERSIONS, is_version, load_version, sync_directory

LOCK = ".lock"
_INCOMING = ".incoming-"
_COPIED_AT_ONCE = 1 << 20


def installed(registry: Path) -> list[str]:
    """The versions that a registry holds, by name; whether they can be used is not looked at."""
    try:
        found = [each.name for each in (registry / VERSIONS).iterdir() if each.is_dir()]
    except OSError:
        return []
    return sorted(name for name in found if is_version(name))


def install(registry: Path, source: Path, meta: str | None = None) -> Bundle:
    """Copy the bundle in directory `source` into a registry, under its version.

    It appears in one piece, after its files are on disk and their digests have been checked
    there, and can't be written to. A bundle that is there already is left as it is. To be called
    under `changing`, and the registry is made where there is none.

    Args:
        registry: where to.
        source: the bundle's directory.
        meta: the SHA-256 of the `meta.json` that was judged; another one is refused.

    Raises:
        BundleError: when the bundle is damaged, another one of the version is there, it is not
            the one that was judged, or nothing can be written.
    """
    bundle = load_bundle(source)
    version = bundle.meta.version
    if not is_version(version):
        raise BundleError(
            f"{source}: the version {version[:80]!r} can't name a directory; train it as another"
        )
    versions = registry / VERSIONS
    target = versions / version
    if target.exists():
        there = load_version(registry, version)
        if digest(there.path / META) != (meta or digest(source / META)):
            raise BundleError(
                f"{target}: another bundle of version {version} is there, and versions never "
                "change; give the new one a version of its own"
            )
        return there
    incoming = versions / f"{_INCOMING}{secrets.token_hex(4)}"
    try:
        versions.mkdir(parents=True, exist_ok=True)
        _sweep(versions)
        incoming.mkdir()
        for name in (*bundle.meta.files, META):
            _copy(source / name, incoming / name)
        load_bundle(incoming)
        if meta is not None and digest(incoming / META) != meta:
            raise BundleError(f"{source}: was changed while it was judged; promote it again")
        sync_directory(incoming)
        incoming.rename(target)
        target.chmod(0o555)
        sync_directory(versions)
    except OSError as error:
        raise BundleError(
            f"{source} can't be copied to {target} ({error.strerror}); check who may write there, "
            "and that the disk is not full"
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return load_version(registry, version)


@contextmanager
def changing(registry: Path) -> Iterator[None]:
    """Hold a registry while it is changed: one process at a time, for the length of the block.

    The system lets go of it when a process ends, however it ends. Readers need no lock.

    Raises:
        BundleError: when another process is changing it, or it can't be written to.
    """
    try:
        registry.mkdir(parents=True, exist_ok=True)
        handle = os.open(registry / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BundleError(
            f"the registry {registry} can't be changed ({error.strerror}); check who may write "
            "there"
        ) from error
    try:
        if not _locked(handle):
            raise BundleError(
                f"the registry {registry} is being changed by another process; wait for it to end"
            )
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    if sys.platform == "win32":  # no advisory lock there; the moves themselves stay atomic
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy one file onto the disk itself, read-only."""
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, _COPIED_AT_ONCE)
        written.flush()
        os.fsync(written.fileno())
    target.chmod(0o444)


def _sweep(versions: Path) -> None:
    """Remove what a copy left behind that was killed; under the lock no other one is going on."""
    for left in versions.glob(f"{_INCOMING}*"):
        shutil.rmtree(left, ignore_errors=True)
