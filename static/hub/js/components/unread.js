/** How the number of unread alerts is said, and what leads on where a list cannot be shown. */

import { UNREAD_LIMIT } from "../hub/inbox-counts.js";
import { make, plural, text } from "./dom.js";

/**
 * @param {number} unread
 * @returns {string} the number in words
 */
export function unreadText(unread) {
  return plural("unread", unread, shownUnread(unread));
}

/**
 * @param {number} unread
 * @returns {string | undefined} the text that stands for a number over the limit
 */
export function shownUnread(unread) {
  return unread >= UNREAD_LIMIT ? `${UNREAD_LIMIT - 1}+` : undefined;
}

/** @returns {HTMLAnchorElement} */
export function reloadLink() {
  return make("a", { href: "" }, text("reload"));
}
