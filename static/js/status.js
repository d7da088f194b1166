/** The connection state in the header: the worst state of all sockets of the page. */

/** @import { ReconnectingSocket, State } from "./socket.js" */

/** @type {State[]} from the best to the worst */
const ORDER = ["open", "connecting", "reconnecting", "closed"];
/** A loss that heals sooner is not worth interrupting a screen reader. */
const SAY_AFTER = 1_500;

/** @type {ReconnectingSocket[]} */
const sockets = [];
/** @type {State} */
let said = "open";
let sayTimer = 0;

/**
 * Counts this socket in.
 *
 * @param {ReconnectingSocket} socket
 */
export function showStatus(socket) {
  sockets.push(socket);
  socket.addEventListener("state", update);
  update();
}

function update() {
  const element = document.querySelector("[data-status]");
  if (!(element instanceof HTMLElement)) return;
  const state = ORDER[Math.max(...sockets.map((socket) => ORDER.indexOf(socket.state)))];
  element.dataset.status = state;
  setText(element, "[data-status-text]", element.getAttribute(`data-text-${state}`));
  clearTimeout(sayTimer);
  sayTimer = window.setTimeout(() => say(element, state), SAY_AFTER);
}

/**
 * @param {HTMLElement} element
 * @param {State} state
 */
function say(element, state) {
  if (state === said || state === "connecting") return;
  said = state;
  setText(element, "[data-status-news]", element.getAttribute(`data-say-${state}`));
}

/**
 * @param {HTMLElement} element
 * @param {string} selector
 * @param {string | null} text
 */
function setText(element, selector, text) {
  const target = element.querySelector(selector);
  if (target) target.textContent = text;
}
