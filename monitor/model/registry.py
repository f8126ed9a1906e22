"""The registry: a directory of bundles, and one pointer that names which of them serves.

Owns its layout and how the pointer moves: `versions/VERSION/` is the bundle of that version,
and the file `serving` holds one version. It judges no bundle and serves none.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from monitor.errors import BundleError
from monitor.model.bundle import STARTER, Bundle, load_bundle
from monitor.settings import ModelSettings

POINTER, VERSIONS = "serving", "versions"

Sighting = tuple[tuple[str, int, int, int], ...]


def serving_bundle(settings: ModelSettings) -> Bundle:
    """The bundle that the settings lead to: the registry's, the one named, or the starter.

    Raises:
        BundleError: when it can't be read, or is not one that can be served.
    """
    if settings.registry is None:
        return load_bundle(settings.bundle or STARTER)
    return load_version(settings.registry, serving_version(settings.registry))


def serving_version(registry: Path) -> str:
    """The version that the pointer names.

    Raises:
        BundleError: when there is no pointer, or it names nothing that can be a version.
    """
    pointer = registry / POINTER
    try:
        version = pointer.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BundleError(
            f"the registry {registry} says no model to serve: {pointer} can't be read ({reason}); "
            f"put a bundle into {VERSIONS}/VERSION there and write VERSION into {POINTER}"
        ) from error
    if not is_version(version):
        raise BundleError(
            f"{pointer} holds {version[:80]!r}, which is no version; write the name of one of the "
            f"directories in {registry / VERSIONS} into it"
        )
    return version


def load_version(registry: Path, version: str) -> Bundle:
    """Read and check the bundle of one version.

    Raises:
        BundleError: as `load_bundle` does, and when the bundle says that it is of another
            version, so that what stands in scored records would not lead back to it.
    """
    if not (registry / VERSIONS / version).is_dir():
        raise BundleError(
            f"the registry {registry} has no version {version}; `newsurge models list` shows those "
            "that it has"
        )
    bundle = load_bundle(registry / VERSIONS / version)
    if bundle.meta.version != version:
        raise BundleError(
            f"{bundle.path}: the bundle says that it is version {bundle.meta.version!r}; name its "
            "directory after its version"
        )
    return bundle


def point_at(registry: Path, version: str) -> None:
    """Move the pointer to a version: whoever reads it meanwhile finds the old one or the new.

    Raises:
        BundleError: when the version's bundle can't be read, or the pointer can't be written;
            it is then where it was.
    """
    if not is_version(version):
        raise BundleError(f"{version[:80]!r} can't be a version, which names a directory")
    load_version(registry, version)
    pointer = registry / POINTER
    written = registry / f".{POINTER}-{secrets.token_hex(4)}"
    try:
        try:
            with written.open("w", encoding="utf-8") as file:
                file.write(f"{version}\n")
                file.flush()
                os.fsync(file.fileno())
            written.replace(pointer)
        finally:
            written.unlink(missing_ok=True)
        sync_directory(registry)
    except OSError as error:
        raise BundleError(
            f"{pointer} can't be moved to {version} ({error.strerror}); check who may write there, "
            "and that the disk is not full"
        ) from error


def sight(registry: Path) -> Sighting:
    """What tells one look at the registry from another: it costs a few calls of stat.

    Changes when the pointer is moved or written, and with the files of the bundle that it names.
    """
    pointer = registry / POINTER
    try:
        bundle = registry / VERSIONS / serving_version(registry)
        files = (pointer, *sorted(bundle.iterdir()))
    except (BundleError, OSError):
        files = (pointer,)
    return tuple(_glimpse(file) for file in files)


def _glimpse(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return file.name, 0, 0, 0
    return file.name, found.st_ino, found.st_size, found.st_mtime_ns


def is_version(version: str) -> bool:
    """Whether it can name a directory of its own: plain, printable, and no way out."""
    return (
        Path(version).name == version
        and version.isprintable()
        and not version.startswith(".")
        and version.strip() == version != ""
    )


def sync_directory(directory: Path) -> None:
    """Have the new name outlive a power cut; only POSIX opens directories."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
