/**
 * Composables for Vue. Each takes the hub as `connect()` returns it, or a ref of it that may be `null` while there is none
 * yet, and ends with its scope what it has begun.
 */

import { shallowRef, toValue, watch } from "vue";

/** @import { MaybeRefOrGetter, ShallowRef } from "vue" */
/** @import { Hub } from "./hub.js" */
/** @import { Alert } from "./hub/alerts.js" */
/** @import { CollectionOptions } from "./hub/collection.js" */
/** @import { Preferences } from "./hub/preferences.js" */
/** @import { CallFailed } from "./hub/connection.js" */

/**
 * Calls `begin` with the hub and the name whenever one of them is another one, and before that what it has returned.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 * @param {MaybeRefOrGetter<string>} name
 * @param {(hub: Hub, name: string) => () => void} begin
 */
function during(hub, name, begin) {
  watch(
    () => /** @type {const} */ ([toValue(hub), toValue(name)]),
    ([found, at], _, onCleanup) => {
      if (found) onCleanup(begin(found, at));
    },
    { immediate: true },
  );
}

/**
 * Returns the state of the connection.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 */
export function useHubState(hub) {
  const state = shallowRef("connecting");
  during(hub, "", (found) => {
    state.value = found.state;
    return found.on("state", (now) => {
      state.value = now;
    });
  });
  return state;
}

/**
 * Calls `handlers[type]` for each publication of the type in the channel, and returns the state of the channel. `*` is
 * for publications of any type; `reload` says that some were missed for good.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 * @param {MaybeRefOrGetter<string>} name
 * @param {{[type: string]: (data: any) => void}} handlers
 */
export function useChannel(hub, name, handlers) {
  const state = shallowRef("subscribing");
  during(hub, name, (found, at) => {
    const channel = found.channel(at);
    const stops = Object.entries(handlers).map(([type, handler]) => channel.on(type, handler));
    stops.push(
      channel.on("state", (now) => {
        state.value = now;
      }),
    );
    state.value = channel.state;
    return () => {
      for (const stop of stops) stop();
      channel.close();
    };
  });
  return state;
}

/**
 * Returns a list that was loaded over HTTP and that its channel keeps up to date. `initial` is of the first address.
 *
 * @template Item
 * @param {MaybeRefOrGetter<Hub | null>} hub
 * @param {MaybeRefOrGetter<string>} address
 * @param {CollectionOptions<Item>} options
 * @returns {{items: ShallowRef<Item[]>, state: ShallowRef<string>, error: ShallowRef<CallFailed | null>}}
 */
export function useCollection(hub, address, options) {
  const items = shallowRef(/** @type {Item[]} */ ([]));
  const state = shallowRef("idle");
  const error = shallowRef(/** @type {CallFailed | null} */ (null));
  const { initial, ...given } = options;
  /** @type {string | null} */
  let first = null;
  during(hub, address, (found, at) => {
    first ??= at;
    const collection = found.collection(at, at === first ? options : given);
    const stop = collection.on("change", () => {
      // Another array each time: Vue compares the old with the new.
      items.value = [...collection.items];
      state.value = collection.state;
      error.value = collection.error;
    });
    return () => {
      stop();
      collection.close();
    };
  });
  return { items, state, error };
}

/**
 * Returns the number of people that the server counts in a channel; `null` while it is unknown.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 * @param {MaybeRefOrGetter<string>} channel
 * @returns {ShallowRef<number | null>}
 */
export function usePresence(hub, channel) {
  const count = shallowRef(/** @type {number | null} */ (null));
  during(hub, channel, (found, at) => {
    const presence = found.presence(at);
    count.value = presence.count;
    return presence.on("change", () => {
      count.value = presence.count;
    });
  });
  return count;
}

/**
 * Returns what the person has chosen of their notifications, and `change`, which saves something of it and answers
 * whether that is stored.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 */
export function usePreferences(hub) {
  const value = shallowRef(/** @type {Preferences["value"]} */ (null));
  const offered = shallowRef(/** @type {Preferences["offered"]} */ (null));
  const state = shallowRef("idle");
  const error = shallowRef(/** @type {CallFailed | null} */ (null));
  during(hub, "", ({ preferences }) => {
    const show = () => {
      value.value = preferences.value;
      offered.value = preferences.offered;
      state.value = preferences.state;
      error.value = preferences.error;
    };
    preferences.start();
    show();
    return preferences.on("change", show);
  });
  const change = (/** @type {Parameters<Preferences["change"]>[0]} */ wanted) =>
    toValue(hub)?.preferences.change(wanted) ?? Promise.resolve(false);
  return { value, offered, state, error, change };
}

/**
 * Returns the person's alerts, newest first, and the number of unread ones.
 *
 * @param {MaybeRefOrGetter<Hub | null>} hub
 */
export function useInbox(hub) {
  const items = shallowRef(/** @type {Alert[]} */ ([]));
  const unread = shallowRef(0);
  const state = shallowRef("idle");
  during(hub, "", ({ inbox }) => {
    const show = () => {
      items.value = [...inbox.items];
      unread.value = inbox.unread;
      state.value = inbox.state;
    };
    inbox.start();
    show();
    return inbox.on("change", show);
  });
  return { items, unread, state };
}
