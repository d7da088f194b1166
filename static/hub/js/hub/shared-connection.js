/**
 * One connection for all tabs of a browser. The tab that holds a Web Lock is the leader: it has the connection and
 * relays events to the other tabs over a BroadcastChannel. When the leader closes or crashes, the browser gives the lock
 * to the next tab; when the leader does not answer, another tab steals the lock. Each tab fetches what it missed in
 * between from its own positions: see `stream.js`.
 */

import { CallFailed, Connection, NO_ANSWER } from "./connection.js";

/** @import { ConnectionEvent, Question, State } from "./connection.js" */
/** @import { TabConnection } from "./tab-connection.js" */

/** Milliseconds after which a question counts as lost, and a leader that does not answer a ping as hanging. */
const ANSWER_TIMEOUT = 10_000;

/** Milliseconds between two pings of the leader. */
const PING_INTERVAL = 15_000;

/** @typedef {{reject: (error: CallFailed) => void, resolve: (answer: any) => void, question: Question}} Waiting */

/**
 * The messages between tabs.
 *
 * - `hello`: a tab is open and wants these channels; with `fresh`, it needs the `subscribed` event of every channel.
 * - `lead`: a tab has become the leader. The others answer with `hello`.
 * - `ask`, `answer`: a question to the leader, and its answer.
 * - `event`: an event of the connection; to all tabs if `to` is empty.
 * - `reconnectNow`: the leader shall end its wait before the next attempt to connect.
 * - `ping`, `pong`: a tab checks whether the leader still answers.
 * - `bye`: a tab leaves.
 *
 * @typedef {{is: "hello", from: string, channels: string[], fresh: boolean}
 *   | {is: "lead", from: string, state: State}
 *   | {is: "ask", from: string, id: number, question: Question}
 *   | {is: "answer", to: string, id: number, answer?: any, error?: {code: number, message: string, temporary: boolean}}
 *   | {is: "event", from: string, to: string, event: ConnectionEvent}
 *   | {is: "reconnectNow"}
 *   | {is: "ping"}
 *   | {is: "pong", from: string}
 *   | {is: "bye", from: string}} Message
 */

const KINDS = /** @type {const} */ (["state", "subscribed", "publication", "join", "leave", "unsubscribed"]);

/** @returns {boolean} whether this browser can share a connection: it needs HTTPS or localhost */
export function canShare() {
  return "locks" in navigator && "BroadcastChannel" in globalThis;
}

export class SharedConnection extends Connection {
  #tabId = crypto.randomUUID();
  #scope;
  #makeTabConnection;
  /** @type {BroadcastChannel | null} */
  #bus = null;
  /** Aborted when this tab leaves; releases its locks. */
  #stay = new AbortController();
  /** The connection, while this tab is the leader. @type {TabConnection | null} */
  #tabConnection = null;
  /** The channels that this tab wants. @type {Set<string>} */
  #wanted = new Set();
  /** The channels that the other tabs want, by tab, while this tab is the leader. @type {Map<string, Set<string>>} */
  #others = new Map();
  /** Questions without an answer. @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastId = 0;
  /** Whether this tab holds its own lock. The leader considers a tab without it closed. */
  #hasTabLock = false;
  /** The tab whose events count. A former leader may not yet know that it has lost the lead. @type {string | undefined} */
  #leader;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** Runs out when the leader has not answered a ping in time. @type {ReturnType<typeof setTimeout> | undefined} */
  #pongTimer;

  /**
   * @param {string} scope tabs of the same scope share a connection; a scope is one person on one server
   * @param {() => TabConnection} makeTabConnection makes the connection when this tab becomes the leader
   */
  constructor(scope, makeTabConnection) {
    super();
    this.#scope = scope;
    this.#makeTabConnection = makeTabConnection;
    this.#join();
  }

  /** @returns {boolean} whether this tab is the leader */
  get leads() {
    return this.#tabConnection !== null;
  }

  /** @param {string} channel */
  addSubscription(channel) {
    this.#wanted.add(channel);
    if (this.#tabConnection) {
      this.replay(channel); // another tab may have subscribed it before
      this.#tabConnection.addSubscription(channel);
    } else this.#sendHello();
  }

