"""A desk's whole round on the toy: train, report, gate, promote under load, roll back.

Every command is a process of its own, as at a desk, beside a daemon that never stops. What comes
out is counted record by record, and each is held against the judgement of the model it names.
"""

from __future__ import annotations

import asyncio
import copy
import csv
import itertools
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

pytest.importorskip("nncf", reason="needs nncf, torch and more: pip install 'newsurge[train]'")

from monitor.model.bundle import ONNX, Bundle, load_bundle
from monitor.model.judge import Judgement, load_judge
from monitor.model.promotion_log import read_log
from monitor.model.registry import load_version, serving_version
from monitor.records import ModelChange, NewsItem, Origin, ScoredRecord
from monitor.settings import Settings
from monitor.streams.dead_letters import decode_dead_letter
from monitor.streams.reading import read_all
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, alerts, running
from tests.integration.swapping import in_turn, log_of, models_of, swaps, under_load, until
from tests.training.desk import write_gate
from training import toy
from training.hygiene import LEAK
from training.promotion_commands import REFUSED
from training.report.content import Report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]  # slow: it trains three times

NEWSURGE = Path(sys.executable).with_name("newsurge")
ROWS = toy.rows()
DESK = ROWS[140:]  # labelled by the desk, and kept for judging
MUDDLED = {"negative": "positive", "neutral": "neutral", "positive": "negative"}
# What each recipe has of its own; the last one reads the labels the wrong way round.
RECIPES: dict[str, dict[str, Any]] = {
    "short": {"hyper": {"epochs": 3}},
    "long": {"hyper": {"epochs": 8, "seed": 11}},
    "muddled": {"hyper": {"epochs": 4}, "sentiment": {"classes": MUDDLED}},
}
# A few dozen rows show little, and the toy's probabilities mean little.
LIMITS: dict[str, Any] = {
    "min_rows": 50, "max_loss": 0.1, "max_ece": 0.5, "min_class_f1": 0.2,
    "min_macro_f1": {"topic": 0.3, "sentiment": 0.5},
}  # fmt: skip
RULES = """\
rules:
  - {alert: Dividends, type: threshold, by: topic, match: {key: Dividend}, window: 1h,
     counting: raw, when: count >= 20}
"""
REPORT = msgspec.json.Decoder(Report)
ONE_IN_SPOILT = 25


