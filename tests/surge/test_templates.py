"""Labels and annotations as templates: what they tell, what they may not hold, how they fail."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.records import AlertEvent, Series, Story, WindowStatistics
from monitor.surge.template_check import check_template
from monitor.surge.templates import MAX_CHARACTERS, render, rendered
from tests.surge.log import NEUTRAL, Desk, rule

EVENT = AlertEvent(
    id="a",
    rule="Bad",
    rule_hash="h",
    series=Series("topic", "oil & gas"),
    state="firing",
    severity="critical",
    started_at=1_772_460_240_000,
    fired_at=1_772_460_300_000,
    window=WindowStatistics(7200.0, 1_772_460_300_000, 31, 27, 14, 11, 0.7857, -0.62),
    stories=(
        Story("1", "{{ 7 * 7 }} <b>halts</b>", 1_772_460_130_000, 0.97, 6, "Harbour Wire"),
        Story("2", "Regulator visits Norland", 1_772_460_140_000, 0.91, 0),
    ),
    model="m",
    factor=4.44,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain, with { and } and 50%", "plain, with { and } and 50%"),
        ("{{ series }}: {{ series.key|upper }}", "topic=oil & gas: OIL & GAS"),
        ("{{ window.negative_share|percent }}", "79%"),
        ("{{ window.negative_share|percent(1) }}", "78.6%"),
        ("{{ window.length_seconds|duration }}", "2h"),
        ("{{ ((fired_at - started_at) / 1000)|duration }}", "1m"),
        ("{{ fired_at|time }}", "2026-03-02 14:05 UTC"),
        ("{{ fired_at|time('America/New_York') }}", "2026-03-02 09:05 EST"),
        ("{{ factor|round(1) }} times", "4.4 times"),
        ("{{ stories[0].title }}", "{{ 7 * 7 }} <b>halts</b>"),
        ("{% for s in stories %}{{ loop.index }}:{{ s.source or '?' }} {% endfor %}",
         "1:Harbour Wire 2:? "),
        ("{% if severity == 'critical' %}!{% else %}.{% endif %}", "!"),
        ("{{ stories|length }} {# not told #}", "2 "),
        ("{{ 'calm' if window.mean_score > 0 else 'sour' }}", "sour"),
    ],
)  # fmt: skip
def test_what_a_template_tells(text: str, told: str) -> None:
    assert render(text, EVENT) == told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ ''.__class__.__mro__ }}", "can't be rendered|no field"),
        ("{{ series.__class__ }}", "series has no field '__class__'"),
        ("{{ (series.key|upper).__class__ }}", "can't be rendered|may not have"),
        ("{{ stories.__len__() }}", "can't hold a call"),
        ("{{ range(9) }}", "can't hold a call"),
        ("{{ 'a' * 1000000000 }}", "numbers; join texts"),
        ("{{ 9 ** 9 ** 9 }}", "can't hold '**'"),
        ("{{ '%999999999d' % 1 }}", "can't hold '%'"),
        ("{% set a = 1 %}", "can't hold a set"),
        ("{% macro a() %}{% endmacro %}", "can't hold a macro"),
        ("{% include 'a' %}", "can't hold an include"),
        ("{% for a in stories %}{% for b in stories %}{% endfor %}{% endfor %}", "no other for"),
        ("{{ config }}", "no field 'config'"),
        ("{{ labels }}", "no field 'labels'"),
        ("{{ strength }}", "has no strength"),
        ("{{ fired_at / 0 }}", "division"),
        ("{{ series.key|pprint }}", "no filter 'pprint'"),
        ("{{ series.key is callable }}", "no test 'callable'"),
        ("{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "nested too deeply"),
        ("{{ '" + "x" * MAX_CHARACTERS + "' }}", "1,008 characters"),
        ("{% if severity %}", "{% if %} has no {% endif %}"),
        ("{% mail %}", "no {% mail %} here; there are if and for"),
        ("{{ series.key 5 }}", "'integer' can't stand there|'5' can't stand there"),
    ],
)  # fmt: skip
def test_what_a_template_may_not_hold(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="|".join(map(_literal, says.split("|")))):
        check_template(text, "threshold")
    assert len(rendered({"a": text}, EVENT)[0]["a"]) <= MAX_CHARACTERS


def _literal(text: str) -> str:
    return "".join(f"[{each}]" if each in "{}()%*" else each for each in text)


@pytest.mark.parametrize(
    ("rule_type", "text", "usable"),
    [
        ("surge", "{{ factor }} {{ baseline.expected_negative }}", True),
        ("surge", "{{ strength }}", False),  # what resolves has none
        ("surge", "{% if strength %}{{ strength }}{% endif %}", True),
        ("threshold", "{{ factor }}", False),
        ("threshold", "{{ resolved_at|time }}", False),
        ("threshold", "{% if resolved_at %}{{ resolved_at|time }}{% endif %}", True),
        ("absent", "{{ stories[0].title }}", False),
        ("dead_man", "{{ window.raw_count }} items", True),
    ],
)
def test_a_template_is_tried_on_what_the_rule_tells(
    rule_type: str, text: str, usable: bool
) -> None:
    if usable:
        check_template(text, rule_type)
    else:
        with pytest.raises(ValueError, match=r"has no (strength|factor|resolved_at|stories)"):
            check_template(text, rule_type)


@given(st.text(max_size=200))
def test_headlines_are_data(title: str) -> None:
    story = msgspec.structs.replace(EVENT.stories[1], title=title)
    event = msgspec.structs.replace(EVENT, stories=(story,))
    assert render("{{ stories[0].title }}", event) == title


def test_a_long_text_is_cut() -> None:
    long = msgspec.structs.replace(EVENT.stories[1], title="x" * 500)
    event = msgspec.structs.replace(EVENT, stories=(long,) * 9)
    told = render("{% for s in stories %}{{ s.title }}{% endfor %}", event)
    assert told == "x" * (MAX_CHARACTERS - 1) + "…"


def test_what_fails_on_an_alert_is_named_and_the_rest_is_told() -> None:
    desk = Desk(
        rule(
            "count >= 1",
            labels={"key": "{{ series.key }}", "first": "{{ stories[0].title }}"},
            annotations={"summary": "{{ window.raw_count }} items", "bad": "{{ factor }}"},
        )
    )
    (event,) = desk.news(1, "calm", NEUTRAL)
    assert event.labels == {"key": "banking", "first": "{{ stories[0].title }}"}
    assert event.annotations == {"summary": "1 items", "bad": "{{ factor }}"}
    assert event.unrendered == ("labels.first", "annotations.bad")
