/** Formats times in the language of the page and the time zone of the browser. */

import { language } from "./hub/config.js";

/** @type {{clock: Intl.DateTimeFormat, day: Intl.DateTimeFormat, full: Intl.DateTimeFormat} | null} */
let known = null;

/** Made with the first time that is shown: the language of a page may be known only then. */
function formats() {
  known ??= {
    clock: new Intl.DateTimeFormat(language(), { timeStyle: "short" }),
    day: new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }),
    full: new Intl.DateTimeFormat(language(), { dateStyle: "full", timeStyle: "medium" }),
  };
  return known;
}

/**
 * Shows a moment in a `<time>`: only the time if it is today, else with the date; the title has both in full.
 *
 * @param {Element | null} element
 * @param {string} iso
 */
export function showTime(element, iso) {
  const moment = new Date(iso);
  if (!(element instanceof HTMLTimeElement) || Number.isNaN(moment.getTime())) return;
  const { clock, day, full } = formats();
  const today = moment.toDateString() === new Date().toDateString();
  element.dateTime = iso;
  element.title = full.format(moment);
  element.textContent = (today ? clock : day).format(moment);
}

/**
 * Formats each time that the server rendered below `root`.
 *
 * @param {ParentNode} root
 */
export function localiseTimes(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    showTime(element, element.getAttribute("datetime") ?? "");
  }
}
