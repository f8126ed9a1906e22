"""A real Chromium without a window, driven by Debian's `chromium-driver`, and one tab of it.

Nothing is downloaded: where browser or driver are absent, tests skip and say what to install.
Calls block, so a tab hands them to a thread: the daemon lives in the test's own loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PATIENCE = 60
MISSING = "needs Debian's chromium and chromium-driver: `make test-tools` installs them"
_LOOK_AGAIN_SECONDS = 0.2
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en",
    "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
)  # fmt: skip


def is_there() -> bool:
    """Whether browser and driver are installed."""
    return all(shutil.which(name) for name in ("chromium", "chromedriver"))


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser for the length of the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


class Tab:
    """The one tab of a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    async def go(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        await asyncio.to_thread(self._driver.get, url)

    async def reload(self) -> None:
        """Load the page anew."""
        await asyncio.to_thread(self._driver.refresh)

    async def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns, which may await things: JSON values only."""
        # `arguments` are a function's own, but not an arrow function's.
        script = f"return (async function () {{ {script}\n }}).apply(null, arguments)"
        return await asyncio.to_thread(self._driver.execute_script, script, *arguments)

    async def ask(self, expression: str, *arguments: Any) -> Any:
        """The value of an expression; it may be a promise."""
        return await self.run(f"return ({expression})", *arguments)

    async def text(self, selector: str) -> str:
        """What is read in the first element that the selector finds; nothing where there is none.

        It is the text of the document, whether or not it is in sight.
        """
        return str(
            await self.ask("document.querySelector(arguments[0])?.textContent", selector) or ""
        )

    async def until(self, expression: str, *arguments: Any, seconds: float = PATIENCE) -> Any:
        """Wait until the expression is true of the page, and give its value."""
        end = time.monotonic() + seconds
        while True:
            value = await self.ask(expression, *arguments)
            if value:
                return value
            if time.monotonic() > end:
                seen = await self.ask("document.body.innerText.slice(0, 2000)")
                raise AssertionError(f"it never came to hold: {expression} {arguments}\n{seen}")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def until_it_says(self, selector: str, words: str) -> str:
        """Wait until the first element that the selector finds holds the words; gives its text."""
        holds = "document.querySelector(arguments[0])?.textContent.includes(arguments[1])"
        await self.until(holds, selector, words)
        return await self.text(selector)

    async def until_there_are(self, number: int, selector: str) -> None:
        """Wait until the selector finds so many elements."""
        counts = "document.querySelectorAll(arguments[0]).length === arguments[1]"
        await self.until(counts, selector, number)

    async def open_all(self) -> None:
        """Open every series, alert and the pipeline, once there is at least one of each."""
        # News of an alert and of its series may come to the page in either order.
        for each in (".row-button", ".episode > summary", "#pipeline summary"):
            await self.until("document.querySelector(arguments[0])", each)
        await self.run(
            "document.querySelectorAll('.row-button, .episode > summary, #pipeline summary')"
            ".forEach((each) => each.click())"
        )

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, as a keyboard does: wherever the focus is."""
        for key in keys:
            # Given to an element, a key is refused when the page draws that element anew meanwhile.
            await asyncio.to_thread(ActionChains(self._driver).send_keys(key).perform)

    async def click(self, selector: str) -> None:
        """Click on the first element that the selector finds."""
        element = await asyncio.to_thread(self._driver.find_element, By.CSS_SELECTOR, selector)
        await asyncio.to_thread(element.click)

    async def look(
        self, width: int, height: int, scheme: str = "light", *, is_phone: bool = False
    ) -> None:
        """Give the tab a size and a colour scheme; motion is reduced, so that it holds still."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        await self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        await self._devtools("Emulation.setEmulatedMedia", {"features": features})

    async def picture(self) -> bytes:
        """The tab as PNG."""
        answer = await self._devtools("Page.captureScreenshot", {"format": "png"})
        return base64.b64decode(answer["data"])

    async def complaints(self) -> list[str]:
        """What the browser has logged since it was last asked: errors and refused things."""
        entries = await asyncio.to_thread(self._driver.get_log, "browser")
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    async def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return await asyncio.to_thread(self._driver.execute_cdp_cmd, command, parameters)


TAB, ENTER, ESCAPE, SPACE = Keys.TAB, Keys.ENTER, Keys.ESCAPE, Keys.SPACE
