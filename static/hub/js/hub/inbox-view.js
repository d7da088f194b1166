/** A part of a person's inbox: one state, and what was searched for, kept up to date. */

import { CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";

/** @import { Alert } from "./alerts.js" */
/** @import { Inbox } from "./inbox.js" */

/** @typedef {"all" | "unread" | "archived" | "snoozed"} State */

/** @typedef {{state: State, level?: string, category?: string, text?: string}} Filter */

const PAGE = 20;
/** The greatest number of alerts that one call lists. */
const LONGEST_PART = 50;
/** The greatest length of the list, so that a tab that stays open for weeks does not grow. */
const LONGEST = 500;
/** Calls of one search, at most: each looks at a thousand alerts. */
const CALLS = 5;
/** Milliseconds to wait for further changes before the list is loaded again. */
const CALM = 150;

/** The changes with which an alert leaves a list. @type {{[state: string]: string[]}} */
const LEAVES = {
  all: ["archive", "snooze", "withdraw"],
  // What is read stays until the list is opened again, so that nothing moves away under a reader's eyes.
  unread: ["archive", "snooze", "withdraw"],
  archived: ["unarchive", "snooze", "withdraw"],
  snoozed: ["unsnooze", "archive", "withdraw"],
};

/** The changes after which others may belong to it. @type {{[state: string]: string[]}} */
const JOINS = {
  all: ["unarchive", "unsnooze"],
  unread: ["unread", "unarchive", "unsnooze"],
  archived: ["archive"],
  snoozed: ["snooze"],
};

/** Emits `change` when a public property has changed. */
export class InboxView extends Emitter {
  /** Newest first. @type {Alert[]} */
  items = [];
  /** Whether the server may have others. */
  more = false;
  /** @type {"loading" | "ready" | "failed"} */
  state = "loading";
  /** Why the state is `failed`. @type {CallFailed | null} */
  error = null;

  #inbox;
  #filter;
  #next = 0;
  #timer = 0;
  #isUnderWay = false;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Inbox} inbox
   * @param {Filter} filter
   */
  constructor(inbox, filter) {
    super();
    this.#inbox = inbox;
    this.#filter = filter;
    this.#stops.push(
      inbox.on("organized", (event) => this.#organized(event)),
      inbox.on("alert", () => filter.state !== "archived" && this.#reloadSoon()),
      inbox.on("reloaded", () => this.#reloadSoon()),
    );
    this.#load(PAGE);
  }

  /** Stops keeping the list up to date. */
  close() {
    clearTimeout(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Adds older alerts to the list. @returns {Promise<void>} */
  async older() {
    if (!this.more || this.#isUnderWay || this.items.length >= LONGEST) return;
    this.#isUnderWay = true;
    try {
      const known = new Set(this.items.map((item) => item.id));
      const found = await this.#read(this.#next, PAGE);
      this.items = [...this.items, ...found.filter((item) => !known.has(item.id))];
      this.more = this.#next > 0 && this.items.length < LONGEST;
      this.emit("change");
    } catch {
      // The list stays as it is; the reader can try again.
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** Loads the list again, if that failed. */
  retry() {
    this.#load(PAGE);
  }

  /** @param {number} count */
  async #load(count) {
    try {
      this.items = await this.#read(0, count);
      this.more = this.#next > 0;
      this.state = "ready";
      this.error = null;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.state = "failed";
      this.error = error;
    }
    this.emit("change");
  }

  /**
   * @param {number} before 0 for the newest
   * @param {number} count
   */
  async #read(before, count) {
    /** @type {Alert[]} */
    const found = [];
    let next = before;
    for (let calls = 0; calls < CALLS && found.length < count && (next || !calls); calls += 1) {
      const limit = Math.min(LONGEST_PART, count - found.length);
      const part = await this.#inbox.part({ ...this.#filter, limit, ...(next && { before: next }) });
      found.push(...part.items);
      next = part.next;
    }
    this.#next = next;
    return found;
  }

  #reloadSoon() {
    clearTimeout(this.#timer);
    this.#timer = Number(setTimeout(() => this.#load(Math.max(PAGE, this.items.length)), CALM));
  }

  /** @param {{change: string, ids: number[], upto?: number}} event */
  #organized({ change, ids, upto = 0 }) {
    const chosen = new Set(ids);
    for (const item of this.items) {
      if (!chosen.has(item.id) && item.id > upto) continue;
      if (change === "read" || change === "unread") item.read = change === "read";
      if (change === "read" || change === "seen") item.seen = true;
    }
    const { state } = this.#filter;
    if (LEAVES[state].includes(change)) this.items = this.items.filter((item) => !chosen.has(item.id));
    this.emit("change");
    if (JOINS[state].includes(change)) this.#reloadSoon();
  }
}
