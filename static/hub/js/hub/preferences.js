/** What a person has chosen of their notifications, with the sentences of the server, and how it is changed. */

import { language } from "./config.js";
import { askUntilAnswered, CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { serverTime } from "./server-clock.js";

/** @import { Choices } from "./choices.js" */
/** @import { Connection } from "./connection.js" */
/** @import { ChangePreferences, OfferedMessage, PreferencesMessage } from "./protocol.js" */

/** @typedef {Omit<ChangePreferences, "said_in">} Change what is left out stays */

/** Milliseconds to wait for further changes before the preferences are loaded again. */
const CALM = 150;
const HOUR = 3_600_000;
/** When what is muted until tomorrow interrupts again, on the person's clock. */
const MORNING = 9;

/** Emits `change` when a public property has changed, and `failed` with the error of a change that was refused. */
export class Preferences extends Emitter {
  /** @type {PreferencesMessage | null} */
  value = null;
  /** The languages and time zones to choose from. @type {OfferedMessage | null} */
  offered = null;
  /** @type {"idle" | "loading" | "ready" | "failed"} */
  state = "idle";
  /** Why the state is `failed`. @type {CallFailed | null} */
  error = null;
  /** Changes without an answer. */
  saving = 0;

  #connection;
  #choices;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** Counts answers of changes: what was asked before one is older. */
  #version = 0;
  #timer = 0;

  /**
   * @param {Connection} connection
   * @param {Choices} choices tells when they have changed, also on another device
   */
  constructor(connection, choices) {
    super();
    this.#connection = connection;
    this.#choices = choices;
  }

  /** Loads them and keeps them up to date. Does nothing if it is started already. */
  start() {
    if (this.state !== "idle") return;
    this.#choices.on("change", () => {
      clearTimeout(this.#timer);
      this.#timer = Number(setTimeout(() => this.#load(), CALM));
    });
    this.#choices.ready();
    this.reload();
  }

  /** Loads them again after a failure. */
  reload() {
    this.state = "loading";
    this.error = null;
    this.emit("change");
    this.#load();
  }

  /**
   * Changes something: each change after the one before it.
   *
   * @param {Change | ((value: PreferencesMessage | null) => Change)} change a function is given what is stored when it
   *     is its turn: for a change of a part of something that is stored as a whole
   * @returns {Promise<boolean>} whether it is stored
   */
  change(change) {
    this.saving++;
    this.emit("change");
    const stored = this.#last.then(() => this.#change(change));
    this.#last = stored.catch(() => {}); // what one change throws is not the failure of the next
    return stored;
  }

  /** @param {Change | ((value: PreferencesMessage | null) => Change)} change */
  async #change(change) {
    try {
      const wanted = typeof change === "function" ? change(this.value) : change;
      const value = await this.#ask("preferences.change", wanted);
      this.#version++;
      this.value = value;
      return true;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.emit("failed", error);
      return false;
    } finally {
      this.saving--;
      this.emit("change");
    }
  }

  async #load() {
    const version = this.#version;
    try {
      const [value, offered] = await Promise.all([
        this.#ask("preferences.get", {}),
        this.offered ?? this.#ask("preferences.offered", {}),
      ]);
      this.offered = offered;
      if (version === this.#version) this.value = value;
      this.state = "ready";
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.state = "failed";
      this.error = error;
    }
    this.emit("change");
  }

  /**
   * @param {string} method
   * @param {object} data
   */
  #ask(method, data) {
    const saidIn = (language() ?? "").slice(0, 20);
    return askUntilAnswered(this.#connection, { ask: "rpc", method, data: { ...data, said_in: saidIn } });
  }
}

/**
 * The time zone of this browser, for a person who has chosen none.
 *
 * @param {readonly string[]} zones those that can be chosen
 * @param {string} clock the zone by which the person's hours go now
 * @returns {string} empty where it is none of these, or no other than the clock's
 */
export function zoneToOffer(zones, clock) {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  return zone !== clock && zones.includes(zone) ? zone : "";
}

/** @returns {string} in an hour, as ISO 8601 */
export function inAnHour() {
  return new Date(serverTime() + HOUR).toISOString();
}

/**
 * @param {string} zone
 * @param {number} [now]
 * @returns {string} the next morning on the clock of the zone, as ISO 8601
 */
export function tomorrowMorning(zone, now = serverTime()) {
  const today = new Date(clockTime(zone, now));
  const wanted = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + 1, MORNING);
  let moment = wanted;
  // Twice: the clock may be set between the first guess and the morning.
  for (let turn = 0; turn < 2; turn++) moment += wanted - clockTime(zone, moment);
  return new Date(moment).toISOString();
}

/**
 * What the clock of a zone shows, as if it were UTC; the clock of this browser where it does not know the zone.
 *
 * @param {string} zone
 * @param {number} moment
 */
function clockTime(zone, moment) {
  /** @type {Intl.DateTimeFormatOptions} */
  const shown = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  let format;
  try {
    format = new Intl.DateTimeFormat("en-US", { ...shown, hourCycle: "h23", timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat("en-US", { ...shown, hourCycle: "h23" });
  }
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute);
}
