"""Reads files of behaviour tests: from YAML to texts, or to every fault with its file and line.

Owns the shape of the files. What the texts are judged to be is `judging`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.errors import NewsurgeError
from monitor.yaml_file import read_yaml_file
from training.behaviour.templates import (
    CASE,
    BehaviourTest,
    Claim,
    Expected,
    Group,
    claims,
    group,
    slots,
)

RESERVED = {"cases", "flip_rate", "mean_shift", "pass_rate", "fail_rate"}
_BESIDE = ("higher", "lower")


class BehaviourError(NewsurgeError):
    """Behaviour tests that can't be used; the message lists every fault found in them."""

    exit_code = 2


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Cases(_Section):
    """Templates that share what is done with them: one thing is swapped, or one is expected."""

    swap: str | None = None
    expect: Expected | None = None
    texts: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = Field((), description="The base, then the text.")

    @property
    def templates(self) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Each template, and where it stands beneath these cases."""
        for index, text in enumerate(self.texts):
            yield ("texts", index), text
        for index, pair in enumerate(self.pairs):
            yield from ((("pairs", index, side), text) for side, text in enumerate(pair))

    @model_validator(mode="after")
    def _says_one_thing(self) -> _Cases:
        if (self.swap is None) == (self.expect is None):
            raise ValueError("give either swap (what is exchanged) or expect, one of them")
        if self.expect in _BESIDE and (self.texts or not self.pairs):
            raise ValueError(f"{self.expect!r} compares two texts: give pairs, [base, text] each")
        if self.expect not in _BESIDE and (self.pairs or not self.texts):
            raise ValueError("give texts, a list of templates; pairs are for higher and lower")
        return self


class _File(_Section):
    test: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["invariance", "expectation"]
    what: str
    language: str = "en"
    fillers: dict[str, tuple[str, ...]] = {}
    cases: tuple[_Cases, ...] = Field(min_length=1)


def shipped() -> Path:
    """Returns the directory of the cases that newsurge ships."""
    return Path(str(resources.files("training.behaviour"))) / "cases"


def load_tests(*directories: Path) -> tuple[BehaviourTest, ...]:
    """Reads every `*.yaml` of the directories; files of one test and language add up.

    Raises:
        BehaviourError: one line for each fault, with file, line, column and how to mend it.
    """
    parts: dict[tuple[str, str], list[BehaviourTest]] = {}
    for file in _files(directories):
        each = _load(file)
        parts.setdefault((each.name, each.language), []).append(each)
    tests: list[BehaviourTest] = []
    kinds: dict[str, set[str]] = {}
    for (name, language), same in parts.items():
        groups = tuple(each for part in same for each in part.groups)
        about = tuple(each for part in same for each in part.claims)
        kinds.setdefault(name, set()).add("invariance" if groups else "expectation")
        if len(kinds[name]) > 1 or (groups and about):
            raise BehaviourError(
                f"behaviour test {name!r} is of kind invariance in one file and expectation in "
                "another; give one of them another name"
            )
        tests.append(BehaviourTest(name, same[0].what, language, groups, about))
    return tuple(tests)


def digest_of(tests: Iterable[BehaviourTest]) -> str:
    """Returns the SHA-256 of what the tests ask, whatever the files look like.

    Only numbers of the same digest may be compared.
    """
    whole = hashlib.sha256()
    for test in sorted(tests, key=lambda each: (each.name, each.language)):
        whole.update(repr(test).encode())
    return whole.hexdigest()


def _files(directories: Sequence[Path]) -> Iterator[Path]:
    for directory in dict.fromkeys(each.resolve() for each in directories):
        found = sorted(directory.glob("*.yaml"))
        if not found:
            raise BehaviourError(
                f"{directory}: no behaviour tests (*.yaml) there; check the path, or see "
                "training/behaviour/cases for what they look like"
            )
        yield from found


def _load(file: Path) -> BehaviourTest:
    written = read_yaml_file(file, BehaviourError)
    try:
        read = _File.model_validate(written.content)
    except ValidationError as error:
        raise BehaviourError(written.faults(error)) from None
    faults = [written.told(place, message) for place, message in _misfits(read)]
    if faults:
        raise BehaviourError("\n".join(faults))
    return BehaviourTest(
        read.test, read.what, read.language, tuple(_groups(read)), tuple(_claims(read))
    )


def _misfits(read: _File) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What no single key can tell: slots without fillers, swaps of nothing, the wrong kind."""
    for name, values in read.fillers.items():
        if not values or (len(values) < 2 and any(c.swap == name for c in read.cases)):
            yield ("fillers", name), "a slot needs fillers, and two or more to be swapped; add some"
    for index, cases in enumerate(read.cases):
        if (read.kind == "invariance") != (cases.swap is not None):
            wanted = "swap" if read.kind == "invariance" else "expect"
            yield ("cases", index), f"the file's kind is {read.kind}, so give {wanted} here"
        if cases.swap in RESERVED:
            yield ("cases", index, "swap"), f"{cases.swap!r} names a number; choose another name"
        for place, template in cases.templates:
            at, named = ("cases", index, *place), slots(template)
            for slot in named:
                if slot not in read.fillers:
                    yield at, f"{{{slot}}} has no fillers; add fillers.{slot}"
            if cases.swap not in (None, CASE, *named):
                yield at, f"has no slot {{{cases.swap}}} to swap; add it"


def _groups(read: _File) -> Iterator[Group]:
    turn = 0
    for cases in read.cases:
        for template in cases.texts if cases.swap is not None else ():
            yield group(template, str(cases.swap), read.fillers, turn)
            turn += 1


def _claims(read: _File) -> Iterator[Claim]:
    turn = 0
    for cases in read.cases:
        if cases.expect is None:
            continue
        alone: list[tuple[str | None, str]] = [(None, text) for text in cases.texts]
        for base, text in [*alone, *cases.pairs]:
            yield from claims(text, base, cases.expect, read.fillers, turn)
            turn += 1
