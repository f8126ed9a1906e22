// The stream of headlines, newest on top. Owns when it stands still for a reader.

import { arrange, byId, el, foreign, link, moment, set, write } from "./dom.js";
import { count, fullMoment, percent, score, timeNear } from "./format.js";

const READING_MS = 30_000;
const NEUTRAL = 0.1;

export class Headlines {
  constructor(store) {
    this.store = store;
    this.items = new Map();
    this.isHeld = false;
    this.isInside = false;
    this.touched = -Infinity;
    this.panel = byId("headlines");
    this.#watchReader();
  }

  draw() {
    const known = [...this.store.headlines.values()].reverse();
    const waiting = known.filter((each) => !this.items.has(each.id)).length;
    const isReading = this.#isReading();
    const isPaused = (this.isHeld || isReading) && this.items.size > 0;
    if (!isPaused) this.#show(known);
    this.#drawHead(isPaused, isPaused ? waiting : 0);
    this.#drawEmpty(known.length === 0 && this.items.size === 0);
  }

  #show(known) {
    this.items = headlineItems(known, this.items, this.store, this.items.size > 0);
    arrange(
      byId("headline-list"),
      [...this.items.values()].map(({ node }) => node),
    );
  }

  #watchReader() {
    const list = byId("headline-list");
    const touch = () => {
      this.touched = performance.now();
      this.isInside = true;
    };
    for (const kind of ["pointermove", "wheel", "focusin", "keydown"]) {
      list.addEventListener(kind, touch, { passive: true });
    }
    list.addEventListener("pointerleave", () => {
      this.isInside = list.contains(document.activeElement);
    });
    list.addEventListener("focusout", () => {
      this.isInside = list.matches(":hover");
    });
    byId("pause").addEventListener("click", () => {
      this.isHeld = !this.isHeld;
      this.draw();
    });
  }

  // Someone who has not stirred for a while has left the pointer there, and would miss the news.
  #isReading() {
    return this.isInside && performance.now() - this.touched < READING_MS;
  }

  #drawHead(isPaused, waiting) {
    const { skipped } = this.store;
    const words = [];
    if (isPaused) words.push(waiting ? `${count(waiting)} wait` : "paused");
    if (skipped) words.push(`about ${count(skipped)} more came too fast to show`);
    write(byId("headlines-aside"), words.join(" · "));
    const button = byId("pause");
    set(button, "aria-pressed", String(this.isHeld));
    write(button, this.isHeld ? "Go on" : "Pause");
    set(this.panel, "data-paused", isPaused);
  }

  #drawEmpty(isEmpty) {
    const empty = byId("headlines-empty");
    empty.hidden = !isEmpty;
    if (!isEmpty || empty.firstChild) return;
    empty.append(
      el("h3", {}, "No headlines yet"),
      el(
        "p",
        {},
        "Each news item shows here as soon as it is scored. Publish some from a terminal:",
      ),
      el("pre", {}, el("code", {}, "newsurge publish FILE.jsonl --rate 5")),
      el("p", {}, "or let ", el("code", {}, "newsurge demo --keep"), " play a fictional day."),
    );
  }
}

/** The items of a list of headlines by their ids; those in `before` that say the same are kept. */
export function headlineItems(headlines, before, store, isNew = false) {
  const items = new Map();
  for (const headline of headlines) {
    const kept = before.get(headline.id);
    const item = isSame(kept?.headline, headline)
      ? kept
      : { node: headlineItem(headline, store, isNew) };
    item.headline = headline;
    items.set(headline.id, item);
  }
  return items;
}

// A broker that keeps nothing gives its offsets, and so the ids, to other news after a restart.
const isSame = (one, other) => one === other || JSON.stringify(one) === JSON.stringify(other);

function headlineItem(headline, store, isNew) {
  const reference = store.logClock() ?? headline.event_time;
  const when = moment(headline.event_time, timeNear(headline.event_time, reference));
  set(when, "title", fullMoment(headline.event_time));
  return el(
    "li",
    { class: isNew ? "headline new" : "headline", "data-id": headline.id },
    headline.unjudged ? unjudged(headline) : scoreBar(headline),
    el(
      "div",
      { class: "headline-body" },
      link(headline.url, headline.title, { class: "headline-title" }),
      el(
        "p",
        { class: "meta" },
        when,
        el(
          "span",
          { class: "topic", title: `${percent(headline.topic_probability)} sure of the topic` },
          foreign(headline.topic),
        ),
        headline.source && foreign(headline.source, "span", { class: "source" }),
      ),
    ),
  );
}

function scoreBar({ score: value, sentiment }) {
  const bar = el("span", { class: "score-bar", "aria-hidden": "true" }, el("i"));
  bar.style.setProperty("--size", Math.min(1, Math.abs(value)));
  const words = Object.entries(sentiment).map(([name, part]) => `${name} ${percent(part)}`);
  const side = value < 0 ? "negative" : "positive";
  const tone = Math.abs(value) < NEUTRAL ? `neutral ${side}` : side;
  return el(
    "span",
    { class: `score ${tone}`, title: words.join(", ") },
    bar,
    el("span", { class: "score-text" }, el("span", { class: "hidden" }, "score "), score(value)),
  );
}

function unjudged({ unjudged: reason }) {
  return el(
    "span",
    { class: "score unjudged", title: `not judged: ${reason}` },
    el("span", { class: "score-text" }, "not judged"),
  );
}
