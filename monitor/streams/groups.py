"""Which partitions of a consumer group somebody reads, as the broker tells it."""

from __future__ import annotations

from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import for_code

from monitor.settings import Settings
from monitor.streams.clients import admin, partitions_of, started
from monitor.streams.spec import StreamName

_AT_REST = ("Stable", "Empty", "Dead")


async def unowned(settings: Settings, group: str, stream: StreamName) -> set[int]:
    """The partitions of a stream that no member of a group reads; none while it rebalances.

    Raises:
        KafkaError: when the broker does not tell.
        StreamError: when no broker can be reached, or it knows no such stream.
    """
    partitions = await partitions_of(settings, stream)
    async with started(admin(settings), settings) as client:
        [answer] = await client.describe_consumer_groups([group])
    [described] = answer.to_object()["groups"]
    if described["error_code"]:
        raise for_code(described["error_code"])(group)
    if described["state"] not in _AT_REST:
        return set()
    owned = {each for member in described["members"] for each in _assigned(member)}
    return {each.partition for each in partitions if each not in owned}


def _assigned(member: dict[str, Any]) -> list[Any]:
    assignment = member["member_assignment"]
    if not assignment:
        return []
    return list(ConsumerProtocolMemberAssignment.decode(assignment).partitions())
