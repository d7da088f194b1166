/** A person's alerts: the list, the number of unread ones, and new alerts as they arrive. */

import { language } from "./config.js";
import { askUntilAnswered, CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { learnTime, serverTime } from "./server-clock.js";
import { Stream } from "./stream.js";

/** @import { Choices } from "./choices.js" */
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
 * @property {AlertAction[]} [actions] its buttons
 * @property {string} [chosen] the name of the action that the person has chosen
 * @property {string} [expires_at] ISO 8601; from then on it is not shown
 * @property {string} [kind] the name of its kind, as the server declares it
 * @property {string} [category] the name of the kind's category
 * @property {string} [icon] the kind's icon
 * @property {boolean} [silent] the person does not want to be interrupted by it
 * @property {{id: number, count: number}} [bundle] it stands for so many alerts, itself among them
 * @property {number} [found_under] in a search: how many of those for which it stands have the words
 * @property {string} [bundled_as] what it has in common with others, which are muted together
 * @property {boolean} read
 * @property {boolean} [seen] it was in view, or is read
 * @property {string | null} [archived_at] ISO 8601, in lists of the archive
 * @property {string | null} [snoozed_until] ISO 8601, in lists of what is snoozed
 */

/** @typedef {"read" | "unread" | "archive" | "unarchive" | "snooze" | "unsnooze" | "seen"} Change */

/** @typedef {{unread: number, archived?: number, snoozed?: number, categories?: {[name: string]: number}}} Counts */
/**
 * @typedef {object} AlertAction
 * @property {string} name
 * @property {string} label
 * @property {string} [url] it leads there; otherwise it is chosen
 * @property {string} [style] `primary` or `danger`
 */

/** Publication types. */
export const CREATED = "notifications.notification_created";
const READ = "notifications.alerts_read";
const CHANGED = "notifications.alerts_changed";
export const RETURNED = "notifications.alert_returned";
const WITHDRAWN = "notifications.alerts_withdrawn";
export const CHOSEN = "notifications.action_chosen";
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
/** The greatest number of alerts that one call gives another state, or names as changed. */
const CHANGE_LIMIT = 1_000;
/** Milliseconds to wait for further changes before unread alerts are counted again. */
const CALM = 300;
/** Milliseconds within which an alert may overtake the counts of a change, or be overtaken by them. */
const CROSSING = 10_000;

/** What publications call a change, and what calls do. @type {{[published: string]: Change}} */
const CHANGES = {
  unread: "unread",
  archived: "archive",
  unarchived: "unarchive",
  snoozed: "snooze",
  unsnoozed: "unsnooze",
};
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
  if (![CREATED, RETURNED].includes(data?.type) || !data.texts) return data;
  const { texts, ...alert } = data;
  const code = language()?.toLowerCase() ?? "";
  return { ...alert, ...(texts[code] ?? texts[code.split("-")[0]]) };
}

/**
 * Emits `change` when a public property has changed, `alert` with each alert that arrives after the list was loaded or
 * comes back, `organized` with `change` and `ids` when alerts get another state, here or elsewhere, `reloaded` when the
 * list was loaded again, `chosen` with `id` and `action`, and `failed` with the error when the server refused a change and it was undone, and
 * with the name of a text where that says more.
 */
export class Inbox extends Emitter {
  /** Newest first. @type {Alert[]} */
  items = [];
  unread = 0;
  /** As `unread`, counted to 100; known when they were asked for. */
  archived = 0;
  snoozed = 0;
  /** How many are unread by the name of their category, as far as that is known. @type {{[name: string]: number}} */
  byCategory = {};
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
  /** Alerts that were archived or snoozed while they were in the list, by id. @type {Map<number, Alert>} */
  #away = new Map();
  #countTimer = 0;
  #expiryTimer = 0;
  /** When the last alert came, and when the last counts of a change did. */
  #arrivedAt = -CROSSING;
  #countedAt = -CROSSING;
  /** Whether somebody shows the counts of tabs. */
  #isCounted = false;
  #choices;

