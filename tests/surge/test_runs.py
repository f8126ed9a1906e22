"""Runs against brute force: the best of all stretches that end here, and when they are let go."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.surge.baseline import Baseline, Counts
from monitor.surge.ratios import IDEAL, raised_share, rate_period, share_period
from monitor.surge.runs import Channel, Run, advance, pause
from tests.surge.counts import WELL_KNOWN, baseline, held, panes

FACTORS = st.floats(1.5, 8)
STORIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40)
LONG = 10_000
Walk = list[tuple[int, int]]


def walked(run: Run, found: list[Counts], last: int, base: Baseline, window: int = LONG) -> Run:
    """The run after the panes 1 to `last`."""
    through = 0
    for counts in found:
        advance([run], through, counts, window, base)
        through = counts.pane
    pause([run], through, last, base)
    return run


def best_stretch(gains: list[float]) -> tuple[float, int]:
    """The largest sum of a stretch that ends at the end, and its first pane; (0, 0) for none.

    Nothing is concluded where another stretch comes so near that rounding decides.
    """
    sums = {pane: sum(gains[pane - 1 :]) for pane in range(1, len(gains) + 1)}
    ranked = sorted([(0.0, 0), *((total, pane) for pane, total in sums.items())], reverse=True)
    assume(len(ranked) == 1 or ranked[0][0] - ranked[1][0] > 0.01)
    return ranked[0]


def volume_gains(stories: Walk, per_pane: float, factor: float) -> list[float]:
    """The log likelihood ratio of each pane between Poisson counts."""
    return [negative * math.log(factor) - (factor - 1) * per_pane for negative, _ in stories]


def share_gains(stories: Walk, share: float, factor: float) -> list[float]:
    """The log likelihood ratio of each pane between Bernoulli stories."""
    risen = raised_share(share, factor)
    worse, better = math.log(risen / share), math.log((1 - risen) / (1 - share))
    return [negative * worse + calm * better for negative, calm in stories]


class TestARunIsTheBestOfAllStretchesThatEndHere:
    @given(STORIES, st.floats(0.05, 1), FACTORS)
    def test_on_volume(self, stories: Walk, per_pane: float, factor: float) -> None:
        height, onset = best_stretch(volume_gains(stories, per_pane, factor))
        run, base = Run(Channel.VOLUME, factor, IDEAL), baseline(per_pane * 60)
        walked(run, held(stories), len(stories), base)
        assert run.height(base) == pytest.approx(height, rel=1e-4, abs=1e-3)
        assert (run.onset if run.negative else 0) == onset

    @given(STORIES, st.floats(0.05, 0.6), FACTORS)
    def test_on_share(self, stories: Walk, share: float, factor: float) -> None:
        # A pane without any story says nothing of the share: it can't begin a stretch.
        told = [one for one in stories if sum(one)]
        height, onset = best_stretch(share_gains(told, share, factor))
        run, base = Run(Channel.SHARE, factor, IDEAL), baseline(6, share)
        walked(run, held(stories), len(stories), base)
        assert run.height(base) == pytest.approx(height, rel=1e-4, abs=1e-3)
        first = held(stories)[onset - 1].pane if onset else 0
        assert (run.onset if run.negative else 0) == first

    @given(STORIES, st.floats(0.05, 1), FACTORS)
    def test_what_it_counts_is_what_was_told_since_its_onset(
        self, stories: Walk, per_pane: float, factor: float
    ) -> None:
        run = Run(Channel.VOLUME, factor, IDEAL)
        walked(run, held(stories), len(stories), baseline(per_pane * 60))
        since = stories[run.onset - 1 :] if run.negative else []
        assert run.negative == sum(negative for negative, _ in since)
        assert run.expected == pytest.approx(len(since) * per_pane)


class TestPieces:
    @given(STORIES, st.integers(1, 200), st.integers(0, 200), st.floats(0.001, 0.2))
    def test_a_wait_in_pieces_equals_one_at_once(
        self, stories: Walk, length: int, cut: int, per_pane: float
    ) -> None:
        base, last = baseline(per_pane * 60), len(stories)
        whole, pieces = (Run(Channel.VOLUME, 2.0, IDEAL) for _ in range(2))
        for run in (whole, pieces):
            walked(run, held(stories), last, base)
        pause([whole], last, last + length, base)
        middle = last + min(cut, length)
        pause([pieces], last, middle, base)
        pause([pieces], middle, last + length, base)
        assert (pieces.negative, pieces.onset) == (whole.negative, whole.onset)
        assert pieces.expected == pytest.approx(whole.expected)

    @given(STORIES, st.floats(0.01, 1), st.integers(2, 40))
    def test_empty_panes_may_be_given_or_left_out(
        self, stories: Walk, per_pane: float, window: int
    ) -> None:
        stories = [*stories, (1, 0)]
        base, last = baseline(per_pane * 60), len(stories)
        every = [Counts(pane, n, n + calm) for pane, (n, calm) in enumerate(stories, 1)]
        short, full = (Run(Channel.VOLUME, 2.0, IDEAL) for _ in range(2))
        walked(short, held(stories), last, base, window)
        walked(full, every, last, base, window)
        assert (full.negative, full.stories) == (short.negative, short.stories)
        assert full.expected == pytest.approx(short.expected)


class TestWindow:
    # pane      1 3 5 7 9    15 17
    TIMELINE = "..2.1.1.1.1.1.1.1"

    @pytest.mark.parametrize(
        ("window", "onset", "negative"),
        [
            (15, 3, 9),  # the whole stretch, which began 14 panes before the last
            (14, 17, 1),  # it is let go of just as pane 17 comes
            (4, 15, 2),  # let go of in panes 7, 11 and 15
        ],
    )
    def test_a_run_as_old_as_the_window_begins_anew(
        self, window: int, onset: int, negative: int
    ) -> None:
        run = Run(Channel.VOLUME, 2.0, IDEAL)
        walked(run, panes(self.TIMELINE), len(self.TIMELINE), baseline(0.6), window)
        assert (run.onset, run.negative) == (onset, negative)


class TestHours:
    def test_on_volume_are_expected_stories_at_the_usual_rate(self) -> None:
        run, base = Run(Channel.VOLUME, 2.0, IDEAL), baseline(3)
        walked(run, panes("5"), 1, base)
        assert run.hours(base) == pytest.approx(rate_period(run.height(base), 2.0) / 3)

    def test_on_share_are_stories_at_the_usual_rate(self) -> None:
        run, base = Run(Channel.SHARE, 2.0, IDEAL), baseline(3, share=0.25)
        walked(run, panes("5"), 1, base)
        period = share_period(run.height(base), 0.25, 2.0)
        assert run.hours(base) == pytest.approx(period / 12)

    @pytest.mark.parametrize("channel", Channel)
    def test_an_idle_run_has_none(self, channel: Channel) -> None:
        run, base = Run(channel, 2.0, IDEAL), baseline(3)
        walked(run, panes("...", calm=2), 3, base)
        assert (run.negative, run.height(base), run.hours(base)) == (0, 0, 0)

    @pytest.mark.parametrize("channel", Channel)
    def test_the_less_the_usual_is_known_the_less_a_run_says(self, channel: Channel) -> None:
        heights = []
        for worth in (3, 30, WELL_KNOWN):
            run, base = Run(channel, 2.0, IDEAL), baseline(3, worth=worth)
            heights.append(walked(run, panes("6"), 1, base).height(base))
        assert heights == sorted(heights)
        assert heights[0] < heights[-1] - 0.05


def test_what_is_looked_ahead_with_does_not_touch_the_run() -> None:
    run, base = Run(Channel.VOLUME, 2.0, IDEAL), baseline(3)
    walked(run, panes("31"), 2, base)
    before, ahead = run.copy(), run.copy()
    walked(ahead, panes("9", first=3), 3, base)
    assert run == before
    assert ahead.negative == 13
