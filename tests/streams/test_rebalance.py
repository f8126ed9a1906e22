"""What fails in a listener is kept, and what is read while waiting is handed on at once."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.streams.polling import wait_paused
from monitor.streams.rebalance import Rebalance

ONE = TopicPartition("news", 0)


async def test_a_failure_to_take_or_let_go_is_raised_where_it_is_checked() -> None:
    async def fails(partitions: set[TopicPartition]) -> None:
        raise OSError(f"no answer for {partitions}")

    async def works(partitions: set[TopicPartition]) -> None:
        assert partitions == {ONE}

    for take, let_go in ((fails, works), (works, fails)):
        listener = Rebalance(take, let_go)
        listener.check()
        results = await asyncio.gather(
            listener.on_partitions_assigned({ONE}),
            listener.on_partitions_revoked({ONE}),
            return_exceptions=True,
        )
        assert sum(isinstance(one, OSError) for one in results) == 1
        with pytest.raises(OSError, match="no answer"):
            listener.check()


class Reader:
    """A consumer to which a partition is assigned while it waits."""

    def __init__(self) -> None:
        self.is_paused = False
        self.polls = 0

    def assignment(self) -> set[TopicPartition]:
        return {ONE}

    def pause(self, *partitions: TopicPartition) -> None:
        self.is_paused = bool(partitions)

    def paused(self) -> set[TopicPartition]:
        return {ONE}

    def resume(self, *partitions: TopicPartition) -> None:
        self.is_paused = not partitions

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert self.is_paused
        assert timeout_ms == 0
        self.polls += 1
        return {ONE: ["late"]} if self.polls == 1 else {}


async def test_waiting_goes_on_polling_and_hands_on_what_comes() -> None:
    reader, taken = Reader(), []
    done = asyncio.Event()

    def take(batches: dict[TopicPartition, list[Any]]) -> None:
        taken.append(batches)
        if reader.polls == 2:
            done.set()

    await wait_paused(reader, done.wait(), take)
    assert taken == [{ONE: ["late"]}, {}]
    assert not reader.is_paused


async def test_waiting_ends_when_the_role_stops() -> None:
    stop = asyncio.Event()
    stop.set()
    await wait_paused(Reader(), asyncio.Event().wait(), lambda _: None, stop)
