// Elements from data. Text becomes text and never markup, and a link leads to http or https only:
// whatever the page shows is made here. Must not know what it shows.

import { plain } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** The element of index.html with this id. */
export const byId = (id) => document.getElementById(id);

/** An HTML element. Attributes that are undefined, null or false are left out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat().filter((child) => child || child === 0));
  return node;
}

/** Set an attribute, or take it away, if that changes anything. */
export function set(node, name, value) {
  if (value === undefined || value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Write a node's text, if that changes anything. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Somebody else's text, on one line and with a direction of its own. */
export function foreign(text, tag = "bdi", attributes = {}) {
  return el(tag, { dir: "auto", ...attributes }, plain(text));
}

/** Somebody else's text as a link to where it says, or without one where that is not the web. */
export function link(url, text, attributes = {}) {
  const target = webAddress(url);
  if (target === null) return foreign(text, "span", attributes);
  return foreign(text, "a", {
    ...attributes,
    href: target,
    target: "_blank",
    rel: "noopener noreferrer nofollow",
  });
}

function webAddress(url) {
  if (typeof url !== "string") return null;
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}

/** A moment as a `time` element; `shown` is what to read there. */
export function moment(ms, shown) {
  return el("time", { datetime: new Date(ms).toISOString() }, shown);
}

/** Let `parent` have just these children in this order, and move as few as can be. */
export function arrange(parent, nodes) {
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else if (node.parentNode === parent && parent.moveBefore) parent.moveBefore(node, place);
    else parent.insertBefore(node, place);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const STOPS = "a[href], button, input, summary, [tabindex]";

/** Draw, and leave the keyboard where it was: an element that moves or is made anew loses it. */
export function keepingFocus(draw) {
  const focused = document.activeElement;
  const around = [];
  for (let node = focused; node; node = node.parentElement) around.push(node);
  draw();
  if (document.activeElement === focused) return;
  const stop = focused.isConnected ? focused : standIn(focused, around);
  stop?.focus({ preventScroll: true });
}

// One that says the same, else the first one nearby.
function standIn(gone, around) {
  for (const home of around) {
    const stops = home.isConnected ? [...home.querySelectorAll(STOPS)] : [];
    if (stops.length) return stops.find((stop) => stop.isEqualNode(gone)) ?? stops[0];
  }
  return null;
}

const SHAPES = {
  firing: "M8 1.6 15 14.4H1Z",
  pending: "M8 1 15 8l-7 7-7-7Z",
  warming: "M8 1.5a6.5 6.5 0 0 1 0 13Z",
  calm: "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7Z",
};
const OUTLINED = new Set(["warming", "silent"]);

/** The shape that stands for a state, beside its word. */
export function shape(state) {
  const parts = [];
  if (OUTLINED.has(state)) parts.push(svg("circle", { cx: 8, cy: 8, r: 6.5, class: "outline" }));
  if (SHAPES[state]) parts.push(svg("path", { d: SHAPES[state] }));
  if (state === "silent") parts.push(svg("path", { d: "M4.5 8h7", class: "outline" }));
  const attributes = { viewBox: "0 0 16 16", class: `shape ${state}`, "aria-hidden": "true" };
  return svg("svg", attributes, parts);
}
