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
    const { firing } = this.store.states();
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

function overall(store) {
  const counts = store.states();
  const total = store.series.size;
  const state = ORDER.find((each) => counts[each]) ?? "waiting";
  const rest = (leading) =>
    ORDER.filter((each) => each !== leading && counts[each])
      .map((each) => `${count(counts[each])} ${WORDS[each]}`)
      .join(" · ");
  if (!total)
    return { state: "silent", words: "No series yet", rest: "waiting for the first news" };
  if (state === "firing" || state === "pending") {
    return {
      state,
      words: `${many(counts[state], "series", "series")} ${state}`,
      rest: rest(state),
    };
  }
  if (counts.calm) {
    const words = counts.calm === total ? "All calm" : "Calm";
    return {
      state: "calm",
      words,
      rest: `${many(total, "series", "series")}${counts.calm === total ? "" : ` · ${rest("")}`}`,
    };
  }
  if (counts.warming) return { state: "warming", words: "Warming up", rest: rest("") };
  return { state: "silent", words: "No news arrives", rest: rest("") };
}
