"""The report: numbers and page of a bundle's answers; inert, self-contained, by its schema."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest
from click.testing import CliRunner

from monitor.errors import BundleError, FeedError
from monitor.model.bundle import CARD, META, Bundle, load_bundle
from monitor.model.text import normalise
from tests.model.tiny_bundle import TOPICS, tiny_bundle
from tests.training.toy_world import write_csv
from training import commands
from training.answers import answer
from training.behaviour.loading import load_tests, shipped
from training.feeds import Row
from training.report import content
from training.report.content import Report
from training.report.ending import ReportError, report_on, write, write_beside
from training.report.making import drift_between, evaluated, report
from training.report.page import page

DOCS = Path(__file__).parents[2] / "docs"
HOSTILE = '<script>alert(1)</script> "><img src=https://evil.test/x onerror=alert(1)> court ruling'
LABELLED = (
    ("bank deposits plunge", "Financials", "negative"),
    ("lender gains", "Financials", "positive"),
    ("oil refinery schedules drilling", "Energy and Oil", "neutral"),
    ("court fine fraud", "Earnings", "positive"),  # labelled wrongly
    (HOSTILE, "Macro", "negative"),  # wrongly, too: a mistake that is shown
)


class Seen(HTMLParser):
    """Every element that a browser would find, with its attributes; nesting must be whole."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny")


def rows() -> list[Row]:
    sides = ("negative", "neutral", "positive")
    return [
        Row(text, normalise(text), "wire", TOPICS.index(topic), sides.index(sentiment))
        for text, topic, sentiment in LABELLED
    ]


@pytest.fixture
def made(bundle: Bundle) -> Report:
    return report_on(bundle, {"dev": rows(), "none": []}, load_tests(shipped()))


def seen(made: Report) -> tuple[str, Seen]:
    text = page(made).decode()
    found = Seen()
    found.feed(text)
    assert found.open == []
    return text, found


