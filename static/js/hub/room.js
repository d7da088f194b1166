/** A chat room: its messages, those that are on their way, who is there and who is typing. */

import { Emitter } from "./emitter.js";
import { newKey } from "./keys.js";
import { CallFailed, persist } from "./line.js";
import { Stream } from "./stream.js";

/** @import { Line } from "./line.js" */

/**
 * One entry of a conversation. `posted` is a message that the server has, `sending` and `failed` are one's own that
 * it does not have yet, or refused; `joined` and `left` are notices, which are live only.
 *
 * @typedef {object} Entry
 * @property {string} key unique in the room
 * @property {"posted" | "sending" | "failed" | "joined" | "left"} kind
 * @property {number} id 0 unless posted
 * @property {string} username
 * @property {string} text empty for notices
 * @property {string} at ISO 8601
 * @property {string} error why it failed, for people; empty where the server has no sentence for them
 * @property {number} code why it failed: the server's error code, below 100 where no answer came; 0 while it has not
 */

const POSTED = "chat.message_posted";
const JOINED = "chat.person_joined";
const LEFT = "chat.person_left";
const TYPING = "chat.person_typing";

const PAGE = 50;
/** Entries that stay while somebody reads on; older ones are loaded again by `older`. */
const LONGEST = 500;
/** Milliseconds between two words that somebody here is typing, and how long one holds. */
const TYPING_PAUSE = 2_000;
const TYPING_HOLDS = 5_000;

/**
 * Emits `change` when anything below has changed, `arrived` with each entry that comes live, and `closed` when the last
 * who showed it has closed it.
 */
export class Room extends Emitter {
  /** Oldest first; `outgoing` follow them. @type {Entry[]} */
  entries = [];
  /** @type {Entry[]} */
  outgoing = [];
  more = false;
  /** `missing`: there is no such room, or not for this person. @type {"idle" | "loading" | "ready" | "failed" | "missing"} */
  state = "idle";
  /** Why it is `failed` or `missing`; `null` also where the server has ended it after it was there. @type {CallFailed | null} */
  error = null;
  mayWrite = false;
  /** Names of those who are here, as far as known. @type {string[]} */
  people = [];
  /** More than `people` where there are very many. */
  count = 0;
  /** Names of the others who are writing. @type {string[]} */
  typing = [];

