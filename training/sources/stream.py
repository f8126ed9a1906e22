"""The `labels` stream as records: the latest word of each person on each text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from training.sources.record import Broken, Record

NOT_A_LABEL = "not a label record"


def read_stream(settings_file: Path | None) -> Iterator[Record | Broken]:
    """The labels of the deployment's `labels` stream, up to its end as of now.

    Args:
        settings_file: the deployment's settings; None: environment and defaults.

    Raises:
        NewsurgeError: when the settings can't be used, or the stream can't be read.
    """
    from monitor.labels.reading import latest
    from monitor.settings import load_settings

    settings = load_settings(settings_file, {})
    found = asyncio.run(latest(settings))
    for offset in found.broken:
        yield Broken(offset, NOT_A_LABEL)
    for offset, label in found.labels:
        yield Record(offset, label.cells())
