/** A channel of the product's own: what is published in it from now on. */

import { Emitter } from "./emitter.js";

/** @import { Connection } from "./connection.js" */

/**
 * Emits each publication under its `type`, and each of any type as `*`: once, in order, including those missed during a
 * disconnect. If missed publications are no longer available, it emits `reload`: load again what was made of them. Emits
 * `state` when the state changes.
 */
export class Channel extends Emitter {
  /** `ended`: the person may not subscribe, or no longer. @type {"subscribing" | "subscribed" | "ended"} */
  state = "subscribing";
  /** The server's code if the state is `ended`, else 0. */
  code = 0;

  #connection;
  #name;
  /** The number of callers that have not closed the channel. */
  #users = 0;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Connection} connection
   * @param {string} name
   */
  constructor(connection, name) {
    super();
    this.#connection = connection;
    this.#name = name;
  }

  /** @returns {string} */
  get name() {
    return this.#name;
  }

  /** Subscribes; each further call counts one more user. */
  start() {
    this.#users += 1;
    if (this.#users > 1) return;
    const mine = (/** @type {{channel: string}} */ event) => event.channel === this.#name;
    this.#stops = [
      this.#connection.on("subscribed", (event) => mine(event) && this.#setState("subscribed", 0)),
      this.#connection.on("unsubscribed", (event) => mine(event) && this.#setState("ended", event.code)),
    ];
    this.#connection.subscribe(this.#name);
  }

  /** Unsubscribes when the last user calls this: once for each `hub.channel(name)`. */
  close() {
    this.#users -= 1;
    if (this.#users) return;
    for (const stop of this.#stops) stop();
    this.#connection.unsubscribe(this.#name);
    this.emit("closed");
  }

  /**
   * Emits a publication. The hub calls it, which puts publications into order.
   *
   * @param {any} data
   */
  deliver(data) {
    if (typeof data?.type === "string") this.emit(data.type, data);
    this.emit("*", data);
  }

  /**
   * @param {"subscribed" | "ended"} state
   * @param {number} code
   */
  #setState(state, code) {
    if (state === this.state) return;
    this.state = state;
    this.code = code;
    this.emit("state", state);
  }
}
