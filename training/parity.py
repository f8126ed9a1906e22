"""What int8 weights cost: the served bundle held against the fp32 network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.metrics import SAID
from training.targets import is_labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.metrics import Numbers
    from training.targets import Labels

LIMIT = 0.005  # accuracy that int8 weights may cost on dev: half a point


def parity(exact: Numbers, int8: Numbers, labels: Labels) -> dict[str, float]:
    """Compares one head's served probabilities with the fp32 network's, [rows, classes] each.

    Of several classes a text, those said count; a row agrees where all of them do.
    """
    labelled = is_labelled(labels)
    if labels.ndim == 2:
        said = [p >= SAID for p in (exact, int8)]
        hits = [((each == labels).all(1))[labelled] for each in said]
        agreement = (said[0] == said[1]).all(1)
    else:
        chosen = [p.argmax(1) for p in (exact, int8)]
        hits = [(each == labels)[labelled] for each in chosen]
        agreement = chosen[0] == chosen[1]
    accuracy = [float(hit.mean()) if len(hit) else 0.0 for hit in hits]
    return {
        "agreement": round(float(agreement.mean()), 4),
        "accuracy_fp32": round(accuracy[0], 4),
        "accuracy_served": round(accuracy[1], 4),
        "mean_move": round(float(np.abs(exact - int8).max(1).mean()), 4),
    }


def tell(compared: dict[str, dict[str, float]], say: Callable[[str], None]) -> None:
    """Says what int8 weights cost. Too much is no reason to throw a long training away."""
    for head, numbers in compared.items():
        say(
            f"{head}: int8 agrees with fp32 on {numbers['agreement']:.2%} of dev, accuracy "
            f"{numbers['accuracy_fp32']:.4f} → {numbers['accuracy_served']:.4f}"
        )
        if numbers["accuracy_fp32"] - numbers["accuracy_served"] > LIMIT:
            say(
                f"warning: int8 weights cost the {head} head more than {LIMIT:.1%} accuracy "
                "on dev; train longer or with another encoder before you serve this bundle"
            )
