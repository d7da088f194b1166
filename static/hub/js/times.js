/** Formats times in the language of the page and the time zone of the browser. */

const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });

/**
 * Shows a moment in a `<time>`: only the time if it is today, else with the date; the title has both in full.
 *
 * @param {Element | null} element
 * @param {string} iso
 */
export function showTime(element, iso) {
  const moment = new Date(iso);
  if (!(element instanceof HTMLTimeElement) || Number.isNaN(moment.getTime())) return;
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
