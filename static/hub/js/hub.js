/**
 * Connects a page to the hub: one connection for alerts, chat and presence, shared by all tabs of the browser.
 *
 *     const hub = connect();
 *     hub.on("notifications.notification_created", (alert) => console.log(alert.message));
 *     hub.inbox.start();
 *     hub.inbox.on("change", () => console.log(hub.inbox.unread));
 */

import { inPageLanguage } from "./hub/alerts.js";
import { Centrifuge } from "./hub/centrifuge.js";
import { Channel } from "./hub/channel.js";
import { Choices, PREFERENCES } from "./hub/choices.js";
import { Collection } from "./hub/collection.js";
import { config } from "./hub/config.js";
import { askUntilAnswered, CallFailed, NoToken } from "./hub/connection.js";
import { Emitter } from "./hub/emitter.js";
import { Inbox } from "./hub/inbox.js";
import { JobList } from "./hub/jobs.js";
import { Preferences } from "./hub/preferences.js";
import { Presence } from "./hub/presence.js";
import { Room } from "./hub/room.js";
import { canShare, SharedConnection } from "./hub/shared-connection.js";
import { Stream } from "./hub/stream.js";
import { TabConnection } from "./hub/tab-connection.js";

/** @import { Connection, Position, State, TokenSource } from "./hub/connection.js" */
/** @import { CollectionOptions } from "./hub/collection.js" */
/** @import { Listener } from "./hub/emitter.js" */
/** @import { Answer, DescribedTopic, Methods as AllMethods, Params, Publications as AllPublications } from "./hub/protocol.js" */

/** @typedef {DescribedTopic} Topic */
/** @typedef {AllMethods} Methods */
/** @typedef {AllPublications} Publications */

export { CallFailed, NoToken };

/**
 * @typedef {object} Options
 * @property {string | {transport: string, endpoint: string}[]} [endpoint] of the client connection; by default the
 * page's `hub_scripts` sets it, else it is on this host
 * @property {{id: string, name: string}} [user] the logged-in person; by default the one that `hub_scripts` names. The
 * server closes a connection of another person, unless `endpoint` is given without `user`
 * @property {TokenSource} [getToken] returns a signed token, for pages whose people are not logged in at the hub
 * @property {boolean} [share] whether tabs that name the same `user` share one connection if the browser can; by default
 * true. Without a `user` a tab has a connection of its own
 */

const GUEST = { id: "", name: "" };

/** @type {Map<string, Hub>} */
const hubs = new Map();

/**
 * Connects to the hub. Returns the same object for the same options.
 *
 * @param {Options} [options]
 * @returns {Hub}
 */
export function connect(options = {}) {
  const { endpoint = config().endpoint, user = config().user ?? GUEST, share = true } = options;
  const getToken = options.getToken ?? config().getToken;
  const addresses = absolute(endpoint);
  // A token in the endpoint's address may belong to another person than the page.
  const known = options.user ?? (options.endpoint === undefined ? config().user : null);
  const expected = known?.id;
  const scope = JSON.stringify([addresses, expected, user.id, share]);
  let hub = hubs.get(scope);
  if (!hub) {
    const makeTabConnection = () =>
      new TabConnection(Centrifuge, addresses, address(config().emulation, false), expected, getToken);
    // A tab that does not know whose it is must not take what another one gets: that may be somebody else's by now.
    const isShared = share && known !== null;
    hub = new Hub((isShared && sharedConnection(scope, makeTabConnection)) || makeTabConnection(), user);
    hubs.set(scope, hub);
  }
  return hub;
}

/**
 * @param {string} scope
 * @param {() => TabConnection} makeTabConnection
 * @returns {SharedConnection | null} null if the browser cannot share
 */
function sharedConnection(scope, makeTabConnection) {
  try {
    return canShare() ? new SharedConnection(scope, makeTabConnection) : null;
  } catch {
    return null; // the browser has the APIs but forbids their use
  }
}

