/** The presence of a channel: the number of people that the server counts, or the clients themselves. */

import { askUntilAnswered } from "./connection.js";
import { Emitter } from "./emitter.js";

/** @import { ClientInfo, Connection } from "./connection.js" */

/** Emits `change`. */
export class Presence extends Emitter {
  /** The number of people, counted by the server; `null` while it is unknown. @type {number | null} */
  count = null;
  /**
   * The clients by id, in channels that publish joins and leaves. The server publishes one join and one leave for each
   * person, however many tabs they have: this map has at least one client of each person.
   *
   * @type {Map<string, ClientInfo>}
   */
  clients = new Map();

  #connection;
  #channel;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Connection} connection
   * @param {string} channel
   */
  constructor(connection, channel) {
    super();
    this.#connection = connection;
    this.#channel = channel;
  }

  /** Subscribes to the channel. Does nothing if it is started already. */
  start() {
    if (this.#stops.length) return;
    const mine = (/** @type {{channel: string}} */ event) => event.channel === this.#channel;
    this.#stops = [
      this.#connection.on("subscribed", (event) => mine(event) && this.#onSubscribed(event.latest)),
      this.#connection.on("publication", (event) => mine(event) && this.#setCount(event.data)),
      this.#connection.on("join", (event) => mine(event) && this.#onJoinOrLeave(event.client, true)),
      this.#connection.on("leave", (event) => mine(event) && this.#onJoinOrLeave(event.client, false)),
    ];
    this.#connection.subscribe(this.#channel);
  }

  close() {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#connection.unsubscribe(this.#channel);
  }

  /** @returns {number} the number of people in `clients`: each person counts once, and so does each guest */
  get people() {
    return new Set([...this.clients.values()].map((client) => client.user || `guest ${client.client}`)).size;
  }

  /**
   * Loads `clients`, which then follows joins and leaves.
   *
   * @returns {Promise<Map<string, ClientInfo>>} rejects if the person may not see the presence of the channel
   */
  async ask() {
    const clients = await askUntilAnswered(this.#connection, { ask: "presence", channel: this.#channel });
    this.clients = new Map(Object.entries(clients));
    this.emit("change");
    return this.clients;
  }

  /** @param {any} latest */
  #onSubscribed(latest) {
    this.#setCount(latest);
    // Clients may have left during the disconnect.
    if (this.clients.size) this.ask().catch(() => {});
  }

  /** @param {any} data */
  #setCount(data) {
    if (!Number.isInteger(data?.count) || data.count === this.count) return;
    this.count = data.count;
    this.emit("change");
  }

  /**
   * @param {ClientInfo} client
   * @param {boolean} isThere
   */
  #onJoinOrLeave(client, isThere) {
    if (isThere) {
      this.clients.set(client.client, client);
    } else {
      // A leave of a person covers all their tabs; a guest is one connection.
      for (const [id, { user }] of this.clients) {
        if (client.user ? user === client.user : id === client.client) this.clients.delete(id);
      }
    }
    this.emit("change");
  }
}
