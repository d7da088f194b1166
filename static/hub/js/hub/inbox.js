/** A person's alerts: the list, the number of unread ones, and new alerts as they arrive. */

import { AlertList } from "./alert-list.js";
import { AlertStreams } from "./alert-streams.js";
import {
  CHANGED,
  CHOSEN,
  CREATED,
  inPageLanguage,
  isExpired,
  READ,
  RETURNED,
  UNFOLLOWED,
  WITHDRAWN,
} from "./alerts.js";
import { CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { CHANGE_LIMIT, InboxCalls } from "./inbox-calls.js";
import { InboxCounts, UNREAD_LIMIT } from "./inbox-counts.js";
import { learnTime, serverTime } from "./server-clock.js";

/** @import { Alert, Change, Counts } from "./alerts.js" */
/** @import { Choices } from "./choices.js" */
/** @import { Connection, Position } from "./connection.js" */

/** Channels that have alerts. */
const PERSONAL = /^(user|group|topic):|^everyone$/;

const PAGE = 20;
/** The greatest number of alerts that one call marks. */
const MARK_LIMIT = 100;
/** What publications call a change, and what calls do. @type {{[published: string]: Change}} */
const CHANGES = {
  unread: "unread",
  archived: "archive",
  unarchived: "unarchive",
  snoozed: "snooze",
  unsnoozed: "unsnooze",
};

/**
 * Emits `change` when a public property has changed, `alert` with each alert that arrives after the list was loaded or
 * comes back, `organized` with `change` and `ids` when alerts get another state, here or elsewhere, `reloaded` when the
 * list was loaded again, `chosen` with `id` and `action`, and `failed` with the error when the server refused a change and it was undone, and
 * with the name of a text where that says more.
 */
export class Inbox extends Emitter {
  /** @type {"idle" | "loading" | "ready" | "failed"} */
  state = "idle";
  /** Why the state is `failed`. @type {CallFailed | null} */
  error = null;

  #connection;
  #calls;
  #streams;
  #reloadAgain = false;
  /** Channels that were subscribed (`true`) or unsubscribed during a load. @type {Map<string, boolean>} */
  #changedMeanwhile = new Map();
  #olderUnderWay = false;
  #choices;
  #list = new AlertList(() => this.#afterLoss());
  #counts = new InboxCounts(
    () => this.#calls.inbox("counts", {}),
    () => this.emit("change"),
  );

  /**
   * @param {Connection} connection
   * @param {boolean} signedIn false for a guest, who cannot mark alerts
   * @param {Choices | null} [choices] what the person wants of what many share
   */
  constructor(connection, signedIn, choices = null) {
    super();
    this.#connection = connection;
    this.#calls = new InboxCalls(connection);
    this.#streams = new AlertStreams(connection, {
      publication: (data, channel) => this.#receive(data, channel),
      broken: () => this.#load(),
      caughtUp: () => this.#counts.askSoon(),
    });
    this.signedIn = signedIn;
    this.#choices = choices;
  }

  /** Newest first. */
  get items() {
    return this.#list.items;
  }

  /** Whether the server has alerts older than those in `items`. */
  get more() {
    return this.#list.more;
  }

  /** How many are unread, counted to 100; likewise `archived` and `snoozed`, which are known when they were asked for. */
  get unread() {
    return this.#counts.unread;
  }

  get archived() {
    return this.#counts.archived;
  }

  get snoozed() {
    return this.#counts.snoozed;
  }

  /** How many are unread by the name of their category, as far as that is known. */
  get byCategory() {
    return this.#counts.byCategory;
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
    if (!this.more || this.#olderUnderWay || !last || this.#list.isFull) return;
    this.#olderUnderWay = true;
    try {
      this.#list.append(await this.#calls.alerts("list", { before: last.id, limit: PAGE }));
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
    const marked = this.#unreadOnes();
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
    return this.#answered(this.#calls.change(change, ids, until), until);
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
    const ids = await this.#answered(this.#calls.changeAll(change, newest.id));
    return change === "read" && ids.length >= CHANGE_LIMIT ? [] : ids;
  }

  /**
   * Reads a part of the inbox as it is now; see `inbox.list` of the server.
   *
   * @param {object} wanted
   * @returns {Promise<{items: Alert[], next: number, counts: Counts}>} rejects with {@link CallFailed}
   */
  async part(wanted) {
    const part = await this.#calls.inbox("list", wanted);
    this.#counts.set(part.counts);
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
    return this.#calls.inbox("bundle", { id, limit, ...(before && { before }) });
  }

  /** @returns {Promise<{name: string, label: string}[]>} in which categories alerts can be looked for */
  async categories() {
    return (await this.#calls.inbox("categories", {})).items;
  }

  /** Asks how many alerts are in each state and category, and again whenever that is not certain. */
  count() {
    this.#counts.isWatched = true;
    if (this.signedIn) this.#counts.askSoon();
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
        this.#counts.set(counts);
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
    const before = this.#unreadOnes();
    const isWhole = this.#list.organize(change, ids);
    this.#counts.replace(before, this.#unreadOnes());
    this.emit("organized", { change, ids });
    this.emit("change");
    return isWhole;
  }

  #unreadOnes() {
    return this.items.filter((item) => !item.read);
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
    this.#counts.countCategories(marked, -1);
    this.#counts.unread = Math.max(0, unread);
    this.emit("change");
    try {
      this.#counts.unread = (await this.#calls.alerts(method, data)).unread;
    } catch (error) {
      const taken = new Set(marked.map((item) => item.id));
      for (const item of this.items) if (taken.has(item.id)) item.read = false;
      this.#counts.countCategories(marked, 1);
      this.#counts.unread = Math.min(UNREAD_LIMIT, this.unread + before - unread);
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
        page = await this.#calls.alerts("list", { limit: PAGE });
        await this.#choices?.ready();
      } while (this.#reloadAgain || this.#isBehind(page.positions));
      learnTime(page.now);
      this.#counts.unread = page.unread;
      this.state = "ready";
      this.#list.load(page);
      this.#streams.open(page.positions);
      if (this.#counts.isWatched) this.#counts.askSoon();
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
    const known = this.#list.find(event.id);
    if (known || isExpired(event)) {
      if (known) this.#update(known, event);
      this.#list.expireInTime();
      return;
    }
    const item = { ...event, read: !this.signedIn };
    if (this.#choices?.isSilent(event, channel)) item.silent = true;
    if (this.#counts.noteArrival() && this.signedIn) this.#counts.askSoon();
    if (!this.#list.insert(item)) {
      // Older than the list: `older` loads it, and the count has it already.
      if (this.signedIn) this.#counts.askSoon();
      return;
    }
    if (this.signedIn) this.#counts.add(item);
    if (item.expires_at) this.#list.expireInTime();
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
    this.#counts.set(counts);
    if (!isWhole) this.#load();
    this.#counts.noteChange(counts);
  }

  /** @param {Alert & {counts: Counts}} event */
  #return({ counts, ...alert }) {
    const item = { ...inPageLanguage(alert), read: false };
    this.#list.forgetAway(item.id);
    this.#list.insert(item);
    this.#counts.set(counts);
    this.emit("organized", { change: "unsnooze", ids: [item.id] });
    this.emit("alert", item);
    this.emit("change");
  }

  /** @param {{ids: number[]}} event */
  #withdraw({ ids }) {
    for (const id of ids) this.#list.forgetAway(id);
    this.#counts.takeAway(this.#unreadOnes().filter((item) => ids.includes(item.id)).length);
    if (this.#list.keep((item) => !ids.includes(item.id))) this.#afterLoss();
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
    const { action: chosen } = await this.#calls.alerts("choose", { id, action });
    this.#setChosen(id, chosen);
    await this.markRead([id]);
  }

  /**
   * @param {number} id
   * @param {string} action
   */
  #setChosen(id, action) {
    const item = this.#list.find(id);
    if (item) item.chosen = action;
    this.emit("chosen", { id, action });
    this.emit("change");
  }

  /** Alerts have left the list: the server counts what is left. */
  #afterLoss() {
    this.emit("change");
    if (this.signedIn) this.#counts.askSoon();
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
    this.#counts.unread = unread;
    if (changed) this.emit("change");
    this.emit("organized", { change: "read", ids, upto });
    this.#counts.noteChange();
  }
}
