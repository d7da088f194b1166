/** A line that is a connection of this tab. */

import { CallFailed, Line } from "./line.js";

/** @import { Centrifuge } from "centrifuge" */
/** @import { LineEvent, Position, Question, State } from "./line.js" */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** Publications of one answer to `history`. */
const PAGE = 200;

/** @typedef {Exclude<LineEvent, {kind: "state"}>} ChannelEvent */

/** @typedef {{position: Position | null, latest: any}} Live */

export class OwnLine extends Line {
  /** @type {Map<string, Live>} */
  #live = new Map();
  /** Network events of the page, and "try now": the library knows the second as the first. */
  #network = new EventTarget();
  #client;
  #lost = false;
  /** @param {Event} event */
  #forward = (event) => this.#network.dispatchEvent(new Event(event.type));

  /**
   * @param {new (endpoint: any, options: object) => Centrifuge} Client
   * @param {string | object[]} endpoint as the library takes it
   * @param {string} emulationEndpoint where a connection that only receives sends to
   * @param {string} [user] whose page this is, where that is known: the browser may have another session by the time
   * it connects, which the server refuses then
   */
  constructor(Client, endpoint, emulationEndpoint, user) {
    super();
    this.#client = new Client(endpoint, {
      name: "hub.js",
      data: user === undefined ? null : { user },
      emulationEndpoint,
      minReconnectDelay: FIRST_DELAY,
      maxReconnectDelay: LONGEST_DELAY,
      networkEventTarget: this.#network,
      // The page's sleep is ours to see: whoever shares this line has to hear of it.
      pageEventTarget: new EventTarget(),
    });
    const client = this.#client;
    client.on("connected", () => this.#setState("connected"));
    client.on("connecting", () => this.#setState(this.#lost ? "reconnecting" : "connecting"));
    client.on("disconnected", ({ code }) => code !== 0 && this.#setState("closed", code));
    client.on("error", () => {
      // An attempt failed. The library goes on, without another word.
      this.#lost = true;
      if (this.state === "connecting") this.#setState("reconnecting");
    });
    client.on("subscribed", (context) => this.#begun(context));
    client.on("publication", (context) => this.#publication(context));
    client.on("unsubscribed", ({ channel }) => this.#ended(channel, 0));
    for (const name of ["online", "offline"]) globalThis.addEventListener?.(name, this.#forward);
    client.connect();
  }

  /** @param {string} channel */
  start(channel) {
    const known = this.#client.getSubscription(channel);
    if (known) {
      known.subscribe(); // it may have been refused before
      return;
    }
    const subscription = this.#client.newSubscription(channel, { joinLeave: true });
    subscription.on("subscribed", (context) => this.#begun(context));
    subscription.on("publication", (context) => this.#publication(context));
    subscription.on("join", ({ info }) => this.#tell({ kind: "join", channel, client: info }));
    subscription.on("leave", ({ info }) => this.#tell({ kind: "leave", channel, client: info }));
    subscription.on("unsubscribed", ({ code }) => this.#ended(channel, code));
    subscription.on("error", () => {}); // the library tries again
    subscription.subscribe();
  }

  /** @param {string} channel */
  stop(channel) {
    const subscription = this.#client.getSubscription(channel);
    if (!subscription) return;
    this.#live.delete(channel);
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
  }

  /** @param {string} channel */
  again(channel) {
    const said = this.said(channel);
    if (said) this.emit(said.kind, said);
  }

  repeat() {
    for (const channel of this.channels()) this.again(channel);
  }

  /**
   * @param {string} channel
   * @returns {LineEvent | null} how the channel began, as of now; null where it is not live
   */
  said(channel) {
    const live = this.#live.get(channel);
    if (!live) return null;
    return { kind: "begun", channel, position: live.position && { ...live.position }, latest: live.latest };
  }

  /** @returns {string[]} what is live now */
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

  /** @returns {string[]} the channels of `start` */
  followed() {
    return Object.keys(this.#client.subscriptions());
  }

  hurry() {
    if (this.state === "reconnecting" || this.state === "connecting") this.#network.dispatchEvent(new Event("online"));
  }

  suspend() {
    this.#lost = true;
    this.#client.disconnect();
    if (this.state !== "closed") this.#setState("reconnecting");
  }

  resume() {
    if (this.state !== "closed") this.#client.connect();
  }

  /** Ends it for good, silently. */
  end() {
    for (const name of ["online", "offline"]) globalThis.removeEventListener?.(name, this.#forward);
    this.#live.clear();
    this.#client.disconnect();
  }

  /**
   * @param {State} state
   * @param {number} [code]
   */
  #setState(state, code = 0) {
    if (state === "connected") this.#lost = true;
    if (this.turn(state, code)) this.emit("state", { kind: "state", state, code });
  }

  /** @param {{channel: string, streamPosition?: Position, data?: any}} context */
  #begun({ channel, streamPosition, data }) {
    this.#live.set(channel, { position: streamPosition ? { ...streamPosition } : null, latest: data ?? null });
    this.again(channel);
  }

  /** @param {{channel: string, data: any, offset?: number}} context */
  #publication({ channel, data, offset = 0 }) {
    const live = this.#live.get(channel);
    if (live?.position && offset) live.position.offset = Math.max(live.position.offset, offset);
    else if (live && !offset) live.latest = data;
    this.#tell({ kind: "publication", channel, data, offset });
  }

  /**
   * @param {string} channel
   * @param {number} code
   */
  #ended(channel, code) {
    this.#live.delete(channel);
    this.#tell({ kind: "ended", channel, code });
  }

  /** @param {ChannelEvent} event */
  #tell(event) {
    this.emit(event.kind, event);
  }
}
