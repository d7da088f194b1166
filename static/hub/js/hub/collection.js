/** A list that was loaded over HTTP, and that the publications of a channel keep up to date. */

import { CallFailed, pause } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Stream } from "./stream.js";

/** @import { Connection, Position } from "./connection.js" */

/**
 * What the address answers. The server reads the position of the channel **before** it reads the items: then the channel
 * brings everything that the items do not have yet.
 *
 * @template Item
 * @typedef {object} Page
 * @property {Item[]} items
 * @property {Position | null} [position] without it the list is loaded again after each reconnect
 */

/**
 * @template Item
 * @typedef {object} CollectionOptions
 * @property {string} channel
 * @property {Page<Item>} [initial] what the server has rendered into the page; with a position, the address is asked only
 * if the hub no longer has what followed it
 * @property {string} [key] the property that names an item, by default `id`
 * @property {(items: Item[], data: any) => Item[]} [apply] returns the list after a publication. By default an `item` of
 * the publication takes the place of that of the same key, or is added at the end, unless it was updated only and the
 * list, which may be a part of all rows, does not have it; `removed` is the key of one to remove.
 * A publication may be older than the list, so that the list has its effect already: applying it again must not harm
 * @property {(a: Item, b: Item) => number} [order] keeps the list sorted
 * @property {RequestInit} [request] options of `fetch`
 */

/** HTTP statuses after which the same request may succeed later; so it may after any from 500 on. */
const TEMPORARY = new Set([408, 425, 429]);

/**
 * Emits `change` when a public property has changed.
 *
 * @template Item
 */
export class Collection extends Emitter {
  /** @type {Item[]} */
  items = [];
  /** @type {"idle" | "loading" | "ready" | "failed"} */
  state = "idle";
  /** Why the state is `failed`; its `code` is the HTTP status, or the server's code. @type {CallFailed | null} */
  error = null;

  #connection;
  #address;
  /** @type {Required<Omit<CollectionOptions<Item>, "order" | "initial">> & CollectionOptions<Item>} */
  #options;
  /** @type {Page<Item> | null} */
  #initial;
  /** @type {Stream | null} */
  #stream = null;
  #hasPositions = true;
  #isRefused = false;
  #isLoading = false;
  #loadAgain = false;
  #isScheduled = false;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Connection} connection
   * @param {string | (() => Promise<Page<Item>>)} address or what loads the list, and tries until that succeeds
   * @param {CollectionOptions<Item>} options
   */
  constructor(connection, address, options) {
    super();
    this.#connection = connection;
    this.#address = address;
    const key = options.key ?? "id";
    this.#initial = options.initial?.position ? options.initial : null;
    this.#options = { key, request: {}, apply: (items, data) => put(items, data, key), ...options };
  }

  /** Loads the list and keeps it up to date. Does nothing if it is started already. */
  start() {
    if (this.#stream) return;
    const { channel } = this.#options;
    const mine = (/** @type {{channel: string}} */ event) => event.channel === channel;
    this.#stream = new Stream(this.#connection, channel, {
      publication: (data) => this.#apply(data),
      broken: () => this.#load(),
    });
    this.#stops = [
      this.#connection.on("subscribed", (event) => mine(event) && this.#onSubscribed(event.position)),
      this.#connection.on("unsubscribed", (event) => mine(event) && this.#onUnsubscribed(event.code)),
    ];
    this.#connection.subscribe(channel);
    if (this.#initial) this.#take(this.#initial);
    else this.#load();
    this.#initial = null;
  }

  /** Ends it; the items stay as they are. */
  close() {
    if (!this.#stream) return;
    this.#stream.close();
    this.#stream = null;
    for (const stop of this.#stops) stop();
    this.#connection.unsubscribe(this.#options.channel);
  }

  /**
   * Adds items that were loaded by themselves, such as older ones; those that the list has already stay as they are.
   *
   * @param {Item[]} items
   */
  add(items) {
    const { key } = this.#options;
    const known = new Set(this.items.map((/** @type {any} */ item) => item[key]));
    this.items = [...this.items, ...items.filter((/** @type {any} */ item) => !known.has(item[key]))];
    this.#sort();
    this.#changed();
  }

  /** Loads the list again. */
  reload() {
    this.#load();
  }

  /** @param {Position | null} position */
  #onSubscribed(position) {
    this.#hasPositions = position !== null;
    this.#isRefused = false;
    // Nobody can say what such a channel has published since the list was loaded.
    if (!position || this.state === "failed") this.#load();
  }

  /** @param {number} code */
  #onUnsubscribed(code) {
    this.#isRefused = true;
    this.#fail(new CallFailed(code, "The channel may not be subscribed to.", false));
  }

  async #load() {
    this.#loadAgain = this.#isLoading;
    if (this.#isLoading) return;
    this.#isLoading = true;
    if (!this.#isRefused) this.state = "loading";
    this.#changed();
    try {
      do {
        this.#loadAgain = false;
        const page = await this.#fetch();
        if (!page) return;
        if (!this.#loadAgain) this.#take(page);
      } while (this.#loadAgain);
    } catch (error) {
      this.#fail(/** @type {CallFailed} */ (error));
    } finally {
      this.#isLoading = false;
    }
  }

  /** @param {Page<Item>} page */
  #take({ items, position = null }) {
    this.items = items;
    if (!this.#isRefused) {
      this.state = "ready";
      this.error = null;
    }
    this.#sort();
    this.#changed();
    if (position && this.#hasPositions) this.#stream?.setPosition(position);
  }

  /** @returns {Promise<Page<Item> | null>} null if it was closed meanwhile */
  async #fetch() {
    if (typeof this.#address === "function") {
      const page = await this.#address();
      return this.#stream && page;
    }
    for (let attempt = 0; this.#stream; attempt++) {
      try {
        const answer = await fetch(this.#address, { cache: "no-store", ...this.#options.request });
        const { ok, status } = answer;
        const page = ok ? await answer.json() : null;
        if (Array.isArray(page?.items)) return this.#stream && page;
        if (ok) throw new CallFailed(status, `${this.#address} answers no list`, false);
        if (status < 500 && !TEMPORARY.has(status)) {
          throw new CallFailed(status, `${this.#address} answers ${status}`, false);
        }
      } catch (error) {
        // No JSON: a page of HTML, perhaps one to log in.
        if (error instanceof SyntaxError) throw new CallFailed(200, `${this.#address} answers no JSON`, false);
        if (error instanceof CallFailed) throw error;
        // The network failed; it may be back by the next attempt.
      }
      await pause(attempt);
    }
    return null;
  }

  /** @param {any} data */
  #apply(data) {
    this.items = this.#options.apply(this.items, data);
    this.#sort();
    this.#changed();
  }

  #sort() {
    const { order } = this.#options;
    if (order) this.items = [...this.items].sort(order);
  }

  /** @param {CallFailed} error */
  #fail(error) {
    this.state = "failed";
    this.error = error;
    this.#changed();
  }

  /** Emits `change` once for all that happens in one turn. */
  #changed() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.emit("change");
    });
  }
}

/**
 * @template Item
 * @param {Item[]} items
 * @param {any} data
 * @param {string} key
 * @returns {Item[]}
 */
function put(items, data, key) {
  const keyOf = (/** @type {any} */ item) => item?.[key];
  if (data?.removed !== undefined) return items.filter((item) => keyOf(item) !== data.removed);
  if (data?.item === undefined) return items;
  const place = items.findIndex((item) => keyOf(item) === keyOf(data.item));
  if (place >= 0) return items.with(place, data.item);
  return data.type === "live_rows.row_updated" ? items : [...items, data.item];
}
