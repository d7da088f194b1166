/**
 * One connection for all tabs of a browser. The tab that holds a Web Lock leads: it has the connection, and the others
 * hear from it over a BroadcastChannel. When it goes, closed or crashed, the browser gives the lock to the next tab;
 * from one that does not answer any more another tab takes it. What fell in between each tab fetches by its own
 * positions: see `stream.js`.
 */

import { CallFailed, Line, NO_ANSWER } from "./line.js";

/** @import { LineEvent, Question, State } from "./line.js" */
/** @import { OwnLine } from "./own-line.js" */

/** Milliseconds after which a question without an answer counts as lost, and a tab that does not answer as hanging. */
const PATIENCE = 10_000;

/** Milliseconds between two looks whether the tab that leads still answers. */
const LOOK = 15_000;

/** @typedef {{reject: (error: CallFailed) => void, resolve: (answer: any) => void, question: Question}} Waiting */

/**
 * Between tabs. `hello` says who is there and what they want to follow; `lead` asks all to say it. `look` asks who leads
 * to say `here`.
 *
 * @typedef {{is: "hello", from: string, channels: string[], fresh: boolean}
 *   | {is: "lead", from: string, state: State}
 *   | {is: "ask", from: string, id: number, question: Question}
 *   | {is: "answer", to: string, id: number, answer?: any, error?: {code: number, message: string, temporary: boolean}}
 *   | {is: "event", from: string, to: string, event: LineEvent}
 *   | {is: "hurry"}
 *   | {is: "look"}
 *   | {is: "here", from: string}
 *   | {is: "bye", from: string}} Message
 */

const KINDS = /** @type {const} */ (["state", "begun", "publication", "join", "leave", "ended"]);

/** @returns {boolean} whether this browser can share; not on pages without HTTPS, except on localhost */
export function canShare() {
  return "locks" in navigator && "BroadcastChannel" in globalThis;
}

export class SharedLine extends Line {
  #me = crypto.randomUUID();
  #scope;
  #makeOwn;
  /** @type {BroadcastChannel | null} */
  #bus = null;
  /** Of the page's stay: aborted when it goes to sleep. */
  #stay = new AbortController();
  /** While this tab leads. @type {OwnLine | null} */
  #own = null;
  /** What this tab follows. @type {Set<string>} */
  #wanted = new Set();
  /** What the others follow, while this tab leads. @type {Map<string, Set<string>>} */
  #others = new Map();
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastId = 0;
  /** Whether the lock of this tab is held: the one that leads takes a tab without it for gone. */
  #isThere = false;
  /** Whose events count: a tab that has lost the lead may not know it yet. @type {string | undefined} */
  #leader;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #looking;
  /** Until the one that leads counts as hanging. @type {ReturnType<typeof setTimeout> | undefined} */
  #unanswered;

  /**
   * @param {string} scope tabs of one scope share: one for each person and server
   * @param {() => OwnLine} makeOwn makes the connection when this tab leads
   */
  constructor(scope, makeOwn) {
    super();
    this.#scope = scope;
    this.#makeOwn = makeOwn;
    this.#arrive();
  }

  /** @returns {boolean} whether this tab has the connection */
  get leads() {
    return this.#own !== null;
  }

  /** @param {string} channel */
  start(channel) {
    this.#wanted.add(channel);
    if (this.#own) {
      this.again(channel); // another tab may follow it
      this.#own.start(channel);
    } else this.#hello();
  }

