"""The prior file: what is read back, what is refused and how, what identifies it."""

import json
from typing import Any

import msgspec
import pytest

from monitor.errors import NewsurgeError, PriorError
from monitor.surge.prior import FLAT, Prior, SeriesPrior, TailCurve, decode_prior
from monitor.surge.ratios import IDEAL, Tail

CURVE = TailCurve((2.0, 8.0), (1.0, 0.6), (1.0, 3.0))
OIL = SeriesPrior(4.0, 336.0, 0.3, 500.0, volume_tails=CURVE)
PRIOR = Prior(
    fitted_on="a quiet spring",
    unknown=SeriesPrior(0.5, 2.0, 0.25, 4.0),
    rhythm={
        "weekday": (*(0.5,) * 8, *(1.75,) * 10, *(0.5,) * 6),
        "saturday": (0.25,) * 24,
        "sunday": (0.2,) * 24,
    },
    series={"topic=oil": OIL},
    timezone="America/New_York",
    calendar="NYSE",
)


def file_with(*path: str, value: Any) -> bytes:
    """The prior's file with one value replaced."""
    content = json.loads(msgspec.json.encode(PRIOR))
    place = content
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(content).encode()


def test_what_was_written_is_read_back() -> None:
    read = decode_prior(msgspec.json.encode(PRIOR), "prior.json")
    assert read == PRIOR
    assert read.digest == PRIOR.digest


def test_a_known_series_is_believed_what_was_fitted_and_any_other_is_unknown() -> None:
    assert PRIOR.of("topic=oil") == OIL
    assert PRIOR.of("topic=gas") == PRIOR.of("entity=oil") == PRIOR.unknown


def test_the_rhythm_is_five_weekdays_a_saturday_and_a_sunday() -> None:
    hours = PRIOR.hours
    assert len(hours) == 168
    assert [hours[day * 24 + 10] for day in range(7)] == [1.75] * 5 + [0.25, 0.2]
    assert FLAT.hours == (1.0,) * 168


class TestTails:
    @pytest.mark.parametrize(
        ("factor", "tail"),
        [
            (2.0, Tail(1.0, 1.0)),
            (8.0, Tail(0.6, 3.0)),
            (4.0, Tail(0.8, 2.0)),  # half-way by its logarithm
            (1.2, Tail(1.0, 1.0)),
            (64.0, Tail(0.6, 3.0)),
        ],
    )
    def test_lie_between_the_fitted_ones_and_are_flat_beyond(
        self, factor: float, tail: Tail
    ) -> None:
        found = CURVE.at(factor)
        assert (found.slope, found.scale) == pytest.approx((tail.slope, tail.scale))

    def test_are_ideal_where_none_was_fitted(self) -> None:
        assert TailCurve().at(2.0) == IDEAL


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"not json", "malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "fitted_on"),
        (file_with("unknown", value=None), "unknown"),
        (file_with("unknown", "rate", value="often"), "unknown.rate"),
        (file_with("version", value=2), "it is of version 2; this newsurge reads 1"),
        (file_with("timezone", value="Mars/Base"), "'Mars/Base' is not a time zone"),
        (file_with("calendar", value="Mars"), "'Mars' is not a calendar"),
        (file_with("rhythm", "sunday", value=[1.0] * 23), "rhythm for sunday needs 24 hours"),
        (file_with("rhythm", "sunday", value=[]), "rhythm for sunday needs 24 hours"),
        (file_with("rhythm", "sunday", value=[0.0] * 24), "each above 0"),
        (file_with("rhythm", value={"weekday": [1.0] * 24}), "weekday, saturday, sunday"),
        (file_with("rhythm", "friday", value=[1.0] * 24), "weekday, saturday, sunday"),
        (file_with("unknown", "rate", value=0), "unknown: rate, rate_hours"),
        (file_with("unknown", "rate_hours", value=-1), "unknown: rate, rate_hours"),
        (file_with("series", "topic=oil", "share_stories", value=0), "topic=oil: rate"),
        (file_with("series", "topic=oil", "share", value=1), "topic=oil: share must lie between"),
        (file_with("series", "topic=oil", "share", value=0), "topic=oil: share must lie between"),
        (
            file_with("series", "topic=oil", "volume_tails", "slopes", value=[1.0]),
            "topic=oil: a tail needs rising factors, each with slope and scale",
        ),
        (
            file_with("series", "topic=oil", "volume_tails", "factors", value=[8.0, 2.0]),
            "rising factors",
        ),
        (
            file_with("series", "topic=oil", "volume_tails", "factors", value=[2.0, 2.0]),
            "rising factors",
        ),
        (
            file_with("series", "topic=oil", "volume_tails", "slopes", value=[1.0, 0.0]),
            "must be above 0",
        ),
    ],
)
def test_a_broken_file_is_refused_in_one_line_that_names_it_and_the_mending(
    content: bytes, says: str
) -> None:
    with pytest.raises(PriorError) as refused:
        decode_prior(content, "desk/prior.json")
    assert isinstance(refused.value, NewsurgeError)
    text = str(refused.value)
    assert text.startswith("prior file desk/prior.json can't be used: ")
    assert says in text
    assert text.endswith("fit one with `newsurge baseline fit HISTORY -o prior.json`")
    assert "\n" not in text


class TestDigest:
    def test_is_the_same_for_the_same_content_however_it_was_laid_out(self) -> None:
        laid_out = json.dumps(json.loads(msgspec.json.encode(PRIOR)), indent=4, sort_keys=True)
        assert decode_prior(laid_out.encode(), "prior.json").digest == PRIOR.digest
        assert len(PRIOR.digest) == 12

    @pytest.mark.parametrize(
        "content",
        [
            file_with("unknown", "rate", value=0.6),
            file_with("series", "topic=oil", "rate_hours", value=337.0),
            file_with("series", "topic=oil", "volume_tails", "slopes", value=[1.0, 0.7]),
            file_with("series", "topic=gas", value=msgspec.to_builtins(OIL)),
            file_with("rhythm", "sunday", value=[0.3] * 24),
            file_with("timezone", value="Europe/London"),
            file_with("calendar", value=None),
        ],
    )
    def test_changes_with_whatever_is_believed(self, content: bytes) -> None:
        assert decode_prior(content, "prior.json").digest != PRIOR.digest
