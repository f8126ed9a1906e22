"""`newsurge explain` on a broker: the demo's own day, each alert of it, and hostile headlines.

The judge is the stand-in of the demo's tests, so that the day is told the same every time.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor import app, deployment_files, watch_plan
from monitor.commands.explain import explain_alert
from monitor.delivery.webhook import new_secret
from monitor.demo.accounts import read_expected
from monitor.explaining.choosing import UnknownAlertError
from monitor.publish import publish as publish_feed
from monitor.publish_plan import replay_settings
from monitor.receiver import LocalReceiver, receiving
from monitor.records import AlertEvent, ScoredRecord, decode_scored
from monitor.rules.file import default_rules
from monitor.scoring.news import parse_time
from monitor.settings import Settings
from monitor.streams.reading import read_all
from monitor.surge.novelty import SAME_STORY
from monitor.surge.signature import similarity
from tests.conftest import Broker, Deployment
from tests.demo.test_conductor import Answers, ids_of_the_surge
from tests.integration.daemons import PATIENCE, accounted, alerts, publish, running

DEMO = resources.files("monitor.demo")
PLAY_SECONDS = 6.0
SECRET = new_secret()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = SimpleNamespace(
        meta=SimpleNamespace(version="answers", topics=("Financials", "Macro"))
    )
    for module in (deployment_files, watch_plan):
        monkeypatch.setattr(module, "serving_bundle", lambda _: bundle)
    monkeypatch.setattr(app, "load_judge", lambda *_: Answers(ids_of_the_surge()))


class Log:
    """The log of scored records, and what anyone would count in it by hand."""

    def __init__(self, records: list[tuple[int, int, ScoredRecord]], threshold: float) -> None:
        self.records, self._threshold = records, threshold

    def counts(self, event: AlertEvent) -> dict[str, float]:
        """What the event's window holds: ids once, stories once, from the records alone."""
        assert event.offsets is not None
        own = [
            (offset, each)
            for partition, offset, each in self.records
            if each.series == event.series and partition == event.offsets.partition
        ]
        begin = event.window.end - event.window.length_seconds * 1000
        ids: set[str] = set()
        stories: list[bytes] = []
        raw: list[ScoredRecord] = []
        novel: list[ScoredRecord] = []
        for offset, each in own:
            if offset > event.offsets.last or each.item.id in ids:
                continue
            ids.add(each.item.id)
            is_new = all(similarity(each.signature, one) < SAME_STORY for one in stories)
            if is_new:
                stories.append(each.signature)
            if begin < each.event_time <= event.window.end:
                raw.append(each)
                novel += [each] if is_new else []
        negative = [each for each in novel if self._is_negative(each)]
        return {
            "raw_count": len(raw),
            "raw_negative": sum(map(self._is_negative, raw)),
            "novel_count": len(novel),
            "novel_negative": len(negative),
            "negative_share": len(negative) / len(novel) if novel else 0.0,
        }

    def _is_negative(self, record: ScoredRecord) -> bool:
        return record.sentiment.negative >= self._threshold


async def read_log(settings: Settings) -> Log:
    records = []
    async for one in read_all(settings, "scored"):
        decoded = decode_scored(one.value)
        if isinstance(decoded, ScoredRecord):
            records.append((one.partition, one.offset, decoded))
    return Log(records, settings.watch.negative_threshold)


def has_ended(receiver: LocalReceiver) -> bool:
    return any(each.payload["type"] == "alert.resolved" for each in receiver.accepted)


async def played(settings: Settings, receiver: LocalReceiver) -> list[AlertEvent]:
    """Play the demo's day through a daemon, until its surge was told and has ended."""
    speed = settings.score.replay_speed
    with resources.as_file(DEMO / "feed.jsonl") as feed:
        async with running(settings, [receiver.target("desk")]):
            await publish_feed(settings, feed, speed=speed)
            await receiver.until(
                lambda seen: any(b"alert.resolved" in each.body for each in seen.accepted)
            )
    return await alerts(settings)


