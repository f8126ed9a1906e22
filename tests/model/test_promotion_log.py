"""The promotion log tells tampering, survives a crash, and leads back."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.cli import cli
from monitor.errors import BundleError
from monitor.model import rollback
from monitor.model.bundle import ONNX
from monitor.model.installing import changing, install
from monitor.model.promotion_log import (
    LOG,
    NOTHING,
    Entry,
    append,
    line_of_succession,
    read_log,
)
from monitor.model.registry import VERSIONS, point_at, serving_version
from monitor.model.rollback import put_in_charge, roll_back
from tests.model.tiny_bundle import tiny_bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for version in "abc":
        tiny_bundle(folder / version, version=version, swapped=version == "b")
    return folder


@pytest.fixture
def registry(bundles: Path, tmp_path: Path) -> Path:
    """A registry in which a, b and c came to serve, in this order."""
    directory = tmp_path / "models"
    for version in "abc":
        promote(directory, bundles / version)
    return directory


def promote(registry: Path, source: Path, act: str = "promoted") -> Entry:
    with changing(registry):
        return put_in_charge(registry, install(registry, source), act)  # type: ignore[arg-type]


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_entries_are_chained_and_say_who_when_and_what(registry: Path) -> None:
    log = read_log(registry)
    first, second, third = log.entries
    assert (first.number, first.previous, first.replaced) == (1, NOTHING, None)
    assert (third.version, third.replaced, third.act) == ("c", "b", "promoted")
    lines = (registry / LOG).read_bytes().splitlines()
    assert second.previous == hashlib.sha256(lines[0]).hexdigest()
    assert log.head == hashlib.sha256(lines[2]).hexdigest()
    assert "@" in first.by
    assert first.at.endswith("+00:00")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_changed_byte_before_the_last_line_is_told(registry: Path, data: st.DataObject) -> None:
    """The last line has no line after it: there a change shows in the digest that was kept."""
    file = registry / LOG
    sound, head = file.read_bytes(), read_log(registry).head
    place = data.draw(st.integers(0, len(sound) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != sound[place]))
    file.write_bytes(sound[:place] + bytes([other]) + sound[place + 1 :])
    try:
        if place < sound[:-1].rindex(b"\n"):
            with pytest.raises(BundleError, match=f"{LOG}, line"):
                read_log(registry)
        else:
            with suppress(BundleError):
                assert read_log(registry).head != head
    finally:
        file.write_bytes(sound)


@pytest.mark.parametrize("order", [(1, 2), (0, 2), (0, 2, 1), (0, 0, 1, 2), (2,)])
def test_lines_removed_moved_or_repeated_are_told(registry: Path, order: tuple[int, ...]) -> None:
    lines = (registry / LOG).read_bytes().splitlines(keepends=True)
    (registry / LOG).write_bytes(b"".join(lines[place] for place in order))
    with pytest.raises(BundleError, match="does not follow the line before"):
        read_log(registry)
    with pytest.raises(BundleError, match="does not follow"):
        append(registry, "refused", "a", NOTHING)
    done = run("models", "log", "--registry", registry)
    assert isinstance(done.exception, BundleError)


def test_newest_lines_cut_off_whole_show_in_the_pointer(registry: Path) -> None:
    lines = (registry / LOG).read_bytes().splitlines(keepends=True)
    (registry / LOG).write_bytes(b"".join(lines[:2]))
    done = run("models", "log", "--registry", registry)
    assert done.exit_code == 1
    assert "entry 2 put b in charge, but the pointer names c" in done.output


def test_a_bundle_that_was_changed_after_its_promotion_is_told(registry: Path) -> None:
    there = registry / VERSIONS / "a" / "meta.json"
    there.chmod(0o644)
    there.write_bytes(there.read_bytes().replace(b'"created_at": "2026', b'"created_at": "2025'))
    done = run("models", "log", "--registry", registry)
    assert done.exit_code == 1
    assert "meta.json of a is not the one that was promoted" in done.output
    with pytest.raises(BundleError, match="put the original back"):
        roll_back(registry, "no good", to="a")
    assert serving_version(registry) == "c"


@pytest.mark.parametrize("left", [1, 20, 200])
def test_a_line_cut_short_by_a_crash_is_no_entry_and_is_written_over(
    registry: Path, left: int
) -> None:
    file = registry / LOG
    whole = file.read_bytes()
    cut = whole[: whole[:-1].rindex(b"\n") + 1 + left]
    file.write_bytes(cut)
    assert [entry.version for entry in read_log(registry).entries] == ["a", "b"]
    append(registry, "refused", "c", NOTHING)
    assert [entry.number for entry in read_log(registry).entries] == [1, 2, 3]


def test_rollback_goes_back_one_by_one_and_is_logged(registry: Path) -> None:
    entry = roll_back(registry, "too many alarms")
    assert (entry.act, entry.version, entry.replaced) == ("rolled_back", "b", "c")
    assert entry.why == "too many alarms"
    assert serving_version(registry) == "b"
    assert roll_back(registry, "still").version == "a"
    with pytest.raises(BundleError, match="tells of no model before a"):
        roll_back(registry, "more")
    assert read_log(registry).entries[-1].version == "a"


def test_rollback_goes_to_the_version_named(registry: Path) -> None:
    assert roll_back(registry, "known good", to="a").version == "a"
    with pytest.raises(BundleError, match="serves already"):
        roll_back(registry, "again", to="a")
    with pytest.raises(BundleError, match="has no version z"):
        roll_back(registry, "never made", to="z")
    assert serving_version(registry) == "a"


def test_a_move_interrupted_before_the_pointer_is_told_and_rolls_back_right(
    registry: Path, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "point_at", killed)
        with pytest.raises(KeyboardInterrupt):
            promote(registry, bundles / "a")
    assert serving_version(registry) == "c"
    assert "interrupted" in run("models", "log", "--registry", registry).output
    assert roll_back(registry, "no good").version == "b"
    promote(registry, bundles / "a")
    assert run("models", "log", "--registry", registry).exit_code == 0


def test_a_rollback_never_leads_to_what_a_crash_kept_from_serving(
    bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """b was logged and the process killed before the pointer moved; then c was promoted."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    directory = tmp_path / "models"
    promote(directory, bundles / "a")
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "point_at", killed)
        with pytest.raises(KeyboardInterrupt):
            promote(directory, bundles / "b")
    promote(directory, bundles / "c")
    assert roll_back(directory, "no good").version == "a"
    with pytest.raises(BundleError, match="tells of no model before a"):
        roll_back(directory, "worse")


