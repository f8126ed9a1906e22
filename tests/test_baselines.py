"""Fitting a prior on files: what is read, what is refused, and what the command says."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from monitor.baselines import FitOptions, Fitted, fit_baseline
from monitor.errors import FeedError, NewsurgeError, PriorError
from monitor.history import reading
from monitor.history.counting import Counted, count_history
from monitor.history.reading import BadRow, open_history, read_history
from monitor.history.tables import Emitted
from monitor.model.bundle import STARTER, load_bundle
from monitor.prior_file import SHIPPED, encode_prior, load_prior, write_prior
from monitor.records import Mark, ScoredRecord, Series, encode
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.surge.baseline import Counts
from monitor.surge.prior import FLAT, Prior, decode_prior
from monitor.watch_plan import statistics_of
from tests.surge.log import BANKING, DAY, MINUTE, NEGATIVE, POSITIVE, minute, record

NEWSURGE = Path(sys.executable).with_name("newsurge")
HEADER = ("event_time", "topic", "negative")
HOUR = 60
SETTINGS = Settings()
BANK = Series("topic", "bank")
ALL = Series("all", "all")


def table(path: Path, rows: Iterable[tuple[Any, ...]], header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def read(*paths: Path, watchlist: Watchlist | None = None) -> tuple[list[ScoredRecord], list[str]]:
    bad: list[BadRow] = []
    emitted = Emitted(SETTINGS.score, watchlist or Watchlist({}))
    records = list(read_history(open_history(paths), emitted, bad.append))
    return records, [f"{row.line}: {row.reason}" for row in bad]


def counted(*paths: Path) -> Counted:
    records, _ = read(*paths)
    stories = open_history(paths).tells_stories
    return count_history(records, statistics_of(SETTINGS.watch), tells_stories=stories)


def history(path: Path, days: int = 30, every: int = 45) -> Path:
    """A bank's news, one story each `every` minutes and every other negative, for some days."""
    rows = [(minute(at), "bank", (at // every) % 2) for at in range(0, days * 24 * HOUR, every)]
    return table(path, rows)


def test_a_row_feeds_its_topic_its_entities_and_all(tmp_path: Path) -> None:
    header = (*HEADER, "topic_probability", "entities")
    rows = [
        ("2024-03-04T00:01:00Z", "bank", "0.9", "0.8", "Larkfield;Harrow"),
        (str(minute(2)), "bank", "0.1", "0.2", ""),
        ("2024-03-04T03:03:00+03:00", "", "0.1", "", "Larkfield"),
    ]
    records, bad = read(table(tmp_path / "a.csv", rows, header))
    assert bad == []
    assert [str(one.series) for one in records] == [
        "topic=bank", "entity=Larkfield", "entity=Harrow", "all=all",
        "topic=none", "all=all",
        "topic=none", "entity=Larkfield", "all=all",
    ]  # fmt: skip
    assert sorted({one.event_time for one in records}) == [minute(1), minute(2), minute(3)]


def test_with_a_watchlist_only_its_names_are_series(tmp_path: Path) -> None:
    rows = [(minute(1), "bank", "0.9", "Larkfield|Harrow")]
    path = table(tmp_path / "a.csv", rows, (*HEADER, "entities"))
    records, _ = read(path, watchlist=Watchlist({"larkfield": "LKFB"}))
    assert [one.key for one in records if one.by == "entity"] == ["LKFB"]
    rows = [(minute(1), "bank", "0.9", "Run on Larkfield branches")]
    path = table(tmp_path / "b.csv", rows, (*HEADER, "title"))
    records, _ = read(path, watchlist=Watchlist({"larkfield": "LKFB"}))
    assert [one.key for one in records if one.by == "entity"] == ["LKFB"]


def test_each_bad_row_is_told_with_its_line_and_reason(tmp_path: Path) -> None:
    rows = [
        ("yesterday", "bank", "0.5"),
        (minute(1), "bank", "1.5"),
        (minute(1) // 1000, "bank", "0.5"),
        (minute(1), "bank", "much"),
        (minute(1), "bank", "0.5"),
        ("2024-03-04T00:01:00", "bank", "0.5"),
    ]
    records, bad = read(table(tmp_path / "a.csv", rows))
    assert len(records) == 2
    assert sorted(line.split(":")[0] for line in bad) == ["2", "3", "4", "5", "7"]
    said = "\n".join(bad)
    for reason in ("yesterday", "not a probability", "not in milliseconds", "'much'", "offset"):
        assert reason in said


def test_rows_and_files_are_put_in_order_of_time(tmp_path: Path) -> None:
    one = table(tmp_path / "1.csv", [(minute(at), "bank", 1) for at in (5, 1, 9)])
    two = table(tmp_path / "2.csv", [(minute(at), "bank", 1) for at in (8, 2)])
    times = [r.event_time for r in read(one, two)[0] if r.series == ALL]
    assert times == [minute(at) for at in (1, 2, 5, 8, 9)]


def test_a_table_that_is_too_far_out_of_order_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SORTED_ROWS", 2)
    path = table(tmp_path / "a.csv", [(minute(at), "bank", 1) for at in (5, 6, 7, 8, 1)])
    with pytest.raises(FeedError, match="line 6 is out of order by more than 2 rows"):
        read(path)


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs the extra `history`")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "event_time": [minute(1), minute(2)],
        "topic": ["bank", "oil"],
        "negative": [0.9, 0.2],
        "story": [7, 8],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    same = table(tmp_path / "a.csv", zip(*columns.values(), strict=True), tuple(columns))
    from_parquet, from_csv = read(tmp_path / "a.parquet")[0], read(same)[0]
    assert [(r.series, r.event_time, r.signature) for r in from_parquet] == [
        (r.series, r.event_time, r.signature) for r in from_csv
    ]


def test_a_story_counts_once_within_the_horizon(tmp_path: Path) -> None:
    times = (1, 2, 1 + 47 * HOUR, 3 + 49 * HOUR)
    rows = [(minute(at), "bank", "0.9", "run") for at in times]
    found = counted(table(tmp_path / "a.csv", rows, (*HEADER, "story")))
    panes = [(one.pane * MINUTE - DAY) // MINUTE for one in found.series[BANK]]
    assert panes == [1, 3 + 49 * HOUR]


def test_titles_that_are_alike_tell_one_story(tmp_path: Path) -> None:
    titles = [
        "Larkfield Bancorp caps withdrawals at two thousand dollars a day after losses",
        "Larkfield Bancorp caps withdrawals at two thousand dollars a day after losses - source",
        "Harrow Coast lifts its dividend",
    ]
    rows = [(minute(i), "bank", "0.9", title) for i, title in enumerate(titles, 1)]
    found = counted(table(tmp_path / "a.csv", rows, (*HEADER, "title")))
    assert sum(one.stories for one in found.series[BANK]) == 2


def test_the_quick_way_and_the_live_track_count_the_same() -> None:
    at, records = 0, []
    for i in range(400):
        at += i * 37 % 11 * 20
        mood = NEGATIVE if i % 3 else POSITIVE
        records.append(record(at, f"story {i * 13 % 29}", mood, origin=(0, i)))
    statistics = statistics_of(SETTINGS.watch)
    quick = count_history(records, statistics, tells_stories=True)
    live = count_history(records, statistics, tells_stories=False)
    assert quick.series == live.series
    assert 29 < sum(one.stories for one in quick.series[BANKING]) < 400


def test_jsonl_of_the_stream_is_put_in_order_and_its_marks_are_passed_over(tmp_path: Path) -> None:
    lines = [
        encode(record(9, "late story", origin=(0, 0))),
        encode(Mark(news_partition=0, next_offset=1, time=minute(9), caught_up=True)),
        b"not json",
        encode(record(2, "early story", origin=(0, 1))),
        b'{"kind": "scored", "event_time": 1}',
    ]
    path = tmp_path / "scored.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    records, bad = read(path)
    assert [one.event_time for one in records] == [minute(2), minute(9)]
    assert [line.split(":")[0] for line in bad] == ["3", "5"]


def fit(path: Path, **options: Any) -> Fitted:
    return fit_baseline([path], SETTINGS, FitOptions(**options))


def test_a_fit_knows_the_rates_and_says_what_it_rests_on(tmp_path: Path) -> None:
    fitted = fit(history(tmp_path / "news.csv"), worth="2d", timezone="Europe/London")
    belief = fitted.prior.of("topic=bank")
    assert belief.rate == pytest.approx(1 / 1.5, rel=0.1)
    assert belief.share == pytest.approx(0.5, rel=0.1)
    assert belief.rate_hours == 48
    assert fitted.prior.timezone == "Europe/London"
    assert fitted.prior.fitted_on == "news.csv, 2024-03-04 to 2024-04-02"
    assert any("no column story or title" in doubt for doubt in fitted.doubts)


def test_excluded_days_are_no_usual_time(tmp_path: Path) -> None:
    busy = [(minute(at), "bank", 1) for at in range(20 * 24 * HOUR, 23 * 24 * HOUR, 2)]
    rows = [(minute(at), "bank", 1) for at in range(0, 40 * 24 * HOUR, 90)]
    path = table(tmp_path / "a.csv", sorted(rows + busy))
    plain = fit(path).prior.of("topic=bank").volume_tails
    told = fit(path, exclude=("2024-03-24..2024-03-27",)).prior.of("topic=bank").volume_tails
    assert told.at(2).slope > plain.at(2).slope


def test_days_may_be_unusual_for_one_series_alone(tmp_path: Path) -> None:
    rows = [(minute(at), "bank", 1) for at in range(0, 40 * 24 * HOUR, 90)]
    busy = [(minute(at), "bank", 1) for at in range(20 * 24 * HOUR, 23 * 24 * HOUR, 2)]
    path = table(tmp_path / "a.csv", sorted(rows + busy))
    for_all = fit(path, exclude=("2024-03-24..2024-03-27",)).prior
    for_bank = fit(path, exclude=("topic=bank:2024-03-24..2024-03-27",)).prior
    bank, everything = (for_bank.of(name).volume_tails for name in ("topic=bank", "all=all"))
    assert bank.at(2).scale == pytest.approx(
        for_all.of("topic=bank").volume_tails.at(2).scale, 0.02
    )
    assert everything.at(2).slope < for_all.of("all=all").volume_tails.at(2).slope


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"exclude": ("last week",)}, "--exclude last week"),
        ({"exclude": ("2024-03-09..2024-03-01",)}, "--exclude"),
        ({"exclude": ("2024-01-01..2024-12-31",)}, "leaves nothing"),
        ({"exclude": ("topic=nobody:2024-03-24..2024-03-27",)}, "no such series"),
        ({"timezone": "Atlantis"}, "'Atlantis' is not a time zone"),
        ({"calendar": "XXXX"}, "'XXXX' is not a calendar"),
        ({"worth": "long"}, "'long' is not a duration"),
        ({"worth": "5m"}, "an hour or more"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_one_line(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(PriorError) as error:
        fit(history(tmp_path / "a.csv", days=2), **options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "event_time,subject\n", "no column topic, negative"),
        ("a.csv", "event_time,topic,negative\n", "no record"),
        ("a.csv", "event_time,topic,negative\nnow,a,1\n", "line 2"),
        ("a.csv", "event_time,topic,negative\n1709510400000,a,0\n", "no negative story"),
        ("a.txt", "", "a history ends in"),
        ("a.jsonl", "{}\n", "line 1"),
    ],
)
def test_a_history_that_is_none_is_one_line(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(NewsurgeError, match=says) as error:
        fit(tmp_path / name)
    assert "\n" not in str(error.value)


def test_records_that_came_too_late_are_left_out_and_told() -> None:
    found = count_history(
        [record(1, "a", origin=(0, 0)), record(2, "b", origin=(0, 1), arrives=30)],
        statistics_of(SETTINGS.watch),
        tells_stories=False,
    )
    assert found.late == 1
    assert [one.stories for one in found.series[BANKING]] == [1]


def test_a_written_prior_reads_as_it_was(tmp_path: Path) -> None:
    prior = fit(history(tmp_path / "a.csv")).prior
    write_prior(prior, tmp_path / "prior.json")
    assert load_prior(tmp_path / "prior.json") == prior
    assert load_prior(tmp_path / "prior.json").digest == prior.digest
    assert decode_prior(encode_prior(FLAT), "flat") == FLAT


def test_a_missing_prior_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PriorError, match=r"can't be read.*watch\.prior"):
        load_prior(tmp_path / "none.json")


def test_the_shipped_prior_knows_every_topic_of_the_starter_bundle() -> None:
    prior = load_prior(None)
    topics = load_bundle(STARTER).meta.topics
    assert {f"topic={topic}" for topic in topics} | {"all=all"} == set(prior.series)
    assert (prior.timezone, prior.calendar) == ("America/New_York", "NYSE")
    assert {belief.rate_hours for belief in prior.series.values()} == {2.0}


def test_the_shipped_prior_means_the_same_however_it_is_written() -> None:
    content = SHIPPED.read_bytes()
    prior = decode_prior(content, "shipped")
    again = json.dumps(json.loads(content), indent=8, sort_keys=True).encode()
    assert decode_prior(again, "again").digest == prior.digest == "dd8c93169874"
    assert encode_prior(prior) == content
    assert Prior("else", prior.unknown).digest != prior.digest


def test_the_command_writes_a_prior_and_says_how_to_use_it(tmp_path: Path) -> None:
    path = history(tmp_path / "news.csv", days=7)
    with path.open("a") as stream:
        stream.write("soon,bank,0.5\n")
    result = subprocess.run(
        [NEWSURGE, "baseline", "fit", path, "-o", tmp_path / "prior.json", "--worth", "1d"],
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    assert "topic=bank" in result.stdout
    assert f"watch.prior={tmp_path / 'prior.json'}" in result.stdout
    assert f"line {len(path.read_text().splitlines())}: " in result.stderr
    assert "7.0 days long" in result.stderr
    assert load_prior(tmp_path / "prior.json").of("topic=bank").rate_hours == 24


def test_counts_are_of_the_panes_that_hold_something(tmp_path: Path) -> None:
    rows = [(minute(0.5), "bank", 1), (minute(0.7), "bank", 0), (minute(4), "bank", 0.5)]
    first = DAY // MINUTE + 1
    found = counted(table(tmp_path / "a.csv", rows))
    assert found.series[BANK] == [Counts(first, 1, 2), Counts(first + 3, 1, 1)]
    assert (found.first, found.last) == (first, first + 3)
