/** Formats times in the language of the page and the time zone of the browser. */

import { language } from "./hub/config.js";

/** @typedef {"clock" | "day" | "date" | "full"} Form */

/** @type {Record<Form, Intl.DateTimeFormat> | null} */
let known = null;

/** Made with the first time that is shown: the language of a page may be known only then. */
function formats() {
  known ??= {
    clock: new Intl.DateTimeFormat(language(), { timeStyle: "short" }),
    day: new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }),
    date: new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }),
    full: new Intl.DateTimeFormat(language(), { dateStyle: "full", timeStyle: "medium" }),
  };
  return known;
}

/**
 * Shows a moment in a `<time>`: only the time if it is today, else with the day, of another year with the year too; the
 * title has all in full.
 *
 * @param {Element | null} element
 * @param {string} iso
 */
export function showTime(element, iso) {
  const moment = new Date(iso);
  if (!(element instanceof HTMLTimeElement) || Number.isNaN(moment.getTime())) return;
  const shown = formats();
  element.dateTime = iso;
  element.title = shown.full.format(moment);
  element.textContent = shown[shortest(moment, new Date())].format(moment);
}

/**
 * The shortest form that tells a moment from all others.
 *
 * @param {Date} moment
 * @param {Date} now
 * @returns {Form}
 */
export function shortest(moment, now) {
  if (moment.toDateString() === now.toDateString()) return "clock";
  return moment.getFullYear() === now.getFullYear() ? "day" : "date";
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
