/** A hub whose events come from a test, with what hooks ask of it. The page has it as `connection`. */

import { Channel } from "../../../static/hub/js/hub/channel.js";
import { Collection } from "../../../static/hub/js/hub/collection.js";
import { Inbox } from "../../../static/hub/js/hub/inbox.js";
import { Preferences } from "../../../static/hub/js/hub/preferences.js";
import { Presence } from "../../../static/hub/js/hub/presence.js";
import { ScriptedConnection } from "../scripted-connection.js";

export const CHANNEL = "orders:7";

/** What the page was rendered with. */
export const INITIAL = { items: [{ id: 0, name: "ink" }], position: { epoch: "e1", offset: 3 } };

const connection = new ScriptedConnection();
const ofPreferences = new ScriptedConnection();
const channels = new Map();
const presences = new Map();

export const hub = {
  inbox: new Inbox(connection, true),
  preferences: new Preferences(ofPreferences, { on: () => () => {}, ready: () => Promise.resolve() }),
  get state() {
    return connection.state;
  },
  on: (name, listener) => connection.on(name, () => listener(connection.state)),
  channel(name) {
    const channel = channels.get(name) ?? new Channel(connection, name);
    channels.set(name, channel);
    channel.start();
    return channel;
  },
  collection(address, options) {
    const collection = new Collection(connection, address, options);
    collection.start();
    return collection;
  },
  presence(name) {
    const presence = presences.get(name) ?? new Presence(connection, name);
    presences.set(name, presence);
    presence.start();
    return presence;
  },
};

Object.assign(globalThis, {
  connection,
  ofPreferences,
  publish(offset, data) {
    connection.publish(CHANNEL, offset, data);
    channels.get(CHANNEL)?.deliver(data);
  },
});
