/** A connection of this tab alone, made with the client library of the Centrifuge protocol. */

import { CallFailed, Connection, NoToken, TOKEN_OVER } from "./connection.js";

/** @import { Centrifuge } from "centrifuge" */
/** @import { ConnectionEvent, Position, Question, State, TokenSource } from "./connection.js" */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** Publications in one answer to `history`. */
const PAGE = 200;

/** @typedef {Exclude<ConnectionEvent, {kind: "state"}>} ChannelEvent */

/** @typedef {{position: Position | null, latest: any}} Live */

export class TabConnection extends Connection {
  /** The subscribed channels. @type {Map<string, Live>} */
  #live = new Map();
  /** Forwards network events of the page. `reconnectNow` sends "online" too, which makes the library retry. */
  #network = new EventTarget();
  #client;
  #attempted = false;
  /** The attempts in a row that the server refused because their token had ended. */
  #endedTokens = 0;
  /** @param {Event} event */
  #forward = (event) => this.#network.dispatchEvent(new Event(event.type));

  /**
   * @param {typeof Centrifuge} Client
   * @param {string | object[]} endpoint in the form that the library takes
   * @param {string} emulationEndpoint the address to which transports that only receive send commands
   * @param {string} [user] the id of the page's person, if known. The server refuses the connection if the browser's
   * session or token is another person's by then
   * @param {TokenSource | null} [getToken]
   */
  constructor(Client, endpoint, emulationEndpoint, user, getToken = null) {
    super();
    this.#client = new Client(/** @type {any} */ (endpoint), {
      name: "hub.js",
      getToken: getToken && (() => getToken().catch((error) => Promise.reject(asOfLibrary(Client, error)))),
      data: user === undefined ? null : { user },
      emulationEndpoint,
      minReconnectDelay: FIRST_DELAY,
      maxReconnectDelay: LONGEST_DELAY,
      networkEventTarget: this.#network,
      // `suspend` handles page events, because the tabs that share this connection must hear of them.
      pageEventTarget: new EventTarget(),
    });
    const client = this.#client;
    client.on("connected", () => {
      this.#endedTokens = 0;
      this.#setState("connected");
    });
    client.on("connecting", () => this.#setState(this.#attempted ? "reconnecting" : "connecting"));
    client.on("disconnected", ({ code }) => code !== 0 && this.#setState("closed", code));
    client.on("error", ({ error }) => {
      // An attempt to connect failed. The library tries again and emits nothing more.
      this.#attempted = true;
      if (this.state !== "connecting" && this.state !== "reconnecting") return;
      // The first may be a token that was fetched long ago; the next one is new.
      this.#endedTokens = error.code === TOKEN_OVER ? this.#endedTokens + 1 : 0;
      this.#setState("reconnecting", this.#endedTokens > 1 ? TOKEN_OVER : 0);
    });
    client.on("subscribed", (context) => this.#onSubscribed(context));
    client.on("publication", (context) => this.#onPublication(context));
    client.on("unsubscribed", ({ channel }) => this.#onUnsubscribed(channel, 0));
    for (const name of ["online", "offline"]) globalThis.addEventListener?.(name, this.#forward);
    client.connect();
  }

  /** @param {string} channel */
  addSubscription(channel) {
    const known = this.#client.getSubscription(channel);
    if (known) {
      known.subscribe(); // the server may have refused it before
      return;
    }
    const subscription = this.#client.newSubscription(channel, { joinLeave: true });
    subscription.on("subscribed", (context) => this.#onSubscribed(context));
    subscription.on("publication", (context) => this.#onPublication(context));
    subscription.on("join", ({ info }) => this.#emitEvent({ kind: "join", channel, client: info }));
    subscription.on("leave", ({ info }) => this.#emitEvent({ kind: "leave", channel, client: info }));
    subscription.on("unsubscribed", ({ code }) => this.#onUnsubscribed(channel, code));
    subscription.on("error", () => {}); // the library tries again
    subscription.subscribe();
  }

  /** @param {string} channel */
  removeSubscription(channel) {
    const subscription = this.#client.getSubscription(channel);
    if (!subscription) return;
    this.#live.delete(channel);
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
  }

  /** @param {string} channel */
  replay(channel) {
    const event = this.subscribedEvent(channel);
    if (event) this.emit(event.kind, event);
  }

  replayAll() {
    for (const channel of this.channels()) this.replay(channel);
  }

  /**
   * @param {string} channel
   * @returns {ConnectionEvent | null} the `subscribed` event with the current position; null if the channel is not
   * subscribed
   */
  subscribedEvent(channel) {
    const live = this.#live.get(channel);
    if (!live) return null;
    return { kind: "subscribed", channel, position: live.position && { ...live.position }, latest: live.latest };
  }

  /** @returns {string[]} the subscribed channels, server-side subscriptions included */
  channels() {
    return [...this.#live.keys()];
  }

  /** @param {Question} question */
  async ask(question) {
    try {
      if (question.ask === "rpc") return (await this.#client.rpc(question.method, question.data)).data;
      if (question.ask === "presence") return (await this.#client.presence(question.channel)).clients;
      return await this.#client.history(question.channel, { since: question.since, limit: PAGE });
    } catch (error) {
      const { code = 0, message = "", temporary = false } = /** @type {any} */ (error);
      throw new CallFailed(code, message, temporary);
    }
  }

  /** @returns {string[]} the channels of `addSubscription` */
  subscriptions() {
    return Object.keys(this.#client.subscriptions());
  }

  reconnectNow() {
    if (this.state === "reconnecting" || this.state === "connecting") this.#network.dispatchEvent(new Event("online"));
  }

  suspend() {
    this.#attempted = true;
    this.#client.disconnect();
    if (this.state !== "closed") this.#setState("reconnecting");
  }

  resume() {
    if (this.state !== "closed") this.#client.connect();
  }

  /** Disconnects for good and emits nothing. */
  close() {
    for (const name of ["online", "offline"]) globalThis.removeEventListener?.(name, this.#forward);
    this.#live.clear();
    this.#client.disconnect();
  }

  /**
   * @param {State} state
   * @param {number} [code]
   */
  #setState(state, code = 0) {
    if (state === "connected") this.#attempted = true;
    if (this.changeState(state, code)) this.emit("state", { kind: "state", state, code });
  }

  /** @param {{channel: string, streamPosition?: Position, data?: any}} context */
  #onSubscribed({ channel, streamPosition, data }) {
    this.#live.set(channel, { position: streamPosition ? { ...streamPosition } : null, latest: data ?? null });
    this.replay(channel);
  }

  /** @param {{channel: string, data: any, offset?: number}} context */
  #onPublication({ channel, data, offset = 0 }) {
    const live = this.#live.get(channel);
    if (live?.position && offset) live.position.offset = Math.max(live.position.offset, offset);
    else if (live && !offset) live.latest = data;
    this.#emitEvent({ kind: "publication", channel, data, offset });
  }

  /**
   * @param {string} channel
   * @param {number} code
   */
  #onUnsubscribed(channel, code) {
    this.#live.delete(channel);
    this.#emitEvent({ kind: "unsubscribed", channel, code });
  }

  /** @param {ChannelEvent} event */
  #emitEvent(event) {
    this.emit(event.kind, event);
  }
}

/**
 * The error that makes the library give up, if there is no token to be had; any other as it is.
 *
 * @param {typeof Centrifuge} Client
 * @param {Error} error
 */
function asOfLibrary(Client, error) {
  return error instanceof NoToken ? new Client.UnauthorizedError(error.message) : error;
}
