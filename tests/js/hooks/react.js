/** A page in React that shows what each hook returns. */

import { createElement as element, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

import {
  useChannel,
  useCollection,
  useHubState,
  useInbox,
  usePreferences,
  usePresence,
} from "../../../clients/javascript/src/react.js";
import { CHANNEL, hub, INITIAL } from "./scripted-hub.js";

function Orders({ from, address }) {
  const [shipped, setShipped] = useState("none");
  const { items, state } = useCollection(from, address, { channel: CHANNEL, key: "id", initial: INITIAL });
  const subscription = useChannel(from, CHANNEL, { "shop.order_shipped": (data) => setShipped(data.removed) });
  const { value, change } = usePreferences(from);
  const lines = {
    state: useHubState(from),
    subscription,
    list: state,
    orders: items.map((order) => order.name).join(", "),
    shipped,
    people: usePresence(from, "online"),
    unread: useInbox(from).unread,
    language: value?.language,
  };
  globalThis.choose = change;
  return Object.entries(lines).map(([name, value]) => element("p", { key: name, id: name }, String(value)));
}

function Page() {
  const [stage, setStage] = useState(0);
  return [
    element("button", { key: "next", type: "button", onClick: () => setStage(stage + 1) }, "Next"),
    stage < 3 &&
      element(Orders, {
        key: "orders",
        from: stage ? hub : null,
        address: stage < 2 ? "/rendered.json" : "/orders.json",
      }),
  ];
}

createRoot(document.querySelector("main")).render(element(StrictMode, null, element(Page)));
