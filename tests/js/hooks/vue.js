/** A page in Vue that shows what each composable returns. */

import { createApp, h, shallowRef, unref } from "vue";

import {
  useChannel,
  useCollection,
  useHubState,
  useInbox,
  usePreferences,
  usePresence,
} from "../../../clients/javascript/src/vue.js";
import { CHANNEL, hub, INITIAL } from "./scripted-hub.js";

const stage = shallowRef(0);
const from = () => (stage.value ? hub : null);

const Orders = {
  setup() {
    const shipped = shallowRef("none");
    const address = () => (stage.value < 2 ? "/rendered.json" : "/orders.json");
    const { items, state } = useCollection(from, address, { channel: CHANNEL, key: "id", initial: INITIAL });
    const subscription = useChannel(from, CHANNEL, {
      "shop.order_shipped": (data) => {
        shipped.value = data.removed;
      },
    });
    const hubState = useHubState(from);
    const people = usePresence(from, "online");
    const { unread } = useInbox(from);
    const { value: chosen, change } = usePreferences(from);
    globalThis.choose = change;
    return () => {
      const orders = items.value.map((order) => order.name).join(", ");
      const language = chosen.value?.language;
      const lines = { state: hubState, subscription, list: state, orders, shipped, people, unread, language };
      return Object.entries(lines).map(([name, value]) => h("p", { id: name }, String(unref(value))));
    };
  },
};

createApp({
  render: () => [h("button", { onClick: () => stage.value++ }, "Next"), stage.value < 3 ? h(Orders) : null],
}).mount("main");
