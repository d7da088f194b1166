/** The number of people online, wherever a page shows it. */

/** @import { ReconnectingSocket } from "./socket.js" */

const rules = new Intl.PluralRules(document.documentElement.lang);
const digits = new Intl.NumberFormat(document.documentElement.lang);

/**
 * Keeps every place that shows the number up to date.
 *
 * @param {ReconnectingSocket} socket
 */
export function showOnline(socket) {
  socket.addEventListener("frame", (event) => {
    const frame = /** @type {CustomEvent} */ (event).detail;
    if (frame.type === "online_count" && Number.isInteger(frame.count)) show(frame.count);
  });
}

/** @param {number} count */
function show(count) {
  const number = digits.format(count);
  for (const element of document.querySelectorAll("[data-online-number]")) element.textContent = number;
  for (const element of document.querySelectorAll("[data-online]")) {
    const words = element.getAttribute(`data-${rules.select(count)}`) ?? element.getAttribute("data-other") ?? "";
    element.textContent = words.replace("{}", number);
  }
  for (const element of document.querySelectorAll("[data-online-part]")) element.removeAttribute("hidden");
}
