/** A connection whose events and answers come from a test. */

import { CallFailed, Connection } from "../../static/hub/js/hub/connection.js";

export class ScriptedConnection extends Connection {
  state = "connected";
  /** Questions without an answer. @type {{question: any, answer: (answer: any) => void, fail: (code: number, temporary?: boolean) => void}[]} */
  asked = [];
  /** @type {Set<string>} */
  subscribed = new Set();

  addSubscription(channel) {
    this.subscribed.add(channel);
  }

  removeSubscription(channel) {
    this.subscribed.delete(channel);
  }

  ask(question) {
    return new Promise((resolve, reject) => {
      const fail = (code, temporary = false) => reject(new CallFailed(code, "said the server", temporary));
      this.asked.push({ question, answer: resolve, fail });
    });
  }

  /** Waits for the next question. @returns {Promise<{question: any, answer: (answer: any) => void, fail: (code: number, temporary?: boolean) => void}>} */
  async next() {
    for (let turn = 0; turn < 2_000 && !this.asked.length; turn++) await turnOfTheLoop();
    const found = this.asked.shift();
    if (!found) throw new Error("nothing was asked");
    return found;
  }

  begin(channel, offset, epoch = "e1") {
    this.emit("subscribed", { kind: "subscribed", channel, position: { epoch, offset }, latest: null });
  }

  publish(channel, offset, data) {
    this.emit("publication", { kind: "publication", channel, offset, data });
  }

  become(state) {
    if (this.changeState(state)) this.emit("state", { kind: "state", state });
  }
}

// The loop turns, too, where a test has the clock in its hand.
const realTimeout = setTimeout;

/** Waits for one turn of the event loop. */
export function turnOfTheLoop() {
  return new Promise((resolve) => realTimeout(resolve, 1));
}

/** One page of history. */
export function history(from, to, head = to, epoch = "e1") {
  const publications = [];
  for (let offset = from; offset <= to; offset++) publications.push({ offset, data: `p${offset}` });
  return { publications, epoch, offset: head };
}