  /** @param {string} channel */
  stop(channel) {
    this.#wanted.delete(channel);
    if (this.#own) this.#drop(this.#own);
    else this.#hello();
  }

  /** @param {string} channel */
  again(channel) {
    const said = this.#own?.said(channel);
    if (said) this.#receive(said);
    else this.#hello(true);
  }

  repeat() {
    if (this.#own) for (const channel of this.#own.channels()) this.again(channel);
    else this.#hello(true);
  }

  /**
   * @param {Question} question
   * @returns {Promise<any>}
   */
  ask(question) {
    if (this.#own) return this.#own.ask(question);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(() => waiting.reject(new CallFailed(NO_ANSWER, "no answer", true)), PATIENCE);
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
      this.#post({ is: "ask", from: this.#me, id, question });
    });
  }

  hurry() {
    if (this.#own) {
      this.#own.hurry();
      return;
    }
    this.#post({ is: "hurry" });
    this.#look();
  }

  suspend() {
    if (!this.#bus) return;
    this.#post({ is: "bye", from: this.#me });
    this.#leave();
    if (this.state !== "closed") this.#setState("reconnecting");
  }

  resume() {
    if (!this.#bus && this.state !== "closed") this.#arrive();
  }

  // --- coming and going ----------------------------------------------------------------------------------------------

  #arrive() {
    this.#stay = new AbortController();
    const { signal } = this.#stay;
    this.#bus = new BroadcastChannel(this.#leadLock);
    this.#bus.addEventListener("message", ({ data }) => this.#hear(data));
    // Held for as long as this tab is there, so that the one that leads notices when it is not.
    this.#hold(this.#lockOf(this.#me), { signal }, () => {
      this.#isThere = true;
      this.#hello(true);
    });
    this.#hold(this.#leadLock, { signal }, () => this.#lead());
    this.#looking = setInterval(() => this.#look(), LOOK);
  }

