"""The bare scorer, its peers and the physical limit, in one run: `python -m benchmarks.score`.

Engines take turns on the same batches, and each one's best round counts, so that other work on
the machine hurts all of them alike. Nothing is asserted; the table is for people.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import engines
from benchmarks.corpus import headlines
from benchmarks.gpu import gpu_lines
from monitor.model.bundle import STARTER, Bundle, load_bundle
from monitor.model.cpu import TOKEN_BUDGET, CpuScorer
from monitor.model.scorer import Prepared, probabilities
from monitor.model.text import clean
from monitor.model.tokens import Preparer
from monitor.settings import ModelSettings

_SINGLES = 24
_MATES = 32


@dataclass
class Row:
    """What was measured of one engine; `probabilities` [texts, classes of both heads]."""

    name: str
    run: engines.Engine
    seconds: float = float("inf")
    single_seconds: float = float("inf")
    probabilities: Any = None
    move: float = float("nan")


def main() -> None:
    """Measure and print."""
    options = _arguments()
    bundle = load_bundle(options.bundle)
    texts = _texts(options)
    prepared = Preparer(bundle, TOKEN_BUDGET).prepare(texts)
    tokens = sum(int(batch.mask.sum()) for batch in prepared.batches)
    print(f"{len(texts)} texts of {tokens / len(texts):.1f} tokens, {options.threads} threads")
    with tempfile.TemporaryDirectory() as scratch:
        rows, limits = _rows(bundle, options, Path(scratch))
        _measure(bundle, rows, limits, prepared, texts, options.rounds)
        scorer = _whole_scorer(bundle, texts, options)
    _print(rows, limits, scorer, len(texts))
    print("\n".join(gpu_lines(bundle, texts)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=STARTER)
    parser.add_argument("--fp32", type=Path, help="fp32 ONNX export; else dequantised weights")
    parser.add_argument("--data", type=Path, help="CSV of texts; else invented headlines")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--items", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _texts(options: argparse.Namespace) -> list[str]:
    if options.data is None:
        return headlines(options.items, random.Random(7))
    with options.data.open(encoding="utf-8", newline="") as stream:
        texts = [clean(row[options.text_column]) for row in csv.DictReader(stream)]
    step = max(1, len(texts) // options.items)
    return texts[::step][: options.items]


def _rows(
    bundle: Bundle, options: argparse.Namespace, scratch: Path
) -> tuple[list[Row], list[Row]]:
    """The engines that run here, the fp32 reference first; and the limits."""
    threads, onnx = options.threads, bundle.onnx
    if options.fp32 is not None:
        fp32, origin = options.fp32, options.fp32.name
    else:
        fp32, origin = engines.dequantised(onnx, scratch / "fp32.onnx"), "dequantised"
    of = engines.openvino_options
    builders: dict[str, Callable[[], engines.Engine]] = {
        f"OpenVINO fp32 ({origin})": lambda: engines.openvino_engine(fp32, of("f32", threads)),
        "OpenVINO, int8 weights unpacked (ours)": lambda: engines.our_engine(onnx, threads),
        "OpenVINO int8 weights, bf16": lambda: engines.openvino_engine(onnx, of("bf16", threads)),
        "OpenVINO int8 weights, bf16, groups of 32": lambda: engines.openvino_engine(
            onnx, of("bf16", threads, 32)
        ),
        "OpenVINO int8 weights, bf16, groups of 64": lambda: engines.openvino_engine(
            onnx, of("bf16", threads, 64)
        ),
        "OpenVINO int8 weights, fp32": lambda: engines.openvino_engine(onnx, of("f32", threads)),
        "OpenVINO bf16": lambda: engines.openvino_engine(fp32, of("bf16", threads)),
        f"ONNX Runtime fp32 ({origin})": lambda: engines.onnxruntime_engine(fp32, threads),
        "ONNX Runtime int8 weights": lambda: engines.onnxruntime_engine(onnx, threads),
        "ONNX Runtime dynamic int8": lambda: engines.onnxruntime_dynamic_engine(
            fp32, scratch, threads
        ),
        "torch fp32": lambda: engines.torch_engine(bundle, "fp32", threads),
        "torch bf16": lambda: engines.torch_engine(bundle, "bf16", threads),
    }
    rows = []
    for name, build in builders.items():
        try:
            rows.append(Row(name, build()))
        except engines.SkipEngine as reason:
            print(f"skipped: {name}: {reason}")
    limits = [
        Row(
            f"limit: products with weights alone, {name}",
            engines.products_engine(
                onnx, of("bf16", threads, 32 if is_int8 else 0), is_int8=is_int8
            ),
        )
        for name, is_int8 in (("int8 weights", True), ("bf16", False))
    ]
    return rows, limits


def _measure(
    bundle: Bundle,
    rows: list[Row],
    limits: list[Row],
    prepared: Prepared,
    texts: list[str],
    rounds: int,
) -> None:
    preparer = Preparer(bundle, TOKEN_BUDGET)
    singles = [preparer.prepare([text]) for text in texts[:_SINGLES]]
    for each in range(rounds + 1):  # the first round warms up
        for row in [*rows, *limits]:
            seconds = _timed(partial(_all, bundle, row.run, prepared))
            alone = min(_timed(partial(_all, bundle, row.run, one)) for one in singles)
            if each:
                row.seconds = min(row.seconds, seconds)
                row.single_seconds = min(row.single_seconds, alone)
    shuffled = _shuffled(preparer, texts)
    for row in rows:
        row.probabilities = _all(bundle, row.run, prepared)
        moved = [np.abs(row.probabilities - _all(bundle, row.run, shuffled)).max()]
        for place, one in enumerate(singles):
            moved.append(np.abs(row.probabilities[place] - _all(bundle, row.run, one)[0]).max())
        row.move = float(max(moved))


def _shuffled(preparer: Preparer, texts: list[str]) -> Prepared:
    """The same texts in batches of strangers of any length."""
    order = np.random.default_rng(0).permutation(len(texts))
    batches = []
    for start in range(0, len(order), _MATES):
        rows = order[start : start + _MATES]
        whole = Preparer.prepare(preparer, [texts[row] for row in rows])
        length = max(batch.ids.shape[1] for batch in whole.batches)
        ids, mask = np.zeros((2, len(rows), length), dtype=np.int64)
        for batch in whole.batches:
            ids[batch.rows, : batch.ids.shape[1]] = batch.ids
            mask[batch.rows, : batch.ids.shape[1]] = batch.mask
        batches.append(type(whole.batches[0])(rows, ids, mask))
    return Prepared(len(texts), tuple(batches))


def _all(bundle: Bundle, run: engines.Engine, prepared: Prepared) -> Any:
    heat = bundle.meta.temperatures
    found = None
    for batch in prepared.batches:
        topic, sentiment = run(batch.ids, batch.mask)
        both = np.hstack(
            [probabilities(topic, heat.topic), probabilities(sentiment, heat.sentiment)]
        )
        if found is None:
            found = np.zeros((prepared.count, both.shape[1]), dtype=np.float32)
        found[batch.rows] = both
    return found


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _whole_scorer(bundle: Bundle, texts: list[str], options: argparse.Namespace) -> float:
    """Seconds of the scorer as SCORE uses it, tokenising included, chunk after chunk."""
    scorer = CpuScorer(bundle, ModelSettings(threads=options.threads))
    scorer.infer(scorer.prepare(texts))
    return min(_timed(lambda: scorer.infer(scorer.prepare(texts))) for _ in range(options.rounds))


def _print(rows: list[Row], limits: list[Row], scorer: float, count: int) -> None:
    topics = rows[0].probabilities.shape[1] - 3
    print(f"\n{'engine':50} {'items/s':>8} {'single':>8} {'topic':>7} {'sentim.':>7} {'move':>7}")
    for row in rows:
        same = [
            (
                row.probabilities[:, part].argmax(1) == rows[0].probabilities[:, part].argmax(1)
            ).mean()
            for part in (slice(topics), slice(topics, None))
        ]
        print(
            f"{row.name:50} {count / row.seconds:8.0f} {row.single_seconds * 1e3:5.1f} ms "
            f"{same[0]:7.3f} {same[1]:7.3f} {row.move:7.4f}"
        )
    for limit in limits:
        print(f"{limit.name:50} {count / limit.seconds:8.0f} {limit.single_seconds * 1e3:5.1f} ms")
    print(f"{'newsurge scorer, tokenising included':50} {count / scorer:8.0f}")
    ours = rows[1]
    peer = next((row for row in rows if row.name.startswith("ONNX Runtime fp32")), None)
    if peer is not None:
        print(f"\nours / ONNX Runtime fp32: {peer.seconds / ours.seconds:.2f} (bar 1.7)")
    fastest = min(limit.seconds for limit in limits)
    print(f"ours / limit: {fastest / ours.seconds:.2f}; move {ours.move:.4f} (bar 0.02)")


if __name__ == "__main__":
    main()
