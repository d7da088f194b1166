/**
 * Whether the widgets of this page may begin, and why they cannot go on. Pages that have their configuration from the
 * server may begin at once, and show faults by themselves; pages of other origins fetch it first.
 */

import { Emitter } from "./emitter.js";

/** Emits `change`. */
class PageState extends Emitter {
  isReady = true;
  /** The sentence that says why; empty if nothing is wrong. */
  fault = "";
  /** Whether the page itself shows the state of its connection, as the hub's own pages do. */
  saysItself = false;

  /** Lets widgets wait until `begin` is called. */
  hold() {
    this.isReady = false;
  }

  begin() {
    this.isReady = true;
    this.fault = "";
    this.emit("change");
  }

  /** @param {string} sentence empty if nothing is wrong any more */
  setFault(sentence) {
    if (sentence === this.fault) return;
    this.fault = sentence;
    this.emit("change");
  }
}

export const pageState = new PageState();
