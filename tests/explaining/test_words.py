"""What `newsurge explain` says, and that no text from outside can do more than be read."""

import json

import msgspec
import pytest

from monitor.explaining.document import Delivery
from monitor.explaining.reckoning import duration, reckoning, says
from monitor.explaining.words import as_json, lines
from monitor.surge.panes import SCORE_UNIT, Tally
from tests.explaining.example import RULE, event, explanation
from tests.surge.log import MINUTE, NEUTRAL, Desk, plan, rule

EVIL = "Bank \x1b[2J\x1b]0;owned\x07 \u202efdp\r\nFAKE \x9b31m [red]x[/red] \x7f"


def test_hostile_text_is_inert_wherever_it_stands() -> None:
    one = explanation()
    story = one.records.stories[0]
    evil = msgspec.structs.replace(
        story.first, title=EVIL, source=EVIL, url=EVIL, id=EVIL, model=EVIL, topic=EVIL
    )
    story = msgspec.structs.replace(story, first=evil, near_duplicates=(evil,))
    alert = msgspec.structs.replace(
        one.alert, rule=EVIL, series=msgspec.structs.replace(one.alert.series, key=EVIL)
    )
    told = Delivery(EVIL, EVIL, 1, 0, delivered=False, attempts=3, ended_at=5, reason=EVIL)
    hostile = msgspec.structs.replace(
        one,
        alert=alert,
        records=msgspec.structs.replace(one.records, stories=(story,)),
        deliveries=(told,),
    )
    text = list(lines(hostile))
    assert all(line.isprintable() for line in text)
    assert any("[red]x[/red]" in line for line in text)
    document = as_json(hostile)
    assert document.isascii()
    assert all(line.isprintable() for line in document.split("\n"))
    assert json.loads(document)["records"]["stories"][0]["first"]["title"] == EVIL


def test_a_long_list_of_stories_is_cut_and_says_so() -> None:
    text = "\n".join(lines(explanation(), most_stories=2))
    assert "negative stories not listed here: 3" in text
    assert "3. 0." not in text


def test_deliveries_are_told_by_how_they_ended() -> None:
    given_up = Delivery("n", "desk", 3, 0, delivered=False, attempts=9, ended_at=5, reason="gone")
    under_way = Delivery("n", "risk", 1, 0)
    one = msgspec.structs.replace(explanation(), deliveries=(given_up, under_way))
    text = "\n".join(lines(one))
    assert "desk: given up (gone) 1970-01-01 00:00:00Z after 9 tries" in text
    assert "one of 3 alerts in it" in text
    assert "risk: under way, queued" in text
    nobody = msgspec.structs.replace(one, deliveries=())
    assert "nobody yet; its rule names desk" in "\n".join(lines(nobody))


def test_several_models_are_named() -> None:
    one = explanation()
    mixed = msgspec.structs.replace(one.alert, models=("starter-1", "starter-2"))
    text = "\n".join(lines(msgspec.structs.replace(one, alert=mixed)))
    assert "scored by several models: starter-1, starter-2" in text


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [(0, "0"), (90_000, "90s"), (90 * MINUTE, "90m"), (30 * 86_400_000, "30d"), (5, "5ms")],
)
def test_durations_are_written_in_the_largest_whole_unit(milliseconds: int, written: str) -> None:
    assert duration(milliseconds) == written


def test_rules_are_said_in_the_words_of_their_file() -> None:
    threshold = rule(
        "negative_share >= 0.7 and count >= 4", window="2h", for_="10m", match={"source": "Wire"}
    )
    assert says(threshold) == (
        "threshold by topic: window 2h, for 10m, when negative_share >= 0.7 and count >= 4, "
        "match.source Wire"
    )
    assert "factor 3" in says(RULE)
    assert "false_alarms 1 per 30d" in says(RULE)
    assert says(rule(type="absent", window="2h")) == "absent by topic: window 2h"


def test_each_term_of_a_threshold_is_reckoned() -> None:
    raw = rule("negative_share >= 0.5 and count >= 4", counting="raw", min_support=2)
    desk = Desk(raw)
    for number in range(3):
        desk.news(1, "a", wording=number)
    desk.news(1, "calm", NEUTRAL)
    (fired,) = desk.events
    tally = Tally(4, 3, -2 * SCORE_UNIT, 2, 1, -SCORE_UNIT)
    assert list(reckoning(fired, raw, plan(raw), tally)) == [
        "negative_share >= 0.5: 0.75 (3 of 4 items), so it holds",
        "count >= 4: 4, so it holds",
        "min_support 2: 4 items, so it holds",
        "without near-duplicates the condition would not have held",
    ]


def test_a_rescaled_surge_says_how_many_the_first_model_would_count() -> None:
    tally = Tally(8, 7, 0, 6, 5, 0, novel_weight=2_500_000)
    (said,) = (one for one in reckoning(event(), RULE, plan(RULE), tally) if "first model" in one)
    assert "2.5 as the log's first model would count them" in said
