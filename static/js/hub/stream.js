/** One channel as a list needs it: every publication after the list's position once, in order, without gaps. */

import { persist } from "./line.js";

/** @import { Line, Position } from "./line.js" */

/** Who is further behind loads its list again, and so does who waited for one while that many came. */
const LONGEST = 1_000;

/**
 * @typedef {object} Receiver
 * @property {(data: any) => void} publication called for each publication
 * @property {() => void} broken called when what follows the position cannot be had: load the list again, and say with
 * `since` where it stands
 * @property {() => void} [caughtUp] called after publications that were missed
 */

export class Stream {
  #line;
  #channel;
  #receiver;
  /** What the list has; `null` while that is unknown. @type {Position | null} */
  #at = null;
  /** Where the channel stood when it last began. @type {Position | null} */
  #head = null;
  /** What came before its turn. @type {Map<number, any>} */
  #early = new Map();
  #filling = false;
  #closed = false;
  /** @type {(() => void)[]} */
  #stops;

  /**
   * @param {Line} line
   * @param {string} channel
   * @param {Receiver} receiver
   */
  constructor(line, channel, receiver) {
    this.#line = line;
    this.#channel = channel;
    this.#receiver = receiver;
    this.#stops = [
      line.on("begun", (event) => event.channel === channel && this.#begun(event.position)),
      line.on("publication", (event) => event.channel === channel && this.#publication(event.offset, event.data)),
    ];
  }

  /**
   * Go on from here. What came before this call and is not newer is dropped.
   *
   * @param {Position} position of a list, or of a channel as it began
   */
  since(position) {
    this.#at = { ...position };
    this.#look();
  }

  close() {
    this.#closed = true;
    for (const stop of this.#stops) stop();
  }

  /** @param {Position | null} position */
  #begun(position) {
    this.#head = position && { ...position };
    this.#look();
  }

  /**
   * @param {number} offset
   * @param {any} data
   */
  #publication(offset, data) {
    if (!offset) {
      this.#receiver.publication(data);
      return;
    }
    this.#early.set(offset, data);
    if (this.#early.size > LONGEST) this.#break();
    else this.#look();
  }

  /** Delivers what is next, and fetches what is missing before the rest. */
  #look() {
    if (!this.#at || this.#filling) return;
    // Read before anything was ever published: the beginning of whatever history began then.
    if (this.#head && !this.#at.epoch && !this.#at.offset) this.#at.epoch = this.#head.epoch;
    if (this.#head && this.#head.epoch !== this.#at.epoch) {
      this.#break();
      return;
    }
    this.#drain();
    if (this.#at && (this.#early.size || (this.#head && this.#head.offset > this.#at.offset))) this.#fill();
  }

  #drain() {
    const at = /** @type {Position} */ (this.#at);
    for (const offset of this.#early.keys()) if (offset <= at.offset) this.#early.delete(offset);
    while (this.#early.has(at.offset + 1)) {
      at.offset += 1;
      const data = this.#early.get(at.offset);
      this.#early.delete(at.offset);
      this.#receiver.publication(data);
      if (this.#at !== at) return; // the receiver has set another position, or closed this
    }
  }

  async #fill() {
    const at = /** @type {Position} */ (this.#at);
    const wanted = () => this.#at === at && !this.#closed;
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
      this.#look();
      return;
    }
    // What was promised and is not to be had leaves a gap. A line that is closed leaves the list as it is.
    const short = at.offset === before || (this.#head !== null && this.#head.offset > at.offset);
    if (found && !short) {
      this.#receiver.caughtUp?.();
      this.#look();
    } else if (this.#line.state !== "closed") this.#break();
  }

  /**
   * @param {Position} at
   * @param {() => boolean} wanted
   */
  async #fetch(at, wanted) {
    for (let taken = 0; wanted(); ) {
      const page = await persist(this.#line, { ask: "history", channel: this.#channel, since: { ...at } }, wanted);
      if (!wanted()) return;
      if (page.epoch !== at.epoch || page.offset - at.offset > LONGEST - taken) throw new RangeError("too far");
      for (const { data, offset } of page.publications) {
        if (offset !== at.offset + 1) continue;
        at.offset = offset;
        this.#receiver.publication(data);
        if (!wanted()) return;
      }
      taken += page.publications.length;
      this.#drain();
      if (!page.publications.length || at.offset >= page.offset) return;
    }
  }

  #break() {
    this.#at = null;
    this.#early.clear();
    if (!this.#closed) this.#receiver.broken();
  }
}
