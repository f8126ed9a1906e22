// What an opened alert shows: what came against the usual, and its stories and labels.
// The meaning of each field is in docs/EVIDENCE.md.

import { el, foreign, link, moment, set } from "./dom.js";
import {
  chance,
  count,
  duration,
  fullMoment,
  many,
  percent,
  quantity,
  score,
  timeNear,
  times,
} from "./format.js";
import { origin, said, told } from "./told.js";

export function evidence(episode, store, openSeries) {
  const { event, firing, resolved } = episode;
  const reference = event.fired_at;
  return [
    ...annotations(event),
    words(event, resolved?.event, firing === undefined),
    ...said(resolved ?? firing, store),
    comparison(event, reference),
    stories(event, reference),
    told(episode),
    labels(event),
    origin(episode, openSeries, store),
  ].filter(Boolean);
}

function annotations(event) {
  return Object.entries(event.annotations ?? {}).map(([name, text]) =>
    el(
      "p",
      { class: name === "summary" ? "summary" : "annotation" },
      name !== "summary" && el("span", { class: "soft" }, foreign(name), ": "),
      link(text, text),
    ),
  );
}

function words(event, end, isEndOnly) {
  const sentences = [];
  if (event.baseline && event.factor) {
    sentences.push(`${times(event.factor)} as many negative stories as usual.`);
  }
  if (event.strength) sentences.push(`Chance alone brings as much ${chance(event.strength)}.`);
  if (event.without_duplicates === false) {
    sentences.push(
      "Near-duplicates made this alert: it would not have fired on its stories counted once.",
    );
  }
  if (event.baseline?.state === "warming") {
    sentences.push("The usual is not well known yet: the series is warming up.");
  }
  if (end?.withdrawn) {
    sentences.push(
      "It ended because its rule was removed or changed, or its series is followed no more; " +
        "nothing is known of calm.",
    );
  }
  if (isEndOnly) sentences.push("Its beginning is older than what this page holds.");
  return sentences.length ? el("p", { class: "words" }, sentences.join(" ")) : null;
}

function comparison({ window, baseline }, reference) {
  const from = window.end - window.length_seconds * 1000;
  const row = (name, here, usual = "") =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "number" }, here),
      el("td", { class: "number soft" }, usual),
    );
  return el(
    "table",
    { class: "comparison" },
    el(
      "caption",
      {},
      "Published ",
      moment(from, timeNear(from, reference)),
      " to ",
      moment(window.end, timeNear(window.end, reference)),
      `, ${duration(window.length_seconds * 1000)}`,
    ),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("td"),
        el("th", { scope: "col", class: "number" }, "came"),
        el("th", { scope: "col", class: "number" }, baseline ? "usual" : ""),
      ),
    ),
    el(
      "tbody",
      {},
      row(
        "Negative stories",
        count(window.novel_negative),
        baseline && quantity(baseline.expected_negative),
      ),
      row(
        "Negative share",
        window.novel_count ? percent(window.negative_share) : "–",
        baseline && typeof baseline.negative_share === "number"
          ? percent(baseline.negative_share)
          : "",
      ),
      row("Stories", count(window.novel_count)),
      row(
        "Items, repeats included",
        `${count(window.raw_count)}, ${count(window.raw_negative)} negative`,
      ),
      row("Mean score", window.novel_count ? score(window.mean_score) : "–"),
      baseline && row("Watched for", duration(baseline.observed_seconds * 1000)),
    ),
  );
}

function stories(event, reference) {
  if (!event.stories.length) return null;
  const item = (story) => {
    const when = moment(story.event_time, timeNear(story.event_time, reference));
    set(when, "title", fullMoment(story.event_time));
    return el(
      "li",
      {},
      el(
        "span",
        { class: "negative-part", title: "probability that it is negative" },
        percent(story.negative),
      ),
      el(
        "div",
        {},
        link(story.url, story.title, { class: "headline-title" }),
        el(
          "p",
          { class: "meta" },
          when,
          story.source && foreign(story.source, "span", { class: "source" }),
          story.near_duplicates > 0 &&
            el("span", { class: "again" }, `told again ${many(story.near_duplicates, "time")}`),
        ),
      ),
    );
  };
  return el(
    "section",
    {},
    el(
      "h4",
      {},
      `The most negative stories, ${event.stories.length} of ${count(event.window.novel_negative)}`,
    ),
    el("ol", { class: "stories" }, event.stories.map(item)),
  );
}

function labels(event) {
  const pairs = Object.entries(event.labels ?? {});
  if (!pairs.length) return null;
  return el(
    "p",
    { class: "labels" },
    pairs.map(([name, value]) =>
      el("span", { class: "badge" }, foreign(name), "=", foreign(value)),
    ),
  );
}
