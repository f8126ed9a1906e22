"""The pictures of a training's report, in a browser: all their words can be read."""

from pathlib import Path

import msgspec
import pytest

from monitor.model.bundle import Bundle
from monitor.model.text import normalise
from tests.model.tiny_bundle import TOPICS, tiny_bundle
from tests.web.browser.chromium import Tab
from training.feeds import Row
from training.report.ending import report_on
from training.report.page import page

pytestmark = pytest.mark.faults
HARD_TO_READ = """[...document.querySelectorAll('svg')].flatMap((picture) => {
    const frame = picture.getBoundingClientRect();
    const texts = [...picture.querySelectorAll('text')].map((text) => ({
        said: text.textContent, box: text.getBoundingClientRect(),
    }));
    const cut = texts.filter(({ box }) => box.left < frame.left || box.right > frame.right
        || box.top < frame.top || box.bottom > frame.bottom);
    // Lines of text may touch: a box is higher than its letters.
    const covered = texts.filter(({ box }, index) => texts.slice(index + 1).some(({ box: other }) =>
        box.left < other.right && other.left < box.right
        && box.top + 3 < other.bottom && other.top + 3 < box.bottom));
    return [...cut, ...covered].map(({ said }) => said);
})"""


def trained(directory: Path) -> Bundle:
    """A bundle whose curves end side by side."""
    bundle = tiny_bundle(directory)
    epochs = [
        {"epoch": epoch, "train_loss": 1 / epoch, "loss": 1.1 / epoch, **dict.fromkeys(
            ("topic_macro_f1", "sentiment_macro_f1"), 1 - 0.5 / epoch)}
        for epoch in range(1, 5)
    ]  # fmt: skip
    meta = msgspec.structs.replace(bundle.meta, metrics={"epochs": epochs})
    return msgspec.structs.replace(bundle, meta=meta)


async def test_every_word_in_a_picture_can_be_read(tmp_path: Path, tab: Tab) -> None:
    texts = ("bank deposits plunge", "lender gains", "bank unchanged")
    rows = [Row(text, normalise(text), "wire", TOPICS.index("Financials"), 0) for text in texts]
    file = tmp_path / "report.html"
    file.write_bytes(page(report_on(trained(tmp_path / "tiny"), {"dev": rows}, [])))
    await tab.go(file.as_uri())
    assert await tab.ask("document.querySelectorAll('svg text').length") > 30
    assert await tab.ask(HARD_TO_READ) == []
