// The bar at the top: the state of everything in words, the connection, clock, rate and model.
// Owns the page's title and icon, and what is spoken aloud.

import { byId, moment, set, shape, write } from "./dom.js";
import {
  ago,
  count,
  dayShort,
  duration,
  fullMoment,
  many,
  rate,
  roughly,
  seriesName,
  timeOfDay,
  zoneName,
} from "./format.js";

const ORDER = ["firing", "pending", "silent", "warming", "calm"];
const WORDS = {
  firing: "firing",
  pending: "pending",
  silent: "silent",
  warming: "warming up",
  calm: "calm",
};
const FAR_MS = 90_000;
const STALE_MS = 20_000;

export class TopBar {
  constructor(store) {
    this.store = store;
    this.isLive = false;
    this.since = Date.now();
    this.lastHeard = null;
    this.shown = null;
  }

  /** Told that the connection is `live` or `reconnecting`. */
  connection(state) {
    const isLive = state === "live";
    if (isLive !== this.isLive) this.since = Date.now();
    this.isLive = isLive;
    if (isLive) this.lastHeard = Date.now();
    this.#drawConnection();
  }

  /** Say aloud what began to fire, and let title and icon tell how much does. */
  tell(fired) {
    const firing = alarms(this.store);
    document.title = firing ? `(${firing}) newsurge` : "newsurge";
    set(byId("favicon"), "href", firing ? "static/favicon-firing.svg" : "static/favicon.svg");
    if (fired.length) {
      const words = fired.map(({ event }) => `${event.rule} fires on ${seriesName(event.series)}`);
      const rest = words.length > 3 ? `, and ${words.length - 3} more` : "";
      write(byId("announcer"), `${words.slice(0, 3).join(". ")}${rest}.`);
    }
  }

  draw() {
    const { state, words, rest } = overall(this.store);
    const node = byId("overall");
    set(node, "data-state", state);
    if (this.shown !== state) byId("verdict-shape").replaceChildren(shape(state));
    this.shown = state;
    write(byId("verdict"), this.isLive ? words : `Last known: ${words}`);
    write(byId("counts"), rest);
    this.#drawClock();
    this.#drawRate();
    this.#drawModel();
    this.#drawConnection();
  }

  #drawClock() {
    const clock = this.store.logClock();
    const node = byId("clock");
    if (clock === null) return write(node, "–");
    const wall = this.store.wallClock();
    const isFar = Math.abs(wall - clock) > FAR_MS;
    const isOtherDay = new Date(wall).toDateString() !== new Date(clock).toDateString();
    const shown = `${isOtherDay ? `${dayShort(clock)} ` : ""}${timeOfDay(clock)}`;
    if (node.textContent !== shown) node.replaceChildren(moment(clock, shown));
    set(node, "title", `${fullMoment(clock)}: how far time has come in the log`);
    set(node, "data-far", isFar);
    const side = wall > clock ? "behind" : "ahead";
    const label = isFar
      ? `Log time, ${roughly(Math.abs(wall - clock))} ${side}`
      : `Log time ${zoneName(clock)}`;
    write(byId("clock-label"), label);
  }

  #drawRate() {
    const rates = [...this.store.processes.values()]
      .map((each) => each.items_per_second)
      .filter((each) => each !== null && each !== undefined);
    write(byId("rate"), rates.length ? rate(rates.reduce((sum, each) => sum + each, 0)) : "–");
  }

  #drawModel() {
    const models = modelsOf(this.store);
    write(byId("model-label"), models.length > 1 ? "Models differ" : "Model");
    write(byId("model"), models.length ? models.join(", ") : "–");
    set(byId("model"), "data-differ", models.length > 1);
    set(byId("model"), "title", models.join(", "));
  }

  #drawConnection() {
    const node = byId("connection");
    const age = this.lastHeard === null ? null : Date.now() - this.lastHeard;
    if (this.isLive) {
      const isStale = age > STALE_MS;
      set(node, "data-state", isStale ? "stale" : "live");
      write(node, isStale ? `nothing new for ${duration(age)}` : "live");
    } else if (this.lastHeard !== null) {
      set(node, "data-state", "reconnecting");
      write(node, `reconnecting since ${timeOfDay(this.since)}, data ${ago(age)}`);
    } else if (Date.now() - this.since > STALE_MS / 4) {
      set(node, "data-state", "reconnecting");
      write(node, "no answer yet, trying");
    }
    document.body.classList.toggle("offline", !this.isLive && this.lastHeard !== null);
  }
}

/** The versions of models that living processes serve. */
export function modelsOf(store) {
  const models = [...store.processes.values()].map((each) => each.model).filter(Boolean);
  return [...new Set(models)].sort();
}

/** How many series alarm: those that fire, and those that are silent against a rule. */
function alarms(store) {
  const isAlarm = ({ state, rules }) =>
    state === "firing" || (state === "silent" && rules.some((rule) => rule.state === "firing"));
  return [...store.series.values()].filter(isAlarm).length;
}

function overall(store) {
  const counts = store.states();
  const total = store.series.size;
  const inWords = (number) => many(number, "series", "series");
  const rest = (leading) =>
    ORDER.filter((each) => each !== leading && counts[each])
      .map((each) => `${count(counts[each])} ${WORDS[each]}`)
      .join(" · ");
  if (!total) return { state: "silent", words: "No series yet", rest: "" };
  if (counts.firing) {
    return { state: "firing", words: `${inWords(counts.firing)} firing`, rest: rest("firing") };
  }
  if (counts.silent === total) return { state: "silent", words: "No news arrives", rest: "" };
  const silent = alarms(store);
  if (silent) {
    return { state: "pending", words: `${inWords(silent)} silent too long`, rest: rest("") };
  }
  if (counts.pending) {
    return { state: "pending", words: `${inWords(counts.pending)} pending`, rest: rest("pending") };
  }
  if (counts.calm === total) return { state: "calm", words: "All calm", rest: inWords(total) };
  if (counts.calm) return { state: "calm", words: "Nothing firing", rest: rest("") };
  return { state: "warming", words: "Warming up", rest: rest("") };
}
