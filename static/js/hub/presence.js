/** Who is in a channel: a number that the server counts, or the clients themselves. */

import { Emitter } from "./emitter.js";
import { persist } from "./line.js";

/** @import { ClientInfo, Line } from "./line.js" */

/** Emits `change`. */
export class Presence extends Emitter {
  /** People, as the server counts them; `null` while that is unknown. @type {number | null} */
  count = null;
  /**
   * The clients by their ids, in channels that tell of them. A person who comes or goes is told of once, whatever the
   * number of their tabs: of each person there is at least one client here.
   *
   * @type {Map<string, ClientInfo>}
   */
  clients = new Map();

  #line;
  #channel;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {Line} line
   * @param {string} channel
   */
  constructor(line, channel) {
    super();
    this.#line = line;
    this.#channel = channel;
  }

  /** Follows the channel; does nothing when that is so already. */
  start() {
    if (this.#stops.length) return;
    const mine = (/** @type {{channel: string}} */ event) => event.channel === this.#channel;
    this.#stops = [
      this.#line.on("begun", (event) => mine(event) && this.#begun(event.latest)),
      this.#line.on("publication", (event) => mine(event) && this.#take(event.data)),
      this.#line.on("join", (event) => mine(event) && this.#come(event.client, true)),
      this.#line.on("leave", (event) => mine(event) && this.#come(event.client, false)),
    ];
    this.#line.follow(this.#channel);
  }

  close() {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#line.unfollow(this.#channel);
  }

  /** @returns {number} how many people `clients` are: a person with several connections is one, each guest is one */
  get people() {
    return new Set([...this.clients.values()].map((client) => client.user || `guest ${client.client}`)).size;
  }

  /**
   * Asks who is there, where the channel lets this person see it; from then on `clients` follows.
   *
   * @returns {Promise<Map<string, ClientInfo>>}
   */
  async ask() {
    const clients = await persist(this.#line, { ask: "presence", channel: this.#channel });
    this.clients = new Map(Object.entries(clients));
    this.emit("change");
    return this.clients;
  }

  /** @param {any} latest */
  #begun(latest) {
    this.#take(latest);
    // Some may have gone meanwhile.
    if (this.clients.size) this.ask().catch(() => {});
  }

  /** @param {any} data */
  #take(data) {
    if (!Number.isInteger(data?.count) || data.count === this.count) return;
    this.count = data.count;
    this.emit("change");
  }

  /**
   * @param {ClientInfo} client
   * @param {boolean} isThere
   */
  #come(client, isThere) {
    if (isThere) {
      this.clients.set(client.client, client);
    } else {
      // Who leaves has left with all their tabs; a guest is one connection.
      for (const [id, { user }] of this.clients) {
        if (client.user ? user === client.user : id === client.client) this.clients.delete(id);
      }
    }
    this.emit("change");
  }
}
