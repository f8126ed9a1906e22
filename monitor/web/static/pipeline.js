// The strip at the bottom, and the table of processes that it opens to: who is ready, who lags,
// and whether they agree on model, rules and version.

import { byId, el, foreign, set, write } from "./dom.js";
import { ago, count, duration, many, plain, rate, seconds, timeOfDay } from "./format.js";

const STALE_MS = 45_000;

export class Pipeline {
  constructor(store) {
    this.store = store;
  }

  draw() {
    const processes = [...this.store.processes.values()].sort(
      (a, b) => a.started_at - b.started_at,
    );
    const gone = this.store.goneProcesses();
    const now = this.store.wallClock();
    const faults = faultsOf(processes, gone, now);
    const sign = JSON.stringify([processes, gone.map(({ process }) => process.id), faults]);
    if (sign !== this.sign) {
      this.sign = sign;
      byId("pipeline-strip").replaceChildren(...strip(processes, faults));
      this.ages = [];
      byId("pipeline-body").replaceChildren(...this.#body(processes, gone, faults));
      set(byId("pipeline"), "data-faults", faults.length > 0);
      write(byId("tab-pipeline"), faults.length ? "!" : "");
    }
    for (const [node, at] of this.ages) write(node, ago(now - at));
  }

  #body(processes, gone, faults) {
    if (!processes.length && !gone.length) {
      return [
        el("p", { class: "soft" }, "No process has shown itself within the last 45 seconds."),
      ];
    }
    const head = [
      "Process",
      "Roles",
      "State",
      "Model and rules",
      "Rates",
      "Lag, records",
      "Durations",
      "Heard",
    ];
    return [
      faults.length > 0 &&
        el(
          "ul",
          { class: "faults" },
          faults.map((each) => el("li", {}, each)),
        ),
      el(
        "div",
        { class: "table-scroller" },
        el(
          "table",
          { class: "processes" },
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              head.map((each) => el("th", { scope: "col" }, each)),
            ),
          ),
          el(
            "tbody",
            {},
            processes.map((each) => this.#row(each)),
            gone.map((each) => goneRow(each, head.length)),
          ),
        ),
      ),
    ].filter(Boolean);
  }

  #row(process) {
    const age = el("span");
    this.ages.push([age, process.at]);
    return el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        foreign(process.host),
        el(
          "span",
          { class: "soft block" },
          `newsurge ${plain(process.version)}, since ${timeOfDay(process.started_at)}`,
        ),
      ),
      el("td", {}, process.roles.map(plain).join(", ")),
      el(
        "td",
        {},
        readiness(process),
        process.dead_letters > 0 &&
          el("span", { class: "soft block" }, many(process.dead_letters, "dead letter")),
      ),
      el(
        "td",
        {},
        foreign(process.model ?? "–"),
        el(
          "span",
          { class: "soft block" },
          process.runtime && foreign(process.runtime),
          process.rules_hash && [process.runtime && ", ", "rules ", foreign(process.rules_hash)],
        ),
      ),
      el("td", {}, rates(process)),
      el("td", {}, pairs(Object.entries(process.lag_records), count)),
      el(
        "td",
        {},
        pairs(
          Object.entries(process.seconds),
          (each) => `${seconds(each.median)}, p99 ${seconds(each.p99)}`,
        ),
      ),
      el("td", {}, age),
    );
  }
}

function readiness({ is_ready: isReady, parts }) {
  const reasons = Object.entries(parts);
  if (isReady && !reasons.length) return el("span", { class: "good" }, "ready");
  return el(
    "span",
    { class: isReady ? "good" : "bad" },
    isReady ? "ready" : "not ready",
    reasons.map(([part, why]) => el("span", { class: "block" }, foreign(part), ": ", foreign(why))),
  );
}

function rates({ items_per_second: items, scored_per_second: scored }) {
  const known = [
    ["news", items],
    ["watched", scored],
  ].filter(([, each]) => typeof each === "number");
  return pairs(known, rate);
}

function pairs(entries, show) {
  if (!entries.length) return "–";
  return el(
    "dl",
    { class: "pairs" },
    entries.map(([name, value]) =>
      el("div", {}, el("dt", {}, foreign(name)), el("dd", {}, show(value))),
    ),
  );
}

function goneRow({ process, at, isOrderly }, columns) {
  const words = isOrderly
    ? `ended at ${timeOfDay(at)}`
    : `not heard of since ${timeOfDay(process.at)}`;
  return el(
    "tr",
    { class: "gone" },
    el("th", { scope: "row" }, foreign(process.host)),
    el("td", { colspan: columns - 1 }, `${process.roles.map(plain).join(", ")}: ${words}`),
  );
}

/** What is not as it should be, in sentences. */
function faultsOf(processes, gone, now) {
  const faults = [];
  for (const { host, is_ready: isReady, parts } of processes) {
    if (isReady) continue;
    const reasons = Object.entries(parts)
      .map(([part, why]) => `${part}: ${why}`)
      .join("; ");
    faults.push(plain(`${host} is not ready${reasons ? ` (${reasons})` : ""}`));
  }
  for (const [field, what] of [
    ["model", "Models"],
    ["rules_hash", "Rules"],
    ["version", "Versions"],
  ]) {
    const values = [...new Set(processes.map((each) => each[field]).filter(Boolean))].sort();
    if (values.length > 1)
      faults.push(plain(`${what} differ between processes: ${values.join(", ")}`));
  }
  for (const { host, at } of processes) {
    if (now - at > STALE_MS)
      faults.push(
        plain(`${host} has said nothing for ${duration(Math.floor((now - at) / 15_000) * 15_000)}`),
      );
  }
  for (const { process, isOrderly } of gone) {
    if (!isOrderly) faults.push(plain(`${process.host} fell silent at ${timeOfDay(process.at)}`));
  }
  return faults;
}

function strip(processes, faults) {
  const ready = processes.filter((each) => each.is_ready).length;
  const part = (name, value, tone = "") =>
    el(
      "span",
      { class: "strip-part" },
      name && el("span", { class: "soft" }, `${name} `),
      el("span", { class: tone }, value),
    );
  const lag = new Map();
  const slow = new Map();
  for (const process of processes) {
    for (const [name, records] of Object.entries(process.lag_records))
      lag.set(name, (lag.get(name) ?? 0) + records);
    for (const [name, each] of Object.entries(process.seconds)) {
      if (!slow.has(name) || slow.get(name).p99 < each.p99) slow.set(name, each);
    }
  }
  const behind = [...lag].map(([name, records]) => `${plain(name)} ${count(records)}`).join(" · ");
  return [
    processes.length
      ? part(
          "",
          ready === processes.length
            ? `${many(ready, "process", "processes")} ready`
            : `${ready} of ${many(processes.length, "process", "processes")} ready`,
          ready === processes.length ? "good" : "bad",
        )
      : part("", "no process", "bad"),
    faults.length > 0 &&
      part("", faults[0] + (faults.length > 1 ? `, and ${faults.length - 1} more` : ""), "bad"),
    behind && part("lag", behind),
    ...[...slow].map(([name, each]) =>
      part(plain(name), `${seconds(each.median)}, p99 ${seconds(each.p99)}`),
    ),
  ].filter(Boolean);
}
