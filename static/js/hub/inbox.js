/** A person's alerts: the list, what of it is unread, and what arrives. */

import { Emitter } from "./emitter.js";
import { CallFailed, persist } from "./line.js";
import { Stream } from "./stream.js";

/** @import { Line, Position } from "./line.js" */

/**
 * @typedef {object} Alert
 * @property {number} id
 * @property {string} message
 * @property {string} title may be empty
 * @property {string} level `info`, `success`, `warning`, `error` or `debug`
 * @property {string} url where it leads; may be empty, and is whatever the sender wrote: see `links.js`
 * @property {string} at ISO 8601
 * @property {any} data
 * @property {{name: string, title: string}} [topic] that it was sent to
 * @property {boolean} read
 */

/** As the server says it. */
export const CREATED = "notifications.notification_created";
const READ = "notifications.alerts_read";
const WITHDRAWN = "notifications.alerts_withdrawn";
const UNFOLLOWED = "notifications.topic_unfollowed";

/** Channels that have alerts. */
const PERSONAL = /^(user|group|topic):|^everyone$/;

const PAGE = 20;
/** A tab that stays open for weeks must not grow for weeks. */
const LONGEST = 500;
/** Unread alerts are counted up to here; a badge says "more than" from here on. */
export const UNREAD_LIMIT = 100;
/** Of one call. */
const MARK_LIMIT = 100;
/** Milliseconds that changes from elsewhere are waited for before the unread ones are counted again. */
const CALM = 300;

/**
 * Emits `change` when anything below has changed, `alert` with each alert that arrives after the list was loaded, and
 * `failed` with the error when marking did not work and was taken back.
 */
export class Inbox extends Emitter {
  /** Newest first. @type {Alert[]} */
  items = [];
  unread = 0;
  /** Whether there are older ones than `items` has. */
  more = false;
  /** @type {"idle" | "loading" | "ready" | "failed"} */
  state = "idle";
  /** Why it is `failed`. @type {CallFailed | null} */
  error = null;

  #line;
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  #again = false;
  /** What began (`true`) and ended while the list was asked for. @type {Map<string, boolean>} */
  #meanwhile = new Map();
  #olderUnderWay = false;
  #countTimer = 0;

  /**
   * @param {Line} line
   * @param {boolean} signedIn whether there is a person who can read things, or a guest
   */
  constructor(line, signedIn) {
    super();
    this.#line = line;
    this.signedIn = signedIn;
  }

  /** Loads the list and follows it; does nothing when that is so already. */
  start() {
    if (this.state !== "idle") return;
    // A group or a topic that the person has just joined brings its own past, and takes it along.
    this.#line.on("begun", (event) => this.#changed(event.channel, true));
    this.#line.on("ended", (event) => this.#changed(event.channel, false));
    this.#line.on("state", () => this.state === "failed" && this.#line.state === "connected" && this.#load());
    this.#load();
  }

