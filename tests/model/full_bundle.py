"""A full bundle with a small random encoder: what training exports, for the scorers' contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from monitor.model.bundle import (
    BaseModel,
    Bundle,
    BundleMeta,
    Temperatures,
    digests,
    load_bundle,
    write_meta,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from training.network import TwoHeads

TOPICS = ("Financials", "Energy and Oil", "Earnings", "Macro")
WORDS = (
    "bank oil profit inflation record fraud run shares rise fall on as the of to after deposits "
    "regulator court quarter halts beats misses warns cuts lifts holds"
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def full_bundle(directory: Path) -> Bundle:
    """Write a full bundle into `directory`; needs the extra `train`."""
    import torch

    from training.export import export, save_weights
    from training.network import TwoHeads

    torch.manual_seed(0)
    encoder, tokenizer = _encoder()
    network = TwoHeads(encoder, encoder.config.hidden_size, len(TOPICS)).eval()
    _spread(network)
    directory.mkdir()
    export(network, tokenizer, directory)
    save_weights(network, directory)
    meta = BundleMeta(
        name="full",
        version="full-1",
        created_at="2026-01-01T00:00:00Z",
        topics=TOPICS,
        temperatures=Temperatures(topic=1.5, sentiment=0.8),
        max_length=32,
        languages=("en",),
        minimum_words=2,
        base_model=BaseModel(id="none", sha256="0" * 64, license="Apache-2.0"),
        training_data=(),
        recipe={},
        metrics={},
        files=digests(directory),
    )
    write_meta(directory, meta)
    return load_bundle(directory)


def _spread(network: TwoHeads) -> None:
    """Set the heads so that texts get different answers, and none of a head's classes is rare."""
    import torch

    ids = torch.randint(len(SPECIAL), len(SPECIAL) + len(WORDS.split()), (256, 12))
    for head in (network.topic, network.sentiment):
        torch.nn.init.normal_(head.weight, std=1.0)
        torch.nn.init.zeros_(head.bias)
    with torch.no_grad():
        logits = network.logits(ids, torch.ones_like(ids))
        for head, values in zip((network.topic, network.sentiment), logits, strict=True):
            scale = 2.0 / values.std(0).mean()
            head.weight *= scale
            head.bias.sub_(scale * values.mean(0))


def _encoder() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *WORDS.split()))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=64,
        attn_implementation="eager",  # type: ignore[call-arg]  # taken by its **kwargs
    )
    encoder = BertModel(config, add_pooling_layer=False)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers is untyped
        tokenizer_object=tokenizer, pad_token="[PAD]"
    )
    return encoder, fast
