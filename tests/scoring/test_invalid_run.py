from monitor.scoring.invalid_run import RECORDS, SPAN_MS, InvalidRun


def fed(valid_every: int | None, span_ms: int, records: int = RECORDS) -> InvalidRun:
    run = InvalidRun()
    for i in range(records):
        valid = valid_every is not None and i % valid_every == 0
        run.observe(valid, ingest_time=i * span_ms // (records - 1))
    return run


def test_nothing_but_invalid_records_over_five_minutes_trips() -> None:
    assert fed(None, SPAN_MS).tripped


def test_one_valid_record_in_a_hundred_still_trips_and_two_do_not() -> None:
    assert fed(100, SPAN_MS).tripped
    assert not fed(50, SPAN_MS).tripped


def test_a_burst_of_invalid_records_is_data_not_a_deployment() -> None:
    assert not fed(None, SPAN_MS - 1000).tripped


def test_fewer_records_do_not_trip() -> None:
    assert not fed(None, SPAN_MS, records=RECORDS - 1).tripped


def test_stamps_that_go_back_do_not_lengthen_the_span() -> None:
    run = InvalidRun()
    for i in range(RECORDS):
        run.observe(False, ingest_time=0 if i % 2 else 10 * SPAN_MS)
    assert not run.tripped


def test_after_a_reset_it_begins_anew() -> None:
    run = fed(None, SPAN_MS)
    run.reset()
    assert not run.tripped
