/**
 * The hub in a page: one connection for alerts, chat and presence, which all tabs of the browser share.
 *
 *     const hub = connect();
 *     hub.on("notifications.notification_created", (alert) => console.log(alert.message));
 *     hub.inbox.start();
 *     hub.inbox.on("change", () => console.log(hub.inbox.unread));
 */

import { Centrifuge } from "./hub/centrifuge.js";
import { config } from "./hub/config.js";
import { Emitter } from "./hub/emitter.js";
import { Inbox } from "./hub/inbox.js";
import { CallFailed, persist } from "./hub/line.js";
import { OwnLine } from "./hub/own-line.js";
import { Presence } from "./hub/presence.js";
import { Room } from "./hub/room.js";
import { canShare, SharedLine } from "./hub/shared-line.js";
import { Stream } from "./hub/stream.js";

/** @import { Line, Position, State } from "./hub/line.js" */
/** @import { Listener } from "./hub/emitter.js" */

export { CallFailed };

/**
 * @typedef {object} Options
 * @property {string | {transport: string, endpoint: string}[]} [endpoint] of the hub socket; by default what the page
 * says, or this host's
 * @property {{id: string, name: string}} [user] who is logged in; by default who the page says. The server closes a
 * connection that turns out to be somebody else's, unless `endpoint` is given without `user`
 * @property {boolean} [share] whether tabs share one connection where the browser can; by default they do
 */

/**
 * @typedef {object} Topic
 * @property {string} name
 * @property {string} title
 * @property {string} description may be empty
 * @property {boolean} open whether the person may follow and leave it; else an administrator put them on it
 * @property {boolean} followed
 */

const GUEST = { id: "", name: "" };

/** @type {Map<string, Hub>} */
const hubs = new Map();

/**
 * Connects, or returns the hub that this page is connected to already.
 *
 * @param {Options} [options]
 * @returns {Hub}
 */
export function connect(options = {}) {
  const { endpoint = config().endpoint, user = config().user ?? GUEST, share = true } = options;
  const addresses = absolute(endpoint);
  // A token in an address may be of somebody else than the page.
  const known = options.user ?? (options.endpoint === undefined ? config().user : null);
  const expected = known?.id;
  const scope = JSON.stringify([addresses, expected, user.id, share]);
  let hub = hubs.get(scope);
  if (!hub) {
    const makeOwn = () => new OwnLine(Centrifuge, addresses, address(config().emulation, false), expected);
    hub = new Hub((share && sharedLine(scope, makeOwn)) || makeOwn(), user);
    hubs.set(scope, hub);
  }
  return hub;
}

/**
 * @param {string} scope
 * @param {() => OwnLine} makeOwn
 * @returns {SharedLine | null} null where the browser cannot
 */
function sharedLine(scope, makeOwn) {
  try {
    return canShare() ? new SharedLine(scope, makeOwn) : null;
  } catch {
    return null; // what is there may still be forbidden
  }
}

/** Emits `state` when it has changed, and each publication under its type: see `on`. */
export class Hub {
  #line;
  #events = new Emitter();
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Map<string, Presence>} */
  #presences = new Map();

  /**
   * @param {Line} line
   * @param {{id: string, name: string}} user
   */
  constructor(line, user) {
    this.#line = line;
    /** Who is logged in; empty strings for a guest. */
    this.user = user;
    /** The person's alerts; `start()` loads them. */
    this.inbox = new Inbox(line, user.id !== "");
    line.on("state", () => this.#events.emit("state", line.state));
    line.on("begun", (event) => this.#begun(event.channel, event.position));
    line.on("ended", (event) => this.#ended(event.channel));
    globalThis.addEventListener?.("pagehide", () => line.suspend());
    globalThis.addEventListener?.("pageshow", (event) => event.persisted && line.resume());
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") line.hurry();
    });
  }

  /** @returns {State} */
  get state() {
    return this.#line.state;
  }

  /** @returns {number} why the state is `closed`: the server's close code; else 0 */
  get code() {
    return this.#line.code;
  }

  /** @returns {boolean} whether this tab has the connection that others may share */
  get leads() {
    return this.#line instanceof SharedLine ? this.#line.leads : true;
  }

  /**
   * Calls `handler` with the data of each publication of `type` that arrives from now on, in the channels that the
   * hub subscribes people to by itself and in those of `room` and `presence`: once, in order, and after a cut also
   * what was missed. What is missed for good is told as `reload` with the channel; `state` has the state.
   *
   * @param {string} type
   * @param {Listener} handler
   * @returns {() => void} ends it
   */
  on(type, handler) {
    return this.#events.on(type, handler);
  }

  /**
   * The room of this name; the same object for all who ask, until the last one of them has closed it.
   *
   * @param {string} name
   * @returns {Room}
   */
  room(name) {
    const known = this.#rooms.get(name);
    if (known) return known;
    const room = new Room(this.#line, name, this.user.name);
    this.#rooms.set(name, room);
    room.on("closed", () => this.#rooms.delete(name));
    return room;
  }

  /**
   * Who is in a channel; the same object for all who ask.
   *
   * @param {string} channel
   * @returns {Presence}
   */
  presence(channel) {
    const presence = this.#presences.get(channel) ?? new Presence(this.#line, channel);
    this.#presences.set(channel, presence);
    presence.start();
    return presence;
  }

  /**
   * The topics that the person may know of. Changes of what they follow, here or elsewhere, are told to `on` as
   * `notifications.topic_followed` and `notifications.topic_unfollowed`, each with a `name`. A topic that is deleted
   * ends without a word.
   *
   * @returns {Promise<Topic[]>} rejects with {@link CallFailed}
   */
  async topics() {
    return (await this.call("topics.list")).items;
  }

  /**
   * Has the person get the alerts of a topic, in all their tabs and other clients: live from when each is subscribed;
   * what came before is in the list, and read is what came before this call.
   *
   * @param {string} name
   * @returns {Promise<Topic>} rejects with {@link CallFailed}
   */
  follow(name) {
    return this.call("topics.follow", { name });
  }

  /**
   * Ends that; the alerts that they had of the topic leave their list.
   *
   * @param {string} name
   * @returns {Promise<Topic>} rejects with {@link CallFailed}
   */
  unfollow(name) {
    return this.call("topics.unfollow", { name });
  }

  /**
   * Calls a method of the server, across reconnects: it may be carried out twice, so it must be harmless then.
   *
   * @param {string} method
   * @param {object} [data]
   * @returns {Promise<any>} rejects with {@link CallFailed}
   */
  call(method, data = {}) {
    return persist(this.#line, { ask: "rpc", method, data });
  }

  /**
   * @param {string} channel
   * @param {Position | null} position
   */
  #begun(channel, position) {
    if (this.#streams.has(channel)) return;
    const stream = new Stream(this.#line, channel, {
      publication: (data) => {
        if (typeof data?.type === "string") this.#events.emit(data.type, data, channel);
      },
      broken: () => {
        this.#ended(channel);
        this.#events.emit("reload", channel);
        this.#line.repeat();
      },
    });
    this.#streams.set(channel, stream);
    if (position) stream.since(position);
  }

  /** @param {string} channel */
  #ended(channel) {
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
