// The live page: joins the connection, what is known, and the panels that show it.
//
// Messages are taken in as they come; the panels are drawn at most once a frame.

import { Alerts } from "./alerts.js";
import { connect } from "./connection.js";
import { byId, keepingFocus } from "./dom.js";
import { Headlines } from "./headlines.js";
import { Pipeline } from "./pipeline.js";
import { SeriesTable } from "./series.js";
import { Store } from "./store.js";
import { TopBar } from "./topbar.js";

const store = new Store();
const topBar = new TopBar(store);
const alerts = new Alerts(store, openSeries);
const headlines = new Headlines(store);
const pipeline = new Pipeline(store);
const series = new SeriesTable(store, (episode) => alerts.open(episode));
const panels = [topBar, series, alerts, headlines, pipeline];
let isDue = false;

function draw() {
  isDue = false;
  if (store.now === null) return;
  keepingFocus(() => {
    for (const panel of panels) panel.draw();
  });
}

function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(draw);
}

function openSeries(key) {
  series.open(key);
}

connect(
  (name, message) => {
    const fired = name === "snapshot" ? store.replace(message) : store.apply(message);
    // A page in the background draws no frames, yet its title is read.
    topBar.tell(fired);
    drawSoon();
  },
  (state) => topBar.connection(state),
);
setInterval(drawSoon, 1000);

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  byId("series-filter").focus();
});
