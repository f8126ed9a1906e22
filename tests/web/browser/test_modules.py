"""The page's pure modules, in the browser that runs them: how things are written, what is known."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.settings import Settings
from tests.integration.daemons import running
from tests.web.browser.chromium import Tab

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
STORE = (Path(__file__).parent / "store_checks.js").read_text(encoding="utf-8")
HOUR, DAY = 3_600_000, 86_400_000
WRITTEN: list[tuple[str, Any, str]] = [
    ("quantity", 0, "0"), ("quantity", 0.004, "<0.01"), ("quantity", 0.0723, "0.07"),
    ("quantity", 3.2, "3.2"), ("quantity", 69.19, "69"), ("quantity", 12345, "12,345"),
    ("percent", 0.834, "83%"), ("score", -0.816, "\N{MINUS SIGN}0.82"), ("score", 0.5, "+0.50"),
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
        asked = json.dumps([[name, value] for name, value, _ in WRITTEN])
        written = await tab.run(
            "const format = await import('/static/format.js');"
            f"return {asked}.map(([name, value]) => format[name](value))"
        )
        assert written == [expected for *_, expected in WRITTEN]

        known = await tab.run(STORE)
    assert known == {
        "headlines": 60,
        "oldest": "0/40",
        "alerts": 200,
        "left": ["beat2"],
        "announced": ["new"],
        "skipped": 7,
        "gone": [["orderly", True], ["silent", False]],
    }