  /** @param {string} channel */
  removeSubscription(channel) {
    this.#wanted.delete(channel);
    if (this.#tabConnection) this.#removeUnused(this.#tabConnection);
    else this.#sendHello();
  }

  /** @param {string} channel */
  replay(channel) {
    const event = this.#tabConnection?.subscribedEvent(channel);
    if (event) this.#receive(event);
    else this.#sendHello(true);
  }

  replayAll() {
    if (this.#tabConnection) for (const channel of this.#tabConnection.channels()) this.replay(channel);
    else this.#sendHello(true);
  }

  /**
   * @param {Question} question
   * @returns {Promise<any>}
   */
  ask(question) {
    if (this.#tabConnection) return this.#tabConnection.ask(question);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(() => waiting.reject(new CallFailed(NO_ANSWER, "no answer", true)), ANSWER_TIMEOUT);
      const waiting = {
        question,
        resolve: (/** @type {any} */ answer) => {
          this.#forget(id, timer);
          resolve(answer);
        },
        reject: (/** @type {CallFailed} */ error) => {
          this.#forget(id, timer);
          reject(error);
        },
      };
      this.#waiting.set(id, waiting);
      this.#post({ is: "ask", from: this.#tabId, id, question });
    });
  }

  reconnectNow() {
    if (this.#tabConnection) {
      this.#tabConnection.reconnectNow();
      return;
    }
    this.#post({ is: "reconnectNow" });
    this.#pingLeader();
  }

  suspend() {
    if (!this.#bus) return;
    this.#post({ is: "bye", from: this.#tabId });
    this.#leave();
    if (this.state !== "closed") this.#setState("reconnecting");
  }

  resume() {
    if (!this.#bus && this.state !== "closed") this.#join();
  }

  // --- joining and leaving -------------------------------------------------------------------------------------------

  #join() {
    this.#stay = new AbortController();
    const { signal } = this.#stay;
    this.#bus = new BroadcastChannel(this.#leadLock);
    this.#bus.addEventListener("message", ({ data }) => this.#onMessage(data));
    // This tab holds its own lock while it is open, so the leader notices when it closes.
    this.#holdLock(this.#lockOf(this.#tabId), { signal }, () => {
      this.#hasTabLock = true;
      this.#sendHello(true);
    });
    this.#holdLock(this.#leadLock, { signal }, () => this.#lead());
    this.#pingTimer = setInterval(() => this.#pingLeader(), PING_INTERVAL);
  }

