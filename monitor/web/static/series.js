// The table of series: one row each, updated in place. Owns their order and which are shown.

import { arrange, byId, el, set, shape, write } from "./dom.js";
import { count, many, seriesKey, seriesName } from "./format.js";
import { Row } from "./series_row.js";

const STATES = ["firing", "pending", "warming", "silent", "calm"];
const REST_MS = 2500;
const AT_ONCE = 100;
const URGENCY = { firing: 0, pending: 1 };

/** How far a series is above its usual, in units of what chance moves it. */
const excess = (one) =>
  (one.negative_count - one.expected_negative) / Math.sqrt(one.expected_negative + 1);

/** Firing, pending, then by how far above the usual. */
export function inOrder(a, b) {
  return (
    (URGENCY[a.state] ?? 2) - (URGENCY[b.state] ?? 2) ||
    excess(b) - excess(a) ||
    b.story_count - a.story_count ||
    (seriesKey(a) < seriesKey(b) ? -1 : 1)
  );
}

export class SeriesTable {
  constructor(store, openEpisode) {
    this.store = store;
    this.openEpisode = openEpisode;
    this.rows = new Map();
    this.opened = new Set();
    this.order = [];
    this.text = "";
    this.chosen = new Set();
    this.most = AT_ONCE;
    this.touched = -Infinity;
    this.#filters();
    const body = byId("series-rows");
    for (const kind of ["pointermove", "keydown", "focusin"]) {
      body.addEventListener(kind, () => {
        this.touched = performance.now();
      });
    }
    byId("series-more").addEventListener("click", () => {
      this.most = Infinity;
      this.draw();
      [...this.rows.values()][AT_ONCE]?.button.focus();
    });
  }

  /** Open a series' detail and go to it. */
  open(key) {
    if (!this.store.series.has(key)) return;
    this.opened.add(key);
    this.draw();
    if (!this.rows.has(key)) {
      this.#showAll();
      this.most = Infinity;
      this.draw();
    }
    const row = this.rows.get(key);
    row.toggle(true);
    this.draw();
    row.node.scrollIntoView({ block: "nearest" });
    row.button.focus({ preventScroll: true });
  }

  draw() {
    const { series } = this.store;
    // Rows don't run away from under a pointer: their order waits while someone is at them.
    if (performance.now() - this.touched > REST_MS || !this.#isOrderOfAll()) {
      this.order = [...series.values()].sort(inOrder).map(seriesKey);
    }
    const found = this.order.filter((key) => this.#isShown(series.get(key)));
    const shown = found.slice(0, this.most);
    const rows = new Map(shown.map((key) => [key, this.rows.get(key) ?? new Row(this, key)]));
    for (const [key, row] of rows) row.draw(series.get(key));
    this.rows = rows;
    arrange(
      byId("series-rows"),
      [...rows.values()].flatMap((row) => row.nodes()),
    );
    this.#drawFilters();
    this.#drawMore(found.length - shown.length);
    this.#drawEmpty(shown.length);
  }

  #isOrderOfAll() {
    const { series } = this.store;
    return this.order.length === series.size && this.order.every((key) => series.has(key));
  }

  #drawMore(hidden) {
    const button = byId("series-more");
    button.hidden = hidden === 0;
    write(button, `Show ${many(hidden, "more series", "more series")}`);
  }

  #isShown(one) {
    if (this.chosen.size && !this.chosen.has(one.state)) return false;
    return !this.text || seriesName(one).toLowerCase().includes(this.text);
  }

  #showAll() {
    this.chosen.clear();
    this.text = byId("series-filter").value = "";
  }

  #filters() {
    this.buttons = STATES.map((state) => {
      const number = el("b");
      const button = el(
        "button",
        { type: "button", class: "state-button", "aria-pressed": "false" },
        shape(state),
        el("span", { class: "state-word" }, state),
        number,
      );
      button.addEventListener("click", () => {
        if (!this.chosen.delete(state)) this.chosen.add(state);
        this.draw();
      });
      return { state, button, number };
    });
    byId("state-filter").append(...this.buttons.map(({ button }) => button));
    byId("series-filter").addEventListener("input", (event) => {
      this.text = event.target.value.trim().toLowerCase();
      this.draw();
    });
  }

  #drawFilters() {
    const counts = this.store.states();
    for (const { state, button, number } of this.buttons) {
      set(button, "aria-pressed", this.chosen.has(state) ? "true" : "false");
      set(button, "data-none", !counts[state]);
      set(button, "title", `Show those that are ${state}`);
      write(number, count(counts[state]));
    }
    write(byId("tab-series"), counts.firing ? String(counts.firing) : "");
  }

  #drawEmpty(shown) {
    const empty = byId("series-empty");
    empty.hidden = shown > 0;
    if (shown) return;
    const isFiltered = this.store.series.size > 0;
    if (empty.dataset.filtered === String(isFiltered)) return;
    empty.dataset.filtered = String(isFiltered);
    if (isFiltered) {
      const button = el("button", { type: "button" }, "Show all");
      button.addEventListener("click", () => {
        this.#showAll();
        this.draw();
        byId("series-filter").focus();
      });
      empty.replaceChildren(el("p", {}, "No series is like that."), button);
    } else {
      empty.replaceChildren(
        el("h3", {}, "No series yet"),
        el(
          "p",
          {},
          "Topics show here at once where a rule watches them, names with their first news.",
        ),
      );
    }
  }
}
