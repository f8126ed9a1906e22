"""From counters and histograms at two moments to rates and quantiles. Pure; told the time."""

from __future__ import annotations

import math
from collections.abc import Mapping

from monitor.live.records import Seconds

Buckets = Mapping[float, float]
"""A histogram: by upper bound, infinity included, how many observations were not above it."""


def rate(before: float, now: float, seconds: float) -> float:
    """How much a counter grew in each second; a counter that began anew grew from zero."""
    grown = now - before if now >= before else now
    return grown / seconds


def since(before: Buckets, now: Buckets) -> Buckets:
    """The observations made between two looks; all of them where the histogram began anew."""
    if any(now.get(bound, 0) < count for bound, count in before.items()):
        return now
    return {bound: count - before.get(bound, 0) for bound, count in now.items()}


def quantile(share: float, buckets: Buckets) -> float | None:
    """The value that this share of the observations does not exceed; None where there are none.

    Within a bucket they count as spread evenly, as Prometheus' `histogram_quantile` does. What is
    above the last finite bound is told as that bound.
    """
    total = buckets.get(math.inf, 0)
    if not total:
        return None
    wanted = share * total
    lower, below = 0.0, 0.0
    for bound in sorted(buckets):
        count = buckets[bound]
        if count >= wanted and count > below:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = bound, count
    return lower


def summary(buckets: Buckets) -> Seconds | None:
    """Median and 99th percentile; None where nothing was observed."""
    median, p99 = quantile(0.5, buckets), quantile(0.99, buckets)
    return None if median is None or p99 is None else Seconds(median, p99)
