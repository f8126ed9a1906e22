"""The page's pure modules, in the browser that runs them: how things are written, what is known."""

import json
from typing import Any

import pytest

from monitor.settings import Settings
from tests.integration.daemons import running
from tests.web.browser.chromium import Tab

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
HOUR, DAY = 3_600_000, 86_400_000
WRITTEN: list[tuple[str, Any, str]] = [
    ("quantity", 0, "0"), ("quantity", 0.004, "<0.01"), ("quantity", 0.0723, "0.07"),
    ("quantity", 3.2, "3.2"), ("quantity", 69.19, "69"), ("quantity", 12345, "12,345"),
    ("percent", 0.834, "83%"), ("score", -0.816, "−0.82"), ("score", 0.5, "+0.50"),
    ("score", -0.001, "0.00"), ("duration", 45_000, "45 s"), ("duration", 59_700, "60 s"),
    ("duration", 9 * 60_000, "9 min"), ("duration", 2 * HOUR + 5 * 60_000, "2 h 5 min"),
    ("duration", 2 * HOUR, "2 h"), ("duration", 3 * DAY + 4 * HOUR, "3 d 4 h"),
    ("duration", -5, "0 s"), ("seconds", 0.0031, "3.1 ms"), ("seconds", 1.44, "1.4 s"),
    ("seconds", 120, "2 min"), ("chance", 910, "once in 2.5 years"),
    ("chance", 45, "once in 45 days"), ("chance", 0.5, "once in 12 h"),
    ("chance", 1e9, "less often than once in 1,000 years"), ("ago", 400, "now"),
    ("ago", 30_000, "30 s ago"), ("rate", 18.4, "18/s"), ("rate", 1234, "1.2K/s"),
    ("plain", " a\u202eb\x1b[1m\r\nc\x00 ", "ab [1m c"), ("plain", None, ""),
]  # fmt: skip


async def test_how_things_are_written(settings: Settings, tab: Tab) -> None:
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        written = await tab.ask(
            """import('/static/format.js').then((format) =>
                arguments_[0].map(([name, value]) => format[name](value)))""".replace(
                "arguments_[0]", json.dumps([[name, value] for name, value, _ in WRITTEN])
            )
        )
        assert written == [expected for *_, expected in WRITTEN]

        known = await tab.ask(STORE)
    assert known == {
        "headlines": 60,
        "oldest": "0/40",
        "alerts": 200,
        "repeated": [["beat2", 2]],
        "announced": ["new"],
        "skipped": 7,
        "gone": [["orderly", True], ["silent", False]],
    }


STORE = """import('/static/store.js').then(({ Store, episodes }) => {
  const event = (id, fired_at) => ({ id, state: 'firing', fired_at, rule: 'Alive', series: { by: 'all', key: 'all' } });
  const alert = (id, at) => ({ event: event(id, at), episode: id });
  const empty = { series: [], processes: [], headlines: [], alerts: [], skipped: 0, version: '1' };
  const store = new Store();
  store.replace({ ...empty, now: 1 });
  const beats = [alert('beat0', 0), alert('beat1', 1), alert('beat2', 2)];
  const repeated = episodes(beats).map(({ id, before }) => [id, before]);
  store.apply({ now: 2, alerts: beats, headlines: [...Array(100).keys()].map((n) => ({ id: `0/${n}` })) });
  store.apply({ now: 3, alerts: [...Array(300).keys()].map((n) => alert(`a${n}`, n)), skipped: 7 });
  const [headlines, oldest, alerts, skipped] =
    [store.headlines.size, [...store.headlines.keys()][0], store.alerts.size, store.skipped];
  const now = Date.now();
  const process = (id, at) => ({ id, at });
  store.apply({ now, processes: [process('orderly', now - 1000), process('silent', now - 46000)] });
  store.apply({ now, gone_processes: ['orderly', 'silent'] });
  const gone = store.goneProcesses().map(({ process, isOrderly }) => [process.id, isOrderly]);
  const again = store.replace({ ...empty, now, alerts: [alert('a299', 299), alert('new', 300)] });
  return { headlines, oldest, alerts, repeated, announced: again.map((each) => each.event.id), skipped, gone };
})"""
