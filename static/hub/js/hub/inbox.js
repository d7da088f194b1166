/** A person's alerts: the list, the number of unread ones, and new alerts as they arrive. */

import { language } from "./config.js";
import { askUntilAnswered, CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Stream } from "./stream.js";

/** @import { Connection, Position } from "./connection.js" */

/**
 * @typedef {object} Alert
 * @property {number} id
 * @property {string} message
 * @property {string} title may be empty
 * @property {string} level `info`, `success`, `warning`, `error` or `debug`
 * @property {string} url the link; may be empty. The sender chose it, so pass it through `links.js` before use
 * @property {string} at ISO 8601
 * @property {any} data
 * @property {{name: string, title: string}} [topic] the topic to which it was sent
 * @property {string} [expires_at] ISO 8601; from then on it is not shown
 * @property {string} [kind] the name of its kind, as the server declares it
 * @property {string} [category] the name of the kind's category
 * @property {string} [icon] the kind's icon
 * @property {boolean} [silent] the person does not want to be interrupted by it
 * @property {boolean} read
 */

/** Publication types. */
export const CREATED = "notifications.notification_created";
const READ = "notifications.alerts_read";
const WITHDRAWN = "notifications.alerts_withdrawn";
const UNFOLLOWED = "notifications.topic_unfollowed";

/** Channels that have alerts. */
const PERSONAL = /^(user|group|topic):|^everyone$/;

const PAGE = 20;
/** The greatest length of the list, so that a tab that stays open for weeks does not grow. */
const LONGEST = 500;
/** The server counts unread alerts up to this number; from here on a badge shows "99+". */
export const UNREAD_LIMIT = 100;
/** The greatest number of alerts that one call marks. */
const MARK_LIMIT = 100;
/** Milliseconds to wait for further changes before unread alerts are counted again. */
const CALM = 300;
/** The longest time that a timer takes, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

/**
 * Returns a publication with its texts in the language of the page. Alerts of a kind have texts in several languages where
 * many people share them, or nobody knows the reader's language.
 *
 * @param {any} data
 * @returns {any}
 */
export function inPageLanguage(data) {
  if (data?.type !== CREATED || !data.texts) return data;
  const { texts, ...alert } = data;
  const code = language()?.toLowerCase() ?? "";
  return { ...alert, ...(texts[code] ?? texts[code.split("-")[0]]) };
}

/**
 * Emits `change` when a public property has changed, `alert` with each alert that arrives after the list was loaded, and
 * `failed` with the error when the server refused to mark alerts and the change was undone.
 */
export class Inbox extends Emitter {
  /** Newest first. @type {Alert[]} */
  items = [];
  unread = 0;
  /** Whether the server has alerts older than those in `items`. */
  more = false;
  /** @type {"idle" | "loading" | "ready" | "failed"} */
  state = "idle";
  /** Why the state is `failed`. @type {CallFailed | null} */
  error = null;

  #connection;
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  #reloadAgain = false;
  /** Channels that were subscribed (`true`) or unsubscribed during a load. @type {Map<string, boolean>} */
  #changedMeanwhile = new Map();
  #olderUnderWay = false;
  #countTimer = 0;
  #expiryTimer = 0;

  /**
   * @param {Connection} connection
   * @param {boolean} signedIn false for a guest, who cannot mark alerts
   */
  constructor(connection, signedIn) {
    super();
    this.#connection = connection;
    this.signedIn = signedIn;
  }

