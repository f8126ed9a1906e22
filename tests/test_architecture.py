"""Who may know whom: the walls between the parts, kept by reading the sources.

The core is pure (no loop, no broker, no model, no wall clock); serving needs no training; what
a part may not touch, it doesn't import, nor does anything that it imports.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MONITOR = sorted((ROOT / "monitor").rglob("*.py"))
CORE = sorted((ROOT / "monitor" / "surge").rglob("*.py"))
SOURCES = MONITOR + sorted((ROOT / "training").rglob("*.py"))

CORE_MAY_IMPORT = {"monitor.errors", "monitor.records", "monitor.surge"}
CORE_MAY_NOT_IMPORT = {
    "aiohttp", "aiokafka", "asyncio", "concurrent", "logging", "multiprocessing", "openvino", "os",
    "pathlib", "prometheus_client", "random", "secrets", "socket", "subprocess", "threading",
    "time", "tokenizers", "torch", "transformers", "uuid", "yaml",
}  # fmt: skip
WALL_CLOCK = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
HEAVY = {"torch", "transformers", "training", "pandas", "sklearn", "nncf", "onnx", "onnxruntime"}


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def package_of(file: Path) -> list[str]:
    return list(file.relative_to(ROOT).parent.parts)


def imported(file: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, at its top or within a function.

    `from a import b` may mean the module `a.b` or a name in `a`: both are given.
    """
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = package_of(file)
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def called(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call by a dotted name, such as `yaml.safe_load`."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def offences(files: list[Path], found_in: Callable[[Path], Iterable[str]]) -> list[str]:
    """What was found in the files, as `file: offence`."""
    return [f"{file.relative_to(ROOT)}: {found}" for file in files for found in found_in(file)]


def imports_of(packages: set[str]) -> Callable[[Path], Iterable[str]]:
    return lambda file: {module for module in imported(file) if within(module, packages)}


def calls_of(functions: set[str]) -> Callable[[Path], Iterable[str]]:
    return lambda file: {name for name, _ in called(file) if name in functions}


def test_the_sources_are_found() -> None:
    names = {str(file.relative_to(ROOT)) for file in SOURCES}
    assert names >= {"monitor/surge/clock.py", "monitor/cli.py", "training/trainer.py"}


def test_the_core_imports_nothing_impure() -> None:
    assert offences(CORE, imports_of(CORE_MAY_NOT_IMPORT)) == []


def test_the_core_knows_only_itself_and_the_records() -> None:
    def others(file: Path) -> Iterable[str]:
        ours = imports_of({"monitor", "training"})(file)
        return {module for module in ours if not within(module, CORE_MAY_IMPORT)}

    assert offences(CORE, others) == []


def test_the_core_is_told_the_time() -> None:
    def asks(file: Path) -> Iterable[str]:
        return {name for name, _ in called(file) if name.split(".")[-1] in WALL_CLOCK}

    assert offences(CORE, asks) == []


def test_the_records_know_no_other_part() -> None:
    assert offences([ROOT / "monitor" / "records.py"], imports_of({"monitor"})) == []


def test_serving_never_imports_training() -> None:
    assert offences(MONITOR, imports_of({"training"})) == []


def test_nothing_is_unpickled() -> None:
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert offences(SOURCES, imports_of(pickles)) == []


def test_torch_loads_weights_only() -> None:
    def trusting(file: Path) -> Iterable[str]:
        for name, call in called(file):
            safe = {"weights_only"} & {keyword.arg for keyword in call.keywords}
            if name == "torch.load" and not safe:
                yield f"line {call.lineno}"

    assert offences(SOURCES, trusting) == []


def test_yaml_is_loaded_safely() -> None:
    loads = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
    assert offences(SOURCES, calls_of({f"yaml.{load}" for load in loads})) == []
    assert offences(SOURCES, imports_of({f"yaml.{load}" for load in loads})) == []


def test_logging_is_set_up_in_one_place_and_only_by_the_command_line() -> None:
    configures = {"logging.basicConfig", "logging.config.dictConfig", "logging.config.fileConfig"}
    elsewhere = [file for file in SOURCES if file != ROOT / "monitor" / "logs.py"]
    assert offences(elsewhere, calls_of(configures)) == []
    callers = offences(SOURCES, calls_of({"logs.configure"}))
    assert {caller.split(":")[0] for caller in callers} == {"monitor/options.py"}


def test_nothing_happens_on_import() -> None:
    """A module's top level calls nothing for its effect; metrics are shaped before they exist."""

    def effects(file: Path) -> Iterable[str]:
        for node in tree_of(file).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield ast.unparse(node.value.func)

    assert offences(SOURCES, effects) == ["monitor/metrics.py: disable_created_metrics"]


def loaded_by(module: str) -> set[str]:
    """The top-level packages in memory once a fresh interpreter has imported a module."""
    program = (
        f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["monitor.cli", "monitor.app"])
def test_serving_loads_neither_torch_nor_anything_of_training(module: str) -> None:
    assert not loaded_by(module) & HEAVY


def test_the_core_loads_neither_loop_nor_broker() -> None:
    loaded = loaded_by("monitor.surge.partition")
    assert not loaded & (HEAVY | {"aiohttp", "aiokafka", "prometheus_client", "openvino"})


def test_every_dependency_is_justified_in_the_architecture() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=;\s]", line)[0] for line in declared}
    table = (
        (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Dependencies")[1]
    )
    plug_ins = {name for name in names if name.startswith(("pytest-", "types-", "pandas-stubs"))}
    assert {name for name in names - plug_ins if name not in table} == set()
