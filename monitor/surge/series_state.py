"""From a followed series to the core and parts of its snapshot, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from monitor.records import AlertEvent
from monitor.surge.detector import Detector, Episode
from monitor.surge.following import Following, Watched
from monitor.surge.lifecycle import Status
from monitor.surge.state import (
    DetectorState,
    EpisodeState,
    PaneState,
    RefusedError,
    RuleState,
    RunState,
    SeriesState,
    TrackName,
    statistics_digest,
)
from monitor.surge.track import Track
from monitor.surge.track_state import (
    NOTHING,
    changed_panes,
    pane_state,
    restore_track,
    track_state,
)

EMPTY = b""
"""The content of a part that is no more."""
_PANE, _FIRED, _UNTAUGHT = "pane/", "fired/", "untaught"
_pane_decoder = msgspec.json.Decoder(PaneState)
_event_decoder = msgspec.json.Decoder(AlertEvent)
_untaught_decoder = msgspec.json.Decoder(list[tuple[int, float, int]])


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A snapshot of a series as it was read back: its core, and its parts by name."""

    core: SeriesState
    parts: Mapping[str, bytes]


def track_name(following: Following) -> TrackName:
    """What makes the track of a following itself."""
    return TrackName(
        by=following.series.by,
        key=following.series.key,
        source=following.match.source,
        language=following.match.language,
        timezone=following.timezone,
        calendar=following.calendar,
    )


def series_state(following: Following, as_of: int, written: int, epoch: int) -> SeriesState:
    """The core, before the record at `as_of`, as snapshot number `written` of the series."""
    return SeriesState(
        as_of=as_of,
        written=written,
        epoch=epoch,
        name=track_name(following),
        statistics=statistics_digest(following.statistics),
        model=following.model,
        track=track_state(following.track),
        rules=[_rule_state(watched) for watched in following.watched],
        passed=following.passed,
    )


def changed_parts(following: Following) -> dict[str, bytes]:
    """The parts that may have changed since they were last asked for; at first all."""
    track = following.track
    parts = {f"{_PANE}{number}": _pane(track, number) for number in changed_panes(track)}
    untaught = [(one.pane, one.negative, one.stories) for one in track.untaught]
    parts[_UNTAUGHT] = msgspec.json.encode(untaught) if untaught else EMPTY
    for watched in following.watched:
        event = watched.fired
        parts[f"{_FIRED}{watched.rule.alert}"] = msgspec.json.encode(event) if event else EMPTY
    return parts


def all_parts(following: Following) -> dict[str, bytes]:
    """Every part that there is; what may have changed since a snapshot stays noted."""
    telling = following.track.telling
    touched, telling.touched = telling.touched, None
    parts = changed_parts(following)
    telling.touched = touched
    return {name: content for name, content in parts.items() if content}


def fired_events(stored: StoredSeries) -> Iterator[AlertEvent]:
    """The alerts that fire in what was stored, each as it was when it began.

    Raises:
        RefusedError: when one is missing, or can't be read.
    """
    for rule in stored.core.rules:
        if rule.fires:
            try:
                yield _fired_event(rule, stored.parts)
            except (msgspec.MsgspecError, ValueError) as error:
                raise RefusedError("unreadable", f"{stored.core.name.series}: {error}") from error


def restore_following(following: Following, stored: StoredSeries) -> None:
    """Bring a new following to what was stored of its track.

    A rule that is new, or means something else than it did, starts its life anew on the track
    that is kept.

    Raises:
        RefusedError: when what was stored is of other settings, or can't be understood.
    """
    core = stored.core
    if core.statistics != statistics_digest(following.statistics):
        raise RefusedError("statistics", "it was taken under other statistics settings")
    following.model, following.as_of, following.passed = core.model, core.as_of, core.passed
    try:
        _restore(following, stored)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RefusedError("unreadable", f"{following.series}: {error}") from error


def _restore(following: Following, stored: StoredSeries) -> None:
    core, parts = stored.core, stored.parts
    panes = {
        int(name.removeprefix(_PANE)): _pane_decoder.decode(content)
        for name, content in parts.items()
        if name.startswith(_PANE)
    }
    untaught = _untaught_decoder.decode(parts.get(_UNTAUGHT, b"[]"))
    restore_track(following.track, core.track, panes, untaught, following.statistics)
    known = {(rule.alert, rule.rule_hash): rule for rule in core.rules}
    for watched in following.watched:
        rule = known.get((watched.rule.alert, watched.rule_hash))
        if rule is not None:
            _restore_rule(watched, rule, parts)


def _pane(track: Track, number: int) -> bytes:
    state = pane_state(track, number)
    return EMPTY if state == NOTHING else msgspec.json.encode(state)


def _rule_state(watched: Watched) -> RuleState:
    return RuleState(
        alert=watched.rule.alert,
        rule_hash=watched.rule_hash,
        state=watched.status.state,
        started_at=watched.status.started_at,
        last_met=watched.status.last_met,
        fires=watched.fired is not None,
        detector=None if watched.detector is None else _detector_state(watched.detector),
    )


def _restore_rule(watched: Watched, state: RuleState, parts: Mapping[str, bytes]) -> None:
    watched.status = Status(state.state, state.started_at, state.last_met)
    if state.fires:
        watched.fired = _fired_event(state, parts)
    if watched.detector is not None and state.detector is not None:
        _restore_detector(watched.detector, state.detector)


def _fired_event(state: RuleState, parts: Mapping[str, bytes]) -> AlertEvent:
    content = parts.get(f"{_FIRED}{state.alert}")
    if content is None:
        raise ValueError(f"the event of {state.alert}, which fires, is missing")
    return _event_decoder.decode(content)


def _detector_state(detector: Detector) -> DetectorState:
    episode = detector.episode
    return DetectorState(
        runs=[
            RunState(run.onset, run.negative, run.stories, run.expected) for run in detector.runs
        ],
        through=detector.through,
        episode=None
        if episode is None
        else EpisodeState(
            onset=episode.onset,
            through=episode.through,
            calm_volume=episode.calm_volume,
            calm_share=episode.calm_share,
            normal=episode.normal,
        ),
    )


def _restore_detector(detector: Detector, state: DetectorState) -> None:
    detector.through = state.through
    for run, kept in zip(detector.runs, state.runs, strict=True):
        run.onset, run.negative = kept.onset, kept.negative
        run.stories, run.expected = kept.stories, kept.expected
    if state.episode is not None:
        detector.episode = Episode(**msgspec.structs.asdict(state.episode))
