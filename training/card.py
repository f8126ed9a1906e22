"""The model card: what `meta.json` says, in words. A pure function of it, so never out of step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.model.bundle import BundleMeta

_CARD = """\
# {name} {version}

{description}

| | |
|---|---|
| made | {created_at} |
| encoder | {base} ({base_license}), SHA-256 `{base_sha}` |
| languages | {languages} |
| topics | {topics} |
| sentiments | {sentiments} |
| input | {fields}, at most {max_length} tokens; not judged below {minimum_words} words |
| weights | int8 (ONNX), for OpenVINO and ONNX Runtime |

## Learned from
| data set | source | licence | texts used | SHA-256 of the file |
|---|---|---|---|---|
{data}

Duplicates, contradictory labels and every text that is also held out were removed first; the
counts are under `metrics.feeds` in `meta.json`, the recipe under `recipe`.

## Measured
As served on a CPU. *dev* is a split of the training data on which the epoch and the temperatures
were chosen, so it flatters; the other rows are files that took no part in training. ECE is the
expected calibration error over 15 equal-width bins, after temperature scaling.

| rows of | head | texts | accuracy | macro-F1 | ECE |
|---|---|---|---|---|---|
{measured}

{per_class}
## Limits
- It knows the kind of text that it learned from. Other kinds, other subjects, other years and
  other languages are scored less well than the table says.
- A probability is a judgement of the wording, not of the truth of the news or of what a price
  will do. It is no advice.
- One sentiment is given for the whole text, also where it is good news for one party and bad for
  another.
- A topic with few texts above is known less well than its average suggests: see its row.
"""


def model_card(meta: BundleMeta) -> str:
    """Returns the card in Markdown."""
    evaluations = {"dev": meta.metrics.get("dev", {}), **meta.metrics.get("evaluations", {})}
    data = "\n".join(
        f"| {d.name} | {d.source} | {d.license} | {d.rows:,} | `{d.sha256 or 'not stated'}` |"
        for d in meta.training_data
    )
    measured = "\n".join(
        f"| {name} | {head} | {m['rows']:,} | {m['accuracy']:.4f} | {m['macro_f1']:.4f} "
        f"| {m['ece']:.4f} |"
        for name, heads in evaluations.items()
        for head, m in heads.items()
    )
    card = _CARD.format(
        name=meta.name,
        version=meta.version,
        description=meta.recipe.get("description") or "A topic and sentiment model for newsurge.",
        created_at=meta.created_at,
        base=meta.base_model.id,
        base_license=meta.base_model.license,
        base_sha=meta.base_model.sha256,
        languages=", ".join(meta.languages),
        topics="; ".join(meta.topics),
        sentiments=", ".join(meta.sentiments),
        fields=", ".join(meta.input_fields),
        max_length=meta.max_length,
        minimum_words=meta.minimum_words,
        data=data,
        measured=measured,
        per_class="\n".join(_per_class(name, heads) for name, heads in evaluations.items()),
    )
    return card.replace("## Limits", f"{_behaviour(meta.metrics.get('behaviour', {}))}## Limits")


def _behaviour(tests: dict[str, Any]) -> str:
    """The behaviour tests as a table; nothing where none were run."""
    if not tests:
        return ""
    lines = [
        "## Behaviour",
        "Invented sentences: what an exchange of names or writing moves (flips, mean shift of the",
        "score), and the share of expectations that are met (passes).",
        "",
        "| test | texts | flips | mean shift | passes |",
        "|---" * 5 + "|",
    ]
    for name, found in tests.items():
        told = " | ".join(
            f"{found[key]:.3f}" if key in found else ""
            for key in ("flip_rate", "mean_shift", "pass_rate")
        )
        lines.append(f"| {name} | {found['cases']} | {told} |")
    return "\n".join(lines) + "\n\n"


def _per_class(name: str, heads: dict[str, Any]) -> str:
    lines = [
        f"### By class: {name}",
        "| class | precision | recall | F1 | texts |",
        "|---" * 5 + "|",
    ]
    for metrics in heads.values():
        lines += [
            f"| {cls} | {m['precision']:.3f} | {m['recall']:.3f} | {m['f1']:.3f} | {m['support']} |"
            for cls, m in metrics["classes"].items()
        ]
    return "\n".join(lines) + "\n"
