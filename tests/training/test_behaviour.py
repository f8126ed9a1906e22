"""Behaviour tests: templates become texts, faults have their line, rates are what they say."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.model.tiny_bundle import tiny_bundle
from training.behaviour.judging import Judged, as_metrics, judge, judged
from training.behaviour.loading import BehaviourError, digest_of, load_tests, shipped
from training.behaviour.running import run
from training.behaviour.templates import BehaviourTest, Claim, Group, claims, group

ROOT = Path(__file__).parents[2]
FILLERS = {"company": ("Oake", "Tarn", "Quill"), "city": ("Rome", "Oslo")}
DESK = """\
test: desk
kind: invariance
what: ours
fillers:
  company: [Oake, Tarn]
cases:
  - swap: company
    texts: ["{company} falls"]
"""


def said(**scores: float) -> dict[str, Judged]:
    def name(score: float) -> str:
        return "negative" if score < -0.3 else "positive" if score > 0.3 else "neutral"

    return {text: Judged(name(score), score) for text, score in scores.items()}


def test_a_swap_changes_one_slot_and_holds_the_others_still() -> None:
    made = group("{company} in {city}: {company} falls", "company", FILLERS, turn=1)
    assert made.variants == tuple(f"{c} in Oslo: {c} falls" for c in FILLERS["company"])


def test_a_swap_of_case_changes_the_writing_alone() -> None:
    made = group("{company} falls", "case", FILLERS, turn=0)
    assert made.variants == ("Oake falls", "OAKE FALLS", "oake falls", "Oake Falls")


def test_a_claim_and_its_base_have_the_same_fillers() -> None:
    made = claims("{company} does not fall", "{company} falls", "higher", FILLERS, turn=0)
    assert made[1] == Claim("Tarn does not fall", "higher", "Tarn falls")
    assert len(claims("All fall", None, "negative", FILLERS, turn=5)) == 1


def test_flips_and_shifts_are_shares_of_pairs_by_hand() -> None:
    test = BehaviourTest(
        "swap", "", "en", groups=(Group("a", "", ("x", "y", "z")), Group("b", "", ("v", "w")))
    )
    outcome = judge(test, said(x=0.9, y=0.5, z=0.1, v=-0.5, w=-0.5))
    # x|y alike, x|z and y|z flip; the second template doesn't: (2/3 + 0) / 2.
    assert outcome.swapped is not None
    assert outcome.swapped.flip_rate == pytest.approx(1 / 3, abs=1e-4)
    assert outcome.swapped.mean_shift == pytest.approx((0.4 + 0.8 + 0.4) / 3 / 2, abs=1e-4)
    assert outcome.by_swap["b"].flip_rate == 0
    assert [(f.against, f.text) for f in outcome.failures] == [("x", "z")]
    assert as_metrics([outcome])["swap"]["a"]["flip_rate"] == pytest.approx(2 / 3, abs=1e-4)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6))
def test_a_model_that_says_one_thing_never_flips(scores: list[float]) -> None:
    texts = tuple(str(index) for index in range(len(scores)))
    answers = {text: Judged("neutral", score) for text, score in zip(texts, scores, strict=True)}
    outcome = judge(BehaviourTest("t", "", "en", groups=(Group("a", "", texts),)), answers)
    assert outcome.swapped is not None
    assert outcome.swapped.flip_rate == 0
    assert 0 <= outcome.swapped.mean_shift <= 2
    assert outcome.failures == ()


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (Claim("bad", "negative"), True),
        (Claim("good", "negative"), False),
        (Claim("good", "not negative"), True),
        (Claim("bad", "not negative"), False),
        (Claim("good", "higher", "bad"), True),
        (Claim("bad", "lower", "good"), True),
        (Claim("good", "higher", "nearly"), False),  # by less than the margin
    ],
)
def test_what_is_expected(claim: Claim, holds: bool) -> None:
    answers = said(bad=-0.8, good=0.8, nearly=0.75)
    outcome = judge(BehaviourTest("t", "", "en", claims=(claim,)), answers)
    assert outcome.pass_rate == float(holds)
    assert [failure.text for failure in outcome.failures] == ([] if holds else [claim.text])
    assert as_metrics([outcome])["t"]["fail_rate"] == 1 - float(holds)


def test_the_shipped_tests_are_those_of_the_issue_and_fill_every_slot() -> None:
    tests = {test.name: test for test in load_tests(shipped())}
    assert tests.keys() == {
        "beats_misses", "casing", "entity_swap", "loss_narrowed", "negation", "number_scaling",
        "risk_words",
    }  # fmt: skip
    swaps = {group.swap for group in tests["entity_swap"].groups}
    assert swaps == {"company", "ticker", "person", "country"}
    assert not [text for test in tests.values() for text in test.texts if set(text) & set("{}")]
    assert all(len(group.variants) > 1 for test in tests.values() for group in test.groups)


def test_a_desk_adds_files_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "more.yaml").write_text(DESK.replace("falls", "rises"), encoding="utf-8")
    tests = load_tests(shipped(), tmp_path)
    ours = next(test for test in tests if test.name == "desk")
    assert ours.texts == ("Oake falls", "Tarn falls", "Oake rises", "Tarn rises")
    assert digest_of(tests) != digest_of(load_tests(shipped()))
    assert digest_of(tests) == digest_of(reversed(tests))


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("kind: invariance", "kind: guess", 2, "kind: must be 'invariance' or 'expectation'"),
        ("what: ours", "why: ours", 3, "why: there is no such key"),
        ("[Oake, Tarn]", "[Oake]", 5, "a slot needs fillers, and two or more"),
        ("[Oake, Tarn]", "[Oake, 7]", 5, "must be text; put it in quotes"),
        ("swap: company", "swap: ticker", 8, "has no slot {ticker} to swap; add it"),
        ("swap: company", "swap: cases", 7, "'cases' names a number"),
        ("swap: company", "expect: negative", 7, "kind is invariance, so give swap"),
        ("swap: company", "expect: bad", 7, "must be 'negative', 'neutral'"),
        ("swap: company", "expect: higher", 7, "give pairs, [base, text] each"),
        ("{company} falls", "{company} in {city}", 8, "{city} has no fillers; add fillers.city"),
        ("kind: invariance", "kind: [", 4, "not valid YAML"),
    ],
)
def test_a_fault_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(DESK.replace(old, new), encoding="utf-8")
    with pytest.raises(BehaviourError) as raised:
        load_tests(tmp_path)
    assert any(
        each.startswith(f"{file}:{line}:") and told in each
        for each in str(raised.value).splitlines()
    ), str(raised.value)


def test_the_documented_files_can_be_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "TRAINING.md").read_text(encoding="utf-8")
    section = text.split("### Behaviour tests")[1].split("\n## ")[0]
    examples = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    for index, example in enumerate(examples):
        (tmp_path / f"{index}.yaml").write_text(example, encoding="utf-8")
    assert [test.name for test in load_tests(tmp_path)] == ["entity_swap", "covenants"]
    for test in load_tests(shipped()):
        assert f"| `{test.name}` |" in section


def test_a_directory_without_tests_is_told(tmp_path: Path) -> None:
    with pytest.raises(BehaviourError, match=r"no behaviour tests \(\*\.yaml\) there"):
        load_tests(tmp_path)


def test_one_name_of_two_kinds_is_refused(tmp_path: Path) -> None:
    other = yaml.safe_load(DESK) | {"kind": "expectation"}
    other["cases"] = [{"expect": "negative", "texts": ["{company} falls"]}]
    (tmp_path / "a.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    with pytest.raises(BehaviourError, match="give one of them another name"):
        load_tests(tmp_path)


def test_one_name_of_two_kinds_in_two_languages_is_refused_too(tmp_path: Path) -> None:
    other = yaml.safe_load(DESK) | {"kind": "expectation", "language": "zh"}
    other["cases"] = [{"expect": "negative", "texts": ["{company} falls"]}]
    (tmp_path / "a.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    with pytest.raises(BehaviourError, match="give one of them another name"):
        load_tests(tmp_path)


def test_judgements_are_read_in_the_order_of_the_classes() -> None:
    found = judged(np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), ["a", "b"])
    assert found == {"a": Judged("negative", -0.6), "b": Judged("positive", 0.6)}


def test_a_bundle_is_judged_as_served_and_only_in_its_languages(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    test = BehaviourTest(
        "t", "", "en", claims=(Claim("profit beats", "positive"), Claim("bank fraud", "positive"))
    )
    (outcome,) = run(bundle, [test, BehaviourTest("fr", "", "fr", claims=test.claims)])
    assert (outcome.test, outcome.pass_rate) == ("t", 0.5)
    assert outcome.failures[0].text == "bank fraud"
    assert outcome.failures[0].said.sentiment == "negative"


def test_a_test_in_two_languages_of_a_bundle_is_one_test(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    meta = msgspec.structs.replace(bundle.meta, languages=("en", "zh"))
    right, wrong = Claim("profit beats", "positive"), Claim("bank fraud", "positive")
    tests = [
        BehaviourTest("t", "", language, claims=(claim,))
        for language, claim in (("en", wrong), ("zh", right), ("fr", wrong))
    ]
    (outcome,) = run(msgspec.structs.replace(bundle, meta=meta), tests)
    assert (outcome.cases, outcome.pass_rate, outcome.failed) == (2, 0.5, 1)
