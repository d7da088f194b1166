/** A chat room: its messages, unsent messages, the people in it and those who are typing. */

import { askUntilAnswered, CallFailed } from "./connection.js";
import { Emitter } from "./emitter.js";
import { newKey } from "./keys.js";
import { Stream } from "./stream.js";

/** @import { Connection } from "./connection.js" */

/**
 * One entry of a conversation. `posted` is a message that the server has stored; `sending` and `failed` are messages of
 * this person that the server has not stored yet, or has refused; `joined` and `left` are notices and are not stored.
 *
 * @typedef {object} Entry
 * @property {string} key unique in the room
 * @property {"posted" | "sending" | "failed" | "joined" | "left"} kind
 * @property {number} id 0 unless posted
 * @property {string} username what others read; two people may have the same
 * @property {string} userId which person it is; empty for what a program says, and where the account is gone
 * @property {string} text empty for notices
 * @property {string} at ISO 8601
 * @property {string} error the server's sentence for people that says why it failed; may be empty
 * @property {number} code the server's error code if it failed, below 100 if no answer came; else 0
 */

/** @typedef {{id: string, name: string}} Person */

const POSTED = "chat.message_posted";
const REMOVED = "chat.messages_removed";
const JOINED = "chat.person_joined";
const LEFT = "chat.person_left";
const TYPING = "chat.person_typing";

const PAGE = 50;
/** The number of entries that `trim` leaves; `older` loads earlier ones again. */
const LONGEST = 500;
/** Milliseconds between two typing signals, and milliseconds after which a received one expires. */
const TYPING_PAUSE = 2_000;
const TYPING_HOLDS = 5_000;

/**
 * Emits `change` when a public property has changed, `arrived` with each live entry, and `closed` when the last user has
 * closed the room.
 */
export class Room extends Emitter {
  /** Oldest first; show `outgoing` after them. @type {Entry[]} */
  entries = [];
  /** @type {Entry[]} */
  outgoing = [];
  more = false;
  /** `missing`: the room does not exist, or this person may not see it. @type {"idle" | "loading" | "ready" | "failed" | "missing"} */
  state = "idle";
  /** Why the room is `failed` or `missing`; `null` if the server ended the subscription. @type {CallFailed | null} */
  error = null;
  mayWrite = false;
  /** The people in the room, by name; the server may name only some. @type {Person[]} */
  people = [];
  /** The number of people in the room; may be greater than the length of `people`. */
  count = 0;
  /** The other people who are typing. @type {Person[]} */
  typing = [];

