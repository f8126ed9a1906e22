"""What it costs to find 10,000 names in news: `python -m benchmarks.watchlist`.

Our cost for a title and for a title with a body, beside that of decoding the record and of
scoring the item, all in one run. Each one's best round counts, in this process' CPU time for what
runs in one thread and by the wall clock for the scorer. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import headlines
from monitor.model.bundle import STARTER, load_bundle
from monitor.model.judge import load_judge
from monitor.records import NewsItem
from monitor.scoring.names import NameFinder
from monitor.scoring.news import decode_news
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings

_SYLLABLES = ("bar", "cal", "dun", "esk", "far", "gle", "hal", "iv", "kes", "lind", "mar", "nor",
              "oak", "pel", "quay", "rav", "sil", "thor", "um", "val", "wes", "yar")  # fmt: skip
_KINDS = ("Bank", "Energy", "Motors", "Foods", "Pharma", "Metals", "Software", "Airlines")
_HAN = "北南东西海山金银铜石河江安平和长新华中天"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODY_HEADLINES = 40  # some 2,500 characters


def main() -> None:
    """Measure and print."""
    options = _arguments()
    rng = random.Random(7)
    list_of_names = watchlist(options.names, rng)
    named = [spelling for spelling in list_of_names.spellings if " " in spelling]
    titles = [_title(rng, named) for _ in range(options.items)]
    bodies = [". ".join(headlines(_BODY_HEADLINES, rng)) for _ in range(options.items // 10)]
    items = [NewsItem(id=str(i), title=title) for i, title in enumerate(titles)]
    long = [
        NewsItem(id=str(i), title=title, body=body)
        for i, (title, body) in enumerate(zip(titles, bodies, strict=False))
    ]
    records = [msgspec.json.encode({"id": one.id, "title": one.title}) for one in items]
    judge = load_judge(load_bundle(STARTER), Settings())
    scored = items[: options.scored]
    build = _seconds(partial(NameFinder, list_of_names.spellings), options.rounds)

    def match(some: Sequence[NewsItem]) -> None:
        for item in some:
            list_of_names.match(item, 8)

    def decode() -> None:
        for record in records:
            decode_news(record, 1 << 18)

    def score() -> None:
        judge.infer(judge.prepare(scored))

    cpu, wall = time.process_time, time.perf_counter
    rows: list[tuple[str, int, Callable[[], object], Callable[[], float]]] = [
        (f"{options.names:,} names in a title", len(items), partial(match, items), cpu),
        ("... in a body of 2,500 characters too", len(long), partial(match, long), cpu),
        ("decoding the record of a title", len(records), decode, cpu),
        (f"scoring it, {judge.runtime}", len(scored), score, wall),
    ]
    table = Table(
        title=f"{len(list_of_names.spellings):,} spellings, built in {build * 1e3:.0f} ms"
    )
    for column in ("what", "µs an item", "times the first"):
        table.add_column(column, justify="left" if column == "what" else "right")
    first = 0.0
    for what, count, work, clock in rows:
        micros = _seconds(work, options.rounds, clock) / count * 1e6
        first = first or micros
        table.add_row(what, f"{micros:,.1f}", f"{micros / first:,.1f}")
    Console().print(table)
    hits = sum(bool(list_of_names.match(item, 8)) for item in items)
    print(f"{hits / len(items):.0%} of the titles name one of them")


def watchlist(names: int, rng: random.Random) -> Watchlist:
    """As many invented names, each with a ticker as its key, and an alias: short, or Chinese."""
    spellings: dict[str, str] = {}
    seen: set[str] = set()
    while len(seen) < names:
        ticker = "".join(rng.choices(_CAPITALS, k=rng.randint(2, 4)))
        stem = "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))).capitalize()
        if ticker in seen or stem in spellings:
            continue
        seen.add(ticker)
        alias = stem if rng.random() < 0.8 else "".join(rng.choices(_HAN, k=rng.randint(3, 5)))
        spellings |= {ticker: ticker, f"{stem} {rng.choice(_KINDS)}": ticker, alias: ticker}
    return Watchlist(spellings)


def _title(rng: random.Random, named: Sequence[str]) -> str:
    """A headline, every second one about somebody on the list, every third not plain ASCII."""
    [title] = headlines(1, rng)
    words = title.split(" ", 2)
    if rng.random() < 0.5:
        words[:2] = [rng.choice(named)]
    return " ".join(words) + (" – “shock”" if rng.random() < 1 / 3 else "")  # noqa: RUF001


def _seconds(
    work: Callable[[], object], rounds: int, clock: Callable[[], float] = time.process_time
) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = clock()
        work()
        best = min(best, clock() - began)
    return best


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--scored", type=int, default=256, help="items to score in a round")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