def newsurge(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [str(NEWSURGE), *map(str, words)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


async def beside(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command while the daemon runs on."""
    return await asyncio.to_thread(newsurge, *words)


def write_rows(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_recipes(directory: Path) -> None:
    """The toy's recipe, once for each of `RECIPES`, with the desk's rows kept out of it."""
    told = yaml.safe_load(toy.make(directory).read_text(encoding="utf-8"))
    for version, own in RECIPES.items():
        recipe = copy.deepcopy(told)
        recipe |= {"version": version, "holdouts": [{"file": "desk.csv"}]}
        recipe["hyper"] |= own["hyper"]
        recipe["feeds"][0]["sentiment"] |= own.get("sentiment", {})
        (directory / f"{version}.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """The bundles, each as `newsurge train` made it."""
    data = tmp_path_factory.mktemp("desk")
    write_rows(data / "desk.csv", DESK)
    write_recipes(data)
    made = {}
    for version in RECIPES:
        out = data / "made" / version
        done = newsurge("train", data / f"{version}.yaml", "--data", data, "-o", out)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"{out}: bundle toy {version}\n")
        made[version] = load_bundle(out)
    return made


def test_each_training_ends_in_a_bundle_and_its_reports(trained: dict[str, Bundle]) -> None:
    for version, bundle in trained.items():
        (feed,) = bundle.meta.metrics["feeds"]
        assert feed["dropped"] == {LEAK: len(DESK)}
        assert feed["kept"] == len(ROWS) - len(DESK)
        made = REPORT.decode(bundle.path.with_name(f"{version}.report.json").read_bytes())
        assert (made.bundle.name, made.bundle.version) == ("toy", version)
        assert [each.name for each in made.sets] == ["dev"]
        for head in made.sets[0].heads:
            of_bundle = bundle.meta.metrics["dev"][head.head]
            assert head.numbers.macro.f1.value == of_bundle["macro_f1"]
        assert len(made.curves.macro_f1[0].points) == RECIPES[version]["hyper"]["epochs"]
        page = bundle.path.with_name(f"{version}.report.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert version in page


async def test_a_desk_promotes_into_a_running_daemon_and_rolls_back(
    embedded: Broker, deployment: Deployment, trained: dict[str, Bundle], tmp_path: Path
) -> None:
    registry, rules = tmp_path / "models", tmp_path / "alerts.yaml"
    write_gate(registry, write_rows(tmp_path / "desk.csv", DESK), **LIMITS)
    rules.write_text(RULES)
    damaged = damaged_copy(trained["long"], tmp_path / "damaged")
    settings = deployment(
        embedded,
        rules=rules,
        model={"registry": registry},
        score={"chunk_records": 20},
        log_level="error",
    )
    where = ("--registry", registry)
    first = newsurge("promote", trained["short"].path, *where)
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("promoted: short\n")

    swapped, refused = swaps("swapped"), swaps("refused")
    async with running(settings):
        async with under_load(settings, published, pause_seconds=0.1) as load:
            await accounted(settings, load.origins[:1])
            against = await beside("promote", trained["muddled"].path, *where)
            assert against.returncode == REFUSED, against.stderr
            assert against.stdout.endswith("REFUSED: muddled; short serves on\n")
            broken = await beside("promote", damaged, *where)
            assert broken.returncode == 1
            assert ONNX in broken.stderr
            assert serving_version(registry) == "short"

            better = await beside("promote", trained["long"].path, *where)
            assert better.returncode == 0, better.stdout + better.stderr
            assert better.stdout.endswith("promoted: long, after short\n")
            await until(lambda: swaps("swapped") >= swapped + 1)
            await load.more()
            back = await beside("rollback", *where, "--why", "the drill is over")
            assert back.returncode == 0, back.stderr
            await until(lambda: swaps("swapped") >= swapped + 2)
            await load.more()
        await accounted(settings, load.origins)
    assert (swaps("swapped"), swaps("refused")) == (swapped + 2, refused)

    await check_records(settings, load.origins)
    assert await alerts(settings)
    content = settings.model_dump(mode="json", exclude_none=True)
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(content))
    audit = await beside("audit", "--settings", tmp_path / "settings.yaml")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert " 0 still to be scored" in audit.stdout
    check_log(registry)


def damaged_copy(bundle: Bundle, place: Path) -> Path:
    """A bundle of which one byte of the network was changed on its way."""
    shutil.copytree(bundle.path, place)
    network = bytearray((place / ONNX).read_bytes())
    network[len(network) // 2] ^= 1
    (place / ONNX).write_bytes(network)
    return place


def is_spoilt(number: int) -> bool:
    return number % ONE_IN_SPOILT == 3


def published(number: int) -> bytes:
    """The toy's headlines, one after the other, as news; now and then one that is cut off."""
    title = ROWS[number % len(ROWS)]["text"]
    value = msgspec.json.encode(
        {"id": f"toy-{number}", "title": title, "entities": [title.split()[0]]}
    )
    return value[:-5] if is_spoilt(number) else value


async def check_records(settings: Settings, origins: list[Origin]) -> None:
    """Every record is scored once, or set aside once, and by the judgement of one model."""
    numbers = {origin: number for number, origin in enumerate(origins)}
    logs = [await log_of(settings, partition) for partition in range(2)]
    records = [one for one in itertools.chain(*logs) if isinstance(one, ScoredRecord)]
    scored = [one for one in records if one.by == "all"]
    assert Counter(one.origin for one in scored) == Counter(
        origin for origin, number in numbers.items() if not is_spoilt(number)
    )
    letters = [
        decode_dead_letter(one.value, one.headers)
        async for one in read_all(settings, "dead-letter")
    ]
    assert {letter.reason for letter in letters} == {"malformed_json"}
    assert Counter(Origin(one.partition, one.offset) for one in letters) == Counter(
        origin for origin, number in numbers.items() if is_spoilt(number)
    )

    turns = ["short", "long", "short"]
    assert models_of(records) == {0: turns, 1: turns}
    for log in logs:
        changes: list[ModelChange] = list(in_turn(log, "short"))
        assert [change.model for change in changes] == turns[1:]
    of_model = {version: judgements(settings, version) for version in set(turns)}
    for one in scored:
        number = numbers[one.origin]
        assert one.item.id == f"toy-{number}"
        expected = of_model[one.model][number % len(ROWS)]
        assert numbers_of(one) == pytest.approx(numbers_of(expected), abs=0.01)
    differ = [
        numbers_of(old) != pytest.approx(numbers_of(new), abs=0.02)
        for old, new in zip(of_model["short"], of_model["long"], strict=True)
    ]
    assert sum(differ) > len(ROWS) / 2  # so one model's record does not pass for the other's


def numbers_of(one: ScoredRecord | Judgement) -> tuple[float, ...]:
    return (one.topic_probability, one.sentiment.negative, one.sentiment.positive)


def judgements(settings: Settings, version: str) -> list[Judgement]:
    """What a version of the registry says of each of the toy's headlines."""
    assert settings.model.registry is not None
    judge = load_judge(load_version(settings.model.registry, version), settings)
    items = [NewsItem(id=row["text"], title=row["text"]) for row in ROWS]
    found = [one for one in judge.infer(judge.prepare(items)) if isinstance(one, Judgement)]
    assert len(found) == len(ROWS)
    return found


def check_log(registry: Path) -> None:
    """The promotion log tells all four acts and why, and its chain is whole."""
    entries = read_log(registry).entries
    assert [(entry.act, entry.version, entry.replaced) for entry in entries] == [
        ("promoted", "short", None),
        ("refused", "muddled", "short"),
        ("promoted", "long", "short"),
        ("rolled_back", "short", "long"),
    ]
    floors, muddled, better, back = entries
    assert floors.verdict is not None
    assert "no_champion" in {note["reason"] for note in floors.verdict["notes"]}
    assert muddled.verdict is not None
    assert {finding["reason"] for finding in muddled.verdict["against"]} >= {
        "worse",
        "macro_f1_floor",
    }
    assert better.verdict is not None
    assert better.verdict["against"] == []
    assert better.verdict["heads"]["topic"]["champion_macro_f1"] is not None
    assert [held.rows for held in better.holdouts] == [len(DESK)]
    assert back.why == "the drill is over"
    done = newsurge("models", "log", "--registry", registry)
    assert done.returncode == 0, done.stderr
    assert "4 entries, chain whole" in done.stdout
