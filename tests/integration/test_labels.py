"""`newsurge labels` on real brokers, and a feed of a recipe that is the stream itself."""

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from monitor.errors import FeedError
from monitor.labels.publishing import publish_labels
from monitor.labels.reading import latest
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from training.feeds import read_feed
from training.recipe_data import Feed

FIRST = [
    {"text": "Tarnhill cuts its dividend", "topic": "Dividend", "at": 1, "who": "ada"},
    {"text": "Tarnhill cuts its dividend", "sentiment": "negative", "at": 1, "who": "bo"},
    {"title": "橡树矿业发布盈利预警", "topic": "Earnings", "sentiment": "negative",
     "published_at": 1_772_438_400_000, "source": "湖岸通讯", "language": "zh", "id": "z1"},
]  # fmt: skip
CORRECTED = [
    {"text": "TARNHILL cuts its dividend.", "topic": "Earnings", "at": 9, "who": "ada"},
    {"text": "Tarnhill cuts its dividend", "topic": "Gossip", "at": 5, "who": "ada"},
]


def file_of(folder: Path, lines: list[dict[str, object]]) -> Path:
    file = folder / "labels.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return file


async def test_labels_are_published_corrected_and_learned_from(
    broker: Broker, deployment: Deployment, tmp_path: Path
) -> None:
    settings: Settings = deployment(broker)
    await ensure_streams(settings)
    assert await publish_labels(settings, file_of(tmp_path, FIRST), "desk") == 3
    assert await publish_labels(settings, file_of(tmp_path, CORRECTED), None) == 2
    async with started(producer(settings), settings) as client:
        await client.send_and_wait(stream_name(settings, "labels"), b"not a label")

    found = await latest(settings)
    assert [(label.who, label.topic) for _, label in found.labels] == [
        ("bo", None), ("desk", "Earnings"), ("ada", "Earnings"),
    ]  # fmt: skip
    assert found.broken == (5,)

    plain = settings.model_dump(mode="json", include={"kafka", "streams"})
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    feed = Feed.model_validate(
        {"name": "desk", "source": "us", "license": "own", "format": "stream",
         "file": "settings.yaml"}
    )  # fmt: skip
    rows, report = await asyncio.to_thread(read_feed, feed, ("Dividend", "Earnings"), tmp_path)
    assert [(row.text, row.topic, row.sentiment) for row in rows] == [
        ("Tarnhill cuts its dividend", -100, 0),
        ("橡树矿业发布盈利预警", 1, 0),
        ("TARNHILL cuts its dividend.", 1, -100),
    ]
    chinese = rows[1]
    assert (chinese.time, chinese.source, chinese.language, chinese.id) == (
        1_772_438_400_000, "湖岸通讯", "zh", "z1",
    )  # fmt: skip
    assert report.dropped == {"not a label record": 1}
    assert report.first["not a label record"] == "offset 5"


async def test_a_file_with_a_fault_is_not_published_in_part(
    broker: Broker, deployment: Deployment, tmp_path: Path
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    file = file_of(tmp_path, [FIRST[0], {"text": "Tarnhill", "sentiment": "bearish"}])
    with pytest.raises(FeedError, match=r"line 2: sentiment 'bearish' .*nothing was published"):
        await publish_labels(settings, file, "desk")
    assert (await latest(settings)).labels == ()
