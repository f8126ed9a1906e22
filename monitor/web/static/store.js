// What the page knows: the last snapshot with all changes since. Must not touch the document.
//
// Messages are those of monitor/live/messages.py. Headlines and alerts come newest last.

import { seriesKey } from "./format.js";

const HEADLINES = 60;
const ALERTS = 200;
const GONE_KEPT = 10 * 60_000;
const STALE = 40_000;

export class Store {
  constructor() {
    this.series = new Map();
    this.processes = new Map();
    this.headlines = new Map();
    this.alerts = new Map();
    this.gone = new Map();
    this.skipped = 0;
    this.now = null;
    this.version = "";
    this.ahead = 0;
  }

  /** Forget all and know this; what firing alerts it brings anew is returned, as of a change. */
  replace(snapshot) {
    const known = new Set(this.alerts.keys());
    for (const map of [this.series, this.processes, this.headlines, this.alerts]) map.clear();
    this.version = snapshot.version;
    this.skipped = 0;
    const fired = this.apply(snapshot);
    return known.size ? fired.filter((alert) => !known.has(alert.event.id)) : [];
  }

  /** Take a change in; returns the alerts that began to fire by it. */
  apply(change) {
    this.now = change.now;
    this.ahead = change.now - Date.now();
    for (const one of change.series ?? []) this.series.set(seriesKey(one), one);
    for (const key of change.gone_series ?? []) this.series.delete(key);
    for (const one of change.processes ?? []) this.#hear(one);
    for (const id of change.gone_processes ?? []) this.#lose(id);
    for (const one of change.headlines ?? []) this.headlines.set(one.id, one);
    const fired = (change.alerts ?? []).filter(
      ({ event }) => event.state === "firing" && !this.alerts.has(event.id),
    );
    for (const one of change.alerts ?? []) this.alerts.set(one.event.id, one);
    for (const id of change.gone_alerts ?? []) this.alerts.delete(id);
    if (typeof change.skipped === "number") this.skipped = change.skipped;
    shorten(this.headlines, HEADLINES);
    shorten(this.alerts, ALERTS);
    return fired;
  }

  /** The server's wall clock now, as far as it can be told. */
  wallClock() {
    return Date.now() + this.ahead;
  }

  /** How far time has come in the log: that of the series that is furthest. */
  logClock() {
    let furthest = null;
    for (const { clock } of this.series.values()) {
      if (furthest === null || clock > furthest) furthest = clock;
    }
    return furthest;
  }

  /** How many series are in each state. */
  states() {
    const counts = { firing: 0, pending: 0, warming: 0, silent: 0, calm: 0 };
    for (const { state } of this.series.values()) counts[state] += 1;
    return counts;
  }

  /** The processes that ended or fell silent within the last minutes. */
  goneProcesses() {
    const since = this.wallClock() - GONE_KEPT;
    for (const [id, { at }] of this.gone) if (at < since) this.gone.delete(id);
    return [...this.gone.values()];
  }

  #hear(process) {
    this.processes.set(process.id, process);
    this.gone.delete(process.id);
    if (process.is_gone) this.#lose(process.id);
  }

  // One that ended in order says so; one that is not heard of is given up after 45 seconds.
  #lose(id) {
    const process = this.processes.get(id);
    this.processes.delete(id);
    if (!process) return;
    const isOrderly = process.is_gone || this.now - process.at < STALE;
    this.gone.set(id, { process, at: this.now, isOrderly });
  }
}

function shorten(map, most) {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

/** Alerts by episode, newest first: `firing` and `resolved` are its two events, where known. */
export function episodes(alerts) {
  const found = new Map();
  for (const alert of alerts) {
    const episode = found.get(alert.episode) ?? { id: alert.episode };
    episode[alert.event.state] = alert;
    episode.event = (episode.firing ?? alert).event;
    episode.isFiring = !episode.resolved;
    found.set(alert.episode, episode);
  }
  return [...found.values()].sort((a, b) => b.event.fired_at - a.event.fired_at);
}
