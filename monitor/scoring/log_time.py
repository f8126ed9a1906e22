"""How time gets into the log: SCORE resolves it once, from stamps that it does not trust.

Pure; told the time. All times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass


def resolve_times(
    published_at: int | None, kafka_timestamp: int, now: int, oldest: int = 0
) -> tuple[int, int]:
    """The event time and the ingest time of a news record.

    Args:
        published_at: when the publisher says it was published.
        kafka_timestamp: the record's Kafka timestamp; negative where it has none.
        now: SCORE's own clock.
        oldest: no record in the stream can be older, as its retention would have deleted it.

    Returns:
        `event_time`, never later than `ingest_time`, and `ingest_time`, never later than `now`,
        so that a bad stamp can't push time forward, nor make it begin decades ago.
    """
    ingest_time = max(min(kafka_timestamp, now), oldest) if kafka_timestamp >= 0 else now
    event_time = ingest_time if published_at is None else min(published_at, ingest_time)
    return event_time, ingest_time


@dataclass(slots=True)
class PartitionTime:
    """How far one news partition has been written to `scored`, and how far time has come there.

    `next_offset` is the first offset that is not in `scored` or `dead-letter` yet.
    `replay_speed` is log seconds that pass in a real one, or None for live news.
    """

    next_offset: int
    replay_speed: float | None = None
    _newest: int | None = None
    _newest_at: int = 0

    def written(self, offset: int, ingest_time: int, now: int) -> None:
        """Note that everything up to `offset` has been written."""
        self.next_offset = offset + 1
        if self._newest is None or ingest_time > self._newest:
            self._newest = ingest_time
            self._newest_at = now

    def time(self, now: int, caught_up: bool) -> int | None:
        """The time to put into a mark, or None where nothing is known of it yet.

        In a backlog it is the running maximum of ingest times, so that time waits; at the end
        of the partition it is `now`, so that time passes on a quiet night. A replay's time
        passes at the replay's speed from its newest record on.
        """
        if not caught_up:
            return self._newest
        if self.replay_speed is None:
            return now
        if self._newest is None:
            return None
        return self._newest + round((now - self._newest_at) * self.replay_speed)
