// What the store makes of messages; gives what there is to check.

const { Store, episodes } = await import("/static/store.js");
const series = { by: "all", key: "all" };
const event = (id, at) => ({ id, state: "firing", fired_at: at, rule: "Alive", series });
const alert = (id, at) => ({ event: event(id, at), episode: id });
const numbers = (most) => [...Array(most).keys()];
const empty = { series: [], processes: [], headlines: [], alerts: [], skipped: 0, version: "1" };

const store = new Store();
store.replace({ ...empty, now: 1 });
const beats = numbers(3).map((n) => alert(`beat${n}`, n));
store.apply({ now: 2, alerts: beats, headlines: numbers(100).map((n) => ({ id: `0/${n}` })) });
store.apply({ now: 2, gone_alerts: ["beat0", "beat1"] });
const left = episodes(store.alerts.values()).map(({ id }) => id);
store.apply({ now: 3, alerts: numbers(300).map((n) => alert(`a${n}`, n)), skipped: 7 });
const bounded = {
  headlines: store.headlines.size,
  oldest: [...store.headlines.keys()][0],
  alerts: store.alerts.size,
  skipped: store.skipped,
};

const now = Date.now();
const process = (id, at) => ({ id, at });
store.apply({ now, processes: [process("orderly", now - 1000), process("silent", now - 46000)] });
store.apply({ now, gone_processes: ["orderly", "silent"] });
const gone = store.goneProcesses().map((each) => [each.process.id, each.isOrderly]);

const again = store.replace({ ...empty, now, alerts: [alert("a299", 299), alert("new", 300)] });
return { ...bounded, left, gone, announced: again.map((each) => each.event.id) };
