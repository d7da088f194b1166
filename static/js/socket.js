/** A WebSocket that comes back by itself and misses nothing. Knows frames, positions and close codes; no page. */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** A connection that lived this long counts as good: the next loss starts with a short delay again. */
const STABLE_AFTER = 5_000;

/**
 * What a page may see: `connecting` for the first time, `open`, `reconnecting` after a loss, `closed` for good
 * because the server said that coming back is pointless (close codes 4400 to 4499).
 *
 * @typedef {"connecting" | "open" | "reconnecting" | "closed"} State
 */

/**
 * One JSON object from the server; `type` says which keys it has.
 *
 * @typedef {{type: string, [key: string]: any}} Frame
 */

/** @typedef {{epoch: string, offset: number}} Position */

/**
 * Fires `frame` (a CustomEvent with the frame as detail) for everything the server sends, each publication once and
 * in order, and `state` whenever `state` changed.
 *
 * After a loss it connects again with the position of every channel it has seen, so that the server sends what was
 * missed. The first frame is then `resumed`; with `recovered: false` the history was not whole, and the page must
 * load its list again.
 */
export class ReconnectingSocket extends EventTarget {
  /** @type {State} */
  state = "connecting";

  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Position>} */
  #positions = new Map();
  #path;
  #since;
  #attempts = 0;
  #lost = false;
  #retryTimer = 0;
  #stableTimer = 0;

  /**
   * @param {string} path of the door on this host, such as `/ws/online/`
   * @param {string} [since] the cursor of what the page already shows; `now` where it shows nothing yet, but must not
   * miss what comes from here on
   */
  constructor(path, since = "") {
    super();
    this.#path = path;
    this.#since = since;
    this.#adopt(since);
    window.addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#retryNow());
    // An open socket would keep the page out of the back/forward cache.
    window.addEventListener("pagehide", () => this.#suspend());
    window.addEventListener("pageshow", (event) => event.persisted && this.#connect());
    this.#connect();
  }

  /**
   * Sends one JSON object.
   *
   * @param {object} frame
   * @returns {boolean} whether it went out; `false` while there is no connection. Nothing is kept for later.
   */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#setState(this.#lost ? "reconnecting" : "connecting");
    const address = new URL(this.#path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const since = this.#cursor() || this.#since;
    if (since) address.searchParams.set("since", since);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#stableTimer = window.setTimeout(() => {
        this.#attempts = 0;
      }, STABLE_AFTER);
      this.#setState("open");
    });
    socket.addEventListener("message", (event) => socket === this.#socket && this.#receive(event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event.code));
  }

  /** @param {number} code */
  #closed(code) {
    clearTimeout(this.#stableTimer);
    this.#socket = null;
    this.#lost = true;
    if (code >= 4400 && code <= 4499) {
      this.#setState("closed");
      return;
    }
    this.#setState("reconnecting");
    // Full jitter: thousands of pages that lost one server must not return in the same moment.
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#retryTimer = window.setTimeout(() => this.#connect(), Math.random() * longest);
  }

  #retryNow() {
    if (this.state === "reconnecting" && !this.#socket) this.#connect();
  }

  #suspend() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
    else socket?.close();
  }

  /** @param {string} text */
  #receive(text) {
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof frame?.type !== "string") return;
    if (frame.type === "resumed") {
      // What was missed comes in frames of its own and moves the positions; only a break in the history jumps.
      if (!frame.recovered) this.#positions.clear();
      this.#adopt(frame.cursor ?? "");
    } else if (typeof frame.cursor === "string" && !this.#advance(frame.cursor)) {
      return;
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  /**
   * Takes the positions of channels that have none yet.
   *
   * @param {string} cursor
   */
  #adopt(cursor) {
    for (const part of cursor.split(",")) {
      const read = parsePosition(part);
      if (read && !this.#positions.has(read.channel)) this.#positions.set(read.channel, read);
    }
  }

  /**
   * Moves the position of a channel forward.
   *
   * @param {string} cursor
   * @returns {boolean} `false` if that publication was here before
   */
  #advance(cursor) {
    const read = parsePosition(cursor);
    if (!read) return true;
    const known = this.#positions.get(read.channel);
    if (known && known.epoch === read.epoch && known.offset >= read.offset) return false;
    this.#positions.set(read.channel, read);
    return true;
  }

  #cursor() {
    return [...this.#positions].map(([channel, { epoch, offset }]) => `${channel}@${epoch}.${offset}`).join(",");
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

/**
 * Reads `channel@epoch.offset`.
 *
 * @param {string} text
 * @returns {(Position & {channel: string}) | null}
 */
function parsePosition(text) {
  const match = /^(.+)@([^@.]*)\.(\d+)$/.exec(text);
  return match ? { channel: match[1], epoch: match[2], offset: Number(match[3]) } : null;
}