/** The page's access to the hub. Emits `state` when the state changes, and each publication by its type: see `on`. */
export class Hub {
  #connection;
  #events = new Emitter();
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Map<string, Presence>} */
  #presences = new Map();

  /**
   * @param {Connection} connection
   * @param {{id: string, name: string}} user
   */
  constructor(connection, user) {
    this.#connection = connection;
    /** The logged-in person; empty strings for a guest. */
    this.user = user;
    /** What the person has chosen of their alerts; `ready()` loads it. */
    this.choices = new Choices(connection, user.id !== "");
    this.#events.on(PREFERENCES, (event) => this.choices.set(event));
    this.#events.on("reload", () => this.choices.reload());
    /** The person's alerts; `start()` loads them. */
    this.inbox = new Inbox(connection, user.id !== "", this.choices);
    /** What the person has chosen, with the sentences of the server; `start()` loads it. */
    this.preferences = new Preferences(connection, this.choices);
    connection.on("state", () => this.#events.emit("state", connection.state));
    connection.on("subscribed", (event) => this.#onSubscribed(event.channel, event.position));
    connection.on("unsubscribed", (event) => this.#onUnsubscribed(event.channel));
    globalThis.addEventListener?.("pagehide", () => connection.suspend());
    globalThis.addEventListener?.("pageshow", (event) => event.persisted && connection.resume());
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") connection.reconnectNow();
    });
  }

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** @returns {number} the server's close code if the state is `closed`; 109 while it refuses new tokens as ended; else 0 */
  get code() {
    return this.#connection.code;
  }

  /** @returns {boolean} whether this tab has the connection; other tabs may share it */
  get leads() {
    return this.#connection instanceof SharedConnection ? this.#connection.leads : true;
  }

  /**
   * Calls `handler` with the data of each publication of `type` in server-side subscriptions and in the channels of
   * `room` and `presence`, from now on: each once, in order, including those missed during a disconnect. If missed
   * publications are no longer available, `reload` is emitted with the channel.
   *
   * @param {string} type
   * @param {Listener} handler
   * @returns {() => void} removes the handler
   */
  on(type, handler) {
    return this.#events.on(type, handler);
  }

  /**
   * Subscribes to a channel and returns it: the same object for all callers, until each of them has closed it.
   *
   * @param {string} name
   * @returns {Channel}
   */
  channel(name) {
    const channel = this.#channels.get(name) ?? new Channel(this.#connection, name);
    if (!this.#channels.has(name)) {
      this.#channels.set(name, channel);
      channel.on("closed", () => {
        this.#channels.delete(name);
        // A later caller wants what comes from then on, not what this one has left.
        if (!this.#connection.isWanted(name)) this.#onUnsubscribed(name);
      });
    }
    channel.start();
    return channel;
  }

  /**
   * Loads a list over HTTP and keeps it up to date with what its channel publishes. Each call makes another one: close it
   * when nobody shows it any more.
   *
   * @template Item
   * @param {string | URL} address answers with `items` and `position`, which it reads before the items
   * @param {CollectionOptions<Item>} options
   * @returns {Collection<Item>}
   */
  collection(address, options) {
    const collection = new Collection(this.#connection, String(address), options);
    collection.start();
    return collection;
  }

  /**
   * Returns the newest background jobs that the person has started, and keeps them up to date; older ones with
   * `loadOlder()`. Close it when nobody shows it any more.
   *
   * @param {{all?: boolean}} [options] `all`: those of everybody, for staff with the permission
   * @returns {JobList}
   */
  jobs({ all = false } = {}) {
    const channel = all ? "all_jobs" : `jobs:${this.user.id}`;
    const list = new JobList(this.#connection, channel, (before) => this.call("jobs.list", { all, before }));
    list.start();
    return list;
  }

  /**
   * Returns the room of this name: the same object for all callers, until the last of them has closed it.
   *
   * @param {string} name
   * @returns {Room}
   */
  room(name) {
    const known = this.#rooms.get(name);
    if (known) return known;
    const room = new Room(this.#connection, name, this.user);
    this.#rooms.set(name, room);
    room.on("closed", () => this.#rooms.delete(name));
    return room;
  }

  /**
   * Returns the presence of a channel: the same object for all callers.
   *
   * @param {string} channel
   * @returns {Presence}
   */
  presence(channel) {
    const presence = this.#presences.get(channel) ?? new Presence(this.#connection, channel);
    this.#presences.set(channel, presence);
    presence.start();
    return presence;
  }

  /**
   * Returns the topics that the person may see. When the person follows or unfollows one, here or elsewhere, the hub
   * emits `notifications.topic_followed` or `notifications.topic_unfollowed` with its `name`. Deleting a topic emits
   * nothing.
   *
   * @returns {Promise<Topic[]>} rejects with {@link CallFailed}
   */
  async topics() {
    return (await this.call("topics.list")).items;
  }

  /**
   * Follows a topic: all tabs and other clients of the person receive its alerts. Earlier alerts of the topic appear in
   * the inbox, marked as read.
   *
   * @param {string} name
   * @returns {Promise<Topic>} rejects with {@link CallFailed}
   */
  follow(name) {
    return this.call("topics.follow", { name });
  }

  /**
   * Unfollows a topic. Its alerts leave the inbox.
   *
   * @param {string} name
   * @returns {Promise<Topic>} rejects with {@link CallFailed}
   */
  unfollow(name) {
    return this.call("topics.unfollow", { name });
  }

  /**
   * Calls a method of the server and retries across reconnects. The server may run it twice, so it must be idempotent.
   * The hub's own methods have the types of their parameters and answers.
   *
   * @template {string} M
   * @param {M} method
   * @param {Params<M>} [data]
   * @returns {Promise<Answer<M>>} rejects with {@link CallFailed}
   */
  call(method, data) {
    return askUntilAnswered(this.#connection, { ask: "rpc", method, data: data ?? {} });
  }

  /**
   * @param {string} channel
   * @param {Position | null} position
   */
  #onSubscribed(channel, position) {
    if (this.#streams.has(channel)) return;
    const stream = new Stream(this.#connection, channel, {
      publication: (data) => {
        if (typeof data?.type === "string") this.#events.emit(data.type, inPageLanguage(data), channel);
        this.#channels.get(channel)?.deliver(data);
      },
      broken: () => {
        this.#onUnsubscribed(channel);
        this.#events.emit("reload", channel);
        this.#channels.get(channel)?.emit("reload");
        this.#connection.replayAll();
      },
    });
    this.#streams.set(channel, stream);
    if (position) stream.setPosition(position);
  }

  /** @param {string} channel */
  #onUnsubscribed(channel) {
    this.#streams.get(channel)?.close();
    this.#streams.delete(channel);
  }
}

/**
 * @param {string | {transport: string, endpoint: string}[]} endpoint
 * @returns {string | {transport: string, endpoint: string}[]} with scheme and host
 */
function absolute(endpoint) {
  if (typeof endpoint !== "string") {
    return endpoint.map((one) => ({ ...one, endpoint: address(one.endpoint, one.transport === "websocket") }));
  }
  return address(endpoint, true);
}

/**
 * @param {string} path
 * @param {boolean} isSocket
 */
function address(path, isSocket) {
  const url = new URL(path, location.href);
  if (isSocket) url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
