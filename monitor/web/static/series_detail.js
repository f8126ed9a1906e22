// What opens below a series' row: its picture, rules, newest headlines and alerts.

import { arrange, el, foreign, moment, set, shape } from "./dom.js";
import { duration, many, percent, quantity, seriesKey, span, timeNear } from "./format.js";
import { headlineItems } from "./headlines.js";
import { chart } from "./sparkline.js";
import { episodes } from "./store.js";

const HEADLINES = 6;
const EPISODES = 5;
const RULE_STATES = { firing: "firing", pending: "pending", inactive: "calm" };
let numbers = 0;

export class SeriesDetail {
  constructor(store, key, openEpisode) {
    this.store = store;
    this.key = key;
    this.openEpisode = openEpisode;
    this.picture = el("div", { class: "picture" });
    this.rules = el("ul", { class: "rules" });
    this.headlines = el("ol", { class: "headlines" });
    this.alerts = el("ul", { class: "episode-links" });
    this.items = new Map();
    numbers += 1;
    this.node = el(
      "tr",
      { class: "detail", id: `detail-${numbers}` },
      el(
        "td",
        { colspan: "5" },
        el(
          "div",
          { class: "detail-body" },
          this.picture,
          el("section", {}, el("h3", {}, "Rules"), this.rules),
          el("section", {}, el("h3", {}, "Alerts"), this.alerts),
          el("section", { class: "wide" }, el("h3", {}, "Newest headlines"), this.headlines),
        ),
      ),
    );
  }

  draw(one) {
    if (this.shown !== one) {
      this.picture.replaceChildren(...pictureOf(one));
      this.rules.replaceChildren(...one.rules.map(ruleItem));
      if (!one.rules.length)
        this.rules.replaceChildren(el("li", { class: "soft" }, "No rule watches it."));
    }
    this.shown = one;
    this.#drawHeadlines();
    this.#drawAlerts();
  }

  #drawHeadlines() {
    const own = [...this.store.headlines.values()].filter((each) => each.series.includes(this.key));
    const newest = own.slice(-HEADLINES).reverse();
    this.items = headlineItems(newest, this.items, this.store);
    const items = [...this.items.values()].map(({ node }) => node);
    if (!items.length) items.push(el("li", { class: "soft" }, "None among the newest 60."));
    arrange(this.headlines, items);
  }

  #drawAlerts() {
    const own = [...this.store.alerts.values()].filter(
      (each) => seriesKey(each.event.series) === this.key,
    );
    const found = episodes(own).slice(0, EPISODES);
    const sign = found.map(({ id, isFiring, before }) => `${id} ${isFiring} ${before}`).join();
    if (sign === this.sign) return;
    this.sign = sign;
    const items = found.map((episode) => this.#episodeItem(episode));
    if (!items.length) items.push(el("li", { class: "soft" }, "None that the page knows of."));
    this.alerts.replaceChildren(...items);
  }

  #episodeItem(episode) {
    const { event, isFiring, resolved } = episode;
    const reference = this.store.logClock() ?? event.fired_at;
    const button = el("button", { type: "button", class: "linkish" }, foreign(event.rule));
    button.addEventListener("click", () => this.openEpisode(episode.id));
    const when = isFiring ? " fires since " : " fired ";
    return el(
      "li",
      { "data-firing": isFiring },
      shape(isFiring ? "firing" : "calm"),
      button,
      when,
      moment(event.fired_at, timeNear(event.fired_at, reference)),
      resolved && `, for ${duration(resolved.event.resolved_at - event.fired_at)}`,
    );
  }
}

function ruleItem(rule) {
  const node = el(
    "li",
    { "data-state": rule.state },
    shape(RULE_STATES[rule.state]),
    foreign(rule.rule),
    el("span", { class: "soft" }, rule.state),
  );
  set(node, "title", `severity ${rule.severity}`);
  return node;
}

function pictureOf(one) {
  const usual = one.expected_negative / Math.max(one.negative.length, 1);
  const share = one.story_count ? one.negative_count / one.story_count : null;
  const known = one.usual_share === null ? "" : ` (usual ${percent(one.usual_share)})`;
  const shares = share === null ? "" : `, ${percent(share)}${known}`;
  const words =
    `${many(one.story_count, "story", "stories")} in the last ${span(one)}, ` +
    `${one.negative_count} of them negative${shares}; ` +
    `${quantity(one.expected_negative)} negative are usual`;
  return [
    chart(one.stories, one.negative, usual, words),
    el(
      "p",
      { class: "legend" },
      el("span", {}, el("i", { class: "key-negative" }), "negative stories"),
      el("span", {}, el("i", { class: "key-stories" }), "all stories"),
      el("span", {}, el("i", { class: "key-usual" }), "negative, usual"),
      el("span", { class: "soft" }, `a bar is ${duration(one.spark_seconds * 1000)}`),
    ),
    el("p", { class: "soft" }, `${words}.`),
  ];
}