def test_a_refused_bundle_of_the_same_version_is_no_obstacle_on_the_way_back(
    registry: Path,
) -> None:
    with changing(registry):
        append(registry, "refused", "b", "9" * 64, replaced="c")
    assert roll_back(registry, "too many alarms").version == "b"


def test_weights_that_were_changed_are_told_by_the_log(registry: Path) -> None:
    there = registry / VERSIONS / "a" / ONNX
    there.chmod(0o644)
    there.write_bytes(b"other weights")
    done = run("models", "log", "--registry", registry)
    assert done.exit_code == 1
    assert "entry 1: a is not as it was promoted" in done.output


def test_a_rollback_in_no_registry_makes_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no registry"):
        roll_back(tmp_path / "modles", "a slip of the finger")
    assert not (tmp_path / "modles").exists()


def test_what_served_before_the_log_began_is_remembered(bundles: Path, tmp_path: Path) -> None:
    directory = tmp_path / "models"
    install(directory, bundles / "a")
    point_at(directory, "a")
    promote(directory, bundles / "b")
    assert roll_back(directory, "no good").version == "a"


ACTS = st.lists(st.tuples(st.sampled_from(["promoted", "refused"]), st.sampled_from("abc")))


@given(ACTS)
def test_the_line_ends_with_what_serves_and_names_nothing_twice_in_a_row(
    acts: list[tuple[str, str]],
) -> None:
    serving, entries = None, []
    for number, (act, version) in enumerate(acts, 1):
        entries.append(
            Entry(
                number=number, previous="", at="", by="", act=act, version=version,  # type: ignore[arg-type]
                bundle="", replaced=serving,
            )
        )  # fmt: skip
        serving = version if act == "promoted" else serving
    line = line_of_succession(entries)
    assert (line[-1] if line else None) == serving
    assert all(one != other for one, other in itertools.pairwise(line))


def test_the_commands_list_compare_and_roll_back(registry: Path) -> None:
    listed = run("models", "list", "--registry", registry)
    assert listed.exit_code == 0
    serving = [line for line in listed.output.splitlines() if "serves" in line]
    assert len(serving) == 1
    assert " c " in serving[0]
    assert max(map(len, listed.output.splitlines())) <= 80
    assert "…" not in listed.output
    back = run("rollback", "--registry", registry, "--why", "too many alarms")
    assert back.output == "b serves again, c no more\n"
    told = run("models", "log", "--registry", registry)
    assert "rolled back to b, after c; why: too many alarms" in told.output
    assert read_log(registry).head in told.output


def test_a_registry_must_be_named(registry: Path) -> None:
    done = run("models", "list", "--registry", registry / "nowhere")
    assert "no bundle there" in str(done.exception)
    assert "no registry" in str(run("models", "list").exception)
    by_setting = run("models", "list", "--json", "--set", f"model.registry={registry}")
    assert by_setting.exit_code == 0


def test_a_registry_that_is_not_there_has_no_whole_chain(tmp_path: Path) -> None:
    done = run("models", "log", "--registry", tmp_path / "modles")
    assert done.exit_code == 1
    assert "no registry there; check the path" in str(done.exception)
