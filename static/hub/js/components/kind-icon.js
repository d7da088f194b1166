/** The icon of an alert: its kind's, else its level's. */

import { icon, make } from "./dom.js";

/** The symbols of `icons.svg`, as `notifications/kinds/icons.py` has them. */
export const ICONS = new Set(
  (
    "archive arrow bell calendar card cart chat check clock close debug device down error file gift heart inbox info " +
    "key lock menu mute people search send star success tag topic truck unread warning"
  ).split(" "),
);

/** Characters of a text, and code points of an emoji: a family or a flag has several that are drawn as one. */
const SHORT = 2;
const EMOJI = 10;

/**
 * Whether it is shown as it is: an emoji, or a text of at most two characters.
 *
 * @param {string} name
 */
export function isSign(name) {
  const { length } = [...name];
  if (length <= SHORT) return length > 0 && !/[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u.test(name);
  return length <= EMOJI && !/[\p{L}\p{P}\p{Z}\p{Cc}\p{Cs}\p{Sm}\p{Sc}]/u.test(name);
}

/**
 * @param {unknown} name of the kind's icon; anything may stand there
 * @param {string} level
 * @returns {Element}
 */
export function kindIcon(name, level) {
  if (typeof name === "string" && ICONS.has(name)) return icon(name);
  if (typeof name === "string" && isSign(name))
    return make("span", { class: "icon sign", "aria-hidden": "true" }, name);
  return icon(level);
}
