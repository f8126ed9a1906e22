// The table of series: one row each, updated in place. Owns their order and which are shown.

import { arrange, byId, el, foreign, set, shape, write } from "./dom.js";
import { many, percent, plain, quantity, seriesKey, seriesName, count } from "./format.js";
import { SeriesDetail } from "./series_detail.js";
import { drawSpark, spark } from "./sparkline.js";

const STATES = ["firing", "pending", "warming", "silent", "calm"];
const REST_MS = 2500;
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
    this.touched = -Infinity;
    this.#filters();
    const body = byId("series-rows");
    for (const kind of ["pointermove", "keydown", "focusin"]) {
      body.addEventListener(kind, () => {
        this.touched = performance.now();
      });
    }
  }

  /** Open a series' detail and go to it. */
  open(key) {
    const row = this.rows.get(key);
    if (!row) return;
    if (!this.#isShown(this.store.series.get(key))) this.#showAll();
    row.toggle(true);
    this.draw();
    row.node.scrollIntoView({ block: "nearest" });
    row.button.focus({ preventScroll: true });
  }

  draw() {
    const { series } = this.store;
    for (const key of this.rows.keys()) if (!series.has(key)) this.rows.delete(key);
    for (const [key, one] of series) {
      if (!this.rows.has(key)) this.rows.set(key, new Row(this, one));
      this.rows.get(key).draw(one);
    }
    // Rows don't run away from under a pointer: their order waits while someone is at them.
    if (performance.now() - this.touched > REST_MS || !this.#isOrderOfAll()) {
      this.order = [...series.values()].sort(inOrder).map(seriesKey);
    }
    const shown = this.order.filter((key) => this.#isShown(series.get(key)));
    arrange(
      byId("series-rows"),
      shown.flatMap((key) => this.rows.get(key).nodes()),
    );
    this.#drawFilters();
    this.#drawEmpty(shown.length);
  }

  #isOrderOfAll() {
    return this.order.length === this.rows.size && this.order.every((key) => this.rows.has(key));
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
    const isFiltered = this.rows.size > 0;
    if (empty.dataset.filtered === String(isFiltered)) return;
    empty.dataset.filtered = String(isFiltered);
    if (isFiltered) {
      const button = el("button", { type: "button" }, "Show all");
      button.addEventListener("click", () => {
        this.#showAll();
        this.draw();
      });
      empty.replaceChildren(el("p", {}, "No series is like that."), button);
    } else {
      empty.replaceChildren(
        el("h3", {}, "No series yet"),
        el("p", {}, "Topics show here at once where a rule watches them, names with their first news."),
      );
    }
  }
}

class Row {
  constructor(table, one) {
    this.table = table;
    this.key = seriesKey(one);
    this.detail = null;
    this.isOpen = false;
    this.state = el("span", { class: "state" });
    this.button = el(
      "button",
      { type: "button", class: "row-button", "aria-expanded": "false" },
      foreign(seriesName(one), "span", { class: "series-name" }),
      one.by === "entity" && el("span", { class: "by" }, "entity"),
    );
    this.negative = el("b");
    this.usual = el("span", { class: "usual" });
    this.share = el("span", { class: "share-text" });
    this.bar = el("span", { class: "share-bar", "aria-hidden": "true" }, el("i"), el("em"));
    this.spark = spark();
    this.node = el(
      "tr",
      { class: "series-row", "data-series": plain(this.key) },
      el("td", {}, this.state),
      el("th", { scope: "row" }, this.button),
      el("td", { class: "number" }, this.negative, " ", this.usual),
      el("td", { class: "share-cell" }, el("div", { class: "share" }, this.share, this.bar)),
      el("td", { class: "spark-cell" }, this.spark),
    );
    if (table.opened.has(this.key)) this.toggle(true);
    this.node.addEventListener("click", (event) => {
      const isSelecting = String(getSelection()).length > 0;
      if (!isSelecting || event.target.closest("button")) {
        this.toggle(!this.isOpen);
        table.draw();
      }
    });
  }

  nodes() {
    return this.isOpen ? [this.node, this.detail.node] : [this.node];
  }

  toggle(isOpen) {
    this.isOpen = isOpen;
    if (isOpen) this.table.opened.add(this.key);
    else this.table.opened.delete(this.key);
    if (isOpen)
      this.detail ??= new SeriesDetail(this.table.store, this.key, this.table.openEpisode);
    set(this.button, "aria-expanded", String(isOpen));
    set(this.button, "aria-controls", isOpen ? this.detail.node.id : null);
    this.node.classList.toggle("open", isOpen);
  }

  draw(one) {
    if (this.shown !== one) this.#drawRow(one);
    this.shown = one;
    if (this.isOpen) this.detail.draw(one);
  }

  #drawRow(one) {
    if (this.node.dataset.state !== one.state) {
      this.node.dataset.state = one.state;
      this.state.replaceChildren(shape(one.state), el("span", {}, one.state));
    }
    write(this.negative, count(one.negative_count));
    write(this.usual, `usual ${quantity(one.expected_negative)}`);
    const share = one.story_count ? one.negative_count / one.story_count : null;
    const usual = one.usual_share;
    write(this.share, share === null ? "–" : percent(share));
    const bar = this.bar.style;
    bar.setProperty("--share", share ?? 0);
    bar.setProperty("--usual", usual ?? 0);
    set(this.bar, "data-unknown", usual === null);
    const known = usual === null ? "the usual is not known yet" : `usual ${percent(usual)}`;
    set(
      this.share.parentNode,
      "title",
      share === null
        ? "no stories in the last hour"
        : `${percent(share)} of ${many(one.story_count, "story", "stories")} negative, ${known}`,
    );
    const negative = many(one.negative_count, "negative story", "negative stories");
    drawSpark(this.spark, one.negative, `${negative} in the last hour`);
  }
}
