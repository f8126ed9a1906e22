// One row of the table of series, updated in place, and the detail that opens below it.

import { el, foreign, set, shape, write } from "./dom.js";
import { count, many, percent, plain, quantity, seriesName, span } from "./format.js";
import { SeriesDetail } from "./series_detail.js";
import { drawSpark, spark } from "./sparkline.js";

export class Row {
  constructor(table, key) {
    const one = table.store.series.get(key);
    this.table = table;
    this.key = key;
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
        ? `no stories in the last ${span(one)}`
        : `${percent(share)} of ${many(one.story_count, "story", "stories")} negative, ${known}`,
    );
    const negative = many(one.negative_count, "negative story", "negative stories");
    drawSpark(this.spark, one.negative, `${negative} in the last ${span(one)}`);
  }
}
