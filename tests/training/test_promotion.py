"""From a bundle through the gate into the registry, on real files and the real scorer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

pytest.importorskip("pandas", reason="reads labelled files: pip install 'newsurge[train]'")

from monitor.errors import BundleError, FeedError
from monitor.model.bundle import ONNX, Bundle, TrainingData, digest, load_bundle, write_meta
from monitor.model.installing import installed
from monitor.model.promotion_log import LOG, read_log
from monitor.model.registry import POINTER, VERSIONS, serving_version
from monitor.model.rollback import roll_back
from tests.model.tiny_bundle import TOPICS, tiny_bundle
from tests.training.desk import ROWS, write_gate, write_holdout
from training.gate_limits import FILE, GateError, GateLimits, load_gate
from training.holdout import holdouts_of
from training.promotion import promote as put
from training.promotion_commands import promote as command

Make = Callable[..., Bundle]


@pytest.fixture(scope="module")
def holdout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_holdout(tmp_path_factory.mktemp("desk") / "holdout.csv")


@pytest.fixture
def registry(tmp_path: Path, holdout: Path) -> Path:
    """A registry with a gate file, and no model yet."""
    write_gate(tmp_path / "models", holdout)
    return tmp_path / "models"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(version: str, **more: Any) -> Bundle:
        return tiny_bundle(tmp_path / version, version=version, **more)

    return made


def promote(registry: Path, bundle: Bundle | str, *options: str) -> Result:
    name = bundle if isinstance(bundle, str) else str(bundle.path)
    return CliRunner().invoke(command, [name, "--registry", str(registry), *options])


def test_the_first_model_is_judged_on_its_limits_alone(registry: Path, make: Make) -> None:
    done = promote(registry, make("a"))
    assert done.exit_code == 0, done.output
    assert "promoted: a" in done.output
    assert "no champion, judged on limits alone" in done.output
    assert serving_version(registry) == "a"
    [entry] = read_log(registry).entries
    assert entry.verdict is not None
    assert entry.verdict["heads"]["sentiment"]["macro_f1"] == 1.0
    assert [(held.rows, len(held.sha256)) for held in entry.holdouts] == [(ROWS, 64)]
    assert entry.forced is None


def test_an_equal_challenger_passes_and_a_worse_one_is_refused_with_its_numbers(
    registry: Path, make: Make
) -> None:
    promote(registry, make("a"))
    assert promote(registry, make("b")).exit_code == 0
    done = promote(registry, make("c", swapped=True))
    assert done.exit_code == 3
    assert "against: sentiment: macro-F1 is 0.3333, the champion's 1.0000" in done.output
    assert "worse than the champion" in done.output
    assert "against: sentiment: F1 of negative is 0.0000 on 45 rows" in done.output
    assert "REFUSED: c; b serves on" in done.output
    assert serving_version(registry) == "b"
    assert installed(registry) == ["a", "b"]
    assert [entry.act for entry in read_log(registry).entries] == ["promoted"] * 2 + ["refused"]


def test_force_demands_a_reason_which_is_logged(registry: Path, make: Make) -> None:
    promote(registry, make("a"))
    worse = make("b", swapped=True)
    assert isinstance(promote(registry, worse, "--force", " ").exception, GateError)
    done = promote(registry, worse, "--force", "the feed turned over")
    assert done.exit_code == 0
    assert "promoted by force: b, after a: the feed turned over" in done.output
    entry = read_log(registry).entries[-1]
    assert entry.forced == "the feed turned over"
    assert entry.verdict is not None
    assert not entry.verdict["passed"]
    assert roll_back(registry, "it had not").version == "a"


def test_force_is_not_logged_where_it_was_not_needed(registry: Path, make: Make) -> None:
    assert promote(registry, make("a"), "--force", "in a hurry").exit_code == 0
    assert read_log(registry).entries[0].forced is None


def test_a_champion_that_is_damaged_can_be_replaced_by_force_only(
    registry: Path, make: Make
) -> None:
    promote(registry, make("a"))
    there = registry / VERSIONS / "a" / ONNX
    there.chmod(0o644)
    there.write_bytes(b"")
    new = make("b")
    assert "was changed or cut short" in str(promote(registry, new).exception)
    done = promote(registry, new, "--force", "a is damaged")
    assert "note: the champion can't be read" in done.output
    assert read_log(registry).entries[-1].forced == "a is damaged"  # for it would not have passed
    assert serving_version(registry) == "b"


def test_a_pointer_that_was_lost_makes_no_first_model(registry: Path, make: Make) -> None:
    promote(registry, make("a"))
    (registry / POINTER).unlink()
    new = make("b")
    assert "`newsurge rollback --to a` puts it back" in str(promote(registry, new).exception)
    assert roll_back(registry, "it was lost", to="a").version == "a"
    assert promote(registry, new).exit_code == 0
    (registry / POINTER).unlink()
    assert promote(registry, "a", "--force", "start anew").exit_code == 0


def test_a_first_promotion_that_was_killed_before_its_pointer_is_put_right(
    registry: Path, make: Make
) -> None:
    first = make("a")
    promote(registry, first)
    (registry / POINTER).unlink()  # as if it had never come to be
    assert promote(registry, first).exit_code == 0
    assert serving_version(registry) == "a"


def test_other_topics_are_judged_on_their_limits_alone(registry: Path, make: Make) -> None:
    promote(registry, make("a"))
    done = promote(registry, make("b", topics=TOPICS[1:]))
    assert "topic: other classes (gone: Financials), judged on limits alone" in done.output
    assert "of 135 rows not all count (unknown class, label left out: 27)" in done.output
    assert done.exit_code == 0, done.output


def test_the_holdout_is_frozen(registry: Path, make: Make, tmp_path: Path) -> None:
    copy = write_holdout(tmp_path / "own.csv")
    write_gate(registry, copy)
    copy.write_text(copy.read_text().replace("negative", "positive", 1))
    assert isinstance(promote(registry, make("a")).exception, FeedError)
    assert not (registry / POINTER).exists()


def _learned(bundle: Bundle, file: Path) -> Bundle:
    data = TrainingData("desk", "invented", "MIT", digest(file), 1)
    write_meta(bundle.path, msgspec.structs.replace(bundle.meta, training_data=(data,)))
    return load_bundle(bundle.path)


def test_who_learned_from_the_holdout_is_told(registry: Path, make: Make, holdout: Path) -> None:
    cheat = _learned(make("a"), holdout)
    assert "learned from this very file" in str(promote(registry, cheat).exception)
    promote(registry, cheat, "--force", "nothing else")  # measured first, so refused all the same
    assert not (registry / POINTER).exists()
    (registry / FILE).rename(registry / "aside.yaml")
    assert promote(registry, cheat, "--force", "nothing else").exit_code == 0
    (registry / "aside.yaml").rename(registry / FILE)
    assert f"a learned from {holdout}, which favours it" in promote(registry, make("b")).output


def test_a_holdout_counts_once(registry: Path, make: Make) -> None:
    content = yaml.safe_load((registry / FILE).read_text())
    content["holdouts"] *= 2
    (registry / FILE).write_text(yaml.safe_dump(content))
    assert "is given twice" in str(promote(registry, make("a")).exception)


def test_who_may_have_learned_from_texts_of_the_holdout_is_told(
    registry: Path, make: Make, holdout: Path
) -> None:
    first, second = make("a"), make("b")
    kept_out = {"held_out": [digest(holdout)]}
    write_meta(second.path, msgspec.structs.replace(second.meta, metrics=kept_out))
    told = "may have learned from texts that are in it"
    assert f"so a {told}" in promote(registry, first).output
    done = promote(registry, second)
    assert f"so a {told}" in done.output  # the champion's training is told of, too
    assert f"so b {told}" not in done.output


def test_without_a_holdout_only_force_promotes(tmp_path: Path, make: Make) -> None:
    fresh = tmp_path / "fresh"
    assert "no holdout to judge on" in str(promote(fresh, make("a")).exception)
    assert not fresh.exists()
    done = promote(fresh, make("b"), "--force", "no labels yet")
    assert done.exit_code == 0
    assert done.output.endswith("promoted by force: b: no labels yet\n")
    assert "no version of the registry" in str(promote(fresh, "c").exception)


def test_what_serves_is_not_promoted_again(registry: Path, make: Make) -> None:
    promote(registry, make("a"))
    assert isinstance(promote(registry, "a").exception, BundleError)
    promote(registry, make("b"))
    assert promote(registry, "a").exit_code == 0
    assert serving_version(registry) == "a"


def test_another_bundle_of_a_version_that_serves_or_did_is_refused_before_it_is_judged(
    registry: Path, make: Make, tmp_path: Path
) -> None:
    promote(registry, make("a"))
    (tmp_path / "again").mkdir()
    other = tiny_bundle(tmp_path / "again" / "a", version="a", swapped=True)
    log = len(read_log(registry).entries)
    assert "versions never change" in str(promote(registry, other).exception)
    promote(registry, make("b"))
    assert "versions never change" in str(promote(registry, other, "--force", "now").exception)
    (registry / LOG).unlink()
    (registry / POINTER).write_text("a\n")
    assert "another bundle of version a serves" in str(promote(registry, other).exception)
    assert log == 1


def test_the_registry_is_free_while_a_challenger_is_judged(registry: Path, make: Make) -> None:
    """Nobody waits for a gate to roll back; the verdict then is on the wrong champion."""
    for version in "ab":
        promote(registry, make(version))
    gate, challenger = load_gate(registry / FILE), make("c")

    def say(line: str) -> None:
        if line.startswith("Judging b"):
            assert roll_back(registry, "it is on fire").version == "a"

    holdouts = holdouts_of(gate, registry / FILE)
    with pytest.raises(BundleError, match="a came to serve while c was judged beside b"):
        put(registry, str(challenger.path), holdouts, gate.gate, say=say)
    assert serving_version(registry) == "a"
    assert installed(registry) == ["a", "b"]


def test_what_is_installed_is_what_was_judged(registry: Path, make: Make) -> None:
    gate, challenger = load_gate(registry / FILE), make("a")

    def say(line: str) -> None:
        if line.startswith("Installing"):
            tiny_bundle(challenger.path, version="a", swapped=True)

    with pytest.raises(BundleError, match="was changed while it was judged"):
        put(registry, str(challenger.path), holdouts_of(gate, registry / FILE), gate.gate, say=say)
    assert installed(registry) == []
    assert read_log(registry).entries == ()


def test_a_holdout_given_is_read_like_a_feed(tmp_path: Path, make: Make, holdout: Path) -> None:
    bundle = make("a")
    feed = {
        "name": "wire", "source": "invented", "license": "MIT", "file": "train.csv",
        "topic": {"column": "topic"}, "sentiment": {"column": "sentiment"},
    }  # fmt: skip
    write_meta(bundle.path, msgspec.structs.replace(bundle.meta, recipe={"feeds": [feed]}))
    fresh = tmp_path / "fresh"
    given = ("--holdout", str(holdout))
    assert "--like FEED once" in promote(fresh, bundle, *given).output
    done = promote(fresh, bundle, *given, "--like", "wire", "--json")
    assert done.exit_code == 3  # the tiny bundle is not well calibrated, and nothing says it may
    assert b'"act":"refused"' in done.stdout_bytes
    assert "no feed 'wires'" in str(promote(fresh, bundle, *given, "--like", "wires").exception)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("gate: {max_los: 0.1}", r":1:8: gate.max_los: there is no such key"),
        ("gate: {floors: {mood: {}}}", "gate.floors.mood"),
        (
            "gate:\n  max_ece: 0.1\n  max_ece: 0.9",
            r":3:3: 'max_ece' is given twice, first on line 2",
        ),
        ("gate: [", "not valid YAML"),
        ("- 1", "the file: must be a mapping"),
    ],
)
def test_a_gate_file_that_can_not_be_used_is_refused(
    tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / FILE
    file.write_text(content)
    with pytest.raises(GateError, match=says):
        load_gate(file)


def test_an_empty_gate_file_has_the_defaults(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("")
    assert load_gate(tmp_path / FILE).gate == GateLimits()
