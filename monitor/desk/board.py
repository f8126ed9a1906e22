"""What the desk has said, as far as it was read: the silences, and who answers for what.

Pure: told the records in their order, and the time in milliseconds. It reads no stream.
"""

from __future__ import annotations

from monitor.desk.records import Ack, DeskRecord, Episode, Feedback, Silence, episode_of
from monitor.desk.silences import is_active, silence_of
from monitor.records import AlertEvent


class Board:
    """Silences, acknowledgements and feedback by their key; the last word on each counts.

    `version` grows with every record, so that whoever has decided something knows when to decide
    anew.
    """

    def __init__(self) -> None:
        self.version = 0
        self._silences: dict[str, Silence] = {}
        self._acks: dict[Episode, Ack] = {}
        self._feedback: dict[str, Feedback] = {}
        self._over: set[Episode] = set()

    def apply(self, record: DeskRecord) -> None:
        """Take a record."""
        self.version += 1
        match record:
            case Silence():
                self._silences[record.id] = record
            case Ack():
                self._acks[record.episode] = record
            case Feedback():
                self._feedback[record.key] = record

    @property
    def silences(self) -> tuple[Silence, ...]:
        """All of them, those that are over too."""
        return tuple(self._silences.values())

    @property
    def acks(self) -> tuple[Ack, ...]:
        """All of them, those that are of no use any more too."""
        return tuple(self._acks.values())

    @property
    def feedback(self) -> tuple[Feedback, ...]:
        """Every verdict."""
        return tuple(self._feedback.values())

    def silence(self, identity: str) -> Silence | None:
        """The silence of that id."""
        return self._silences.get(identity)

    def silence_of(self, alert: AlertEvent, now: int) -> Silence | None:
        """The silence that holds the alert back at `now`, if any does."""
        return silence_of(alert, self._silences.values(), now) if self._silences else None

    def ack_of(self, alert: AlertEvent, now: int) -> Ack | None:
        """The acknowledgement of the alert's episode that holds at `now`, if any does."""
        if not self._acks:
            return None
        ack = self._acks.get(episode_of(alert))
        return ack if ack is not None and now < ack.until else None

    def has_resolved(self, episode: Episode) -> None:
        """The episode is over, so it counts no more among those that someone answers for."""
        if episode in self._acks:
            self._over.add(episode)

    def active_silences(self, now: int) -> int:
        """How many silences hold at `now`."""
        return sum(is_active(each, now) for each in self._silences.values())

    def acknowledged(self, now: int) -> int:
        """How many episodes someone answers for at `now`, and that are not known to be over."""
        return sum(
            now < each.until and episode not in self._over for episode, each in self._acks.items()
        )
