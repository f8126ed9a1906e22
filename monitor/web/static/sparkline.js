// Small pictures of counts over time, as SVG. Must not know what is counted.

import { set, svg } from "./dom.js";

const HEIGHT = 22;
const SLOTS = 30;
const LEAST_TOP = 3;

/** A sparkline whose bars `drawSpark` sets. */
export function spark() {
  return svg(
    "svg",
    { class: "spark", role: "img", preserveAspectRatio: "none" },
    svg("path", { class: "spark-base" }),
    svg("path", { class: "spark-bars" }),
  );
}

/** Draw counts, oldest first, as 30 bars at most; the newest stands at the right end. */
export function drawSpark(node, counts, label) {
  const [base, bars] = node.children;
  const sums = joined(counts, SLOTS);
  const top = Math.max(LEAST_TOP, ...sums);
  set(node, "viewBox", `0 0 ${SLOTS * 2} ${HEIGHT}`);
  set(node, "aria-label", label);
  set(base, "d", `M0 ${HEIGHT - 0.5}H${SLOTS * 2}`);
  set(bars, "d", barsPath(sums, top, SLOTS, HEIGHT, 0.25));
}

/** A larger picture: stories, the negative ones of them, and a line at what is usual. */
export function chart(stories, negative, usual, label) {
  const height = 72;
  const slots = Math.max(stories.length, negative.length, 1);
  const top = Math.max(LEAST_TOP, ...stories, ...negative, usual);
  const level = (height - 1 - (usual / top) * (height - 4)).toFixed(1);
  return svg(
    "svg",
    {
      class: "chart",
      role: "img",
      preserveAspectRatio: "none",
      viewBox: `0 0 ${slots * 2} ${height}`,
      "aria-label": label,
    },
    svg("path", { class: "chart-stories", d: barsPath(stories, top, slots, height, 0.25) }),
    svg("path", { class: "chart-negative", d: barsPath(negative, top, slots, height, 0.25) }),
    svg("path", { class: "chart-base", d: `M0 ${height - 0.5}H${slots * 2}` }),
    svg("path", { class: "chart-usual", d: `M0 ${level}H${slots * 2}` }),
  );
}

/** Neighbours added up, from the newest on, until there are `most` of them. */
function joined(counts, most) {
  const each = Math.ceil(counts.length / most);
  if (each < 2) return counts;
  const sums = [];
  for (let end = counts.length; end > 0; end -= each) {
    sums.unshift(counts.slice(Math.max(0, end - each), end).reduce((sum, one) => sum + one, 0));
  }
  return sums;
}

function barsPath(counts, top, slots, height, gap) {
  const first = slots - counts.length;
  return counts
    .map((value, place) => {
      if (!value) return "";
      const tall = Math.max(1.5, (value / top) * (height - 4)).toFixed(1);
      const left = ((first + place) * 2 + gap).toFixed(1);
      return `M${left} ${height - 1}v-${tall}h${2 - 2 * gap}v${tall}z`;
    })
    .join("");
}
