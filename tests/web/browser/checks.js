// What every look of the page must keep, as a list of complaints: contrast (WCAG 2 AA), names,
// headings, landmarks, ids, and that nothing is wider than the window.

const found = [];

function channel(value) {
  const part = value / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function rgba(text) {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
}

function over(top, below) {
  const mix = (name) => top[name] * top.a + below[name] * (1 - top.a);
  return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
}

function luminance({ r, g, b }) {
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
}

function behind(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    const colour = rgba(getComputedStyle(each).backgroundColor);
    if (colour.a) layers.push(colour);
    if (colour.a === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
}

function isSeen(element) {
  const box = element.getBoundingClientRect();
  if (box.width < 2 || box.height < 2 || element.closest(".hidden, .skip")) return false;
  return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
}

let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.data.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !isSeen(element) || element.closest("noscript, script")) continue;
  texts += 1;
  const style = getComputedStyle(element);
  const below = behind(element);
  const ink = over(rgba(style.color), below);
  const [light, dark] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
  const contrast = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (isLarge ? 3 : 4.5)) {
    found.push(`contrast ${contrast.toFixed(2)}: ${element.className} '${text.slice(0, 40)}'`);
  }
}
if (texts < 20) found.push(`only ${texts} texts were looked at`);

const named = (element) =>
  (element.getAttribute("aria-label") ?? "") +
  [...(element.getAttribute("aria-labelledby") ?? "").split(" ")]
    .map((id) => document.getElementById(id)?.textContent ?? "")
    .join("") +
  [...(element.labels ?? [])].map((label) => label.textContent).join("") +
  element.textContent;
for (const element of document.querySelectorAll("button, input, a[href], summary, section[aria-labelledby], nav")) {
  if (!named(element).trim()) found.push(`without a name: ${element.outerHTML.slice(0, 80)}`);
}
for (const element of document.querySelectorAll("svg")) {
  const isNamed = element.getAttribute("role") === "img" && element.getAttribute("aria-label");
  if (!isNamed && element.getAttribute("aria-hidden") !== "true") {
    found.push(`a picture that is neither named nor hidden: ${element.outerHTML.slice(0, 80)}`);
  }
}
for (const landmark of ["header", "main", "h1", "nav"]) {
  const count = document.querySelectorAll(`body > ${landmark}, body > header ${landmark}`).length;
  if (count !== 1) found.push(`${count} of ${landmark}`);
}
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) found.push(`heading '${heading.textContent}' skips from ${level} to ${own}`);
  level = own;
}
const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id ${id} is there twice`);

const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) {
  found.push(`${document.documentElement.scrollWidth} wide in a window of ${width}`);
}
for (const scroller of document.querySelectorAll(".scroller, .panel-head, .bar")) {
  if (scroller.scrollWidth > scroller.clientWidth + 1) {
    found.push(`${scroller.className} of ${scroller.closest("[id]")?.id} scrolls sideways`);
  }
}
return found;
