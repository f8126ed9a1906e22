"""Receivers that come, change and go, each with a task of its own."""

import asyncio

import pytest

from monitor.delivery.followers import Followers
from monitor.delivery.receivers import WebhookTarget

NEVER = asyncio.Event


class Noting:
    """A follower that notes what happens to it."""

    def __init__(self, target: WebhookTarget, notes: list[str]) -> None:
        self._name, self._notes = target.name, notes

    async def run(self) -> None:
        self._notes.append(f"{self._name} begins")
        try:
            await NEVER().wait()
        finally:
            self._notes.append(f"{self._name} drains")

    def go_to(self, target: WebhookTarget) -> None:
        self._notes.append(f"{self._name} goes to {target.url}")


def target(name: str, url: str = "http://a") -> WebhookTarget:
    return WebhookTarget(name, url, "secret")


async def test_only_what_changed_is_begun_redirected_or_ended() -> None:
    notes: list[str] = []
    followers = Followers(lambda one: Noting(one, notes))
    assert followers.news_of([target("desk"), target("board")]) == {"desk", "board"}
    await followers.follow([target("desk"), target("board")])
    await asyncio.sleep(0)
    await followers.follow([target("desk"), target("board", "http://b"), target("risk")])
    await asyncio.sleep(0)
    assert followers.news_of([target("desk"), target("other")]) == {"other"}
    await followers.follow([target("board", "http://b")])
    assert notes == [
        "desk begins", "board begins", "board goes to http://b", "risk begins",
        *sorted(["desk drains", "risk drains"], key=notes.index),
    ]  # fmt: skip
    await followers.end()
    assert notes[-1] == "board drains"
    assert not followers.tasks


async def test_what_one_failed_of_is_raised() -> None:
    class Failing(Noting):
        async def run(self) -> None:
            raise ConnectionError("no broker")

    followers = Followers(lambda one: Failing(one, []))
    await followers.follow([target("desk")])
    await asyncio.wait(followers.tasks)
    with pytest.raises(ConnectionError):
        await followers.end()
