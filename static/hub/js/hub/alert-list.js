/** The alerts of an inbox that are loaded. */

import { isExpired } from "./alerts.js";
import { serverTime } from "./server-clock.js";

/** @import { Alert, Change } from "./alerts.js" */

/** The greatest length of the list, so that a tab that stays open for weeks does not grow. */
const LONGEST = 500;
/** The longest time that a timer takes, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Newest first, each once, none that has expired. */
export class AlertList {
  /** @type {Alert[]} */
  items = [];
  /** Whether the server has older ones. */
  more = false;

  /** Alerts that were archived or snoozed while they were in the list, by id. @type {Map<number, Alert>} */
  #away = new Map();
  #timer = 0;
  #onExpired;

  /** @param {() => void} onExpired called when alerts have left the list because they have expired */
  constructor(onExpired) {
    this.#onExpired = onExpired;
  }

  get isFull() {
    return this.items.length >= LONGEST;
  }

  /** @param {{items: Alert[], more: boolean}} page the newest ones, in the place of all */
  load(page) {
    this.items = page.items;
    this.more = page.more;
    this.expireInTime();
  }

  /** @param {{items: Alert[], more: boolean}} page that follows the last of the list */
  append(page) {
    const known = new Set(this.items.map((item) => item.id));
    this.items = [...this.items, ...page.items.filter((item) => !known.has(item.id))];
    this.more = page.more && !this.isFull;
    this.expireInTime();
  }

  /**
   * @param {number} id
   * @returns {Alert | undefined}
   */
  find(id) {
    return this.items.find((item) => item.id === id);
  }

  /**
   * Puts an alert at its place, unless the list has it.
   *
   * @param {Alert} item
   * @returns {boolean} false if it is older than the list, which a page of older ones goes on with
   */
  insert(item) {
    if (this.find(item.id)) return true;
    const place = this.items.findIndex((other) => other.id < item.id);
    if (place < 0 && this.more) return false;
    this.items.splice(place < 0 ? this.items.length : place, 0, item);
    if (this.items.length > LONGEST) {
      this.items.length = LONGEST;
      this.more = true;
    }
    return true;
  }

  /**
   * Gives alerts another state; what is archived or snoozed leaves the list, and comes back as it was.
   *
   * @param {Change} change
   * @param {number[]} ids
   * @returns {boolean} whether the list is complete without a reload
   */
  organize(change, ids) {
    const chosen = new Set(ids);
    const isWhole = change === "unarchive" || change === "unsnooze" ? this.#bringBack(chosen) : true;
    if (change === "archive" || change === "snooze") {
      for (const item of this.items) if (chosen.has(item.id)) this.#keepAway(item);
      this.items = this.items.filter((item) => !chosen.has(item.id));
    }
    for (const item of this.items) {
      if (!chosen.has(item.id)) continue;
      if (change === "read" || change === "unread") item.read = change === "read";
      if (change === "read" || change === "seen") item.seen = true;
    }
    return isWhole;
  }

  /**
   * @param {Set<number>} ids
   * @returns {boolean} whether all of them are known here
   */
  #bringBack(ids) {
    let isWhole = true;
    for (const id of ids) {
      const item = this.#away.get(id);
      this.#away.delete(id);
      if (item) this.insert(item);
      else if (!this.find(id)) isWhole = false;
    }
    return isWhole;
  }

  /** @param {Alert} item whose way back asks the server where it is not among the last that left */
  #keepAway(item) {
    this.#away.set(item.id, item);
    if (this.#away.size > LONGEST) this.#away.delete(this.#away.keys().next().value ?? 0);
  }

  /** @param {number} id of an alert that comes back as another, or not at all */
  forgetAway(id) {
    this.#away.delete(id);
  }

  /**
   * @param {(item: Alert) => boolean} stays
   * @returns {boolean} whether some have left the list
   */
  keep(stays) {
    const left = this.items.filter(stays);
    if (left.length === this.items.length) return false;
    this.items = left;
    return true;
  }

  /** Takes out what has expired, now and whenever something does. */
  expireInTime() {
    clearTimeout(this.#timer);
    if (this.keep((item) => !isExpired(item))) this.#onExpired();
    const moments = this.items.map((item) => (item.expires_at ? Date.parse(item.expires_at) : Number.NaN));
    const next = Math.min(...moments.filter(Number.isFinite));
    if (next === Infinity) return;
    const wait = Math.min(Math.max(next - serverTime(), 0), LONGEST_WAIT);
    this.#timer = Number(setTimeout(() => this.expireInTime(), wait));
  }
}
