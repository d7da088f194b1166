/**
 * What a person has chosen of their alerts, as far as pages heed it. What many share is published once for all, so that
 * it comes here whatever they have chosen.
 */

import { askUntilAnswered, CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { serverTime } from "./server-clock.js";

/** @import { Connection } from "./connection.js" */

/** @typedef {{begin: string, end: string, days: number[]}} Hours */

/**
 * @typedef {object} Heeded
 * @property {string[]} hidden kinds that are not in the list; an empty name is all of no kind
 * @property {string[]} silent subjects: `kind:NAME`, `category:NAME`, `bundle:NAME`, `plain` or a channel
 * @property {{[subject: string]: string}} silent_until ISO 8601
 * @property {string[]} always critical kinds
 * @property {string} time_zone
 * @property {Hours | null} quiet
 * @property {Hours[] | null} plan
 */

/** The type of the publication that says what is chosen now. */
export const PREFERENCES = "notifications.preferences_changed";

const PLAIN = "plain";
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Emits `change` when the person has chosen something else. */
export class Choices extends Emitter {
  #connection;
  #signedIn;
  /** @type {Heeded | null} */
  #heeded = null;
  /** @type {Promise<void> | null} */
  #loading = null;

  /**
   * @param {Connection} connection
   * @param {boolean} signedIn guests have nothing to choose
   */
  constructor(connection, signedIn) {
    super();
    this.#connection = connection;
    this.#signedIn = signedIn;
  }

  /**
   * Loads them, once. Without an answer nothing is chosen.
   *
   * @returns {Promise<void>}
   */
  ready() {
    this.#loading ??= this.#signedIn ? this.#load() : Promise.resolve();
    return this.#loading;
  }

  /** Loads them again, if anybody has asked: what was published meanwhile is lost. */
  reload() {
    if (this.#loading) this.#loading = this.#signedIn ? this.#load() : Promise.resolve();
  }

  /** @param {Heeded} heeded as it was published */
  set(heeded) {
    this.#heeded = heeded;
    this.emit("change");
  }

  /**
   * @param {{kind?: string}} alert
   * @returns {boolean} whether it is not in the person's list
   */
  isHidden({ kind = "" }) {
    return this.#heeded?.hidden.includes(kind) ?? false;
  }

  /** The time zone by whose clock the person's hours go; empty while it is not known. */
  get timeZone() {
    return this.#heeded?.time_zone ?? "";
  }

  /**
   * @param {{kind?: string, bundled_as?: string}} alert
   * @returns {boolean} whether the person can mute it together with what it is bundled with
   */
  canMute({ kind, bundled_as: bundle }) {
    return Boolean(bundle && this.#heeded && !(kind && this.#heeded.always.includes(kind)));
  }

  /**
   * @param {{bundled_as?: string}} alert
   * @returns {string | null} until when what it is bundled with is muted, empty if that has no end; null if it is not
   */
  mutedUntil({ bundled_as: bundle }) {
    const heeded = this.#heeded;
    if (!bundle || !heeded) return null;
    const subject = `bundle:${bundle}`;
    if (heeded.silent.includes(subject)) return "";
    const until = heeded.silent_until[subject];
    return isToCome(until) ? until : null;
  }

  /**
   * @param {{kind?: string, category?: string, bundled_as?: string, silent?: boolean}} alert
   * @param {string} channel over which it came
   * @returns {boolean} whether it is not to interrupt the person now
   */
  isSilent({ kind, category, bundled_as: bundle, silent }, channel) {
    const heeded = this.#heeded;
    if (silent || !heeded) return Boolean(silent);
    if (kind && heeded.always.includes(kind)) return false;
    const subjects = [kind ? `kind:${kind}` : PLAIN, `category:${category}`, `bundle:${bundle}`, channel];
    const isMuted = subjects.some((one) => heeded.silent.includes(one) || isToCome(heeded.silent_until[one]));
    return isMuted || isQuiet(heeded);
  }

  async #load() {
    const before = this.#heeded;
    try {
      const heeded = await askUntilAnswered(this.#connection, {
        ask: "rpc",
        method: "preferences.heeded",
        data: {},
      });
      if (this.#heeded !== before) return; // what was published meanwhile is newer
      this.#heeded = heeded;
      if (before) this.emit("change");
    } catch (error) {
      if (!(error instanceof CallFailed)) console.error(error); // the list is shown without them
    }
  }
}

/** @param {string | undefined} iso */
function isToCome(iso) {
  return iso !== undefined && Date.parse(iso) > serverTime();
}

/** @param {Heeded} heeded */
function isQuiet({ quiet, plan, time_zone: zone }) {
  if (!quiet && !plan) return false;
  const { day, time } = localTime(zone);
  if (quiet && has(quiet, day, time)) return true;
  return plan !== null && !plan.some((hours) => has(hours, day, time));
}

/**
 * @param {Hours} hours an end that is not later is on the next day
 * @param {number} day 1 is Monday
 * @param {string} time such as 09:30
 */
function has({ begin, end, days }, day, time) {
  if (begin < end) return days.includes(day) && begin <= time && time < end;
  const yesterday = day === 1 ? 7 : day - 1;
  return (days.includes(day) && time >= begin) || (days.includes(yesterday) && time < end);
}

/**
 * @param {string} zone
 * @returns {{day: number, time: string}} on the person's clock
 */
function localTime(zone) {
  const format = clock(zone);
  const parts = Object.fromEntries(format.formatToParts(serverTime()).map(({ type, value }) => [type, value]));
  return { day: WEEKDAYS.indexOf(parts.weekday) + 1, time: `${parts.hour}:${parts.minute}` };
}

/**
 * The clock of a time zone, or of this browser where it does not know the zone: it may be older than the server.
 *
 * @param {string} zone
 */
function clock(zone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const shown = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-US", { ...shown, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat("en-US", shown);
  }
}
