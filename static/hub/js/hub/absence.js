/** Whether a hub has been away for longer than a moment. */

import { Emitter } from "./emitter.js";

/** @import { Hub } from "../hub.js" */

/** Milliseconds without a connection after which pages say so: shorter losses pass unnoticed. */
const GRACE = 15_000;

/** Emits `change`. */
class Absence extends Emitter {
  isLong = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Pick<Hub, "state" | "on">} hub */
  constructor(hub) {
    super();
    const update = () => this.#update(hub.state);
    hub.on("state", update);
    update();
  }

  /** @param {Hub["state"]} state */
  #update(state) {
    clearTimeout(this.#timer);
    if (state === "connected" || state === "closed") this.#set(false);
    else if (!this.isLong) this.#timer = setTimeout(() => this.#set(true), GRACE);
  }

  /** @param {boolean} isLong */
  #set(isLong) {
    if (isLong === this.isLong) return;
    this.isLong = isLong;
    this.emit("change");
  }
}

/** @type {WeakMap<object, Absence>} */
const absences = new WeakMap();

/**
 * @param {Pick<Hub, "state" | "on">} hub
 * @returns {Absence} the same one for each call
 */
export function absenceOf(hub) {
  const absence = absences.get(hub) ?? new Absence(hub);
  absences.set(hub, absence);
  return absence;
}
