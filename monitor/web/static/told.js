// Who was told of an alert, what people said of it, and the way back to where it comes from.

import { el, foreign, moment } from "./dom.js";
import { many, seriesKey, seriesName, timeNear, timeOfDay } from "./format.js";

const DELIVERY = {
  queued: { words: "on its way", tone: "" },
  delivered: { words: "told", tone: "good" },
  given_up: { words: "given up", tone: "bad" },
  silenced: { words: "silenced", tone: "" },
};

/** For each receiver, how the newest event of an episode fares there. */
export function stateOfDelivery(episode) {
  const states = new Map();
  for (const alert of [episode.firing, episode.resolved]) {
    for (const { receiver, state } of alert?.deliveries ?? [])
      states.set(receiver, DELIVERY[state]);
  }
  return states;
}

/** What people said: a silence, or who answers for it. */
export function said(alert, store) {
  const notes = [];
  const until = (ms) => timeNear(ms, store.wallClock());
  const note = ({ who, why, until: end }, how) =>
    el(
      "p",
      { class: "note" },
      foreign(who, "b"),
      ` ${how} until ${until(end)}`,
      why && ": ",
      why && foreign(why, "q"),
    );
  if (alert.acknowledged) notes.push(note(alert.acknowledged, "answers for it"));
  if (alert.silenced) notes.push(note(alert.silenced, "silenced it"));
  return notes;
}

/** The section on each receiver. */
export function told(episode) {
  const rows = [];
  for (const [what, alert] of [
    ["firing", episode.firing],
    ["resolved", episode.resolved],
  ]) {
    for (const each of alert?.deliveries ?? []) rows.push([what, each]);
  }
  if (!rows.length) {
    const named = episode.event.receivers?.length
      ? "No word of its delivery yet."
      : "No receiver has been told of it.";
    return el("section", {}, el("h4", {}, "Who was told"), el("p", { class: "soft" }, named));
  }
  const item = ([what, { receiver, state, at, attempts, reason }]) => {
    const { words: how, tone } = DELIVERY[state];
    return el(
      "li",
      {},
      foreign(receiver, "b"),
      el("span", { class: "soft" }, ` ${what}: `),
      el("span", { class: tone }, state === "delivered" ? "delivered" : how),
      " ",
      moment(at, timeOfDay(at)),
      attempts > 1 && ` after ${many(attempts, "try", "tries")}`,
      reason && state !== "delivered" && [": ", foreign(reason)],
    );
  };
  return el(
    "section",
    {},
    el("h4", {}, "Who was told"),
    el("ul", { class: "told" }, rows.map(item)),
  );
}

/** Its series, model and rule, and the command that explains it. */
export function origin(episode, openSeries, store) {
  const { event } = episode;
  const command = `newsurge explain ${event.id}`;
  const code = el("code", { tabindex: "0" }, command);
  const button = el("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", () => copy(command, code, button));
  const key = seriesKey(event.series);
  const go = el("button", { type: "button", class: "linkish" }, foreign(seriesName(event.series)));
  go.addEventListener("click", () => openSeries(key));
  const models = event.models?.length ? event.models : [event.model];
  return el(
    "div",
    { class: "origin" },
    el(
      "p",
      { class: "soft" },
      "Series ",
      store.series.has(key) ? go : foreign(seriesName(event.series)),
      " · scored by ",
      foreign(models.join(", ")),
      " · rule hash ",
      foreign(event.rule_hash),
    ),
    el("p", { class: "command" }, code, button),
  );
}

async function copy(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without https the browser keeps its clipboard to itself: the reader copies what is selected.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2000);
}
