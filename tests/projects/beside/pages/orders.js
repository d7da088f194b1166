/** The list of orders, which changes while people look at it. */

import { ready } from "{{hub}}/widgets.js";

const table = document.querySelector("table");

function row({ number, customer, state }) {
  const made = document.createElement("tr");
  made.append(
    ...[String(number), customer, table.dataset[state]].map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }),
  );
  return made;
}

const show = (orders) => table.tBodies[0].replaceChildren(...orders.map(row));

async function follow() {
  try {
    const hub = await ready();
    const say = () => {
      table.dataset.hub = hub.state;
    };
    hub.on("state", say);
    say();
    const orders = hub.collection("/orders.json", { channel: "orders:all", key: "number" });
    orders.on("change", () => show(orders.items));
  } catch {
    // Without the hub the orders are as they were when the page was opened.
    show((await (await fetch("/orders.json")).json()).items);
  }
}

follow();
document.querySelector("[data-ship]").addEventListener("click", () => fetch("/ship", { method: "POST" }));