  /** Loads the list and keeps it up to date. Does nothing if it is started already. */
  start() {
    if (this.state !== "idle") return;
    // Joining a group or a topic adds its earlier alerts to the list, leaving it removes them.
    this.#connection.on("subscribed", (event) => this.#changed(event.channel, true));
    this.#connection.on("unsubscribed", (event) => this.#changed(event.channel, false));
    this.#connection.on(
      "state",
      () => this.state === "failed" && this.#connection.state === "connected" && this.#load(),
    );
    this.#load();
  }

  /**
   * Adds older alerts to the list.
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
      this.#expireInTime();
      this.emit("change");
    } catch {
      // The list stays as it is; the reader can try again.
    } finally {
      this.#olderUnderWay = false;
    }
  }

  /**
   * Marks alerts as read: here at once, in other tabs and browsers through the server.
   *
   * @param {number[]} ids
   * @returns {Promise<void>} resolves also if the server refused: the change is undone then and `failed` emitted
   */
  async markRead(ids) {
    const marked = this.items.filter((item) => ids.includes(item.id) && !item.read).slice(0, MARK_LIMIT);
    if (!marked.length || !this.signedIn) return;
    await this.#mark(marked, "mark_read", { ids: marked.map((item) => item.id) }, this.unread - marked.length);
  }

  /**
   * Marks all alerts of the list and older ones as read. Alerts that arrive meanwhile stay unread.
   *
   * @returns {Promise<void>} resolves like that of `markRead`
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
   * @param {boolean} isThere whether the list now has the alerts of the channel, or no longer has them
   */
  #changed(channel, isThere) {
    if (!PERSONAL.test(channel)) return;
    if (this.state === "loading") this.#changedMeanwhile.set(channel, isThere);
    else if (this.state === "ready" && this.#streams.has(channel) !== isThere) this.#load();
  }

  async #load() {
    this.#reloadAgain = this.state === "loading";
    if (this.#reloadAgain) return;
    this.state = "loading";
    this.emit("change");
    try {
      let page;
      do {
        this.#reloadAgain = false;
        this.#changedMeanwhile.clear();
        page = await this.#call("list", { limit: PAGE });
      } while (this.#reloadAgain || this.#isBehind(page.positions));
      this.items = page.items;
      this.unread = page.unread;
      this.more = page.more;
      this.state = "ready";
      this.#expireInTime();
      this.#openStreams(page.positions);
    } catch (error) {
      this.state = "failed";
      if (!(error instanceof CallFailed)) throw error;
      this.error = error;
    }
    this.emit("change");
  }

  /** @param {{[channel: string]: Position}} positions of a list that may be older than the changes during its load */
  #isBehind(positions) {
    return [...this.#changedMeanwhile].some(([channel, isThere]) => channel in positions !== isThere);
  }

  /** @param {{[channel: string]: Position}} positions */
  #openStreams(positions) {
    for (const [channel, stream] of this.#streams) {
      if (channel in positions) continue;
      stream.close();
      this.#streams.delete(channel);
    }
    const isNew = Object.keys(positions).some((channel) => !this.#streams.has(channel));
    for (const [channel, position] of Object.entries(positions)) {
      let stream = this.#streams.get(channel);
      if (!stream) {
        stream = new Stream(this.#connection, channel, {
          publication: (data) => this.#receive(data),
          broken: () => this.#load(),
          caughtUp: () => this.#countSoon(),
        });
        this.#streams.set(channel, stream);
      }
      stream.setPosition(position);
    }
    // The new streams missed the `subscribed` events of their channels.
    if (isNew) this.#connection.replayAll();
  }

  /** @param {any} event */
  #receive(event) {
    if (event?.type === CREATED && typeof event.id === "number") this.#add(inPageLanguage(event));
    else if (event?.type === READ) this.#read(event);
    else if (event?.type === WITHDRAWN) this.#withdraw(event);
    // A client that was disconnected meanwhile gets no `unsubscribed` event for the topic.
    else if (event?.type === UNFOLLOWED) this.#changed(`topic:${event.name}`, false);
  }

  /** @param {Alert} event */
  #add(event) {
    if (this.items.some((item) => item.id === event.id) || isExpired(event)) return;
    const item = { ...event, read: !this.signedIn };
    const place = this.items.findIndex((other) => other.id < item.id);
    if (place < 0 && this.more) {
      // Older than the list: `older` loads it, and the count has it already.
      if (this.signedIn) this.#countSoon();
      return;
    }
    this.items.splice(place < 0 ? this.items.length : place, 0, item);
    if (this.items.length > LONGEST) {
      this.items.length = LONGEST;
      this.more = true;
    }
    if (this.signedIn) this.unread = Math.min(UNREAD_LIMIT, this.unread + 1);
    if (item.expires_at) this.#expireInTime();
    this.emit("alert", item);
    this.emit("change");
  }

  /** @param {{ids: number[]}} event */
  #withdraw({ ids }) {
    this.#keep((item) => !ids.includes(item.id));
  }

  /** Takes out what has expired, now and whenever something does. */
  #expireInTime() {
    clearTimeout(this.#expiryTimer);
    this.#keep((item) => !isExpired(item));
    const next = Math.min(...this.items.map((item) => (item.expires_at ? Date.parse(item.expires_at) : Infinity)));
    if (next === Infinity) return;
    const wait = Math.min(Math.max(next - Date.now(), 0), LONGEST_WAIT);
    this.#expiryTimer = Number(setTimeout(() => this.#expireInTime(), wait));
  }

  /** @param {(item: Alert) => boolean} stays */
  #keep(stays) {
    const left = this.items.filter(stays);
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
    // The count is of the moment of marking, and alerts of other channels may have arrived since.
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
          // The count stays as it was.
        }
      }, CALM),
    );
  }

  /**
   * @param {string} method
   * @param {object} data
   */
  #call(method, data) {
    return askUntilAnswered(this.#connection, { ask: "rpc", method: `alerts.${method}`, data });
  }
}

/**
 * @param {{expires_at?: string}} alert
 * @returns {boolean}
 */
function isExpired({ expires_at }) {
  return expires_at !== undefined && Date.parse(expires_at) <= Date.now();
}