  /**
   * Requests a lock and holds it until this tab leaves.
   *
   * @param {string} name
   * @param {LockOptions} options
   * @param {() => void} then called when the browser grants the lock
   */
  #holdLock(name, options, then) {
    const { signal } = this.#stay;
    const held = navigator.locks.request(name, options, () => {
      if (signal.aborted) return undefined;
      then();
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    held.catch((error) => {
      if (signal.aborted) return; // this tab left before the browser granted the lock
      if (error.name === "AbortError") this.#onLeadStolen();
      // A browser that denies storage to the page denies locks too: this tab cannot know the others.
      else if (!this.#tabConnection) this.#lead();
    });
  }

  /** Another tab has stolen the lead because this one did not answer. This tab joins again as a follower. */
  #onLeadStolen() {
    this.suspend();
    this.resume();
  }

  /** Pings the leader. A leader that hangs or is frozen keeps its lock; a visible tab steals it after the timeout. */
  #pingLeader() {
    if (this.#tabConnection || !this.#hasTabLock || globalThis.document?.visibilityState === "hidden") return;
    this.#post({ is: "ping" });
    this.#pongTimer ??= setTimeout(() => {
      this.#pongTimer = undefined;
      this.#holdLock(this.#leadLock, { steal: true }, () => this.#lead());
    }, ANSWER_TIMEOUT);
  }

  /** The leader has sent something. */
  #onLeaderAlive() {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
  }

  #leave() {
    this.#hasTabLock = false;
    this.#stay.abort();
    clearInterval(this.#pingTimer);
    this.#onLeaderAlive();
    this.#tabConnection?.close();
    this.#tabConnection = null;
    this.#leader = undefined;
    this.#others.clear();
    this.#bus?.close();
    this.#bus = null;
    for (const { reject } of [...this.#waiting.values()]) reject(new CallFailed(NO_ANSWER, "left", true));
  }

  /** @returns {string} the name of the leader's lock and of the BroadcastChannel */
  get #leadLock() {
    return `hub:${this.#scope}`;
  }

  /** @param {string} tab */
  #lockOf(tab) {
    return `hub:${this.#scope}:${tab}`;
  }

  // --- leading -------------------------------------------------------------------------------------------------------

  #lead() {
    if (this.state !== "connecting") this.#setState("reconnecting");
    this.#tabConnection?.close();
    const tabConnection = this.#makeTabConnection();
    this.#tabConnection = tabConnection;
    this.#onLeaderAlive();
    for (const kind of KINDS) {
      tabConnection.on(kind, (event) => tabConnection === this.#tabConnection && this.#relay(event));
    }
    for (const channel of this.#wanted) tabConnection.addSubscription(channel);
    this.#post({ is: "lead", from: this.#tabId, state: this.state });
    // The former leader did not answer these.
    for (const { question, resolve, reject } of [...this.#waiting.values()])
      tabConnection.ask(question).then(resolve, reject);
  }

  /** @param {ConnectionEvent} event */
  #relay(event) {
    this.#post({ is: "event", from: this.#tabId, to: "", event });
    this.#receive(event);
  }

  /**
   * @param {TabConnection} tabConnection
   * @param {string} tab
   * @param {string[]} channels
   * @param {boolean} fresh whether the tab needs the `subscribed` event of every channel
   */
  #onTabJoined(tabConnection, tab, channels, fresh) {
    const known = this.#others.get(tab);
    if (!known) this.#watchTab(tab);
    const wanted = new Set(channels);
    this.#others.set(tab, wanted);
    const serverSide = tabConnection.channels().filter((channel) => !this.#isWanted(channel));
    const channelsToReplay =
      fresh || !known ? [...serverSide, ...wanted] : channels.filter((channel) => !known.has(channel));
    const send = (/** @type {ConnectionEvent} */ event) =>
      this.#post({ is: "event", from: this.#tabId, to: tab, event });
    send({ kind: "state", state: this.state, code: this.code });
    for (const channel of channelsToReplay) {
      const event = tabConnection.subscribedEvent(channel);
      if (event) send(event);
    }
    for (const channel of wanted) tabConnection.addSubscription(channel);
    this.#removeUnused(tabConnection);
  }

  /** @param {string} tab */
  #watchTab(tab) {
    const lock = navigator.locks.request(this.#lockOf(tab), { signal: this.#stay.signal }, () => this.#onTabLeft(tab));
    lock.catch(() => {}); // this tab left first
  }

  /** @param {string} tab */
  #onTabLeft(tab) {
    this.#others.delete(tab);
    if (this.#tabConnection) this.#removeUnused(this.#tabConnection);
  }

  /** Ends the subscriptions that no tab wants any more. @param {TabConnection} tabConnection */
  #removeUnused(tabConnection) {
    for (const channel of tabConnection.subscriptions())
      if (!this.#isWanted(channel)) tabConnection.removeSubscription(channel);
  }

  /** @param {string} channel */
  #isWanted(channel) {
    return this.#wanted.has(channel) || [...this.#others.values()].some((channels) => channels.has(channel));
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  /** @param {boolean} [fresh] */
  #sendHello(fresh = false) {
    if (this.#hasTabLock && !this.#tabConnection)
      this.#post({ is: "hello", from: this.#tabId, channels: [...this.#wanted], fresh });
  }

  /** @param {Message} message */
  #post(message) {
    this.#bus?.postMessage(message);
  }

  /** @param {Message} message */
  #onMessage(message) {
    const tabConnection = this.#tabConnection;
    switch (message.is) {
      case "lead":
        if (tabConnection) break; // one of the two has lost the lead and will be told by its lock
        this.#onLeaderAlive();
        this.#leader = message.from;
        if (message.state !== "connecting" && this.state !== "closed") this.#setState("reconnecting");
        this.#sendHello(true);
        for (const [id, { question }] of this.#waiting) this.#post({ is: "ask", from: this.#tabId, id, question });
        break;
      case "event":
        if (!tabConnection && (message.to === "" || message.to === this.#tabId)) this.#onEvent(message);
        break;
      case "ping":
        if (tabConnection) this.#post({ is: "pong", from: this.#tabId });
        break;
      case "pong":
        this.#onLeaderAlive();
        if (message.from !== this.#leader) this.#setLeader(message.from);
        break;
      case "answer":
        if (message.to === this.#tabId) this.#onAnswer(message);
        break;
      case "hello":
        if (tabConnection) this.#onTabJoined(tabConnection, message.from, message.channels, message.fresh);
        break;
      case "ask":
        if (tabConnection) this.#answer(tabConnection, message);
        break;
      case "reconnectNow":
        tabConnection?.reconnectNow();
        break;
      case "bye":
        this.#onTabLeft(message.from);
        if (message.from === this.#leader) this.#setLeader(undefined);
        break;
    }
  }

  /** @param {Message & {is: "event"}} message */
  #onEvent({ from, event }) {
    this.#leader ??= from;
    if (from !== this.#leader) return;
    this.#onLeaderAlive();
    this.#receive(event);
  }

  /** @param {string | undefined} leader undefined: the first tab that sends an event */
  #setLeader(leader) {
    this.#leader = leader;
    this.#sendHello(true);
  }

  /**
   * @param {TabConnection} tabConnection
   * @param {Message & {is: "ask"}} message
   */
  async #answer(tabConnection, { from, id, question }) {
    try {
      this.#post({ is: "answer", to: from, id, answer: await tabConnection.ask(question) });
    } catch (failure) {
      if (tabConnection !== this.#tabConnection) return; // the next leader gets this question too
      const { code, message, temporary } = /** @type {CallFailed} */ (failure);
      this.#post({ is: "answer", to: from, id, error: { code, message, temporary } });
    }
  }

  /** @param {Message & {is: "answer"}} message */
  #onAnswer({ id, answer, error }) {
    const waiting = this.#waiting.get(id);
    if (error) waiting?.reject(new CallFailed(error.code, error.message, error.temporary));
    else waiting?.resolve(answer);
  }

  /**
   * @param {number} id
   * @param {ReturnType<typeof setTimeout>} timer
   */
  #forget(id, timer) {
    clearTimeout(timer);
    this.#waiting.delete(id);
  }

  /** @param {ConnectionEvent} event */
  #receive(event) {
    if (event.kind !== "state") this.emit(event.kind, event);
    else this.#setState(event.state, event.code);
  }

  /**
   * @param {State} state
   * @param {number} [code]
   */
  #setState(state, code = 0) {
    if (!this.changeState(state, code)) return;
    // Release the lock: it would keep a tab of a person who logs in again from connecting.
    if (state === "closed") this.#leave();
    this.emit("state", { kind: "state", state, code });
  }
}
