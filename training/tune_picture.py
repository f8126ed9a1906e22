"""A tuning as a picture: the quality of each trial, and over each of the values tried. SVG.

Pure: trials in, text out. Colours are those of the reader's scheme, light or dark.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.tune_result import Found, Outcome

_WIDTH, _HEIGHT, _GAP, _COLUMNS = 260, 150, 56, 3
_STYLE = """\
text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600}.a{stroke:#999;fill:none}
.c{fill:#2563a8}.p{fill:none;stroke:#999}.b{fill:#c2410c}.l{stroke:#c2410c;fill:none}
.g{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#ddd}.g{fill:#16181d}.c{fill:#6ab0f3}.a{stroke:#666}}"""


def picture(found: Found) -> str:
    """Returns an SVG: one panel by trial, with the best so far as a line, and one for each value.

    The best trial is marked; those without a quality are left out.
    """
    told = [trial for trial in found.trials if trial.quality is not None]
    keys = [None, *sorted({key for trial in told for key in trial.values})]
    rows = -(-len(keys) // _COLUMNS)
    width = _COLUMNS * (_WIDTH + _GAP) + _GAP
    height = rows * (_HEIGHT + _GAP) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{len(told)} trials</title><style>{_STYLE}</style>",
        f'<rect class="g" width="{width}" height="{height}"/>',
    ]
    for index, key in enumerate(keys):
        x = _GAP + index % _COLUMNS * (_WIDTH + _GAP)
        y = _GAP / 2 + index // _COLUMNS * (_HEIGHT + _GAP)
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _panel(told, found.best, key, is_log=key in found.log)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    told: Sequence[Outcome], best: Outcome, key: str | None, *, is_log: bool
) -> Iterator[str]:
    yield f'<text class="t" y="-6">{escape("by trial" if key is None else key)}</text>'
    yield f'<path class="a" d="M0 0V{_HEIGHT}H{_WIDTH}"/>'
    seen = [t for t in told if key is None or key in t.values]
    if not seen:
        return
    qualities = [t.quality or 0.0 for t in told]
    low, high = min(qualities), max(qualities)
    places, ends = _places([t.number if key is None else t.values[key] for t in seen], is_log)

    def up(quality: float) -> float:
        return _HEIGHT * (1 - (quality - low) / (high - low or 1) * 0.9 - 0.05)

    for trial, place in zip(seen, places, strict=True):
        kind = "b" if trial.number == best.number else "c" if trial.state == "complete" else "p"
        yield (
            f'<circle class="{kind}" cx="{place * _WIDTH:.1f}" cy="{up(trial.quality or 0):.1f}" '
            f'r="{5 if kind == "b" else 3.5}"><title>trial {trial.number}: '
            f"{trial.quality:.4f}</title></circle>"
        )
    if key is None:
        yield f'<path class="l" d="{_best_so_far(seen, places, up)}"/>'
    yield f'<text x="-6" y="{up(high) + 4:.1f}" text-anchor="end">{high:.3f}</text>'
    yield f'<text x="-6" y="{up(low) + 4:.1f}" text-anchor="end">{low:.3f}</text>'
    for text, place, anchor in zip(ends, (0, _WIDTH), ("start", "end"), strict=True):
        yield f'<text x="{place}" y="{_HEIGHT + 16}" text-anchor="{anchor}">{escape(text)}</text>'


def _best_so_far(seen: Sequence[Outcome], places: Sequence[float], up: Any) -> str:
    highest, steps = -math.inf, []
    for trial, place in sorted(zip(seen, places, strict=True), key=lambda pair: pair[0].number):
        if trial.state == "complete":
            highest = max(highest, trial.quality or 0.0)
        if highest > -math.inf:
            steps.append(f"{place * _WIDTH:.1f} {up(highest):.1f}")
    return f"M{' L'.join(steps)}" if steps else ""


def _places(values: Sequence[Any], is_log: bool) -> tuple[list[float], tuple[str, str]]:
    """Where each value lies between 0 and 1, and what the ends of the axis are called."""
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        names = sorted({str(v) for v in values})
        found = [names.index(str(v)) / max(1, len(names) - 1) for v in values]
        return found, (names[0], names[-1] if len(names) > 1 else "")
    numbers = [math.log(v) if is_log and v > 0 else float(v) for v in values]
    low, high = min(numbers), max(numbers)
    ends = tuple(f"{end:.3g}" for end in (min(values), max(values)))
    return [(n - low) / (high - low or 1) for n in numbers], (ends[0], ends[1])
