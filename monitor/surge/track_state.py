"""From a track to its state and back.

Pure. A pane's state is whole in itself, so that only the panes that changed are written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitor.surge.baseline import Counts
from monitor.surge.novelty import Told
from monitor.surge.panes import Entry, Pane, Tally, Window, due, entry_of
from monitor.surge.state import EntryState, PaneState, StoryState, TrackState
from monitor.surge.track import Statistics, Track

NOTHING = PaneState()
"""The state of a pane of which nothing is kept."""


def track_state(track: Track) -> TrackState:
    """A track without its panes."""
    return TrackState(
        closed=track.closed,
        newest=track.newest,
        revision=track.revision,
        told=track.telling.told,
        since=track.since,
        on_time_head=_head(track.on_time),
        early_head=_head(track.early),
        baseline=track.baseline.state(),
    )


def changed_panes(track: Track) -> list[int]:
    """The panes that may have changed since this was last asked; at first all, in order.

    Every open pane is among them.
    """
    live = {*track.panes, *track.telling.expiry, *track.telling.index.panes()}
    if track.telling.touched is None:
        changed = live
    else:
        first_open = 0 if track.closed is None else track.closed + 1
        changed = track.telling.touched | {number for number in live if number >= first_open}
    track.telling.touched = set()
    return sorted(changed)


def pane_state(track: Track, number: int) -> PaneState:
    """All that a track keeps by one pane; `NOTHING` where that is nothing."""
    pane = track.panes.get(number)
    indexed = {story.number: story for story in track.telling.index.of_pane(number)}
    held = indexed if pane is None else indexed | _strays(track, pane, number)
    expiring = dict.fromkeys(track.telling.expiry.get(number, ()))
    return PaneState(
        tally=None if pane is None else _tally_state(pane.tally),
        first_offset=-1 if pane is None else pane.first_offset,
        last_offset=-1 if pane is None else pane.last_offset,
        entries=[] if pane is None else [_entry_state(entry) for entry in pane.entries],
        shown=[] if pane is None else [story.number for story in pane.stories],
        stories=[_story_state(one, one.number in indexed) for one in held.values()],
        ids=[one for one in expiring if track.telling.ids.get(one) == number],
        retracted=[one for one in expiring if track.telling.retracted.get(one) == number],
        open_ids=[] if pane is None else _open_ids(track, number, pane),
        models=() if pane is None else pane.models,
    )


def restore_track(
    track: Track,
    state: TrackState,
    panes: Mapping[int, PaneState],
    untaught: list[tuple[int, float, int]],
    statistics: Statistics,
) -> None:
    """Bring a new track to a state; windows and bands are reckoned anew.

    Raises:
        ValueError: when the state is not one that a track can have.
    """
    track.closed, track.newest = state.closed, state.newest
    track.revision, track.telling.told, track.since = state.revision, state.told, state.since
    track.baseline.restore(state.baseline)
    track.untaught.extend(Counts(*counts) for counts in untaught)
    stories = _restore_stories(track, panes)
    for number, pane in sorted(panes.items()):
        _restore_pane(track, number, pane, stories, statistics)
    _roll(track.on_time, state.on_time_head, track.panes)
    _roll(track.early, state.early_head, track.panes)
    track.telling.touched = set()
    if track.closed is not None:
        # The rules may look back less far than they did.
        for number in due(track.panes, None, track.closed, track.keep + 1):
            track.telling.touched.add(number)
            del track.panes[number]


def _strays(track: Track, pane: Pane, number: int) -> dict[int, Told]:
    """The stories that pane `number` mentions and that no other pane's state holds."""
    mentioned = [*pane.stories, *(entry.story for entry in pane.entries)]
    found = {story.number: story for story in mentioned if story is not None}
    others = {story.pane for story in found.values()} - {number}
    indexed = {story.number for other in others for story in track.telling.index.of_pane(other)}
    return {each: story for each, story in found.items() if each not in indexed}


def _head(windows: Mapping[int, Window]) -> int | None:
    return next((window.head for window in windows.values()), None)


def _roll(windows: Mapping[int, Window], head: int | None, panes: dict[int, Pane]) -> None:
    if head is not None:
        for window in windows.values():
            window.roll(head, panes)


def _tally_state(tally: Tally) -> tuple[int, int, int, int, int, int, int]:
    return (
        tally.raw_count, tally.raw_negative, tally.raw_score,
        tally.novel_count, tally.novel_negative, tally.novel_score, tally.novel_weight,
    )  # fmt: skip


def _entry_state(entry: Entry) -> EntryState:
    story = None if entry.story is None else entry.story.number
    return EntryState(entry.record, entry.offset, entry.weight, story, entry.novel)


def _story_state(story: Told, indexed: bool) -> StoryState:
    return StoryState(
        number=story.number,
        pane=story.pane,
        item=story.item,
        event_time=story.event_time,
        negative=story.negative,
        signature=story.signature,
        copies=story.copies,
        settled_as=(story.settled_as or story).number if story.settled else None,
        indexed=indexed,
    )


def _open_ids(track: Track, number: int, pane: Pane) -> list[str]:
    ids = dict.fromkeys(entry.record.item.id for entry in pane.entries)
    return [one for one in ids if track.telling.open_ids.get(one) == number]


def _restore_stories(track: Track, panes: Mapping[int, PaneState]) -> dict[int, Told]:
    """All stories by their number; those that can be told again are in the index."""
    states = sorted(_all_stories(panes), key=lambda state: state.number)
    stories: dict[int, Told] = {}
    for state in states:
        if state.number in stories:
            continue  # a stray that two panes mention
        story = stories[state.number] = Told(
            state.item,
            state.event_time,
            state.negative,
            state.signature,
            state.pane,
            state.number,
            state.copies,
        )
        story.settled = state.settled_as is not None
        # What was settled since it was told is not known.
        story.contested = not story.settled
    track.telling.index.load(stories[state.number] for state in states if state.indexed)
    for state in states:
        if state.settled_as is not None and state.settled_as != state.number:
            # Where that story is forgotten nobody asks for it: it only counts as settled.
            stories[state.number].settled_as = stories.get(state.settled_as)
    return stories


def _all_stories(panes: Mapping[int, PaneState]) -> Iterator[StoryState]:
    for pane in panes.values():
        yield from pane.stories


def _restore_pane(
    track: Track,
    number: int,
    state: PaneState,
    stories: Mapping[int, Told],
    statistics: Statistics,
) -> None:
    for one in state.ids:
        track.telling.ids[one] = number
    for one in state.retracted:
        track.telling.retracted[one] = number
    for one in state.open_ids:
        track.telling.open_ids[one] = number
    if state.ids or state.retracted:
        track.telling.expiry[number].extend([*state.ids, *state.retracted])
    if state.tally is None:
        return
    try:
        entries = [_entry(entry, stories, statistics) for entry in state.entries]
        shown = [stories[each] for each in state.shown]
    except KeyError as error:
        raise ValueError(f"pane {number} mentions story {error}, which is missing") from None
    track.panes[number] = Pane(
        Tally(*state.tally), entries, shown, state.first_offset, state.last_offset, state.models
    )


def _entry(state: EntryState, stories: Mapping[int, Told], statistics: Statistics) -> Entry:
    entry = entry_of(state.record, state.offset, statistics.negative_threshold, state.weight)
    entry.story = None if state.story is None else stories[state.story]
    entry.novel = state.novel
    return entry
