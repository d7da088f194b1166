/** One alert in `<hub-inbox>`: what it says, with its box and its buttons. */

import { showTime } from "../times.js";
import { alertItem } from "./alert.js";
import { chooser, updateActions } from "./alert-actions.js";
import { bundleOf } from "./bundle.js";
import { icon, make, text } from "./dom.js";
import { muteTool, showMuted } from "./mute-menu.js";
import { alertTools } from "./organizer.js";
import { shorten } from "./shorten.js";

/** @import { Hub } from "../hub.js" */
/** @import { Alert, Change } from "../hub/alerts.js" */
/** @import { State } from "../hub/inbox-view.js" */

/** Characters of an alert that name its box for screen readers. */
const NAME_LIMIT = 120;

/**
 * What a row needs of its list.
 *
 * @typedef {object} List
 * @property {Hub} hub
 * @property {State} state of the tab
 * @property {boolean} hasBoxes
 * @property {Set<number>} open ids of the bundles that are open
 * @property {(alert: Alert, button: HTMLElement, item: HTMLElement) => void} read
 * @property {(change: Change, alert: Alert, opener: HTMLElement) => void} act
 * @property {(alert: Alert, opener: HTMLElement) => void} mute
 * @property {(id: number, isPicked: boolean) => void} pick
 * @property {(item: HTMLElement) => void} focus
 */

/**
 * @param {Alert} alert
 * @param {List} list
 * @returns {HTMLLIElement}
 */
export function inboxRow(alert, list) {
  const { hub } = list;
  const item = alertItem(alert, () => hub.inbox.markRead([alert.id]), chooser(hub, alert));
  shorten(item);
  item.tabIndex = -1;
  item.addEventListener("focusin", () => list.focus(item));
  const button = make(
    "button",
    { type: "button", class: "quiet round mark", part: "mark", title: text("mark"), "aria-label": text("mark") },
    make("span", { class: "unread-dot" }),
  );
  button.addEventListener("click", () => list.read(alert, button, item));
  const tools = hub.inbox.signedIn ? alertTools(list.state, (change, opener) => list.act(change, alert, opener)) : [];
  if (hub.inbox.signedIn && alert.bundled_as) tools.push(muteTool((opener) => list.mute(alert, opener)));
  item.append(make("div", { class: "alert-end" }, button, ...tools));
  if (list.hasBoxes) item.prepend(box(alert, list.pick));
  const body = item.querySelector(".alert-body");
  if (alert.snoozed_until) body?.append(until(alert.snoozed_until));
  const bundle = bundleOf(hub, alert, list.open);
  if (bundle) body?.append(bundle);
  item.dataset.count = countOf(alert);
  return item;
}

/**
 * Shows what has changed since the row was made.
 *
 * @param {HTMLElement} item
 * @param {Alert} alert
 * @param {List} list
 */
export function updateRow(item, alert, list) {
  if (item.dataset.count !== countOf(alert)) {
    item.replaceChildren(...inboxRow(alert, list).childNodes);
    item.dataset.count = countOf(alert);
    delete item.dataset.muted;
  }
  item.classList.toggle("unread", !alert.read);
  item.setAttribute("part", alert.read ? "alert" : "alert unread");
  item.ariaDescription = alert.read ? "" : text("unread");
  updateActions(item, alert);
  const { choices } = list.hub;
  const mute = /** @type {HTMLElement | null} */ (item.querySelector(":scope > .alert-end > .mute"));
  if (mute) mute.hidden = !choices.canMute(alert);
  showMuted(item, choices.mutedUntil(alert));
}

/** @param {Alert} alert */
function countOf(alert) {
  return String(alert.bundle?.count ?? 1);
}

/**
 * @param {Alert} alert
 * @param {(id: number, isPicked: boolean) => void} pick
 */
function box({ id, title, message }, pick) {
  const input = make("input", {
    type: "checkbox",
    "aria-label": `${text("select")}: ${title || message}`.slice(0, NAME_LIMIT),
  });
  input.addEventListener("change", () => pick(id, input.checked));
  return make("label", { class: "pick" }, input);
}

/** @param {string} iso */
function until(iso) {
  const time = make("time");
  showTime(time, iso);
  return make("p", { class: "alert-until" }, icon("clock"), make("span", {}, text("snoozed_until"), " ", time));
}
