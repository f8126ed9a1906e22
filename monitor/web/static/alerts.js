// The time line of alerts, by episode: what fires now, then what was, by day.
// Owns which entries there are and in which order; what is inside one is in evidence.js.

import { arrange, byId, el, foreign, moment, set, shape, write } from "./dom.js";
import {
  count,
  day,
  duration,
  fullMoment,
  many,
  percent,
  seriesName,
  timeNear,
  times,
} from "./format.js";
import { evidence } from "./evidence.js";
import { episodes } from "./store.js";
import { stateOfDelivery } from "./told.js";

const SEVERITIES = ["critical", "warning", "info"];

export class Alerts {
  constructor(store, openSeries) {
    this.store = store;
    this.openSeries = openSeries;
    this.entries = new Map();
    this.groups = new Map();
    this.opened = new Set();
  }

  /** Open an episode's entry and go to it. */
  open(id) {
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.node.open = true;
    entry.node.scrollIntoView({ block: "start" });
    entry.summary.focus({ preventScroll: true });
  }

  draw() {
    const found = episodes(this.store.alerts.values());
    const ids = new Set(found.map(({ id }) => id));
    for (const id of this.entries.keys()) if (!ids.has(id)) this.entries.delete(id);
    const firing = found
      .filter((each) => each.isFiring)
      .sort((a, b) => SEVERITIES.indexOf(a.event.severity) - SEVERITIES.indexOf(b.event.severity));
    const groups = new Map([["Firing now", firing]]);
    for (const each of found) {
      if (each.isFiring) continue;
      const name = this.#dayOf(each.event.fired_at);
      groups.set(name, [...(groups.get(name) ?? []), each]);
    }
    if (!firing.length) groups.delete("Firing now");
    arrange(
      byId("alert-groups"),
      [...groups].map(([name, own]) => this.#group(name, own)),
    );
    const leading = firing.length ? `${count(firing.length)} firing · ` : "";
    const aside = found.length ? leading + many(found.length, "episode") : "";
    write(byId("alerts-aside"), aside);
    write(byId("tab-alerts"), firing.length ? String(firing.length) : "");
    this.#drawEmpty(found.length === 0);
  }

  #dayOf(ms) {
    const clock = this.store.logClock() ?? ms;
    return day(ms) === day(clock) ? "Earlier today" : day(ms);
  }

  #group(name, own) {
    if (!this.groups.has(name)) {
      const list = el("ol", { class: "episodes" });
      const node = el("section", { class: "group" }, el("h3", {}, name), list);
      this.groups.set(name, { node, list });
    }
    const { node, list } = this.groups.get(name);
    arrange(
      list,
      own.map((episode) => {
        if (!this.entries.has(episode.id))
          this.entries.set(episode.id, new Entry(this, episode.id));
        return this.entries.get(episode.id).draw(episode);
      }),
    );
    return node;
  }

  #drawEmpty(isEmpty) {
    const empty = byId("alerts-empty");
    empty.hidden = !isEmpty;
    if (!isEmpty) return;
    const rules = new Set();
    for (const each of this.store.series.values())
      each.rules.forEach(({ rule }) => rules.add(rule));
    const series = many(this.store.series.size, "series", "series");
    const watched = rules.size
      ? `${series} watched by ${[...rules].sort().join(", ")}.`
      : "Nothing is watched yet: series come with their first news.";
    const sign = empty.querySelector(".watched");
    if (sign) return write(sign, watched);
    empty.append(
      el("h3", {}, "No alerts"),
      el("p", { class: "watched" }, watched),
      el("p", {}, el("code", {}, "newsurge check --explain"), " says what each rule waits for."),
    );
  }
}

class Entry {
  constructor(alerts, id) {
    this.alerts = alerts;
    this.summary = el("summary");
    this.body = el("div", { class: "evidence" });
    this.details = el("details", { class: "episode" }, this.summary, this.body);
    this.item = el("li", {}, this.details);
    // Evidence is made when it is looked at: 200 entries would be much to keep.
    this.details.addEventListener("toggle", () => {
      if (this.details.open) alerts.opened.add(id);
      else alerts.opened.delete(id);
      this.#drawBody();
    });
    this.details.open = alerts.opened.has(id);
  }

