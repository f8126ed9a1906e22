"""What a page shows now, from the records that were read so far.

Pure: told the records in their order, and the wall clock in milliseconds. It reads no stream. It
says what is new since a version, so that whoever falls behind is told the sum of what it missed.
"""

from __future__ import annotations

from monitor import __version__
from monitor.desk.board import Board as Desk
from monitor.desk.records import DeskRecord, episode_of
from monitor.live.deliveries import Deliveries
from monitor.live.headlines import headline_id, headline_of
from monitor.live.messages import (
    ALERTS,
    HEADLINES,
    AlertView,
    Change,
    Headline,
    Said,
    Snapshot,
)
from monitor.live.records import STALE_SECONDS, LiveRecord, ProcessView, SeriesView
from monitor.live.shelf import Item, Shelf
from monitor.records import AlertEvent, Notification, ScoredRecord

_STALE_MS = round(STALE_SECONDS * 1000)


class Board:
    """The state of a page. `version` grows with every change."""

    def __init__(self) -> None:
        self.version = 0
        self._series: Shelf[SeriesView] = Shelf()
        self._processes: Shelf[ProcessView] = Shelf()
        self._headlines: Shelf[Headline] = Shelf(HEADLINES)
        self._alerts: Shelf[AlertView] = Shelf(ALERTS)
        self._deliveries = Deliveries()
        self._desk = Desk()
        self._desk_due = 0
        self._over: set[str] = set()
        self._skipped = 0
        self._skipped_at = 0
        self._now = 0

    def hear(self, record: LiveRecord) -> None:
        """Take a record of `live`."""
        if isinstance(record, SeriesView):
            self._put(self._series, str(record.series), record)
            return
        before = self._processes.get(record.id)
        if record.is_gone:
            self._take_out(self._processes, record.id)
        elif before is None or before.at <= record.at:
            # What is read may be older than what the process said to its own page.
            self._put(self._processes, record.id, record)

    def read(self, record: ScoredRecord) -> bool:
        """Take a record of `scored`; whether its item was not known yet."""
        key = headline_id(record)
        before = self._headlines.get(key)
        self._put(self._headlines, key, headline_of(record, before))
        return before is None

    def skip(self, headlines: int) -> None:
        """Take note of headlines that are not read, as they come too fast."""
        if headlines:
            self.version += 1
            self._skipped += headlines
            self._skipped_at = self.version

    def see(self, event: AlertEvent) -> None:
        """Take a record of `alerts`.

        What fires again without having been resolved is a dead man's sign of life: the newest takes
        the place of the one before, so that a day of them hides no alert.
        """
        episode = _episode(event)
        if event.state == "resolved":
            self._over.add(episode)
        for view in self._alerts.items():
            before = view.event
            is_of_it = (before.rule, before.series) == (event.rule, event.series)
            if is_of_it and view.episode != episode and view.episode not in self._over:
                self._take_out(self._alerts, before.id)
        self._show(event)
        for view in self._alerts.items():
            if view.episode == episode:
                self._show(view.event)
        self._over &= {view.episode for view in self._alerts.items()}

    def notify(self, record: Notification) -> None:
        """Take a record of `notifications`."""
        shown = [view.event.id for view in self._alerts.items()]
        for identity in self._deliveries.learn(record, shown):
            view = self._alerts.get(identity)
            if view is not None:
                self._show(view.event)

    def say(self, record: DeskRecord) -> None:
        """Take a record of `desk`."""
        self._desk.apply(record)
        self._desk_due = 0

    def pass_time(self, now: int) -> None:
        """Heed the time: who was not heard of for long is gone, and what people said ends."""
        self._now = now
        for series in self._series.items():
            if series.at < now - _STALE_MS:
                self._take_out(self._series, str(series.series))
        for process in self._processes.items():
            if process.at < now - _STALE_MS:
                self._take_out(self._processes, process.id)
        if now >= self._desk_due:
            self._desk_due = self._next_turn()
            for view in self._alerts.items():
                self._show(view.event)

    def snapshot(self) -> Snapshot:
        """All of it."""
        return Snapshot(
            now=self._now,
            version=__version__,
            series=self._series.items(),
            processes=self._processes.items(),
            headlines=self._headlines.items(),
            alerts=self._alerts.items(),
            skipped=self._skipped,
        )

    def since(self, version: int) -> Snapshot | Change | None:
        """What is new since a version; all where that can't be told, None where nothing is."""
        if version >= self.version:
            return None
        shelves = (self._series, self._processes, self._headlines, self._alerts)
        if any(version < shelf.floor for shelf in shelves):
            return self.snapshot()
        return Change(
            now=self._now,
            series=self._series.since(version),
            processes=self._processes.since(version),
            headlines=self._headlines.since(version),
            alerts=self._alerts.since(version),
            gone_series=self._series.gone_since(version),
            gone_processes=self._processes.gone_since(version),
            gone_alerts=self._alerts.gone_since(version),
            skipped=self._skipped if self._skipped_at > version else None,
        )

    @property
    def alert_count(self) -> int:
        """How many alert events it shows."""
        return len(self._alerts.items())

    def _put(self, shelf: Shelf[Item], key: str, item: Item) -> None:
        if shelf.put(key, item, self.version + 1):
            self.version += 1

    def _take_out(self, shelf: Shelf[Item], key: str) -> None:
        if shelf.take_out(key, self.version + 1):
            self.version += 1

    def _show(self, event: AlertEvent) -> None:
        episode, now = _episode(event), self._now
        silence = None if episode in self._over else self._desk.silence_of(event, now)
        ack = self._desk.ack_of(event, now)
        view = AlertView(
            event=event,
            episode=episode,
            deliveries=self._deliveries.of(event.id),
            silenced=Said(silence.who, silence.why, silence.over_at) if silence else None,
            acknowledged=Said(ack.who, ack.why, ack.until) if ack else None,
        )
        self._put(self._alerts, event.id, view)

    def _next_turn(self) -> int:
        """When a silence begins or ends next, or an acknowledgement ends."""
        turns = [each.until for each in self._desk.acks]
        for silence in self._desk.silences:
            turns += (silence.starts_at, silence.over_at)
        never = 1 << 62
        return min((turn for turn in turns if turn > self._now), default=never)


def _episode(event: AlertEvent) -> str:
    it = episode_of(event)
    return f"{it.rule}/{it.rule_hash}/{it.series}/{it.started_at}"
