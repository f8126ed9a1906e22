"""The systemd unit and docs/DEPLOYMENT.md: they name what exists; every file parses."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from monitor.options import _LONGEST_DRAIN_SECONDS
from tests.deploy.words import (
    DEPLOY,
    ROOT,
    quoted,
    unknown_commands,
    unknown_options,
    unknown_settings,
    unknown_variables,
)

UNIT = DEPLOY / "systemd" / "newsurge.service"
GUIDE = (ROOT / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
EXPOSURE = 1.4
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def _unit(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "file", [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")], ids=lambda file: file.name
)
def test_yaml_files_parse_and_name_what_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert any(yaml.safe_load_all(text))
    assert not unknown_variables(text)


def test_the_unit_calls_what_exists() -> None:
    (start,) = _unit("ExecStart")
    program, *arguments = shlex.split(start)
    assert Path(program).name == "newsurge"
    assert unknown_options(arguments) == []
    assert not unknown_variables(UNIT.read_text(encoding="utf-8"))
    (patience,) = _unit("TimeoutStopSec")
    assert int(patience.removesuffix("s")) > _LONGEST_DRAIN_SECONDS
    assert _unit("MemoryDenyWriteExecute") == []


@needs_systemd
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    assert ANALYZE is not None
    here = UNIT.read_text(encoding="utf-8").replace("/opt/newsurge/bin/newsurge", sys.executable)
    (tmp_path / UNIT.name).write_text(here, encoding="utf-8")
    ended = subprocess.run(
        [ANALYZE, "verify", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in ended.stderr.splitlines() if UNIT.name in line]
    assert (ended.returncode, told) == (0, [])


@needs_systemd
def test_the_unit_is_as_confined_as_the_guide_says() -> None:
    assert ANALYZE is not None
    judged = subprocess.run(
        [
            *(ANALYZE, "security", "--no-pager", "--offline=yes"),
            *(f"--threshold={round(EXPOSURE * 10)}", str(UNIT)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-200:]
    assert f"exposure {EXPOSURE}" in GUIDE


def test_the_guide_names_what_exists() -> None:
    assert not unknown_commands(quoted(GUIDE))
    assert not unknown_settings(quoted(GUIDE))
    assert not unknown_variables(GUIDE)
    for link in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (ROOT / "docs" / link).exists()
    for file in re.findall(r"\bdeploy/[\w/.-]+\w", GUIDE):
        assert (ROOT / file).exists()


def test_words_that_do_not_exist_are_found() -> None:
    assert unknown_variables("NEWSURGE_KAFKA__BOOTSTRAP NEWSURGE_RULES") == {
        "NEWSURGE_KAFKA__BOOTSTRAP"
    }
    assert unknown_settings("watch.prior and watch.perior") == {"watch.perior"}
    assert unknown_commands("newsurge run; newsurge runs; newsurge dead-letter frobnicate") == {
        "runs",
        "dead-letter frobnicate",
    }
    assert unknown_options(["run", "--settings", "x", "--role"]) == ["--role"]
