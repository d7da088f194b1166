/** Tabs of one browser in one process: what each does runs as that tab, and waits while it hangs. */

import { AsyncLocalStorage } from "node:async_hooks";

import { SharedLine } from "../../static/js/hub/shared-line.js";
import { ScriptedLine } from "./scripted-line.js";

/** @type {AsyncLocalStorage<Tab>} */
const current = new AsyncLocalStorage();

export class Tab {
  visibilityState = "visible";
  hangs = false;
  #tasks = [];
  /** The connections that it has made, the newest last. @type {ScriptedOwn[]} */
  connections = [];
  /** The states that it has said. @type {string[]} */
  states = [];

  open() {
    const make = () => {
      const own = new ScriptedOwn();
      this.connections.push(own);
      return own;
    };
    this.line = current.run(this, () => new SharedLine("scope", make));
    this.line.on("state", ({ state }) => this.states.push(state));
    return this;
  }

  /** What its line does by itself, and what a page does with it. */
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

  /** Its connection, while it has one. */
  get own() {
    return this.connections.find((own) => !own.ended);
  }
}

/** A connection that a test speaks for. */
class ScriptedOwn extends ScriptedLine {
  state = "connecting";
  ended = false;
  #live = new Map();
  #wanted = new Set();
  followed = () => [...this.#wanted];

  start(channel) {
    this.#wanted.add(channel);
  }

  stop(channel) {
    this.#wanted.delete(channel);
  }

  begin(channel, offset, epoch = "e1") {
    this.#live.set(channel, { kind: "begun", channel, position: { epoch, offset }, latest: null });
    super.begin(channel, offset, epoch);
  }

  said(channel) {
    return this.#live.get(channel) ?? null;
  }

  channels() {
    return [...this.#live.keys()];
  }

  end() {
    this.ended = true;
    for (const { fail } of this.asked.splice(0)) fail(11, true);
  }
}

/** Some tabs, the first of which leads and is connected. */
export async function tabs(number) {
  const opened = [];
  for (let count = 0; count < number; count++) {
    opened.push(new Tab().open());
    await settle();
  }
  opened[0].do(() => opened[0].own.become("connected"));
  await settle();
  return opened;
}

/** Everything that can be done now is done after this. */
export async function settle() {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

// --- what a browser has ------------------------------------------------------------------------------------------------

class Locks {
  /** What `request` rejects with at once. @type {Error | null} */
  refusal = null;
  #held = new Map();
  #waiting = new Map();

  reset() {
    this.refusal = null;
    this.#held.clear();
    this.#waiting.clear();
  }

  request(name, options, callback) {
    const tab = current.getStore();
    if (this.refusal) return Promise.reject(this.refusal);
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

/** Lets so many seconds pass, for all tabs. */
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

/** Closes all tabs, as if nothing had ever been open. */
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
