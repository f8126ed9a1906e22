"""Losses, class weights, rates and averages: each against what its definition says."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")

import torch
from torch.nn import functional

from monitor.model.bundle import WEIGHTS
from tests.training.toy_world import toy_recipe
from training.averaging import Averaging
from training.batches import Order
from training.calibration import fit_temperature
from training.feeds import IGNORED, Row
from training.hyper import Average, Hyper
from training.losses import Head, distillation, divergence, masked_loss
from training.metrics import head_metrics, sigmoid
from training.network import EncoderError, TwoHeads, build
from training.optimising import optimizer, prepare, settle, steps_down
from training.recipe import Recipe
from training.targets import class_weights, head_labels

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]

MULTI = Head(is_multi=True)


def network(encoder: Path, **hyper: object) -> TwoHeads:
    recipe = toy_recipe(encoder)
    recipe["hyper"] = {**recipe["hyper"], **hyper}
    return build(Recipe.model_validate(recipe), encoder)[0]


def test_labels_of_several_topics_are_yes_no_and_unknown() -> None:
    rows = [
        Row("a", "a", "f", topics=(0, 2)),
        Row("b", "b", "f", topics=()),
        Row("c", "c", "f", sentiment=1),
    ]
    labels = head_labels(rows, 3, "multi")
    assert labels["topic"].tolist() == [[1, 0, 1], [0, 0, 0], [IGNORED] * 3]
    assert labels["sentiment"].tolist() == [IGNORED, IGNORED, 1]
    assert head_labels(rows, 3)["topic"].tolist() == [IGNORED] * 3


def test_a_multi_label_loss_skips_rows_that_nobody_labelled() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.5]], requires_grad=True)
    labels = torch.tensor([[1, 0], [IGNORED, IGNORED]])
    loss = masked_loss(logits, labels, torch.ones(2), MULTI)
    alone = functional.binary_cross_entropy_with_logits(logits[:1], torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(alone.item() / 2)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert logits.grad is not None
    assert logits.grad[1].abs().sum() == 0


def test_class_weights_make_rare_classes_count() -> None:
    labels = np.array([0] * 8 + [1] * 2 + [IGNORED])
    assert class_weights(labels, 3, "none") is None
    balanced = class_weights(labels, 3, "balanced")
    root = class_weights(labels, 3, "sqrt")
    assert balanced is not None
    assert root is not None
    assert balanced[0] * 8 == pytest.approx(balanced[1] * 2)
    assert root[1] / root[0] == pytest.approx(2)
    assert balanced[2] == 1
    for weights in (balanced, root):
        assert weights[labels[:-1]].mean() == pytest.approx(1)
    several = np.array([[1, 0], [0, 1], [0, 1], [0, 1], [IGNORED] * 2])
    assert class_weights(several, 2, "balanced") == pytest.approx([3, 1 / 3])


def test_weighted_classes_weigh_the_loss() -> None:
    logits, labels = torch.randn(2, 2), torch.tensor([0, 1])
    weights = torch.tensor([1.0, 3.0])
    losses = functional.cross_entropy(logits, labels, reduction="none")
    told = masked_loss(logits, labels, torch.ones(2), Head(class_weights=weights))
    assert told.item() == pytest.approx(((losses * weights).sum() / 2).item())


@pytest.mark.parametrize("is_multi", [False, True])
def test_losses_beside_the_labels_vanish_where_there_is_nothing_to_say(is_multi: bool) -> None:
    one, other = torch.randn(4, 3), torch.randn(4, 3)
    own = torch.sigmoid(one) if is_multi else torch.softmax(one, -1)
    assert divergence(one, one, is_multi=is_multi).item() == 0
    assert divergence(one, other, is_multi=is_multi).item() > 0
    assert divergence(one, other, is_multi=is_multi).item() == pytest.approx(
        divergence(other, one, is_multi=is_multi).item()
    )
    assert distillation(one, own, 2.0, is_multi=is_multi).item() == pytest.approx(0, abs=1e-5)
    assert distillation(other, own, 2.0, is_multi=is_multi).item() > 0


def test_r_drop_and_a_teacher_add_to_the_loss_in_training_only(encoder: Path) -> None:
    net = network(encoder, r_drop=1.0, distil={"bundles": ["none"], "weight": 1.0})
    ids = torch.tensor([[2, 7, 8, 3]])
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "topic": torch.tensor([IGNORED]),
        "sentiment": torch.tensor([IGNORED]),
        "weight": torch.ones(1),
    }
    teacher = {"teacher_topic": torch.tensor([[0.8, 0.1, 0.1]])}
    assert net.eval()(**batch, **teacher)["loss"].item() == 0
    net.train()
    alone = net(**batch)["loss"]
    assert alone.item() > 0  # two passes with other dropout
    taught = net(**batch, **teacher)["loss"]
    assert taught.item() > alone.item()
    taught.backward()
    assert net.topic.weight.grad is not None
    assert net.topic.weight.grad.abs().sum() > 0  # of a row without a topic


def test_rates_fall_with_depth(encoder: Path) -> None:
    assert steps_down("encoder.encoder.layer.5.output.dense.weight", 6) == 0
    assert steps_down("encoder.layers.0.mlp.weight", 6) == 5
    assert steps_down("encoder.embeddings.word_embeddings.weight", 6) == 6
    assert steps_down("encoder.final_norm.weight", 6) == 0
    net = network(encoder)
    hyper = Hyper(learning_rate=0.1, head_learning_rate=0.5, layer_decay=0.5)
    groups = optimizer(net, hyper).param_groups
    assert {group["lr"] for group in groups} == {0.5, 0.1, 0.05, 0.025}
    held = sum(len(group["params"]) for group in groups)
    assert held == len(list(net.parameters()))


def test_frozen_embeddings_are_not_fitted(encoder: Path) -> None:
    net = network(encoder)
    prepare(net, Hyper(freeze_embeddings=True))
    frozen = {name for name, held in net.named_parameters() if not held.requires_grad}
    assert frozen
    assert all(name.startswith("encoder.embeddings.") for name in frozen)


def test_adapters_are_merged_into_the_same_network(encoder: Path) -> None:
    pytest.importorskip("peft", reason="needs peft: pip install 'newsurge[lora]'")
    net, plain = network(encoder).eval(), network(encoder)
    prepare(net, Hyper(lora={"rank": 2}))
    fitted = [name for name, held in net.named_parameters() if held.requires_grad]
    assert all("lora" in name or not name.startswith("encoder.") for name in fitted)
    for name, held in net.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(held)
    ids = torch.tensor([[2, 7, 8, 3]])
    before = net.logits(ids, torch.ones_like(ids))
    settle(net)
    assert net.state_dict().keys() == plain.state_dict().keys()
    after = net.logits(ids, torch.ones_like(ids))
    assert torch.allclose(before[0], after[0], atol=1e-4)


@pytest.mark.parametrize(("kind", "start", "expected"), [("swa", 0.0, 2.0), ("swa", 0.5, 2.5)])
def test_swa_is_the_mean_of_the_steps(
    kind: str, start: float, expected: float, tmp_path: Path
) -> None:
    assert averaged(Average.model_validate({"kind": kind, "start": start}), tmp_path) == expected


def test_ema_follows_the_newer_steps(tmp_path: Path) -> None:
    assert 1.0 < averaged(Average(decay=0.5), tmp_path) < 3.0
    assert averaged(Average(decay=0.01), tmp_path) == pytest.approx(2.98, abs=0.02)


def averaged(how: Average, work: Path) -> float:
    """The average of weights that are 1, 2 and 3 after three of four steps."""
    from transformers import TrainerControl, TrainerState, TrainingArguments

    model = torch.nn.Linear(1, 1, bias=False)
    averaging = Averaging(how, work, None)
    state = TrainerState(max_steps=2)
    args, control = TrainingArguments(output_dir=str(work), use_cpu=True), TrainerControl()
    for step in (1, 2, 3):
        torch.nn.init.constant_(model.weight, step)
        state.global_step = step
        averaging.on_step_end(args, state, control, model=model)
    with averaging.in_place(model):
        found = model.weight.item()
    assert model.weight.item() == 3
    return found


def test_the_order_follows_from_seed_and_epoch_and_has_every_row() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        made = Order([5, 9, 2, 7] * 10, 4, seed)
        made.epoch = epoch
        torch.manual_seed(seed + epoch)
        return list(made)

    assert sorted(order(1, 0)) == list(range(40))
    assert order(1, 3) == order(1, 3)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_the_temperature_of_sigmoids_is_found_again() -> None:
    chance = np.random.default_rng(0)
    logits = chance.normal(size=(4000, 3)) * 2
    labels = (chance.random((4000, 3)) < sigmoid(logits)).astype(np.int64)
    assert fit_temperature(sigmoid(logits), labels) == pytest.approx(1.0, abs=0.1)
    assert fit_temperature(sigmoid(logits * 3), labels) == pytest.approx(3.0, abs=0.3)


def test_metrics_of_several_topics() -> None:
    said = np.array([[0.9, 0.6, 0.1], [0.2, 0.7, 0.4], [0.9, 0.9, 0.9]])
    labels = np.array([[1, 0, 0], [0, 1, 1], [IGNORED] * 3])
    measured = head_metrics(said, labels, ("a", "b", "c"))
    assert measured["rows"] == 2
    assert measured["accuracy"] == 0
    assert measured["micro_f1"] == pytest.approx(2 * 2 / 6, abs=1e-4)
    assert measured["classes"]["b"] == {
        "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3, abs=1e-4), "support": 1,
    }  # fmt: skip
    assert measured["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3, abs=1e-4)


def test_an_encoder_without_some_of_its_weights_is_refused(encoder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in encoder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / WEIGHTS)
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="lacks 1 weights of the encoder"):
        network(tmp_path)