  /**
   * Adds older ones to the list.
   *
   * @returns {Promise<void>}
   */
  async older() {
    const last = this.items.at(-1);
    if (!this.more || this.#olderUnderWay || !last || this.items.length >= LONGEST) return;
    this.#olderUnderWay = true;
    try {
      const page = await this.#call("list", { before: last.id, limit: PAGE });
      const known = new Set(this.items.map((item) => item.id));
      this.items = [...this.items, ...page.items.filter((/** @type {Alert} */ item) => !known.has(item.id))];
      this.more = page.more && this.items.length < LONGEST;
      this.emit("change");
    } catch {
      // What is there stays; the reader may ask again.
    } finally {
      this.#olderUnderWay = false;
    }
  }

  /**
   * Marks alerts as read, here at once and everywhere else by way of the server.
   *
   * @param {number[]} ids
   * @returns {Promise<void>} resolves also when it did not work: then it was taken back and `failed` emitted
   */
  async markRead(ids) {
    const marked = this.items.filter((item) => ids.includes(item.id) && !item.read).slice(0, MARK_LIMIT);
    if (!marked.length || !this.signedIn) return;
    await this.#mark(marked, "mark_read", { ids: marked.map((item) => item.id) }, this.unread - marked.length);
  }

  /**
   * Marks everything as read that is here or older. What arrives meanwhile stays unread.
   *
   * @returns {Promise<void>} as `markRead`
   */
  async markAllRead() {
    const newest = this.items[0];
    if (!newest || !this.unread || !this.signedIn) return;
    const marked = this.items.filter((item) => !item.read);
    await this.#mark(marked, "mark_all_read", { upto: newest.id }, 0);
  }

  /**
   * @param {Alert[]} marked
   * @param {string} method
   * @param {object} data
   * @param {number} unread
   */
  async #mark(marked, method, data, unread) {
    const before = this.unread;
    for (const item of marked) item.read = true;
    this.unread = Math.max(0, unread);
    this.emit("change");
    try {
      this.unread = (await this.#call(method, data)).unread;
    } catch (error) {
      const taken = new Set(marked.map((item) => item.id));
      for (const item of this.items) if (taken.has(item.id)) item.read = false;
      this.unread = Math.min(UNREAD_LIMIT, this.unread + before - unread);
      this.emit("failed", error);
    }
    this.emit("change");
  }

  /**
   * @param {string} channel
   * @param {boolean} isThere whether its alerts are the person's from now on, or no longer
   */
  #changed(channel, isThere) {
    if (!PERSONAL.test(channel)) return;
    if (this.state === "loading") this.#meanwhile.set(channel, isThere);
    else if (this.state === "ready" && this.#streams.has(channel) !== isThere) this.#load();
  }

  async #load() {
    this.#again = this.state === "loading";
    if (this.#again) return;
    this.state = "loading";
    this.emit("change");
    try {
      let page;
      do {
        this.#again = false;
        this.#meanwhile.clear();
        page = await this.#call("list", { limit: PAGE });
      } while (this.#again || this.#isBehind(page.positions));
      this.items = page.items;
      this.unread = page.unread;
      this.more = page.more;
      this.state = "ready";
      this.#follow(page.positions);
    } catch (error) {
      this.state = "failed";
      if (!(error instanceof CallFailed)) throw error;
      this.error = error;
    }
    this.emit("change");
  }

  /** @param {{[channel: string]: Position}} positions of a list that was read before what was told meanwhile */
  #isBehind(positions) {
    return [...this.#meanwhile].some(([channel, isThere]) => channel in positions !== isThere);
  }

  /** @param {{[channel: string]: Position}} positions */
  #follow(positions) {
    for (const [channel, stream] of this.#streams) {
      if (channel in positions) continue;
      stream.close();
      this.#streams.delete(channel);
    }
    const isNew = Object.keys(positions).some((channel) => !this.#streams.has(channel));
    for (const [channel, position] of Object.entries(positions)) {
      let stream = this.#streams.get(channel);
      if (!stream) {
        stream = new Stream(this.#line, channel, {
          publication: (data) => this.#receive(data),
          broken: () => this.#load(),
          caughtUp: () => this.#countSoon(),
        });
        this.#streams.set(channel, stream);
      }
      stream.since(position);
    }
    // They began before anybody listened here.
    if (isNew) this.#line.repeat();
  }

  /** @param {any} event */
  #receive(event) {
    if (event?.type === CREATED && typeof event.id === "number") this.#add(event);
    else if (event?.type === READ) this.#read(event);
    else if (event?.type === WITHDRAWN) this.#withdraw(event);
    // The channel's own end is not told to who was away meanwhile.
    else if (event?.type === UNFOLLOWED) this.#changed(`topic:${event.name}`, false);
  }

  /** @param {Alert} event */
  #add(event) {
    if (this.items.some((item) => item.id === event.id)) return;
    const item = { ...event, read: !this.signedIn };
    const place = this.items.findIndex((other) => other.id < item.id);
    if (place < 0 && this.more) return; // older than what is shown: it comes with its page
    this.items.splice(place < 0 ? this.items.length : place, 0, item);
    if (this.items.length > LONGEST) {
      this.items.length = LONGEST;
      this.more = true;
    }
    if (this.signedIn) this.unread = Math.min(UNREAD_LIMIT, this.unread + 1);
    this.emit("alert", item);
    this.emit("change");
  }

  /** @param {{ids: number[]}} event */
  #withdraw({ ids }) {
    const left = this.items.filter((item) => !ids.includes(item.id));
    if (left.length === this.items.length) return;
    this.items = left;
    this.emit("change");
    if (this.signedIn) this.#countSoon();
  }

  /** @param {{ids?: number[], upto?: number, unread: number}} event */
  #read({ ids = [], upto = 0, unread }) {
    const read = new Set(ids);
    let changed = this.unread !== unread;
    for (const item of this.items) {
      if (item.read || !(item.id <= upto || read.has(item.id))) continue;
      item.read = true;
      changed = true;
    }
    this.unread = unread;
    if (changed) this.emit("change");
    // Counted then, and by another order of channels than ours.
    this.#countSoon();
  }

  #countSoon() {
    clearTimeout(this.#countTimer);
    this.#countTimer = Number(
      setTimeout(async () => {
        try {
          const { unread } = await this.#call("list", { limit: 1 });
          if (unread === this.unread) return;
          this.unread = unread;
          this.emit("change");
        } catch {
          // As good as it was.
        }
      }, CALM),
    );
  }

  /**
   * @param {string} method
   * @param {object} data
   */
  #call(method, data) {
    return persist(this.#line, { ask: "rpc", method: `alerts.${method}`, data });
  }
}