  /**
   * @param {Connection} connection
   * @param {boolean} signedIn false for a guest, who cannot mark alerts
   * @param {Choices | null} [choices] what the person wants of what many share
   */
  constructor(connection, signedIn, choices = null) {
    super();
    this.#connection = connection;
    this.signedIn = signedIn;
    this.#choices = choices;
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
    this.#choices?.on("change", () => this.#load());
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
   * Gives alerts another state: here at once, in other tabs and browsers through the server.
   *
   * @param {Change} change
   * @param {number[]} ids
   * @param {string} [until] ISO 8601 with an offset, for `snooze`
   * @returns {Promise<number[]>} which were not so before; `failed` is emitted where the server refused, or refused the rest
   */
  async change(change, ids, until) {
    if (!ids.length || !this.signedIn) return [];
    this.#organize(change, ids);
    return this.#answered(this.#inPieces(change, ids, until), until);
  }

  /**
   * Marks all that is in the inbox as read, or archives all that is read, up to the newest of the list.
   *
   * @param {"read" | "archive_read"} change
   * @returns {Promise<number[]>} which were changed; none where more were marked as read than the server names
   */
  async changeAll(change) {
    const newest = this.items[0];
    if (!newest || !this.signedIn) return [];
    const local = this.items.filter((item) => item.read === (change === "archive_read")).map((item) => item.id);
    this.#organize(change === "read" ? "read" : "archive", local);
    const ids = await this.#answered(this.#inParts(change, newest.id));
    return change === "read" && ids.length >= CHANGE_LIMIT ? [] : ids;
  }

  /**
   * @param {Change} change
   * @param {number[]} ids
   * @param {string} [until]
   * @returns {AsyncGenerator<{ids: number[], counts: Counts}>}
   */
  async *#inPieces(change, ids, until) {
    for (let start = 0; start < ids.length; start += CHANGE_LIMIT) {
      yield await this.#ask("change", { change, ids: ids.slice(start, start + CHANGE_LIMIT), until });
    }
  }

