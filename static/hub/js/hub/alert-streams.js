/** The streams of the channels whose alerts are in a list. */

import { Stream } from "./stream.js";

/** @import { Connection, Position } from "./connection.js" */

/**
 * @typedef {object} Handlers
 * @property {(data: any, channel: string) => void} publication
 * @property {() => void} broken a stream has lost its place, so that the list has to be loaded again
 * @property {() => void} caughtUp
 */

export class AlertStreams {
  #connection;
  #handlers;
  /** @type {Map<string, Stream>} */
  #streams = new Map();

  /**
   * @param {Connection} connection
   * @param {Handlers} handlers
   */
  constructor(connection, handlers) {
    this.#connection = connection;
    this.#handlers = handlers;
  }

  /** @param {string} channel */
  has(channel) {
    return this.#streams.has(channel);
  }

  /**
   * Follows the channels of a list from where it was loaded, and no others.
   *
   * @param {{[channel: string]: Position}} positions by channel
   */
  open(positions) {
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
          publication: (data) => this.#handlers.publication(data, channel),
          broken: this.#handlers.broken,
          caughtUp: this.#handlers.caughtUp,
        });
        this.#streams.set(channel, stream);
      }
      stream.setPosition(position);
    }
    // The new streams missed the `subscribed` events of their channels.
    if (isNew) this.#connection.replayAll();
  }
}