  /**
   * Has a lock from when it is given until this tab leaves.
   *
   * @param {string} name
   * @param {LockOptions} options
   * @param {() => void} then
   */
  #hold(name, options, then) {
    const { signal } = this.#stay;
    const held = navigator.locks.request(name, options, () => {
      if (signal.aborted) return undefined;
      then();
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    held.catch((error) => {
      if (signal.aborted) return; // before it was given
      if (error.name === "AbortError") this.#makeRoom();
      // Where the browser keeps storage from a page it refuses locks too: no other tab can be known.
      else if (!this.#own) this.#lead();
    });
  }

  /** Another tab has taken the lead, because this one did not answer: it may follow, and lead again after that one. */
  #makeRoom() {
    this.suspend();
    this.resume();
  }

  /** A tab that hangs, or that the system has frozen, keeps its lock. A tab that somebody sees takes it then. */
  #look() {
    if (this.#own || !this.#isThere || globalThis.document?.visibilityState === "hidden") return;
    this.#post({ is: "look" });
    this.#unanswered ??= setTimeout(() => {
      this.#unanswered = undefined;
      this.#hold(this.#leadLock, { steal: true }, () => this.#lead());
    }, PATIENCE);
  }

  /** The one that leads is alive. */
  #heard() {
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }

  #leave() {
    this.#isThere = false;
    this.#stay.abort();
    clearInterval(this.#looking);
    this.#heard();
    this.#own?.end();
    this.#own = null;
    this.#leader = undefined;
    this.#others.clear();
    this.#bus?.close();
    this.#bus = null;
    for (const { reject } of [...this.#waiting.values()]) reject(new CallFailed(NO_ANSWER, "left", true));
  }

  /** @returns {string} the lock of the tab that leads; the channel between tabs has the same name */
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
    this.#own?.end();
    const own = this.#makeOwn();
    this.#own = own;
    this.#heard();
    for (const kind of KINDS) {
      own.on(kind, (event) => own === this.#own && this.#pass(event));
    }
    for (const channel of this.#wanted) own.start(channel);
    this.#post({ is: "lead", from: this.#me, state: this.state });
    // Asked of the tab that led before.
    for (const { question, resolve, reject } of [...this.#waiting.values()]) own.ask(question).then(resolve, reject);
  }

  /** @param {LineEvent} event */
  #pass(event) {
    this.#post({ is: "event", from: this.#me, to: "", event });
    this.#receive(event);
  }

  /**
   * @param {OwnLine} own
   * @param {string} tab
   * @param {string[]} channels
   * @param {boolean} fresh whether it needs to hear everything
   */
  #welcome(own, tab, channels, fresh) {
    const known = this.#others.get(tab);
    if (!known) this.#watch(tab);
    const wanted = new Set(channels);
    this.#others.set(tab, wanted);
    const personal = own.channels().filter((channel) => !this.#isFollowed(channel));
    const news = fresh || !known ? [...personal, ...wanted] : channels.filter((channel) => !known.has(channel));
    const tell = (/** @type {LineEvent} */ event) => this.#post({ is: "event", from: this.#me, to: tab, event });
    tell({ kind: "state", state: this.state });
    for (const channel of news) {
      const said = own.said(channel);
      if (said) tell(said);
    }
    for (const channel of wanted) own.start(channel);
    this.#drop(own);
  }

  /** @param {string} tab */
  #watch(tab) {
    const gone = navigator.locks.request(this.#lockOf(tab), { signal: this.#stay.signal }, () => this.#lose(tab));
    gone.catch(() => {}); // this tab went first
  }

  /** @param {string} tab */
  #lose(tab) {
    this.#others.delete(tab);
    if (this.#own) this.#drop(this.#own);
  }

  /** Everything that was followed and that nobody wants any more. @param {OwnLine} own */
  #drop(own) {
    for (const channel of own.followed()) if (!this.#isFollowed(channel)) own.stop(channel);
  }

  /** @param {string} channel */
  #isFollowed(channel) {
    return this.#wanted.has(channel) || [...this.#others.values()].some((channels) => channels.has(channel));
  }

  // --- talking -------------------------------------------------------------------------------------------------------

  /** @param {boolean} [fresh] */
  #hello(fresh = false) {
    if (this.#isThere && !this.#own) this.#post({ is: "hello", from: this.#me, channels: [...this.#wanted], fresh });
  }

  /** @param {Message} message */
  #post(message) {
    this.#bus?.postMessage(message);
  }

  /** @param {Message} message */
  #hear(message) {
    const own = this.#own;
    switch (message.is) {
      case "lead":
        if (own) break; // one of the two has lost the lead, and is about to hear of it
        this.#heard();
        this.#leader = message.from;
        if (message.state !== "connecting" && this.state !== "closed") this.#setState("reconnecting");
        this.#hello(true);
        for (const [id, { question }] of this.#waiting) this.#post({ is: "ask", from: this.#me, id, question });
        break;
      case "event":
        if (!own && (message.to === "" || message.to === this.#me)) this.#said(message);
        break;
      case "look":
        if (own) this.#post({ is: "here", from: this.#me });
        break;
      case "here":
        this.#heard();
        if (message.from !== this.#leader) this.#turnTo(message.from);
        break;
      case "answer":
        if (message.to === this.#me) this.#answered(message);
        break;
      case "hello":
        if (own) this.#welcome(own, message.from, message.channels, message.fresh);
        break;
      case "ask":
        if (own) this.#answer(own, message);
        break;
      case "hurry":
        own?.hurry();
        break;
      case "bye":
        this.#lose(message.from);
        if (message.from === this.#leader) this.#turnTo(undefined);
        break;
    }
  }

  /** @param {Message & {is: "event"}} message */
  #said({ from, event }) {
    this.#leader ??= from;
    if (from !== this.#leader) return;
    this.#heard();
    this.#receive(event);
  }

  /** @param {string | undefined} leader undefined: whoever answers first */
  #turnTo(leader) {
    this.#leader = leader;
    this.#hello(true);
  }

  /**
   * @param {OwnLine} own
   * @param {Message & {is: "ask"}} message
   */
  async #answer(own, { from, id, question }) {
    try {
      this.#post({ is: "answer", to: from, id, answer: await own.ask(question) });
    } catch (failure) {
      if (own !== this.#own) return; // the next one to lead is asked too
      const { code, message, temporary } = /** @type {CallFailed} */ (failure);
      this.#post({ is: "answer", to: from, id, error: { code, message, temporary } });
    }
  }

  /** @param {Message & {is: "answer"}} message */
  #answered({ id, answer, error }) {
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

  /** @param {LineEvent} event */
  #receive(event) {
    if (event.kind !== "state") this.emit(event.kind, event);
    else this.#setState(event.state, event.code);
  }

  /**
   * @param {State} state
   * @param {number} [code]
   */
  #setState(state, code = 0) {
    if (!this.turn(state, code)) return;
    // A lock that is kept would keep a person who logs in again from connecting.
    if (state === "closed") this.#leave();
    this.emit("state", { kind: "state", state, code });
  }
}