  get node() {
    return this.details;
  }

  draw(episode) {
    const isKnown = this.episode && isSame(episode, this.episode);
    this.episode = episode;
    if (!isKnown) {
      set(this.details, "data-firing", episode.isFiring);
      set(this.details, "data-severity", episode.event.severity);
      set(this.details, "data-episode", episode.id);
      this.span = el("span", { class: "span" });
      this.summary.replaceChildren(...this.#head());
      this.drawn = false;
      this.#drawBody();
    }
    this.#drawSpan();
    return this.item;
  }

  #drawBody() {
    if (!this.details.open || this.drawn) return;
    this.drawn = true;
    this.body.replaceChildren(...evidence(this.episode, this.alerts.store, this.alerts.openSeries));
  }

  #head() {
    const { event, isFiring } = this.episode;
    const lead = event.stories[0];
    return [
      el(
        "span",
        { class: "episode-line" },
        shape(isFiring ? "firing" : "calm"),
        foreign(seriesName(event.series), "b", { class: "episode-series" }),
        el("span", { class: `severity ${event.severity}` }, event.severity),
        this.span,
      ),
      el(
        "span",
        { class: "what" },
        foreign(event.rule, "span", { class: "episode-rule" }),
        ` ${inShort(event)}`,
      ),
      isFiring && lead && foreign(lead.title, "span", { class: "lead" }),
      el("span", { class: "episode-line badges" }, this.#badges()),
    ].filter(Boolean);
  }

  #badges() {
    const { episode } = this;
    const alert = episode.resolved ?? episode.firing;
    const badges = [];
    if (alert.silenced) badges.push(el("span", { class: "badge" }, "silenced"));
    if (alert.acknowledged)
      badges.push(
        el("span", { class: "badge good" }, foreign(alert.acknowledged.who), " answers for it"),
      );
    for (const [receiver, { words, tone }] of stateOfDelivery(episode)) {
      badges.push(el("span", { class: `badge ${tone}` }, foreign(receiver), `: ${words}`));
    }
    if (episode.event.withdrawn || episode.resolved?.event.withdrawn)
      badges.push(el("span", { class: "badge" }, "withdrawn"));
    return badges;
  }

  #drawSpan() {
    const { event, resolved } = this.episode;
    const clock = this.alerts.store.logClock() ?? event.fired_at;
    const from = moment(event.fired_at, timeNear(event.fired_at, clock));
    set(from, "title", fullMoment(event.fired_at));
    const end = resolved?.event.resolved_at;
    const words = end
      ? `${event.fired_at} ${end}`
      : `${event.fired_at} ${duration(clock - event.fired_at)}`;
    if (this.span.dataset.words === words) return;
    this.span.dataset.words = words;
    this.span.replaceChildren(
      ...(end
        ? [
            from,
            el("span", { "aria-label": "until" }, " → "),
            moment(end, timeNear(end, event.fired_at)),
            ` · ${duration(end - event.fired_at)}`,
          ]
        : ["since ", from, ` · ${duration(clock - event.fired_at)}`]),
    );
  }
}

function isSame(one, other) {
  return ["firing", "resolved"].every(
    (state) =>
      one[state] === other[state] || JSON.stringify(one[state]) === JSON.stringify(other[state]),
  );
}

/** What an alert rests on, in a few words. */
function inShort({ window, baseline, factor }) {
  if (!window.raw_count) return `nothing arrived for ${duration(window.length_seconds * 1000)}`;
  const negative = many(window.novel_negative, "negative story", "negative stories");
  if (baseline && factor) return `${negative}, ${times(factor)} the usual`;
  const stories = many(window.novel_count, "story", "stories");
  return `${percent(window.negative_share)} of ${stories} negative`;
}