  #connection;
  #name;
  #me;
  #id = 0;
  #channel = "";
  /** @type {Stream | null} */
  #stream = null;
  /** @type {Promise<void> | null} */
  #sending = null;
  #olderUnderWay = false;
  #reloadAgain = false;
  #lastTyped = 0;
  #notices = 0;
  /** The number of `start` calls without a `close`. */
  #users = 0;
  #closed = false;
  /** By the id. @type {Map<string, {person: Person, timer: ReturnType<typeof setTimeout>}>} */
  #typers = new Map();
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Connection} connection
   * @param {string} name
   * @param {Person} me this person; empty strings for guests
   */
  constructor(connection, name, me) {
    super();
    this.#connection = connection;
    this.#name = name;
    this.#me = me;
  }

  /** @returns {boolean} whether the room was closed; ask the hub for a new one */
  get closed() {
    return this.#closed;
  }

  /**
   * Enters the room: loads the newest messages and subscribes to its channel. Each further call counts one more user.
   * Call `close` once for each call of this method.
   */
  start() {
    if (this.#closed) return;
    this.#users += 1;
    if (this.#users > 1) return;
    this.#stops.push(this.#connection.on("state", () => this.#onState()));
    this.#enter();
  }

  /** Leaves the room when its last user calls this. Unsent messages are still sent while the page is open. */
  close() {
    this.#users -= 1;
    if (this.#users > 0 || this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const { timer } of this.#typers.values()) clearTimeout(timer);
    this.#stream?.close();
    if (this.#channel) this.#connection.unsubscribe(this.#channel);
    this.emit("closed");
  }

  /**
   * Adds older messages in front.
   *
   * @returns {Promise<void>}
   */
  async older() {
    const first = this.entries.find((entry) => entry.id);
    if (!this.more || this.#olderUnderWay || !first) return;
    this.#olderUnderWay = true;
    try {
      const page = await this.#call("messages", { room: this.#id, before: first.id, limit: PAGE });
      const known = new Set(this.entries.map((entry) => entry.key));
      const found = page.items.map(posted).filter((/** @type {Entry} */ entry) => !known.has(entry.key));
      this.entries = [...found, ...this.entries];
      this.more = page.more;
      this.emit("change");
    } catch {
      // The list stays as it is; the reader can try again.
    } finally {
      this.#olderUnderWay = false;
    }
  }

  /**
   * Sends a message. It appears in `outgoing` at once. It is sent again after a disconnect, and stored once.
   *
   * @param {string} text
   */
  send(text) {
    this.outgoing.push(draft(text, this.#me));
    this.emit("change");
    this.#sendAll();
  }

  /**
   * Sends a failed message again.
   *
   * @param {string} key
   */
  retry(key) {
    const entry = this.outgoing.find((other) => other.key === key);
    if (!entry) return;
    entry.kind = "sending";
    entry.error = "";
    entry.code = 0;
    this.emit("change");
    this.#sendAll();
  }

  /**
   * Removes a failed message.
   *
   * @param {string} key
   * @returns {string} its text
   */
  discard(key) {
    const entry = this.outgoing.find((other) => other.key === key);
    this.#unqueue(key);
    this.emit("change");
    return entry?.text ?? "";
  }

  /** Tells the others that this person is typing. Call it for each key; the signals are throttled. */
  typed() {
    const now = Date.now();
    if (!this.mayWrite || now - this.#lastTyped < TYPING_PAUSE || this.#connection.state !== "connected") return;
    this.#lastTyped = now;
    // A lost typing signal needs no retry.
    this.#connection.ask({ ask: "rpc", method: "chat.typing", data: { room: this.#id } }).catch(() => {});
  }

  async #enter() {
    this.state = "loading";
    this.emit("change");
    try {
      const room = await this.#call("room", { name: this.#name });
      this.#id = room.id;
      this.#channel = room.channel;
      this.mayWrite = room.may_write;
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#closed) return;
    const mine = (/** @type {{channel: string}} */ event) => event.channel === this.#channel;
    this.#stops.push(
      this.#connection.on("subscribed", (event) => mine(event) && this.#countPeople()),
      this.#connection.on("unsubscribed", (event) => mine(event) && this.#onUnsubscribed()),
    );
    this.#stream = new Stream(this.#connection, this.#channel, {
      publication: (data) => this.#receive(data),
      broken: () => this.#load(),
    });
    this.#connection.subscribe(this.#channel);
    this.state = "idle";
    await this.#load();
  }

  async #load() {
    this.#reloadAgain = this.state === "loading";
    if (this.#reloadAgain) return;
    this.state = "loading";
    try {
      let page;
      do {
        this.#reloadAgain = false;
        page = await this.#call("messages", { room: this.#id, limit: PAGE });
      } while (this.#reloadAgain);
      this.entries = page.items.map(posted);
      this.more = page.more;
      this.state = "ready";
      for (const item of page.items) if (item.key) this.#unqueue(item.key);
      this.#stream?.setPosition(page.position);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.emit("change");
  }

  /** @param {unknown} error */
  #fail(error) {
    if (!(error instanceof CallFailed)) throw error;
    this.state = error.code >= 100 && !error.temporary ? "missing" : "failed";
    this.error = error;
    this.emit("change");
  }

  #onState() {
    if (this.#connection.state === "connected" && this.state === "failed")
      this.#channel ? this.#load() : this.#enter();
    this.emit("change");
  }

  /** The server has ended the subscription: the room is deleted, or private now. */
  #onUnsubscribed() {
    this.state = "missing";
    this.error = null;
    this.mayWrite = false;
    this.emit("change");
  }

  // --- receiving -----------------------------------------------------------------------------------------------------

  /** @param {any} event */
  #receive(event) {
    switch (event?.type) {
      case POSTED:
        this.#arrive(posted(event), String(event.key ?? ""));
        break;
      case REMOVED:
        this.#remove(new Set(event.ids));
        break;
      case JOINED:
      case LEFT:
        this.#onJoinOrLeave(event);
        break;
      case TYPING:
        this.#onTyping(person(event));
        break;
    }
  }

  /**
   * @param {Entry} entry
   * @param {string} [key] the author's idempotency key
   */
  #arrive(entry, key = "") {
    if (this.#isMe(entry.userId)) this.#unqueue(key);
    this.#stopTyping(entry.userId);
    if (this.entries.some((other) => other.key === entry.key)) return;
    // Notices have no id: a message goes after the last message with a smaller id and the notices that follow it.
    let place = this.entries.length;
    while (place && this.entries.slice(0, place).some((other) => other.id > entry.id)) place -= 1;
    this.entries.splice(place, 0, entry);
    this.emit("arrived", entry);
    this.emit("change");
  }

  /** Messages that are gone for good. @param {Set<number>} ids */
  #remove(ids) {
    this.entries = this.entries.filter((entry) => !ids.has(entry.id));
    this.emit("change");
  }

  /** @param {{type: string, username: string, user_id: string, at: string}} event */
  #onJoinOrLeave({ type, at, ...event }) {
    const { id, name } = person(event);
    const others = this.people.filter((other) => other.id !== id);
    const known = others.length < this.people.length;
    if (type === JOINED) others.push({ id, name });
    this.people = others.sort((one, other) => one.name.localeCompare(other.name));
    if (known !== (type === JOINED)) this.count = Math.max(this.people.length, this.count + (known ? -1 : 1));
    this.#stopTyping(id);
    // This person's own join is not shown.
    if (this.state === "ready" && !this.#isMe(id)) {
      const kind = type === JOINED ? "joined" : "left";
      const entry = /** @type {Entry} */ ({
        key: `notice-${++this.#notices}`,
        kind,
        id: 0,
        username: name,
        userId: id,
        text: "",
        at,
        error: "",
        code: 0,
      });
      this.entries.push(entry);
      this.emit("arrived", entry);
    }
    this.emit("change");
  }

  /** @param {Person} person */
  #onTyping(person) {
    if (!person.name || this.#isMe(person.id)) return;
    clearTimeout(this.#typers.get(person.id)?.timer);
    const timer = setTimeout(() => this.#stopTyping(person.id), TYPING_HOLDS);
    this.#typers.set(person.id, { person, timer });
    this.#showTyping();
  }

  /** @param {string} id */
  #stopTyping(id) {
    clearTimeout(this.#typers.get(id)?.timer);
    if (this.#typers.delete(id)) this.#showTyping();
  }

  /** @param {string} id */
  #isMe(id) {
    return id !== "" && id === this.#me.id;
  }

  #showTyping() {
    this.typing = [...this.#typers.values()].map(({ person }) => person);
    this.emit("change");
  }

  async #countPeople() {
    try {
      const { people, count } = await this.#call("people", { room: this.#id });
      this.people = people.map(person);
      this.count = count;
      this.emit("change");
    } catch {
      // The names stay as they were.
    }
  }

  /** Drops the oldest entries, so that a room that stays open for weeks does not grow. Call it while its end is shown. */
  trim() {
    if (this.entries.length <= LONGEST) return;
    this.entries = this.entries.slice(-LONGEST);
    this.more = true;
  }

  // --- sending -------------------------------------------------------------------------------------------------------

  #sendAll() {
    this.#sending ??= this.#sendEach().finally(() => {
      this.#sending = null;
    });
  }

  /** Sends messages one by one, so that the room has them in the order in which they were written. */
  async #sendEach() {
    for (;;) {
      const entry = this.outgoing.find((other) => other.kind === "sending");
      if (!entry) return;
      try {
        const { id, at } = await this.#call("post", { room: this.#id, text: entry.text, key: entry.key });
        this.#lastTyped = 0;
        this.#arrive({ ...entry, key: keyOf(id), kind: "posted", id, at }, entry.key);
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        entry.kind = "failed";
        entry.error = error.code >= 400 ? error.message : "";
        entry.code = error.code;
        this.emit("change");
      }
    }
  }

  /** @param {string} key */
  #unqueue(key) {
    const place = this.outgoing.findIndex((entry) => entry.key === key);
    if (place >= 0) this.outgoing.splice(place, 1);
  }

  /**
   * @param {string} method
   * @param {object} data
   */
  #call(method, data) {
    return askUntilAnswered(
      this.#connection,
      { ask: "rpc", method: `chat.${method}`, data },
      () => !this.#closed || method === "post",
    );
  }
}

/** @param {number} id */
function keyOf(id) {
  return `message-${id}`;
}

/**
 * @param {{username: string, user_id?: string}} event
 * @returns {Person}
 */
function person({ username, user_id: id = "" }) {
  return { id, name: username };
}

/**
 * @param {{id: number, username: string, user_id?: string, text: string, at: string}} event
 * @returns {Entry}
 */
function posted({ id, username, user_id: userId = "", text, at }) {
  return { key: keyOf(id), kind: "posted", id, username, userId, text, at, error: "", code: 0 };
}

/**
 * @param {string} text
 * @param {Person} author whose token may say no name
 * @returns {Entry}
 */
function draft(text, { id, name }) {
  const at = new Date().toISOString();
  return {
    key: newKey(),
    kind: "sending",
    id: 0,
    username: name || `#${id}`,
    userId: id,
    text,
    at,
    error: "",
    code: 0,
  };
}
