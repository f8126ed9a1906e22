"""Invented headlines for measuring: as long, and as different from one another, as real ones."""

from __future__ import annotations

import random

_FIRST = ("Harbourline", "Northgate", "Calder", "Meridian", "Altavista", "Castellan", "Dunmore",
          "Eastmarch", "Farrow", "Glenrock", "Hollis", "Ironbridge", "Kestrel", "Lindqvist",
          "Marlowe", "Norwick", "Oakhurst", "Pellam", "Quayside", "Ravensworth", "Silverton",
          "Thornbury", "Valemount", "Westerly", "Yarrow", "Zellwood")  # fmt: skip
_SECOND = ("Bank", "Energy", "Motors", "Foods", "Pharma", "Metals", "Software", "Airlines")
_VERBS = ("raises", "cuts", "reaffirms", "reports", "confirms", "denies", "expects", "warns of",
          "settles over", "plans", "weighs", "delays", "completes", "abandons")  # fmt: skip
_OBJECTS = (
    "quarterly profit guidance",
    "its full-year outlook after weak demand in two regions",
    "a dividend of 42 cents a share",
    "talks to buy a smaller rival for $1.3 billion in cash",
    "heavier loan losses as depositors leave",
    "a class action over its accounting for leases",
    "new supply contracts in northern ports",
    "the departure of its chief financial officer next month",
    "lower output at three refineries following maintenance",
    "a listing in the spring at the top of the range",
)
_TAILS = ("", " - sources", ", shares fall 7%", ", shares gain 3%", " amid rate worries",
          "; analysts split", " in early trade", ", union says", " before Fed minutes")  # fmt: skip


def headlines(count: int, rng: random.Random) -> list[str]:
    """As many headlines, the same for the same seed."""
    parts = _FIRST, _SECOND, _VERBS, _OBJECTS
    return [" ".join(rng.choice(part) for part in parts) + rng.choice(_TAILS) for _ in range(count)]
