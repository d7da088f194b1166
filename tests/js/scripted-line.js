/** A line that a test speaks for. */

import { CallFailed, Line } from "../../static/js/hub/line.js";

export class ScriptedLine extends Line {
  state = "connected";
  /** What was asked and has no answer yet. @type {{question: any, answer: (answer: any) => void, fail: (code: number, temporary?: boolean) => void}[]} */
  asked = [];
  /** @type {Set<string>} */
  followed = new Set();

  start(channel) {
    this.followed.add(channel);
  }

  stop(channel) {
    this.followed.delete(channel);
  }

  ask(question) {
    return new Promise((resolve, reject) => {
      const fail = (code, temporary = false) => reject(new CallFailed(code, "said the server", temporary));
      this.asked.push({ question, answer: resolve, fail });
    });
  }

  /** The next question, once it has been asked. @returns {Promise<{question: any, answer: (answer: any) => void, fail: (code: number, temporary?: boolean) => void}>} */
  async next() {
    for (let turn = 0; turn < 2_000 && !this.asked.length; turn++) await turnOfTheLoop();
    const found = this.asked.shift();
    if (!found) throw new Error("nothing was asked");
    return found;
  }

  begin(channel, offset, epoch = "e1") {
    this.emit("begun", { kind: "begun", channel, position: { epoch, offset }, latest: null });
  }

  publish(channel, offset, data) {
    this.emit("publication", { kind: "publication", channel, offset, data });
  }

  become(state) {
    if (this.turn(state)) this.emit("state", { kind: "state", state });
  }
}

/** What was to be done soon is done after this. */
export function turnOfTheLoop() {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** A page of history. */
export function history(from, to, head = to, epoch = "e1") {
  const publications = [];
  for (let offset = from; offset <= to; offset++) publications.push({ offset, data: `p${offset}` });
  return { publications, epoch, offset: head };
}
