"""Alerts for tests of delivery."""

from monitor.records import AlertEvent, Series, WindowStatistics


def alert(number: int, receivers: tuple[str, ...] = ()) -> AlertEvent:
    """The alert with the id `alert-<number>`."""
    return AlertEvent(
        id=f"alert-{number}",
        rule="bank-run",
        rule_hash="1a2b",
        series=Series("topic", "banking"),
        state="firing",
        severity="critical",
        started_at=0,
        fired_at=1_700_000_000_000 + number,
        window=WindowStatistics(3600.0, 0, 12, 9, 11, 8, 0.73, -0.61),
        stories=(),
        model="starter-1",
        receivers=receivers,
    )
