/**
 * The interface of a connection to the hub. It has two implementations: `tab-connection.js` connects this tab alone,
 * `shared-connection.js` shares one connection among all tabs of a browser.
 */

import { Emitter } from "./emitter.js";

/**
 * `connecting` for the first time, `connected`, `reconnecting` after a loss, `closed` for good: the server has closed
 * the connection with a code that tells the client not to reconnect, for example because the person has logged out.
 *
 * @typedef {"connecting" | "connected" | "reconnecting" | "closed"} State
 */

/** @typedef {{epoch: string, offset: number}} Position */

/** @typedef {{data: any, offset: number}} Publication */

/** @typedef {{publications: Publication[], epoch: string, offset: number}} History */

/**
 * A connection emits each of these events under its `kind`.
 *
 * - `state`: the state of the connection, or its `code`, has changed.
 * - `subscribed`: the channel delivers publications after `position`, or from now on if it has no positions. `latest`
 *   is the newest known publication of a channel without positions. Emitted again after each reconnect.
 * - `publication`: has an offset if the channel has positions. Publications may repeat and may have gaps between them:
 *   `stream.js` removes both.
 * - `join`, `leave`: a client has subscribed to the channel, or has left it.
 * - `unsubscribed`: the server has ended the subscription, or has refused it.
 *
 * @typedef {{kind: "state", state: State, code?: number}
 *   | {kind: "subscribed", channel: string, position: Position | null, latest: any}
 *   | {kind: "publication", channel: string, data: any, offset: number}
 *   | {kind: "join" | "leave", channel: string, client: ClientInfo}
 *   | {kind: "unsubscribed", channel: string, code: number}} ConnectionEvent
 */

/** @typedef {{client: string, user: string, connInfo?: any}} ClientInfo */

/**
 * Returns a signed token for the connection. Called for the first connection, before a token ends, and after the server
 * has refused one because it has ended. Throws {@link NoToken} if there is none to be had; after any other error it is
 * called again.
 *
 * @typedef {() => Promise<string>} TokenSource
 */

/** There is no token for this person, for example because nobody is logged in. The connection closes for good. */
export class NoToken extends Error {
  name = "NoToken";
}

/**
 * What a client can ask the server: `rpc` calls a method with data; `history` returns the publications of a channel
 * after a position; `presence` returns the clients in a channel.
 *
 * @typedef {{ask: "rpc", method: string, data: any}
 *   | {ask: "history", channel: string, since: Position}
 *   | {ask: "presence", channel: string}} Question
 */

/** The server answered a question with an error, or no answer came. */
export class CallFailed extends Error {
  /**
   * @param {number} code the server's error code; below 100 the connection failed
   * @param {string} message a sentence for people, in their language, if the method is one of the hub's
   * @param {boolean} temporary whether the same question may succeed later
   */
  constructor(code, message, temporary) {
    super(message);
    this.name = "CallFailed";
    this.code = code;
    this.temporary = temporary || code < 100;
  }
}

/** No answer came in time, or the connection was lost meanwhile. */
export const NO_ANSWER = 1;
/** The server no longer stores the publications after a position. */
export const UNRECOVERABLE = 112;
/** The server refuses a token because it has ended; the next attempt brings a new one. */
export const TOKEN_OVER = 109;
/** The server has closed the connection because the session of the page is over, or refused its token. */
export const SESSION_OVER = 3500;
/** The server has closed the connection because it has no guests. */
export const NO_GUESTS = 3507;
/** The connection is closed because its source of tokens has none. */
export const UNAUTHORIZED = 1;

/** The base of both implementations. See {@link ConnectionEvent} for what a connection emits. */
export class Connection extends Emitter {
  /** @type {State} */
  state = "connecting";
  /** The server's close code; while there is no connection {@link TOKEN_OVER} if new tokens are refused; else 0. */
  code = 0;
  /** The number of subscribers of each channel in this tab. @type {Map<string, number>} */
  #subscribers = new Map();

  /**
   * Sets the state. Only implementations call this.
   *
   * @param {State} state
   * @param {number} [code] as in `code`
   * @returns {boolean} whether the state or the code has changed
   */
  changeState(state, code = 0) {
    const changed = state !== this.state || code !== this.code;
    this.code = code;
    this.state = state;
    return changed;
  }

  /**
   * Subscribes to a channel; server-side subscriptions need no call. If this tab is subscribed already, the connection
   * emits `subscribed` again. Call `unsubscribe` once for each call of this method.
   *
   * @param {string} channel
   */
  subscribe(channel) {
    const subscribers = this.#subscribers.get(channel) ?? 0;
    this.#subscribers.set(channel, subscribers + 1);
    if (subscribers) this.replay(channel);
    else this.addSubscription(channel);
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    const subscribers = this.#subscribers.get(channel) ?? 0;
    if (subscribers > 1) this.#subscribers.set(channel, subscribers - 1);
    else if (this.#subscribers.delete(channel)) this.removeSubscription(channel);
  }

  /**
   * @param {string} channel
   * @returns {boolean} whether this tab has subscribers of the channel
   */
  isWanted(channel) {
    return this.#subscribers.has(channel);
  }

  /**
   * Starts the subscription of a channel. Does nothing if the channel is subscribed already.
   *
   * @param {string} _channel
   */
  addSubscription(_channel) {}

  /**
   * Ends the subscription of a channel.
   *
   * @param {string} _channel
   */
  removeSubscription(_channel) {}

  /**
   * Emits `subscribed` again if the channel is subscribed.
   *
   * @param {string} _channel
   */
  replay(_channel) {}

  /** Emits `subscribed` again for each subscribed channel. */
  replayAll() {}

  /**
   * Asks the server. If the connection breaks, the server may carry out the question twice, so ask only what is
   * idempotent.
   *
   * @param {Question} _question
   * @returns {Promise<any>} rejects with {@link CallFailed}
   */
  ask(_question) {
    return Promise.reject(new CallFailed(NO_ANSWER, "no connection", false));
  }

  /** Ends the wait before the next attempt to connect. Pages call this when they become visible. */
  reconnectNow() {}

  /** Disconnects while the browser keeps the page in its back/forward cache. */
  suspend() {}

  /** Connects again after `suspend`. */
  resume() {}
}

/** Milliseconds before the first retry; each further retry waits twice as long. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/**
 * Asks until the server answers or refuses, across any number of reconnects.
 *
 * @param {Connection} connection
 * @param {Question} question
 * @param {() => boolean} [wanted] returns whether to go on trying
 * @returns {Promise<any>} rejects with {@link CallFailed} if the server refuses, or the connection is closed for good
 */
export async function askUntilAnswered(connection, question, wanted = () => true) {
  for (let attempt = 0; ; attempt++) {
    await connected(connection);
    try {
      return await connection.ask(question);
    } catch (error) {
      if (!(error instanceof CallFailed && error.temporary) || !wanted()) throw error;
    }
    await pause(attempt);
  }
}

/**
 * Waits before another attempt, longer each time and never for the same time as others.
 *
 * @param {number} attempt
 * @returns {Promise<void>}
 */
export function pause(attempt) {
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/**
 * @param {Connection} connection
 * @returns {Promise<void>}
 */
function connected(connection) {
  return new Promise((resolve, reject) => {
    const stop = connection.on("state", check);
    check();

    function check() {
      if (connection.state === "connected") resolve();
      else if (connection.state === "closed") reject(new CallFailed(NO_ANSWER, "closed", false));
      else return;
      stop();
    }
  });
}