  #line;
  #name;
  #me;
  #id = 0;
  #channel = "";
  /** @type {Stream | null} */
  #stream = null;
  /** @type {Promise<void> | null} */
  #sending = null;
  #olderUnderWay = false;
  #again = false;
  #lastTyped = 0;
  #notices = 0;
  /** How many have started this room and not closed it. */
  #users = 0;
  #closed = false;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #typers = new Map();
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Line} line
   * @param {string} name as people call it
   * @param {string} me the name of the person here; empty for guests
   */
  constructor(line, name, me) {
    super();
    this.#line = line;
    this.#name = name;
    this.#me = me;
  }

  /** @returns {boolean} whether it was left; a new room goes on where this one ended */
  get closed() {
    return this.#closed;
  }

  /**
   * Enters: loads the newest messages and follows what comes; when that is so already, for one more who shows it. To be
   * closed as often as it was started.
   */
  start() {
    if (this.#closed) return;
    this.#users += 1;
    if (this.#users > 1) return;
    this.#stops.push(this.#line.on("state", () => this.#comeBack()));
    this.#enter();
  }

  /** Leaves, with the last who shows it. What is still on its way is sent nevertheless, while the page is there. */
  close() {
    this.#users -= 1;
    if (this.#users > 0 || this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#typers.values()) clearTimeout(timer);
    this.#stream?.close();
    if (this.#channel) this.#line.unfollow(this.#channel);
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
      // What is there stays; the reader may ask again.
    } finally {
      this.#olderUnderWay = false;
    }
  }

  /**
   * Sends a message. It shows at once, in `outgoing`; after a cut it is sent again, and the server keeps one of it.
   *
   * @param {string} text
   */
  send(text) {
    this.outgoing.push(draft(text, this.#me));
    this.emit("change");
    this.#sendAll();
  }

  /**
   * Tries a message again that failed.
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
   * Gives up a message that failed.
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

  /** Says that the person here is typing; as often as there are keys. */
  typed() {
    const now = Date.now();
    if (!this.mayWrite || now - this.#lastTyped < TYPING_PAUSE || this.#line.state !== "connected") return;
    this.#lastTyped = now;
    // Nobody misses it.
    this.#line.ask({ ask: "rpc", method: "chat.typing", data: { room: this.#id } }).catch(() => {});
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
      this.#line.on("begun", (event) => mine(event) && this.#countPeople()),
      this.#line.on("ended", (event) => mine(event) && this.#expelled()),
    );
    this.#stream = new Stream(this.#line, this.#channel, {
      publication: (data) => this.#receive(data),
      broken: () => this.#load(),
    });
    this.#line.follow(this.#channel);
    this.state = "idle";
    await this.#load();
  }

  async #load() {
    this.#again = this.state === "loading";
    if (this.#again) return;
    this.state = "loading";
    try {
      let page;
      do {
        this.#again = false;
        page = await this.#call("messages", { room: this.#id, limit: PAGE });
      } while (this.#again);
      this.entries = page.items.map(posted);
      this.more = page.more;
      this.state = "ready";
      for (const item of page.items) if (item.key) this.#unqueue(item.key);
      this.#stream?.since(page.position);
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

  #comeBack() {
    if (this.#line.state === "connected" && this.state === "failed") this.#channel ? this.#load() : this.#enter();
    this.emit("change");
  }

  /** The room is gone, or private now. */
  #expelled() {
    this.state = "missing";
    this.error = null;
    this.mayWrite = false;
    this.emit("change");
  }

  // --- what comes ----------------------------------------------------------------------------------------------------

  /** @param {any} event */
  #receive(event) {
    switch (event?.type) {
      case POSTED:
        this.#arrive(posted(event), String(event.key ?? ""));
        break;
      case JOINED:
      case LEFT:
        this.#passBy(event);
        break;
      case TYPING:
        this.#types(String(event.username ?? ""));
        break;
    }
  }

  /**
   * @param {Entry} entry
   * @param {string} [key] by which its author knows it
   */
  #arrive(entry, key = "") {
    if (entry.username === this.#me) this.#unqueue(key);
    this.#stopTyping(entry.username);
    if (this.entries.some((other) => other.key === entry.key)) return;
    // Notices have no place among ids: a message goes behind the last one with a smaller id and the notices there.
    let place = this.entries.length;
    while (place && this.entries.slice(0, place).some((other) => other.id > entry.id)) place -= 1;
    this.entries.splice(place, 0, entry);
    this.emit("arrived", entry);
    this.emit("change");
  }

  /** @param {{type: string, username: string, at: string}} event */
  #passBy({ type, username, at }) {
    const here = new Set(this.people);
    const known = here.has(username);
    if (type === JOINED) here.add(username);
    else here.delete(username);
    this.people = [...here].sort((one, other) => one.localeCompare(other));
    if (known !== (type === JOINED)) this.count = Math.max(this.people.length, this.count + (known ? -1 : 1));
    this.#stopTyping(username);
    // That oneself came is no news.
    if (this.state === "ready" && username !== this.#me) {
      const kind = type === JOINED ? "joined" : "left";
      const entry = /** @type {Entry} */ ({
        key: `notice-${++this.#notices}`,
        kind,
        id: 0,
        username,
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

  /** @param {string} username */
  #types(username) {
    if (!username || username === this.#me) return;
    clearTimeout(this.#typers.get(username));
    this.#typers.set(
      username,
      setTimeout(() => this.#stopTyping(username), TYPING_HOLDS),
    );
    this.#showTyping();
  }

  /** @param {string} username */
  #stopTyping(username) {
    clearTimeout(this.#typers.get(username));
    if (this.#typers.delete(username)) this.#showTyping();
  }

  #showTyping() {
    this.typing = [...this.#typers.keys()];
    this.emit("change");
  }

  async #countPeople() {
    try {
      const { people, count } = await this.#call("people", { room: this.#id });
      this.people = people.map((/** @type {{username: string}} */ { username }) => username);
      this.count = count;
      this.emit("change");
    } catch {
      // Shown as it was.
    }
  }

  /** Keeps a room that stays open for weeks from growing for weeks; called by who shows the end of it. */
  trim() {
    if (this.entries.length <= LONGEST) return;
    this.entries = this.entries.slice(-LONGEST);
    this.more = true;
  }

  // --- what goes -----------------------------------------------------------------------------------------------------

  #sendAll() {
    this.#sending ??= this.#sendEach().finally(() => {
      this.#sending = null;
    });
  }

  /** One after the other, so that they stand in the room in the order in which they were written. */
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
    return persist(
      this.#line,
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
 * @param {{id: number, username: string, text: string, at: string}} event
 * @returns {Entry}
 */
function posted({ id, username, text, at }) {
  return { key: keyOf(id), kind: "posted", id, username, text, at, error: "", code: 0 };
}

/**
 * @param {string} text
 * @param {string} username
 * @returns {Entry}
 */
function draft(text, username) {
  return { key: newKey(), kind: "sending", id: 0, username, text, at: new Date().toISOString(), error: "", code: 0 };
}
