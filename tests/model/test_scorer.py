"""The scorer's contract, the same for every runtime; the choice of the runtime; its light weight.

GPU is not covered: `TorchScorer` runs here on torch's CPU, in fp32.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from monitor.errors import BundleError
from monitor.model.bundle import ONNX, Bundle
from monitor.model.cpu import CpuScorer, compile_options
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Scorer, Scores, probabilities
from monitor.settings import ModelSettings
from tests.model.full_bundle import TOPICS, WORDS, full_bundle
from tests.model.tiny_bundle import tiny_bundle

# The export of the full bundle takes 10 s, and much more on a machine with other work.
pytestmark = pytest.mark.timeout(180)

MOVE = 0.02
TINY = (
    "Halden bank depositors run",
    "oil rises",
    "Court probe on fraud at insurer , judge says ruling follows after a settlement was near",
    "nothing that it knows",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")
    return full_bundle(tmp_path_factory.mktemp("bundles") / "full")


@pytest.fixture(scope="module", params=["cpu", "torch"])
def scorer(request: pytest.FixtureRequest, full: Bundle) -> Scorer:
    return load_scorer(full, ModelSettings(runtime=request.param, token_budget=256))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = np.random.default_rng(3)
    words = WORDS.split()
    return [" ".join(draw.choice(words, size=size)) for size in draw.integers(1, 40, size=120)]


def score(scorer: Scorer, texts: list[str]) -> Scores:
    return scorer.infer(scorer.prepare(texts))


def largest_move(a: Scores, b: Scores) -> float:
    return max(
        float(np.abs(a.topic - b.topic).max()), float(np.abs(a.sentiment - b.sentiment).max())
    )


def test_probabilities_in_the_order_given(scorer: Scorer, texts: list[str]) -> None:
    together = score(scorer, texts)
    assert together.topic.shape == (len(texts), len(TOPICS))
    assert together.sentiment.shape == (len(texts), 3)
    for values in (together.topic, together.sentiment):
        assert values.dtype == np.float32
        assert np.all(values >= 0)
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)
    backwards = score(scorer, texts[::-1])
    flipped = Scores(backwards.topic[::-1], backwards.sentiment[::-1])
    assert largest_move(together, flipped) <= MOVE
    assert np.ptp(together.sentiment[:, 0]) > 10 * MOVE  # else equal answers would pass as order


def test_batch_mates_and_padding_do_not_matter(scorer: Scorer, texts: list[str]) -> None:
    together = score(scorer, texts)
    for row, text in enumerate(texts[:20]):
        alone = score(scorer, [text])
        mates = score(scorer, [text, WORDS, WORDS])
        here = Scores(together.topic[row : row + 1], together.sentiment[row : row + 1])
        assert largest_move(here, alone) <= MOVE
        assert largest_move(here, Scores(mates.topic[:1], mates.sentiment[:1])) <= MOVE


def test_every_text_in_one_batch_within_the_budget(scorer: Scorer, texts: list[str]) -> None:
    prepared = scorer.prepare(texts)
    assert prepared.count == len(texts)
    rows = sorted(int(row) for batch in prepared.batches for row in batch.rows)
    assert rows == list(range(len(texts)))
    for batch in prepared.batches:
        assert batch.ids.shape == batch.mask.shape
        assert batch.ids.size <= 256
        assert np.all(batch.ids[batch.mask == 0] == 0)


def test_nothing_to_score(scorer: Scorer) -> None:
    assert score(scorer, []).topic.shape == (0, len(TOPICS))


def test_empty_unknown_and_overlong_texts(scorer: Scorer) -> None:
    odd = score(scorer, ["", "\N{SNOWMAN} unheard-of", "bank " * 5000])
    assert np.all(np.isfinite(odd.topic))
    assert np.all(np.isfinite(odd.sentiment))
    assert largest_move(score(scorer, ["bank " * 5000]), score(scorer, ["bank " * 60])) <= MOVE


def test_preparing_in_one_thread_while_another_infers(scorer: Scorer, texts: list[str]) -> None:
    expected = score(scorer, texts)
    with ThreadPoolExecutor(1) as preparing, ThreadPoolExecutor(2) as inferring:
        prepared = [preparing.submit(scorer.prepare, texts) for _ in range(6)]
        results = [inferring.submit(scorer.infer, each.result()) for each in prepared]
        for result in results:
            assert largest_move(result.result(), expected) <= MOVE


def test_warm_up_and_the_names_it_goes_by(scorer: Scorer) -> None:
    scorer.warm_up()
    assert scorer.runtime
    assert scorer.reason


def test_both_runtimes_agree(full: Bundle, texts: list[str]) -> None:
    served = score(load_scorer(full, ModelSettings(runtime="cpu")), texts)
    exact = score(load_scorer(full, ModelSettings(runtime="torch")), texts)
    # int8 weights, and bf16 where the CPU has it, against fp32.
    assert largest_move(served, exact) < 0.1
    agree = served.topic.argmax(axis=1) == exact.topic.argmax(axis=1)
    assert agree.mean() >= 0.95


def test_the_tiny_bundle_says_what_its_words_say(tiny: Bundle) -> None:
    scorer = load_scorer(tiny, ModelSettings())
    scores = score(scorer, list(TINY))
    names = [tiny.meta.topics[index] for index in scores.topic.argmax(axis=1)]
    assert names[:3] == ["Financials", "Energy and Oil", "Legal and Regulation"]
    assert scores.topic[3].max() < 0.35
    assert [int(index) for index in scores.sentiment.argmax(axis=1)] == [0, 2, 0, 1]


def test_auto_takes_the_cpu_and_says_why(tiny: Bundle, full: Bundle) -> None:
    of_starter = load_scorer(tiny, ModelSettings())
    assert of_starter.runtime.startswith("cpu (OpenVINO")
    assert "model.safetensors" in of_starter.reason
    import torch

    if not torch.cuda.is_available():
        of_full = load_scorer(full, ModelSettings())
        assert of_full.runtime.startswith("cpu (OpenVINO")
        assert "no CUDA device" in of_full.reason
    assert load_scorer(full, ModelSettings(runtime="cpu")).reason == "model.runtime is cpu"


def test_torch_is_refused_for_a_bundle_without_weights(tiny: Bundle) -> None:
    with pytest.raises(BundleError, match=r"no model\.safetensors.*model\.runtime: cpu"):
        load_scorer(tiny, ModelSettings(runtime="torch"))


def test_a_network_of_other_classes_is_refused(tiny: Bundle) -> None:
    fewer = msgspec.structs.replace(tiny.meta, topics=tiny.meta.topics[:-1])
    with pytest.raises(BundleError, match=r"topic_logits has 5 classes, meta\.json names 4"):
        CpuScorer(Bundle(tiny.path, fewer), ModelSettings())


def test_weights_of_other_classes_are_refused(full: Bundle) -> None:
    fewer = msgspec.structs.replace(full.meta, topics=full.meta.topics[:-1])
    with pytest.raises(BundleError, match=r"don't make the network of meta\.json"):
        load_scorer(Bundle(full.path, fewer), ModelSettings(runtime="torch"))


@pytest.mark.parametrize("name", [ONNX, "tokenizer.json"])
def test_a_file_that_is_no_model_is_one_clear_line(tiny: Bundle, tmp_path: Path, name: str) -> None:
    for file in tiny.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BundleError, match=name) as caught:
        CpuScorer(Bundle(tmp_path, tiny.meta), ModelSettings())
    assert "\n" not in str(caught.value)


def test_without_bf16_activations_stay_exact() -> None:
    options = compile_options(is_bf16=False, threads=3)
    assert options["INFERENCE_PRECISION_HINT"] == "f32"
    assert options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] == 0
    assert options["INFERENCE_NUM_THREADS"] == 3


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_calibration(mode: str) -> None:
    logits = np.array([[2.0, 0.0, -1.0], [1e4, -1e4, 0.0]])
    cold, warm = (probabilities(logits, heat, mode) for heat in (0.5, 2.0))
    expected: dict[str, Callable[[float], float]] = {
        "single": lambda heat: 1 / (1 + np.exp(-2 / heat) + np.exp(-3 / heat)),
        "multi": lambda heat: 1 / (1 + np.exp(-2 / heat)),
    }
    assert cold[0, 0] == pytest.approx(expected[mode](0.5), abs=1e-6)
    assert warm[0, 0] == pytest.approx(expected[mode](2.0), abs=1e-6)
    assert np.all(np.isfinite(cold))
    assert cold[1, 0] == 1.0


def test_serving_on_a_cpu_imports_neither_torch_nor_transformers(tiny: Bundle) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from monitor.model.bundle import load_bundle\n"
        "from monitor.model.judge import load_judge\n"
        "from monitor.records import NewsItem\n"
        "from monitor.settings import Settings\n"
        "judge = load_judge(load_bundle(Path(sys.argv[1])), Settings())\n"
        "judge.infer(judge.prepare([NewsItem(id='1', title='Halden bank depositors run')]))\n"
        "heavy = {'torch', 'transformers', 'onnx', 'onnxruntime', 'nncf', 'pandas', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny.path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
