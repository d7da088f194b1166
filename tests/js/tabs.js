/** Tabs of one browser, simulated in one process. The tasks of a tab wait while the tab hangs. */

import { AsyncLocalStorage } from "node:async_hooks";

import { SharedConnection } from "../../static/hub/js/hub/shared-connection.js";
import { ScriptedConnection } from "./scripted-connection.js";

/** @type {AsyncLocalStorage<Tab>} */
const current = new AsyncLocalStorage();

export class Tab {
  visibilityState = "visible";
  hangs = false;
  #tasks = [];
  /** The connections that this tab has made, the newest last. @type {ScriptedTabConnection[]} */
  connections = [];
  /** The states that the shared connection has emitted. @type {string[]} */
  states = [];

  open() {
    const make = () => {
      const tabConnection = new ScriptedTabConnection();
      this.connections.push(tabConnection);
      return tabConnection;
    };
    this.shared = current.run(this, () => new SharedConnection("scope", make));
    this.shared.on("state", ({ state }) => this.states.push(state));
    return this;
  }

  /** Runs a task as this tab. */
  do(task) {
    this.#tasks.push(task);
    setImmediate(() => this.#work());
  }

  #work() {
    if (!this.hangs && this.#tasks.length) current.run(this, this.#tasks.shift());
  }

  wake() {
    this.hangs = false;
    for (const _ of this.#tasks) setImmediate(() => this.#work());
  }

  /** The open connection of this tab, if it has one. */
  get tabConnection() {
    return this.connections.find((tabConnection) => !tabConnection.closed);
  }
}

/** A tab connection whose events come from a test. */
class ScriptedTabConnection extends ScriptedConnection {
  state = "connecting";
  closed = false;
  #live = new Map();
  #wanted = new Set();
  subscriptions = () => [...this.#wanted];

  addSubscription(channel) {
    this.#wanted.add(channel);
  }

  removeSubscription(channel) {
    this.#wanted.delete(channel);
  }

  begin(channel, offset, epoch = "e1") {
    this.#live.set(channel, { kind: "subscribed", channel, position: { epoch, offset }, latest: null });
    super.begin(channel, offset, epoch);
  }

  subscribedEvent(channel) {
    return this.#live.get(channel) ?? null;
  }

  channels() {
    return [...this.#live.keys()];
  }

  close() {
    this.closed = true;
    for (const { fail } of this.asked.splice(0)) fail(11, true);
  }
}

/** Opens tabs; the first one is the leader and connected. */
export async function tabs(number) {
  const opened = [];
  for (let count = 0; count < number; count++) {
    opened.push(new Tab().open());
    await settle();
  }
  opened[0].do(() => opened[0].tabConnection.become("connected"));
  await settle();
  return opened;
}

/** Waits until every task that can run now has run. */
export async function settle() {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

// --- simulated browser APIs --------------------------------------------------------------------------------------------

class Locks {
  /** The error with which `request` rejects. @type {Error | null} */
  error = null;
  #held = new Map();
  #waiting = new Map();

  reset() {
    this.error = null;
    this.#held.clear();
    this.#waiting.clear();
  }

  request(name, options, callback) {
    const tab = current.getStore();
    if (this.error) return Promise.reject(this.error);
    return new Promise((resolve, reject) => {
      const request = { tab, name, callback, resolve, reject };
      const waiting = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, waiting);
      options.signal?.addEventListener("abort", () => {
        if (!waiting.includes(request)) return;
        waiting.splice(waiting.indexOf(request), 1);
        reject(new DOMException("aborted", "AbortError"));
      });
      if (options.steal) {
        const robbed = this.#held.get(name);
        this.#held.delete(name);
        robbed?.tab.do(() => robbed.reject(new DOMException("stolen", "AbortError")));
        waiting.unshift(request);
      } else waiting.push(request);
      this.#give(name);
    });
  }

  #give(name) {
    const request = this.#held.has(name) ? undefined : this.#waiting.get(name).shift();
    if (!request) return;
    this.#held.set(name, request);
    request.tab.do(async () => {
      await request.callback();
      if (this.#held.get(name) !== request) return;
      this.#held.delete(name);
      request.resolve();
      this.#give(name);
    });
  }
}

const channels = new Set();

class Channel extends EventTarget {
  #tab = current.getStore();

  constructor(name) {
    super();
    this.name = name;
    channels.add(this);
  }

  postMessage(message) {
    const data = structuredClone(message);
    for (const other of channels) {
      if (other !== this && other.name === this.name) other.#take(data);
    }
  }

  #take(data) {
    this.#tab.do(() => channels.has(this) && this.dispatchEvent(new MessageEvent("message", { data })));
  }

  close() {
    channels.delete(this);
  }
}

let now = 0;
const timers = new Set();

function after(task, delay, every) {
  const timer = { task, at: now + delay, every, tab: current.getStore() };
  timers.add(timer);
  return timer;
}

/** Advances the clock of all tabs by this many seconds. */
export async function pass(seconds) {
  await settle();
  for (let second = 0; second < seconds; second++) {
    now += 1_000;
    for (const timer of [...timers].filter(({ at }) => at <= now)) {
      timer.tab.do(() => timers.has(timer) && timer.task());
      if (timer.every) timer.at += timer.every;
      else timer.tab.do(() => timers.delete(timer));
    }
    await settle();
  }
}

export const locks = new Locks();

/** Closes all tabs and forgets their locks, channels and timers. */
export function reset() {
  channels.clear();
  timers.clear();
  locks.reset();
}

Object.defineProperty(globalThis, "navigator", { value: { locks } });
Object.defineProperty(globalThis, "document", { get: () => current.getStore() });
globalThis.BroadcastChannel = Channel;
globalThis.setTimeout = (task, delay = 0) => after(task, delay, 0);
globalThis.setInterval = (task, delay) => after(task, delay, delay);
globalThis.clearTimeout = (timer) => timers.delete(timer);
globalThis.clearInterval = globalThis.clearTimeout;
