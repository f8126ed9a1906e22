"""The whole data half: feeds in, parts and one report out; the frozen holdout stays frozen."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from tests.training.toy_world import headlines, toy_recipe, write_csv
from training import frozen as freezing
from training.data_tables import data_tables
from training.feeds import Row
from training.gathering import Gathered, as_json, gather
from training.recipe import Recipe

Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
FIXTURES = Path(__file__).parent / "fixtures"


def world(**changes: Any) -> Recipe:
    feed = {
        "name": "desk",
        "source": "invented",
        "license": "MIT",
        "file": "desk.csv",
        "topic": {"column": "topic"},
        "sentiment": {"column": "sentiment"},
    }
    return Recipe.model_validate({**toy_recipe(), "feeds": [feed], "holdouts": [], **changes})


def write(folder: Path, change: Change = lambda rows: rows) -> None:
    rows = [{"text": t, "topic": topic, "sentiment": s} for t, topic, s in headlines()]
    write_csv(folder / "desk.csv", change(rows))


def keys(rows: list[Row]) -> set[str]:
    return {row.key for row in rows}


def frozen(folder: Path, **changes: Any) -> tuple[Recipe, Gathered]:
    """A first training with a holdout of its own, written down."""
    recipe = world(holdout_share=0.2, **changes)
    write(folder)
    first = gather(recipe, folder)
    assert first.is_new
    assert first.frozen is not None
    freezing.save(first.frozen, freezing.place_of(recipe, folder))
    return recipe, first


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    write(tmp_path, lambda rows: [*rows, rows[0], {**rows[1], "text": ""}])
    got = gather(world(holdout_share=0.1), tmp_path)
    (report,) = got.report.feeds
    assert report.read == report.kept + report.held_out + sum(report.dropped.values())
    assert report.kept == len(got.train) + len(got.dev)
    assert report.held_out == len(got.holdout)
    assert report.dropped == {"duplicate": 1, "empty text": 1}
    assert sum(c.train + c.dev + c.holdout for c in got.report.classes) == 2 * (report.read - 2)
    json.dumps(as_json(got.report))


def test_the_order_of_rows_in_the_file_changes_nothing(tmp_path: Path) -> None:
    recipe = world(holdout_share=0.1)
    write(tmp_path)
    plain = gather(recipe, tmp_path)
    write(tmp_path, lambda rows: random.Random(5).sample(rows, len(rows)))
    shuffled = gather(recipe, tmp_path)
    for one, other in (
        (plain.train, shuffled.train),
        (plain.dev, shuffled.dev),
        (plain.holdout, shuffled.holdout),
    ):
        assert [row.text for row in one] == [row.text for row in other]
    assert plain.frozen == shuffled.frozen


def test_the_parts_are_drawn_by_a_seed_of_their_own(tmp_path: Path) -> None:
    write(tmp_path)
    hyper = world().hyper.model_dump()
    first, other_fit, other_parts = (
        gather(world(holdout_share=0.1, **changes), tmp_path)
        for changes in ({}, {"hyper": {**hyper, "seed": 8}}, {"split_seed": 8})
    )
    assert keys(other_fit.dev) == keys(first.dev)
    assert other_fit.frozen == first.frozen
    assert keys(other_parts.dev) != keys(first.dev)
    assert keys(other_parts.holdout) != keys(first.holdout)


def test_a_second_training_has_the_same_parts(tmp_path: Path) -> None:
    recipe, first = frozen(tmp_path)
    again = gather(recipe, tmp_path)
    assert not again.is_new
    assert keys(again.holdout) == keys(first.holdout)
    assert [row.key for row in again.train] == [row.key for row in first.train]
    assert [row.key for row in again.dev] == [row.key for row in first.dev]


def test_new_rows_leave_the_holdout_as_it_was_and_what_is_like_it_leaves(tmp_path: Path) -> None:
    recipe, first = frozen(tmp_path)
    copied = first.holdout[0]
    news = [
        {"text": f"{copied.text}, sources say", "topic": "Dividend", "sentiment": "neutral"},
        {"text": "An unlike sentence on weather", "topic": "Dividend", "sentiment": "neutral"},
    ]
    write(tmp_path, lambda rows: [*rows, *news])
    again = gather(recipe.model_copy(update={"hygiene": recipe.hygiene.model_copy(
        update={"near": 0.6})}), tmp_path)  # fmt: skip
    assert keys(again.holdout) == keys(first.holdout)
    learned = keys(again.train) | keys(again.dev)
    assert "an unlike sentence on weather" in learned
    assert f"{copied.key} sources say" not in learned
    assert again.report.holdouts[-1].near >= 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: None, "1 of 72 held-out texts are in no feed any more"),
        (lambda row: {**row, "sentiment": "neutral"}, "1 have other labels than when"),
    ],
)
def test_a_holdout_that_changed_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None], told: str
) -> None:
    recipe, first = frozen(tmp_path)
    victim = next(row for row in first.holdout if row.sentiment != 1).text

    def changed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = (change(row) if row["text"] == victim else row for row in rows)
        return [row for row in found if row is not None]

    write(tmp_path, changed)
    with pytest.raises(freezing.FrozenError, match=told) as caught:
        gather(recipe, tmp_path)
    assert "delete the file" in str(caught.value)


def test_a_held_out_text_that_is_contradicted_is_named(tmp_path: Path) -> None:
    recipe, first = frozen(tmp_path)
    victim = next(row for row in first.holdout if row.sentiment == 0)
    topic = next(t for t in recipe.topics if t != recipe.topics[victim.topic])
    more = {"text": victim.text.upper(), "topic": topic, "sentiment": "positive"}
    write(tmp_path, lambda rows: [*rows, more])
    with pytest.raises(freezing.FrozenError, match="1 have rows with conflicting") as caught:
        gather(recipe, tmp_path)
    assert victim.text.upper() in str(caught.value)
    assert "in no feed any more" not in str(caught.value)


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    recipe, _ = frozen(tmp_path)
    file = freezing.place_of(recipe, tmp_path)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["rows"].popitem()
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(freezing.FrozenError, match=r"so it was changed; restore it"):
        gather(recipe, tmp_path)
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(freezing.FrozenError, match="not the manifest of a holdout"):
        gather(recipe, tmp_path)


def test_the_manifest_holds_no_text(tmp_path: Path) -> None:
    recipe, first = frozen(tmp_path, holdout_file="kept.json")
    content = (tmp_path / "kept.json").read_text(encoding="utf-8")
    assert recipe.holdout_file == "kept.json"
    assert not any(row.key.split()[0] in content.lower() for row in first.holdout)


def test_classes_too_small_are_told_dropped_or_refused(tmp_path: Path) -> None:
    def rare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [row for row in rows if row["topic"] != "Dividend"]
        return [*found, {"text": "Oake halves its dividend", "topic": "Dividend", "sentiment": ""}]

    write(tmp_path, rare)
    kept = gather(world(), tmp_path)
    (note,) = kept.report.notes
    assert note.startswith("topic 'Dividend': 1 texts, too few to be split")
    assert "oake halves its dividend" in keys(kept.train)
    dropped = gather(world(hygiene={"small_classes": "drop"}), tmp_path)
    assert dropped.report.feeds[0].dropped["class too small to split"] == 1
    assert "oake halves its dividend" not in keys(dropped.train)
    with pytest.raises(FeedError, match="topic 'Dividend': 1 texts"):
        gather(world(hygiene={"small_classes": "refuse"}), tmp_path)


def test_a_head_without_a_label_is_told(tmp_path: Path) -> None:
    write(tmp_path, lambda rows: [{**row, "topic": ""} for row in rows])
    assert gather(world(), tmp_path).report.notes == [
        "topic: no text has a label, so it learns nothing and dev says nothing of it"
    ]


def test_where_nothing_is_left_it_is_told_why(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(FeedError, match=r"too few \(dropped: 378 also held out\); label more"):
        gather(world(holdouts=[{"file": "desk.csv"}]), tmp_path)


def test_chinese_from_file_to_split(tmp_path: Path) -> None:
    (tmp_path / "zh.csv").write_bytes((FIXTURES / "chinese.csv").read_bytes())
    (tmp_path / "held.csv").write_text("标题\n云雀沼零售同店销售-创三年新高\n", encoding="utf-8")
    classes = {"负面": "negative", "中性": "neutral", "正面": "positive"}
    feed = {
        "name": "desk", "source": "invented", "license": "MIT", "file": "zh.csv",
        "text_column": "标题", "time_column": "时间",
        "sentiment": {"column": "情绪", "classes": classes},
    }  # fmt: skip
    recipe = world(
        feeds=[feed],
        holdouts=[{"file": "held.csv", "text_column": "标题"}],
        hyper={"dev_share": 0.3},
    )
    got = gather(recipe, tmp_path)
    (report,) = got.report.feeds
    assert report.dropped == {"duplicate": 1, "near-duplicate of a held-out text": 1}
    assert report.noted["near-duplicate"] == 2
    assert [row.text[:4] for row in sorted(got.dev, key=lambda row: row.time or 0)] == [
        "羽桥科技",
        "石柳能源",
    ]
    assert len({row.group for row in got.train if "股价" in row.text}) == 1


def test_the_tables_show_all_of_it_and_obey_no_feed(tmp_path: Path) -> None:
    import io

    from rich.console import Console

    write(tmp_path, lambda rows: [*rows, {**rows[0], "text": "[red]\x1b[31mX", "topic": "\x1b[2J",
                                          "sentiment": "[bold]odd"}])  # fmt: skip
    got = gather(world(holdout_share=0.1), tmp_path)
    out = io.StringIO()
    Console(file=out, width=140).print(*data_tables(got.report))
    shown = out.getvalue()
    assert "\x1b" not in shown
    for part in ("1 dropped: unknown class", "held out for good", "frozen holdout", "Dividend"):
        assert part in shown
