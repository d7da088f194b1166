/**
 * Hooks for React. Each takes the hub as `connect()` returns it, or `null` while there is none yet, and ends with the
 * component what it has begun.
 */

import { useCallback, useEffect, useReducer, useRef, useState } from "react";

/** @import { Hub } from "./hub.js" */
/** @import { Alert } from "./hub/alerts.js" */
/** @import { CollectionOptions } from "./hub/collection.js" */

/** @returns {[number, () => void]} renders the component again */
function useRerender() {
  return useReducer((/** @type {number} */ count) => count + 1, 0);
}

/**
 * Returns the state of the connection.
 *
 * @param {Hub | null} hub
 */
export function useHubState(hub) {
  const [, rerender] = useRerender();
  useEffect(() => hub?.on("state", rerender), [hub, rerender]);
  return hub?.state ?? "connecting";
}

/**
 * Calls `handlers[type]` for each publication of the type in the channel, and returns the state of the channel. `*` is
 * for publications of any type; `reload` says that some were missed for good.
 *
 * @param {Hub | null} hub
 * @param {string} name
 * @param {{[type: string]: (data: any) => void}} handlers
 */
export function useChannel(hub, name, handlers) {
  const [state, setState] = useState(/** @type {"subscribing" | "subscribed" | "ended"} */ ("subscribing"));
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  const types = Object.keys(handlers).sort().join(" ");
  useEffect(() => {
    if (!hub) return;
    const channel = hub.channel(name);
    const stops = types.split(" ").map((type) => channel.on(type, (data) => latest.current[type]?.(data)));
    stops.push(channel.on("state", setState));
    setState(channel.state);
    return () => {
      for (const stop of stops) stop();
      channel.close();
    };
  }, [hub, name, types]);
  return state;
}

/**
 * Returns a list that was loaded over HTTP and that its channel keeps up to date. Other `apply`, `order`, `request` and
 * `initial` than at first have no effect; `initial` is of the first address and channel.
 *
 * @template Item
 * @param {Hub | null} hub
 * @param {string} address
 * @param {CollectionOptions<Item>} options
 */
export function useCollection(hub, address, options) {
  const [collection, setCollection] = useState(
    /** @type {import("./hub/collection.js").Collection<Item> | null} */ (null),
  );
  const [, rerender] = useRerender();
  const first = useRef({ ...options, address });
  const { channel, key } = options;
  useEffect(() => {
    if (!hub) return;
    const { address: firstAddress, initial, ...given } = first.current;
    const isFirst = address === firstAddress && channel === given.channel;
    const made = hub.collection(address, { ...given, channel, key, ...(isFirst && { initial }) });
    const stop = made.on("change", rerender);
    setCollection(made);
    return () => {
      stop();
      made.close();
    };
  }, [hub, address, channel, key, rerender]);
  return { items: collection?.items ?? [], state: collection?.state ?? "idle", error: collection?.error ?? null };
}

/**
 * Returns the number of people that the server counts in a channel; `null` while it is unknown.
 *
 * @param {Hub | null} hub
 * @param {string} channel
 * @returns {number | null}
 */
export function usePresence(hub, channel) {
  const [, rerender] = useRerender();
  useEffect(() => hub?.presence(channel).on("change", rerender), [hub, channel, rerender]);
  return hub?.presence(channel).count ?? null;
}

/**
 * Returns what the person has chosen of their notifications, and `change`, which saves something of it and answers
 * whether that is stored.
 *
 * @param {Hub | null} hub
 */
export function usePreferences(hub) {
  const [, rerender] = useRerender();
  useEffect(() => {
    if (!hub) return;
    hub.preferences.start();
    return hub.preferences.on("change", rerender);
  }, [hub, rerender]);
  const { value = null, offered = null, state = "idle", error = null } = hub?.preferences ?? {};
  const change = useCallback(
    (/** @type {Parameters<Hub["preferences"]["change"]>[0]} */ wanted) =>
      hub ? hub.preferences.change(wanted) : Promise.resolve(false),
    [hub],
  );
  return { value, offered, state, error, change };
}

/**
 * Returns the person's alerts, newest first, and the number of unread ones.
 *
 * @param {Hub | null} hub
 * @returns {{items: Alert[], unread: number, state: string}}
 */
export function useInbox(hub) {
  const [, rerender] = useRerender();
  useEffect(() => {
    if (!hub) return;
    hub.inbox.start();
    return hub.inbox.on("change", rerender);
  }, [hub, rerender]);
  return { items: hub?.inbox.items ?? [], unread: hub?.inbox.unread ?? 0, state: hub?.inbox.state ?? "idle" };
}