def test_the_page_is_inert_whatever_a_text_holds(made: Report) -> None:
    text, found = seen(made)
    assert not {"script", "img", "iframe", "link", "object", "form"} & set(found.tags)
    names = {name for name, _ in found.attributes}
    assert not {"src", "style", "srcset", "action"} & names
    assert not [name for name in names if name.startswith("on")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text  # it is shown, as text
    assert all((value or "").startswith("#") for name, value in found.attributes if name == "href")


def test_a_class_name_is_escaped_too(bundle: Bundle) -> None:
    found = evaluated(bundle, "<b>set</b>", answer(bundle, rows()))
    text, parsed = seen(report(bundle, [found]))
    assert "<b>set" not in text
    assert "&lt;b&gt;set&lt;/b&gt;" in text
    assert "script" not in parsed.tags


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(made: Report) -> None:
    text, found = seen(made)
    css = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in found.attributes
    assert "url(" not in css[1]
    assert "@import" not in css[1]
    assert "prefers-color-scheme: dark" in css[1]


def test_every_link_leads_to_a_place_on_the_page(made: Report) -> None:
    _, found = seen(made)
    places = {value for name, value in found.attributes if name == "id"}
    links = {(value or "")[1:] for name, value in found.attributes if name == "href"}
    assert links <= places
    assert {"set-0-topic", "set-0-sentiment", "behaviour", "method"} <= links


def test_the_page_shows_the_numbers_of_the_json(made: Report) -> None:
    text, _ = seen(made)
    for head in made.sets[0].heads:
        assert f"{head.numbers.macro.f1.value:.3f}" in text
        assert f"ECE {head.after.ece:.4f}" in text
    assert [m.truth for m in made.sets[0].heads[0].mistakes][:1] != []


def test_the_report_obeys_the_documented_schema(made: Report) -> None:
    documented = (DOCS / "schemas" / content.SCHEMA_FILE).read_bytes()
    assert documented == content.schema(), "run: python -m training.report.content docs/schemas"
    schema = msgspec.json.decode(documented)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(msgspec.json.decode(content.encode(made)), schema)
    assert msgspec.json.decode(content.encode(made), type=Report) == made


def test_the_numbers_are_of_the_answers(bundle: Bundle) -> None:
    found = evaluated(bundle, "set", answer(bundle, rows()), dropped={"duplicate": 2})
    topic, sentiment = found.heads
    assert topic.numbers.accuracy.value == 0.6
    assert sentiment.numbers.accuracy.value == 0.6
    assert {each.text for each in topic.mistakes} == {"court fine fraud", HOSTILE}
    assert found.dropped == {"duplicate": 2}


def test_a_head_without_labels_is_left_out(bundle: Bundle) -> None:
    only = [Row("oil gains", "oil gains", "wire", sentiment=2)]
    found = evaluated(bundle, "set", answer(bundle, only))
    assert [head.head for head in found.heads] == ["sentiment"]
    assert (
        "Topic" not in seen(report(bundle, [found]))[0].split("<main>")[1].split("Method")[0][:400]
    )


def test_the_behaviour_is_kept_in_the_bundle(bundle: Bundle, made: Report) -> None:
    kept = load_bundle(bundle.path).meta.metrics
    assert kept["behaviour"].keys() == {each.test for each in made.behaviour}
    assert kept["behaviour"]["entity_swap"]["flip_rate"] == 0
    assert kept["behaviour_sha256"] == made.behaviour_sha256
    assert "## Behaviour" in (bundle.path / CARD).read_text(encoding="utf-8")


def test_drift_holds_recent_news_against_the_rows(bundle: Bundle, tmp_path: Path) -> None:
    recent = tmp_path / "recent.jsonl"
    titles = ["tariff ruling today", "tariff court ruling", "<i>tariff</i> probe"] * 20
    lines = [msgspec.json.encode({"title": title}) for title in titles]
    recent.write_bytes(b"\n".join([*lines, b"not json"]))
    found = drift_between(bundle, "rows", answer(bundle, rows()), recent)
    assert found.recent.texts == len(titles)
    assert found.recent.unknown > 0.3
    assert "tariff" in found.new_words
    now = {each.name: each.now for each in found.shares}
    assert now["Legal and Regulation"] == 1.0
    assert found.classes["topic"].value > found.classes["topic"].by_chance
    assert "tokens the model does not know" in seen(report(bundle, [], drift=found))[0]
    recent.write_bytes(b"not json\n")
    with pytest.raises(FeedError, match="holds no news that could be scored"):
        drift_between(bundle, "rows", answer(bundle, rows()), recent)


def test_the_files_lie_beside_the_bundle(bundle: Bundle, made: Report) -> None:
    html = write_beside(bundle.path, made)
    assert html.name == "tiny.report.html"
    assert html.read_bytes() == page(made)
    assert msgspec.json.decode(html.with_suffix(".json").read_bytes(), type=Report) == made
    assert load_bundle(bundle.path)  # the bundle itself is as whole as before


def test_a_report_that_cannot_be_written_is_told(made: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ReportError, match=r"can't be written .*; name another file"):
        write(made, tmp_path / "file" / "report.html", None)


def test_the_command_writes_what_it_is_asked_for(bundle: Bundle, tmp_path: Path) -> None:
    write_csv(
        tmp_path / "desk.csv",
        [{"text": text, "topic": topic, "sentiment": s} for text, topic, s in LABELLED],
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(
        "test: own\nkind: expectation\nwhat: ours\ncases:\n"
        "  - expect: negative\n    texts: [Lender in fraud probe]\n",
        encoding="utf-8",
    )
    (tmp_path / "recent.csv").write_text("title\noil wins\nbank run\n", encoding="utf-8")
    options = {
        "--topic-column": "topic",
        "--sentiment-column": "sentiment",
        "--report": str(tmp_path / "out" / "r.html"),
        "--json": str(tmp_path / "out" / "r.json"),
        "--behaviour": str(tmp_path / "own"),
        "--against": str(tmp_path / "recent.csv"),
        "--record": "desk",
    }
    arguments = [str(bundle.path), str(tmp_path / "desk.csv")]
    flags = [part for option in options.items() for part in option]
    done = CliRunner().invoke(commands.evaluate, [*arguments, *flags])
    assert done.exit_code == 0, done.output
    assert "entity_swap" in done.output
    saved = msgspec.json.decode((tmp_path / "out" / "r.json").read_bytes(), type=Report)
    assert [each.name for each in saved.sets] == ["desk.csv"]
    assert saved.drift is not None
    assert next(each for each in saved.behaviour if each.test == "own").pass_rate == 1.0
    assert b"desk.csv" in (tmp_path / "out" / "r.html").read_bytes()
    kept = load_bundle(bundle.path).meta.metrics
    assert kept["behaviour"]["own"]["pass_rate"] == 1.0
    assert kept["evaluations"]["desk"]["topic"]["accuracy"] == 0.6
    (bundle.path / META).chmod(0o444)  # as a registry holds it
    held = CliRunner().invoke(commands.evaluate, [*arguments, *flags])
    assert isinstance(held.exception, BundleError)
    assert "is read-only, as every bundle in a registry is" in str(held.exception)
    alone = CliRunner().invoke(
        commands.evaluate, [*arguments, "--topic-column", "topic", "--against", "recent.csv"]
    )
    assert alone.exit_code == 2
    assert "give --report or --json too" in alone.output
