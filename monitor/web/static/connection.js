// The connection to the daemon: server-sent events, and what to do when they stop.
//
// The browser's EventSource tries again by itself after a network error. It gives up when the
// answer is no stream: then the page asks why, and goes to the login page or tries again itself.

const RETRY_MS = 3000;
const SILENCE_MS = 60_000;
const LOOK_MS = 5000;

/**
 * Connect, and stay connected.
 *
 * `heard(name, message)` gets every `snapshot` and `change`; `told(state)` hears of `live` and
 * `reconnecting`, as often as they are found to hold.
 */
export function connect(heard, told) {
  let source = null;
  let lastHeard = performance.now();

  function open() {
    source?.close();
    source = new EventSource("events");
    lastHeard = performance.now();
    for (const name of ["snapshot", "change"]) {
      source.addEventListener(name, (event) => take(name, event.data));
    }
    source.addEventListener("error", () => {
      told("reconnecting");
      if (source.readyState === EventSource.CLOSED) askWhy();
    });
  }

  function take(name, data) {
    lastHeard = performance.now();
    told("live");
    heard(name, JSON.parse(data));
  }

  async function askWhy() {
    const asking = new AbortController();
    try {
      const answer = await fetch("events", { signal: asking.signal, cache: "no-store" });
      if (answer.status === 401) {
        location.assign("login");
        return;
      }
    } catch {
      // No answer: it is away, and will be asked again.
    } finally {
      asking.abort();
    }
    setTimeout(open, RETRY_MS);
  }

  // A connection can die without a word, as behind a sleeping laptop's proxy.
  setInterval(() => {
    const isSilent = performance.now() - lastHeard > SILENCE_MS;
    if (isSilent && source.readyState !== EventSource.CLOSED) {
      told("reconnecting");
      open();
    }
  }, LOOK_MS);

  open();
}
