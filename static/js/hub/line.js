/**
 * What the rest of the hub's browser code knows of a connection. There are two kinds: a tab's own (`own-line.js`) and
 * one that the tabs of a browser share (`shared-line.js`).
 */

import { Emitter } from "./emitter.js";

/**
 * `connecting` for the first time, `connected`, `reconnecting` after a loss, `closed` for good because the server
 * said that coming back is pointless: logged out, or refused.
 *
 * @typedef {"connecting" | "connected" | "reconnecting" | "closed"} State
 */

/** @typedef {{epoch: string, offset: number}} Position */

/** @typedef {{data: any, offset: number}} Publication */

/** @typedef {{publications: Publication[], epoch: string, offset: number}} History */

/**
 * A line emits each of these under its kind.
 *
 * - `state`: `state` of the line has changed, with `code` where the server has closed it.
 * - `begun`: a channel is live from `position` on, or from now on where it keeps no positions; `latest` is the newest
 *   that is known of a channel without positions. Said again after each reconnect.
 * - `publication`: with an offset where the channel keeps positions. May repeat, and leaves gaps: see `stream.js`.
 * - `join`, `leave`: a connection came or went.
 * - `ended`: the server ended the subscription, or refuses it.
 *
 * @typedef {{kind: "state", state: State, code?: number}
 *   | {kind: "begun", channel: string, position: Position | null, latest: any}
 *   | {kind: "publication", channel: string, data: any, offset: number}
 *   | {kind: "join" | "leave", channel: string, client: ClientInfo}
 *   | {kind: "ended", channel: string, code: number}} LineEvent
 */

/** @typedef {{client: string, user: string, connInfo?: any}} ClientInfo */

/**
 * What can be asked over a line: `rpc` with a method and its data; `history` of a channel after a position;
 * `presence`, the clients in a channel.
 *
 * @typedef {{ask: "rpc", method: string, data: any}
 *   | {ask: "history", channel: string, since: Position}
 *   | {ask: "presence", channel: string}} Question
 */

/** The answer to a question was an error. */
export class CallFailed extends Error {
  /**
   * @param {number} code below 100: the connection failed; else the server's
   * @param {string} message for people, in their language, where the method is one of the hub's
   * @param {boolean} temporary whether the same question may be answered later
   */
  constructor(code, message, temporary) {
    super(message);
    this.name = "CallFailed";
    this.code = code;
    this.temporary = temporary || code < 100;
  }
}

/** No answer came in time, or the line went away meanwhile. */
export const NO_ANSWER = 1;
/** The server says that what follows a position is no longer kept. */
export const UNRECOVERABLE = 112;
/** The server closed it because of who is logged in in the browser by now, or is no more. */
export const ANOTHER_ACCOUNT = 3500;

/** A line: see {@link LineEvent} for what it emits. */
export class Line extends Emitter {
  /** @type {State} */
  state = "connecting";
  /** Why it is closed: the server's code. */
  code = 0;
  /** How often each channel is followed. @type {Map<string, number>} */
  #followers = new Map();

  /**
   * For the line itself.
   *
   * @param {State} state
   * @param {number} [code] why it is closed
   * @returns {boolean} whether that is another state than before
   */
  turn(state, code = 0) {
    const changed = state !== this.state;
    if (changed) this.code = code;
    this.state = state;
    return changed;
  }

  /**
   * Receive a channel, besides those that the server subscribes everybody to by itself. Where that is so already, its
   * beginning is said again. To be ended as often as it was begun.
   *
   * @param {string} channel
   */
  follow(channel) {
    const followers = this.#followers.get(channel) ?? 0;
    this.#followers.set(channel, followers + 1);
    if (followers) this.again(channel);
    else this.start(channel);
  }

  /** @param {string} channel */
  unfollow(channel) {
    const followers = this.#followers.get(channel) ?? 0;
    if (followers > 1) this.#followers.set(channel, followers - 1);
    else if (this.#followers.delete(channel)) this.stop(channel);
  }

  /**
   * Begin to receive a channel; harmless when that is so already.
   *
   * @param {string} _channel
   */
  start(_channel) {}

  /** @param {string} _channel */
  stop(_channel) {}

  /**
   * Say the beginning of a channel again, if it is live.
   *
   * @param {string} _channel
   */
  again(_channel) {}

  /**
   * Say the beginning of all channels again that are live.
   */
  repeat() {}

  /**
   * Ask something. What is asked may be carried out twice where a connection breaks, so it must be harmless then.
   *
   * @param {Question} _question
   * @returns {Promise<any>} rejects with {@link CallFailed}
   */
  ask(_question) {
    return Promise.reject(new CallFailed(NO_ANSWER, "no line", false));
  }

  /** Somebody looks: if it is waiting to reconnect, do it now. */
  hurry() {}

  /** The page goes to sleep. */
  suspend() {}

  /** It is back. */
  resume() {}
}

/** So many milliseconds to the first repetition, twice as many to the next one. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/**
 * Asks until there is an answer that another try would not change, across any number of reconnects.
 *
 * @param {Line} line
 * @param {Question} question
 * @param {() => boolean} [wanted] whether to go on trying
 * @returns {Promise<any>} rejects with {@link CallFailed}: the server refuses, or the line is closed for good
 */
export async function persist(line, question, wanted = () => true) {
  for (let attempt = 0; ; attempt++) {
    await connected(line);
    try {
      return await line.ask(question);
    } catch (error) {
      if (!(error instanceof CallFailed && error.temporary) || !wanted()) throw error;
    }
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
    await new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
  }
}

/**
 * @param {Line} line
 * @returns {Promise<void>}
 */
function connected(line) {
  return new Promise((resolve, reject) => {
    const stop = line.on("state", look);
    look();

    function look() {
      if (line.state === "connected") resolve();
      else if (line.state === "closed") reject(new CallFailed(NO_ANSWER, "closed", false));
      else return;
      stop();
    }
  });
}
