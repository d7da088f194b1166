/** Delivers the publications of one channel after a position: each once, in order, without gaps. */

import { askUntilAnswered } from "./connection.js";

/** @import { Connection, Position } from "./connection.js" */

/** A stream that is further behind, or has more publications waiting, gives up: its list is loaded again. */
const MAX_BEHIND = 1_000;

/**
 * @typedef {object} Receiver
 * @property {(data: any) => void} publication called for each publication
 * @property {() => void} broken called if the publications after the position are not available: load the list again
 * and call `setPosition` with its position
 * @property {() => void} [caughtUp] called after missed publications were delivered
 */

export class Stream {
  #connection;
  #channel;
  #receiver;
  /** The position of the last delivered publication; `null` while it is unknown. @type {Position | null} */
  #position = null;
  /** The position of the channel at the last `subscribed` event. @type {Position | null} */
  #head = null;
  /** Publications that wait for earlier ones, by offset. @type {Map<number, any>} */
  #pending = new Map();
  #filling = false;
  #closed = false;
  /** @type {(() => void)[]} */
  #stops;

  /**
   * @param {Connection} connection
   * @param {string} channel
   * @param {Receiver} receiver
   */
  constructor(connection, channel, receiver) {
    this.#connection = connection;
    this.#channel = channel;
    this.#receiver = receiver;
    this.#stops = [
      connection.on("subscribed", (event) => event.channel === channel && this.#onSubscribed(event.position)),
      connection.on(
        "publication",
        (event) => event.channel === channel && this.#onPublication(event.offset, event.data),
      ),
    ];
  }

  /**
   * Delivers what follows this position. Drops older publications that were received before this call.
   *
   * @param {Position} position of a list, or of a `subscribed` event
   */
  setPosition(position) {
    this.#position = { ...position };
    this.#advance();
  }

  close() {
    this.#closed = true;
    for (const stop of this.#stops) stop();
  }

  /** @param {Position | null} position */
  #onSubscribed(position) {
    // Offsets of another epoch say nothing in this one.
    if (this.#head && this.#head.epoch !== position?.epoch) this.#pending.clear();
    this.#head = position && { ...position };
    this.#advance();
  }

  /**
   * @param {number} offset
   * @param {any} data
   */
  #onPublication(offset, data) {
    if (!offset) {
      this.#receiver.publication(data);
      return;
    }
    this.#pending.set(offset, data);
    if (this.#pending.size > MAX_BEHIND) this.#giveUp();
    else this.#advance();
  }

  /** Delivers the next publications, and fetches those that are missing in between. */
  #advance() {
    if (!this.#position || this.#filling) return;
    // The list was read before the first publication: its position is the start of any epoch.
    if (this.#head && !this.#position.epoch && !this.#position.offset) this.#position.epoch = this.#head.epoch;
    if (this.#head && this.#head.epoch !== this.#position.epoch) {
      this.#giveUp();
      return;
    }
    this.#deliverNext();
    if (this.#position && (this.#pending.size || (this.#head && this.#head.offset > this.#position.offset)))
      this.#fillGap();
  }

  #deliverNext() {
    const at = /** @type {Position} */ (this.#position);
    for (const offset of this.#pending.keys()) if (offset <= at.offset) this.#pending.delete(offset);
    while (this.#pending.has(at.offset + 1)) {
      at.offset += 1;
      const data = this.#pending.get(at.offset);
      this.#pending.delete(at.offset);
      this.#receiver.publication(data);
      if (this.#position !== at) return; // the receiver has set another position, or closed the stream
    }
  }

  async #fillGap() {
    const at = /** @type {Position} */ (this.#position);
    const wanted = () => this.#position === at && !this.#closed;
    const before = at.offset;
    this.#filling = true;
    let found = true;
    try {
      await this.#fetch(at, wanted);
    } catch {
      found = false;
    }
    this.#filling = false;
    if (!wanted()) {
      this.#advance();
      return;
    }
    // The history lacks publications that the channel has: a gap. A closed connection leaves the list as it is.
    const short = at.offset === before || (this.#head !== null && this.#head.offset > at.offset);
    if (found && !short) {
      this.#receiver.caughtUp?.();
      this.#advance();
    } else if (this.#connection.state !== "closed") this.#giveUp();
  }

  /**
   * @param {Position} at
   * @param {() => boolean} wanted
   */
  async #fetch(at, wanted) {
    for (let taken = 0; wanted(); ) {
      const page = await askUntilAnswered(
        this.#connection,
        { ask: "history", channel: this.#channel, since: { ...at } },
        wanted,
      );
      if (!wanted()) return;
      if (page.epoch !== at.epoch || page.offset - at.offset > MAX_BEHIND - taken) throw new RangeError("too far");
      for (const { data, offset } of page.publications) {
        if (offset !== at.offset + 1) continue;
        at.offset = offset;
        this.#receiver.publication(data);
        if (!wanted()) return;
      }
      taken += page.publications.length;
      this.#deliverNext();
      if (!page.publications.length || at.offset >= page.offset) return;
    }
  }

  #giveUp() {
    this.#position = null;
    this.#pending.clear();
    if (!this.#closed) this.#receiver.broken();
  }
}
