/** How many alerts a person has in each state and category: as the server counts them, and in between as far as a page knows. */

/** @import { Alert, Counts } from "./alerts.js" */

/** The server counts unread alerts up to this number; from here on a badge shows "99+". */
export const UNREAD_LIMIT = 100;
/** Milliseconds to wait for further changes before unread alerts are counted again. */
const CALM = 300;
/** Milliseconds within which an alert may overtake the counts of a change, or be overtaken by them. */
const CROSSING = 10_000;

export class InboxCounts {
  unread = 0;
  /** As `unread`, counted to 100; known when they were asked for. */
  archived = 0;
  snoozed = 0;
  /** How many are unread by the name of their category, as far as that is known. @type {{[name: string]: number}} */
  byCategory = {};
  /** Whether somebody shows the counts of tabs. */
  isWatched = false;

  #ask;
  #onCounted;
  #timer = 0;
  /** When the last alert came, and when the last counts of a change did. */
  #arrivedAt = -CROSSING;
  #countedAt = -CROSSING;

  /**
   * @param {() => Promise<Counts>} ask has the server count
   * @param {() => void} onCounted called when the server has counted
   */
  constructor(ask, onCounted) {
    this.#ask = ask;
    this.#onCounted = onCounted;
  }

  /** @param {Counts} counts of the server */
  set({ unread, archived = this.archived, snoozed = this.snoozed, categories = {} }) {
    Object.assign(this, { unread, archived, snoozed, byCategory: categories });
    this.#onCounted();
  }

  /** Has the server count, once for all that asks for it in a short time. */
  askSoon() {
    clearTimeout(this.#timer);
    this.#timer = Number(
      setTimeout(async () => {
        try {
          this.set(await this.#ask());
        } catch {
          // The count stays as it was.
        }
      }, CALM),
    );
  }

  /**
   * Counts unread alerts of the list which have become others, until the server has counted.
   *
   * @param {Alert[]} before
   * @param {Alert[]} after
   */
  replace(before, after) {
    const unread = this.unread + after.length - before.length;
    if (this.unread < UNREAD_LIMIT) this.unread = Math.max(0, Math.min(UNREAD_LIMIT, unread));
    this.countCategories(before, -1);
    this.countCategories(after, 1);
  }

  /** @param {Alert} item that is new and unread */
  add(item) {
    this.unread = Math.min(UNREAD_LIMIT, this.unread + 1);
    this.countCategories([item], 1);
  }

  /** @param {number} number of unread alerts that are gone */
  takeAway(number) {
    if (this.unread < UNREAD_LIMIT) this.unread = Math.max(0, this.unread - number);
  }

  /**
   * Counts these as unread in their categories, or no longer so, until the server has counted.
   *
   * @param {Alert[]} items
   * @param {1 | -1} step
   */
  countCategories(items, step) {
    for (const { category } of items) {
      const count = category ? (this.byCategory[category] ?? 0) : UNREAD_LIMIT;
      if (category && count < UNREAD_LIMIT) this.byCategory[category] = Math.max(0, count + step);
    }
  }

  /**
   * Notes that an alert has come.
   *
   * @returns {boolean} whether counts that came just before may have it already, so that the server has to count
   */
  noteArrival() {
    this.#arrivedAt = performance.now();
    return this.#arrivedAt - this.#countedAt < CROSSING;
  }

  /**
   * Notes that counts of a change have come, and counts again where these, which are of its moment, may have crossed an
   * alert, or do not say all that is shown.
   *
   * @param {Counts} [counts]
   */
  noteChange(counts) {
    this.#countedAt = performance.now();
    const isWhole = counts !== undefined || !(this.isWatched && Object.keys(this.byCategory).length);
    if (!isWhole || this.#countedAt - this.#arrivedAt < CROSSING) this.askSoon();
  }
}
