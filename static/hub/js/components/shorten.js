/** Shortens the text of an alert that would fill the list, with a button that shows all of it. */

import { make, text } from "./dom.js";

/** Lines to which a text is shortened, and characters that so many have on a phone: what has no more is never long. */
const LINES = 6;
const SHORT = 200;

export const STYLES = `
.alert-message.short { display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: ${LINES}; }
.rest { margin-inline-start: -0.75rem; color: var(--hub-accent); }
`;

/** @param {string} message */
export function mayBeLong(message) {
  return message.length > SHORT || message.split("\n").length > LINES;
}

/** @param {HTMLElement} item the element of an alert, its text in whole */
export function shorten(item) {
  const message = /** @type {HTMLElement} */ (item.querySelector(".alert-message"));
  if (!mayBeLong(message.textContent)) return;
  const button = make("button", { type: "button", class: "quiet rest", "aria-controls": message.id, hidden: true });
  const show = (/** @type {boolean} */ isShort) => {
    message.classList.toggle("short", isShort);
    button.textContent = text(isShort ? "show_more" : "show_less");
    button.ariaExpanded = String(!isShort);
  };
  button.addEventListener("click", () => show(button.ariaExpanded === "true"));
  show(true);
  message.after(button);
  // How many lines it has depends on the width, which the page may change.
  new ResizeObserver(() => {
    if (button.ariaExpanded === "false") button.hidden = message.scrollHeight <= message.clientHeight;
  }).observe(message);
}
