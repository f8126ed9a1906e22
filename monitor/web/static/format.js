// How numbers, times and words are written. Pure: knows neither the page nor the clock.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONGEST_TEXT = 2000;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const shortTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const fullTime = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat("en-GB", {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

/** A count: 1,204. */
export const count = (number) => whole.format(number);

/** A quantity that need not be whole: 0.07, 3.2, 14. */
export function quantity(number) {
  if (number === 0) return "0";
  if (number < 0.095) return number < 0.005 ? "<0.01" : number.toFixed(2);
  return number < 9.95 ? number.toFixed(1) : whole.format(number);
}

/** A share of one: 83%. */
export const percent = (share) => `${Math.round(share * 100)}%`;

/** A score from -1 to 1 with its sign: +0.42, −0.81. */
export function score(value) {
  const size = Math.abs(value).toFixed(2);
  if (Number(size) === 0) return "0.00";
  return (value < 0 ? "−" : "+") + size;
}

/** A count and its noun: 1 story, 3 stories. */
export const many = (number, one, more = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : more}`;

/** A rate by the second: 18.4/s, 1.2K/s. */
export const rate = (perSecond) =>
  `${perSecond < 1000 ? quantity(perSecond) : compact.format(perSecond)}/s`;

/** A length of time, by its two largest units: 45 s, 9 min, 2 h 5 min. */
export function duration(ms) {
  const size = Math.max(0, ms);
  if (size < MINUTE) return `${Math.round(size / SECOND)} s`;
  if (size < HOUR) return `${Math.round(size / MINUTE)} min`;
  if (size < 2 * DAY) return pair(size, HOUR, "h", MINUTE, "min");
  return pair(size, DAY, "d", HOUR, "h");
}

/** A length of time, roughly: by its largest unit, 413 d. */
export const roughly = (ms) => duration(ms).split(" ").slice(0, 2).join(" ");

/** The time that a series' counts are of: an hour, or the longest window of its rules. */
export function span(series) {
  const ms = series.negative.length * series.spark_seconds * SECOND;
  return Math.abs(ms - HOUR) < 2 * MINUTE ? "hour" : duration(ms);
}

function pair(ms, large, largeName, small, smallName) {
  const smalls = Math.round(ms / small);
  const each = large / small;
  const rest = smalls % each;
  const head = `${Math.floor(smalls / each)} ${largeName}`;
  return rest ? `${head} ${rest} ${smallName}` : head;
}

/** A short duration in seconds: 3.2 ms, 1.4 s, 2 min. */
export function seconds(value) {
  if (value >= 60) return duration(value * SECOND);
  return value < 1 ? `${quantity(value * 1000)} ms` : `${quantity(value)} s`;
}

/** How long ago, in words. */
export const ago = (ms) => (ms < 1500 ? "now" : `${duration(ms)} ago`);

/** A time of the day with seconds: 17:41:05. */
export const timeOfDay = (ms) => fullTime.format(ms);

/** A time of the day, and its day where that is not the day of `reference`: 8 Oct 17:41. */
export function timeNear(ms, reference) {
  const sameDay = new Date(ms).toDateString() === new Date(reference).toDateString();
  return sameDay ? shortTime.format(ms) : `${shortDay.format(ms)} ${shortTime.format(ms)}`;
}

/** A moment in full, with its zone, for those who hover. */
export const fullMoment = (ms) => `${longDay.format(ms)} ${fullTime.format(ms)} ${zoneName(ms)}`;

/** A day: 8 Oct. */
export const dayShort = (ms) => shortDay.format(ms);

/** A day in full. */
export const day = (ms) => longDay.format(ms);

/** The name of the zone that times are shown in: UTC, CEST. */
export function zoneName(ms) {
  return zone.formatToParts(ms).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** How many times the usual: 2.4 times, 69 times. */
export const times = (factor) => `${quantity(factor)} times`;

/** What a strength, in days, says of chance. */
export function chance(days) {
  if (days >= 365_250) return "less often than once in 1,000 years";
  if (days >= 730) return `once in ${quantity(days / 365.25)} years`;
  if (days >= 2) return `once in ${count(days)} days`;
  return `once in ${duration(days * DAY)}`;
}

/** A series as a reader names it. */
export const seriesName = (series) => (series.by === "all" ? "All news" : plain(series.key));

/** The key under which a series is kept: topic=banking. */
export const seriesKey = (series) => `${series.by}=${series.key}`;

// Control characters, and those by which a text can turn the order of what stands beside it.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu;
const TURNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/gu;

/** Somebody else's text on one line, without control characters and those that turn directions. */
export function plain(text) {
  const line = String(text ?? "")
    .replace(TURNS, "")
    .replace(CONTROLS, " ")
    .trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line;
}
