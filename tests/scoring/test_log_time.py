import pytest

from monitor.scoring.log_time import PartitionTime, resolve_times

NOW = 1_000_000


@pytest.mark.parametrize(
    ("published_at", "kafka_timestamp", "event_time", "ingest_time"),
    [
        (900_000, 950_000, 900_000, 950_000),  # as it should be
        (None, 950_000, 950_000, 950_000),  # no time given: when it arrived
        (990_000, 950_000, 950_000, 950_000),  # published after it arrived: can't be
        (9_999_999, 9_999_999, NOW, NOW),  # stamps from the future can't push time forward
        (-5, 950_000, -5, 950_000),  # long ago is late, not wrong
        (900_000, -1, 900_000, NOW),  # Kafka knows no time
    ],
)
def test_times_are_resolved_so_that_no_stamp_runs_ahead(
    published_at: int | None, kafka_timestamp: int, event_time: int, ingest_time: int
) -> None:
    assert resolve_times(published_at, kafka_timestamp, NOW) == (event_time, ingest_time)


def test_a_stamp_older_than_the_stream_keeps_does_not_make_time_begin_decades_ago() -> None:
    assert resolve_times(None, 0, NOW, oldest=900_000) == (900_000, 900_000)
    assert resolve_times(5, 950_000, NOW, oldest=900_000) == (5, 950_000)


def test_in_a_backlog_time_is_the_newest_ingest_time_so_far() -> None:
    times = PartitionTime(next_offset=0)
    assert times.time(NOW, caught_up=False) is None
    times.written(4, ingest_time=700, now=NOW)
    times.written(5, ingest_time=600, now=NOW)
    assert times.time(NOW + 50_000, caught_up=False) == 700
    assert times.next_offset == 6


def test_at_the_end_of_the_partition_time_passes_by_the_own_clock() -> None:
    times = PartitionTime(next_offset=0)
    times.written(0, ingest_time=700, now=NOW)
    assert times.time(NOW + 50_000, caught_up=True) == NOW + 50_000


def test_a_replays_time_passes_at_its_speed_from_the_newest_record_on() -> None:
    times = PartitionTime(next_offset=0, replay_speed=60)
    assert times.time(NOW, caught_up=True) is None
    times.written(0, ingest_time=700_000, now=NOW)
    times.written(1, ingest_time=600_000, now=NOW + 900)
    assert times.time(NOW + 1000, caught_up=True) == 700_000 + 60_000