@pytest.mark.usefixtures("answers")
async def test_each_alert_of_the_demos_day_is_reproduced(
    embedded: Broker, deployment: Deployment
) -> None:
    expected = read_expected(DEMO / "feed.meta.json")
    seconds = (parse_time(expected.last) - parse_time(expected.first)) / 1000
    settings = replay_settings(
        deployment(
            embedded,
            rules=default_rules(),
            score={"mark_interval_seconds": 0.1},
            log_level="warning",
        ),
        seconds / PLAY_SECONDS,
    )
    async with receiving(SECRET) as receiver:
        events = await played(settings, receiver)
    assert {event.state for event in events} == {"firing", "resolved"}
    log = await read_log(settings)
    for event in events:
        found = json.loads(await explain_alert(settings, event.id, as_json=True))
        assert found["alert"]["id"] == event.id
        assert found["reproduction"]["outcome"] == "reproduced", found["reproduction"]
        by_hand = log.counts(event)
        assert {name: found["recounted"][name] for name in by_hand} == by_hand
        assert [each["receiver"] for each in found["deliveries"]] == ["desk"]
        assert found["deliveries"][0]["delivered"] is True
        assert found["records"]["news_gone"] == 0
        text = await explain_alert(settings, event.id[:10], as_json=False)
        assert "bit for bit" in text
        assert "desk: delivered" in text
    latest = await explain_alert(settings, None, as_json=False)
    assert latest.startswith(max(events, key=lambda one: one.resolved_at or one.fired_at).id)


HOSTILE = (
    "Harbourline Bank \x1b[2J\x1b]0;owned\x07 collapse feared",
    "Northgate [bold red]collapse[/] feared \u202egnihtemos\r\nFAKE LINE",
    "Third \x9b31m collapse\u2028 feared \x7f here",
)
RULES = "rules: [{{alert: Any, type: threshold, by: all, window: 1h, when: {}}}]\n"


@pytest.fixture
def settings(embedded: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(RULES.format("negative_count >= 3"))
    return deployment(embedded, rules=rules, model={"bundle": bundle}, log_level="warning")


async def told(settings: Settings) -> None:
    """Wait until there is an alert."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await alerts(settings):
                return
            await asyncio.sleep(0.1)


async def raised(settings: Settings, titles: Sequence[str]) -> AlertEvent:
    """The one alert that items of these titles raise."""
    items = [{"id": f"n{i}\x1b[1m", "title": each} for i, each in enumerate(titles)]
    async with running(settings):
        await accounted(settings, await publish(settings, items))
        await told(settings)
    (event,) = await alerts(settings)
    return event


async def test_hostile_headlines_are_inert_and_an_unknown_id_is_one_line(
    settings: Settings,
) -> None:
    event = await raised(settings, HOSTILE)
    text = await explain_alert(settings, event.id, as_json=False)
    assert "reproduced" in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert "[bold red]collapse[/]" in text
    assert not any(line.startswith("FAKE LINE") for line in text.split("\n"))
    document = await explain_alert(settings, event.id, as_json=True)
    assert document.isascii()
    assert all(line.isprintable() for line in document.split("\n"))
    assert len(json.loads(document)["records"]["stories"]) == 3
    assert "nobody" in text

    with pytest.raises(UnknownAlertError, match="no alert has the id zzzz; the latest are: "):
        await explain_alert(settings, "zzzz", as_json=False)
    done = await asyncio.to_thread(command_line, settings, "zzzz")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert event.id in line
    assert done.stdout == ""


def command_line(settings: Settings, identity: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("newsurge")), "explain", identity,
        "--bootstrap-servers", settings.kafka.bootstrap_servers,
        "--prefix", settings.streams.prefix, "--rules", str(settings.rules),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


async def test_an_alert_from_changed_rules_is_counted_again_and_told_as_such(
    settings: Settings,
) -> None:
    event = await raised(settings, HOSTILE)
    settings.rules.write_text(RULES.format("negative_count >= 99"))
    found = json.loads(await explain_alert(settings, None, as_json=True))
    assert found["reproduction"]["outcome"] == "rule_changed"
    assert found["rule"]["now"] == "changed"
    assert found["rule"]["hash_then"] == event.rule_hash != found["rule"]["hash_now"]
    assert found["recounted"]["raw_count"] == event.window.raw_count
    assert found["recounted"]["novel_negative"] == event.window.novel_negative
    text = await explain_alert(settings, None, as_json=False)
    assert "it means something else now" in text
    assert "negative_count >= 99" in text
    assert "can't be reproduced" in text
