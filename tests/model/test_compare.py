"""`newsurge models compare` holds two bundles against each other on the same rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.errors import NewsurgeError
from monitor.model.bundle import digests, write_meta
from tests.model.tiny_bundle import tiny_bundle

LABELS = {"desk": {"rows": 40, "sha256": "1" * 64}}


def numbers(rows: int) -> dict[str, Any]:
    return {"sentiment": {"rows": rows, "macro_f1": 0.8, "ece": 0.02}}


def made(
    directory: Path,
    *,
    rows: int = 40,
    labels: dict[str, Any] | None = LABELS,
    seed: int = 1,
    frozen: str = "a",
) -> Path:
    """A bundle measured on dev, on the frozen holdout and on a file called `desk`."""
    bundle = tiny_bundle(directory, version=directory.name)
    (directory / "holdout.json").write_text(f'{{"sha256": "{frozen}"}}')
    evaluations = {"frozen holdout": numbers(50), "desk": numbers(rows)}
    metrics = {"dev": numbers(20), "evaluations": evaluations, "labels": labels}
    meta = msgspec.structs.replace(
        bundle.meta, metrics=metrics, recipe={"split_seed": seed}, files=digests(directory)
    )
    write_meta(directory, meta)
    return directory


def compare(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["models", "compare", *map(str, words)])


def names(done: Result) -> set[str]:
    return {row["holdout"] for row in rows_of(done)}


def rows_of(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = msgspec.json.decode(done.stdout_bytes)
    return found


def test_what_both_were_measured_on_is_compared(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one"), made(tmp_path / "other")
    done = compare(one, other, "--json")
    assert names(done) == {"dev", "frozen holdout", "desk"}
    assert done.stderr == ""
    assert {"head", "number", "one", "other"} < rows_of(done)[0].keys()


@pytest.mark.parametrize(
    ("other", "left_out"),
    [
        ({"labels": {"desk": {"rows": 41, "sha256": "2" * 64}}}, "dev"),
        ({"labels": None}, "dev"),
        ({"seed": 2}, "dev"),
        ({"frozen": "b"}, "frozen holdout"),
        ({"rows": 41}, "desk"),
    ],
)
def test_other_rows_of_the_same_name_are_left_out_and_told(
    tmp_path: Path, other: dict[str, Any], left_out: str
) -> None:
    done = compare(made(tmp_path / "one"), made(tmp_path / "other", **other), "--json")
    assert names(done) == {"dev", "frozen holdout", "desk"} - {left_out}
    assert f"{left_out}: left out" in done.stderr


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    one, other = tiny_bundle(tmp_path / "one"), made(tmp_path / "other")
    assert isinstance(compare(one.path, other).exception, NewsurgeError)