  /**
   * @param {"read" | "archive_read"} change
   * @param {number} upto
   * @returns {AsyncGenerator<{ids: number[], counts: Counts}>}
   */
  async *#inParts(change, upto) {
    let answer;
    do {
      answer = await this.#ask("change_all", { change, upto });
      yield answer;
    } while (answer.more && answer.ids.length);
  }

  /**
   * Reads a part of the inbox as it is now; see `inbox.list` of the server.
   *
   * @param {object} wanted
   * @returns {Promise<{items: Alert[], next: number, counts: Counts}>} rejects with {@link CallFailed}
   */
  async part(wanted) {
    const part = await this.#ask("list", wanted);
    this.#count(part.counts);
    return part;
  }

  /**
   * Reads the alerts for which one of the inbox stands, newest first.
   *
   * @param {number} id of that one
   * @param {number} before 0 for the newest
   * @param {number} limit
   * @returns {Promise<{items: Alert[], next: number}>} rejects with {@link CallFailed}
   */
  bundle(id, before, limit) {
    return this.#ask("bundle", { id, limit, ...(before && { before }) });
  }

  /** @returns {Promise<{name: string, label: string}[]>} in which categories alerts can be looked for */
  async categories() {
    return (await this.#ask("categories", {})).items;
  }

  /** Asks how many alerts are in each state and category, and again whenever that is not certain. */
  count() {
    this.#isCounted = true;
    if (this.signedIn) this.#countSoon();
  }

  /**
   * @param {AsyncIterable<{ids: number[], counts: Counts}>} answers
   * @param {string} [until] of a snooze, which may be over when there is a connection again
   * @returns {Promise<number[]>} which alerts they name, also where one of them fails
   */
  async #answered(answers, until) {
    /** @type {number[]} */
    const changed = [];
    try {
      for await (const { ids, counts } of answers) {
        changed.push(...ids);
        this.#count(counts);
      }
    } catch (error) {
      const isLate = until !== undefined && Date.parse(until) <= serverTime();
      this.emit("failed", error, isLate ? "snooze_over" : "");
      this.#load();
    }
    return changed;
  }

  /**
   * @param {Change} change
   * @param {number[]} ids
   * @returns {boolean} whether the list is complete without a reload
   */
  #organize(change, ids) {
    const chosen = new Set(ids);
    const before = this.items.filter((item) => !item.read);
    const missing = change === "unarchive" || change === "unsnooze" ? this.#bringBack(chosen) : false;
    if (change === "archive" || change === "snooze") {
      for (const item of this.items) if (chosen.has(item.id)) this.#away.set(item.id, item);
      this.items = this.items.filter((item) => !chosen.has(item.id));
    }
    for (const item of this.items) {
      if (!chosen.has(item.id)) continue;
      if (change === "read" || change === "unread") item.read = change === "read";
      if (change === "read" || change === "seen") item.seen = true;
    }
    const after = this.items.filter((item) => !item.read);
    const unread = this.unread + after.length - before.length;
    if (this.unread < UNREAD_LIMIT) this.unread = Math.max(0, Math.min(UNREAD_LIMIT, unread));
    this.#countCategories(before, -1);
    this.#countCategories(after, 1);
    this.emit("organized", { change, ids });
    this.emit("change");
    return !missing;
  }

  /**
   * @param {Set<number>} ids
   * @returns {boolean} whether some of them are not known here
   */
  #bringBack(ids) {
    let missing = false;
    for (const id of ids) {
      const item = this.#away.get(id);
      this.#away.delete(id);
      if (item) this.#insert(item);
      else if (!this.items.some((other) => other.id === id)) missing = true;
    }
    return missing;
  }

  /**
   * @param {Alert} item
   * @returns {boolean} false if it is older than the list, which `older` goes on with
   */
  #insert(item) {
    if (this.items.some((other) => other.id === item.id)) return true;
    const place = this.items.findIndex((other) => other.id < item.id);
    if (place < 0 && this.more) return false;
    this.items.splice(place < 0 ? this.items.length : place, 0, item);
    if (this.items.length > LONGEST) {
      this.items.length = LONGEST;
      this.more = true;
    }
    return true;
  }

  /** @param {Counts} counts */
  #count({ unread, archived = this.archived, snoozed = this.snoozed, categories = {} }) {
    Object.assign(this, { unread, archived, snoozed, byCategory: categories });
    this.emit("change");
  }

  /**
   * Counts these as unread, or no longer so, until the server has counted.
   *
   * @param {Alert[]} items
   * @param {1 | -1} step
   */
  #countCategories(items, step) {
    for (const { category } of items) {
      const count = category ? (this.byCategory[category] ?? 0) : UNREAD_LIMIT;
      if (category && count < UNREAD_LIMIT) this.byCategory[category] = Math.max(0, count + step);
    }
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
    this.#countCategories(marked, -1);
    this.unread = Math.max(0, unread);
    this.emit("change");
    try {
      this.unread = (await this.#call(method, data)).unread;
    } catch (error) {
      const taken = new Set(marked.map((item) => item.id));
      for (const item of this.items) if (taken.has(item.id)) item.read = false;
      this.#countCategories(marked, 1);
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
        await this.#choices?.ready();
      } while (this.#reloadAgain || this.#isBehind(page.positions));
      learnTime(page.now);
      this.items = page.items;
      this.unread = page.unread;
      this.more = page.more;
      this.state = "ready";
      this.#expireInTime();
      this.#openStreams(page.positions);
      if (this.#isCounted) this.#countSoon();
      this.emit("reloaded");
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
          publication: (data) => this.#receive(data, channel),
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

  /**
   * @param {any} event
   * @param {string} channel
   */
  #receive(event, channel) {
    if (event?.type === CREATED && typeof event.id === "number") this.#add(inPageLanguage(event), channel);
    else if (event?.type === READ) this.#read(event);
    else if (event?.type === WITHDRAWN) this.#withdraw(event);
    else if (event?.type === CHANGED) this.#changedElsewhere(event);
    else if (event?.type === RETURNED) this.#return(event);
    else if (event?.type === CHOSEN) this.#setChosen(event.id, event.action);
    // A client that was disconnected meanwhile gets no `unsubscribed` event for the topic.
    else if (event?.type === UNFOLLOWED) this.#changed(`topic:${event.name}`, false);
  }

  /**
   * @param {Alert} event
   * @param {string} channel
   */
  #add(event, channel) {
    if (this.#choices?.isHidden(event)) return;
    const known = this.items.find((item) => item.id === event.id);
    if (known || isExpired(event)) {
      if (known) this.#update(known, event);
      this.#expireInTime();
      return;
    }
    const item = { ...event, read: !this.signedIn };
    if (this.#choices?.isSilent(event, channel)) item.silent = true;
    this.#cross();
    if (!this.#insert(item)) {
      // Older than the list: `older` loads it, and the count has it already.
      if (this.signedIn) this.#countSoon();
      return;
    }
    if (this.signedIn) {
      this.unread = Math.min(UNREAD_LIMIT, this.unread + 1);
      this.#countCategories([item], 1);
    }
    if (item.expires_at) this.#expireInTime();
    this.emit("alert", item);
    this.emit("change");
  }

  /**
   * @param {Alert} known
   * @param {Alert} event the same alert, which expires at another time or stands for fewer
   */
  #update(known, { title, message, expires_at, bundle }) {
    const isSame = known.bundle?.count === bundle?.count;
    Object.assign(known, { title, message, expires_at, bundle });
    if (isSame) return;
    this.emit("reloaded", null);
    this.emit("change");
  }

  /** @param {{ids: number[], change: string, counts: Counts}} event */
  #changedElsewhere({ ids, change, counts }) {
    const isWhole = this.#organize(CHANGES[change], ids);
    this.#count(counts);
    if (!isWhole) this.#load();
    this.#countAfter(counts);
  }

  /** Notes that an alert has come: counts that came just before may have it already. */
  #cross() {
    this.#arrivedAt = performance.now();
    if (this.signedIn && this.#arrivedAt - this.#countedAt < CROSSING) this.#countSoon();
  }

  /**
   * Counts again where the counts of a change, which are of its moment, may have crossed an alert, or do not say all
   * that is shown.
   *
   * @param {Counts} [counts]
   */
  #countAfter(counts) {
    this.#countedAt = performance.now();
    const isWhole = counts !== undefined || !(this.#isCounted && Object.keys(this.byCategory).length);
    if (!isWhole || this.#countedAt - this.#arrivedAt < CROSSING) this.#countSoon();
  }

  /** @param {Alert & {counts: Counts}} event */
  #return({ counts, ...alert }) {
    const item = { ...inPageLanguage(alert), read: false };
    this.#away.delete(item.id);
    this.#insert(item);
    this.#count(counts);
    this.emit("organized", { change: "unsnooze", ids: [item.id] });
    this.emit("alert", item);
    this.emit("change");
  }

  /** @param {{ids: number[]}} event */
  #withdraw({ ids }) {
    for (const id of ids) this.#away.delete(id);
    const unread = this.items.filter((item) => ids.includes(item.id) && !item.read).length;
    if (this.unread < UNREAD_LIMIT) this.unread = Math.max(0, this.unread - unread);
    this.#keep((item) => !ids.includes(item.id));
    this.emit("organized", { change: "withdraw", ids });
  }

  /**
   * Chooses an action of an alert, once and for all: what was chosen before, here or elsewhere, stays.
   *
   * @param {number} id
   * @param {string} action its name
   * @returns {Promise<void>} rejects with `CallFailed` if the server refused
   */
  async choose(id, action) {
    const { action: chosen } = await this.#call("choose", { id, action });
    this.#setChosen(id, chosen);
    await this.markRead([id]);
  }

  /**
   * @param {number} id
   * @param {string} action
   */
  #setChosen(id, action) {
    const item = this.items.find((one) => one.id === id);
    if (item) item.chosen = action;
    this.emit("chosen", { id, action });
    this.emit("change");
  }

  /** Takes out what has expired, now and whenever something does. */
  #expireInTime() {
    clearTimeout(this.#expiryTimer);
    this.#keep((item) => !isExpired(item));
    const moments = this.items.map((item) => (item.expires_at ? Date.parse(item.expires_at) : Number.NaN));
    const next = Math.min(...moments.filter(Number.isFinite));
    if (next === Infinity) return;
    const wait = Math.min(Math.max(next - serverTime(), 0), LONGEST_WAIT);
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
    this.emit("organized", { change: "read", ids, upto });
    this.#countAfter();
  }

  #countSoon() {
    clearTimeout(this.#countTimer);
    this.#countTimer = Number(
      setTimeout(async () => {
        try {
          this.#count(await this.#ask("counts", {}));
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
  #ask(method, data) {
    return askUntilAnswered(this.#connection, { ask: "rpc", method: `inbox.${method}`, data });
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
  return expires_at !== undefined && Date.parse(expires_at) <= serverTime();
}
