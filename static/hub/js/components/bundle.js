/** What opens a row that stands for several alerts, and the list of them. */

import { alertItem } from "./alert.js";
import { chooser, updateActions } from "./alert-actions.js";
import { make, plural, reconcile, text } from "./dom.js";
import { shorten } from "./shorten.js";

/** @import { Hub } from "../hub.js" */
/** @import { Alert } from "../hub/alerts.js" */

export const STYLES = `
.bundle-toggle { margin-block-start: 0.25rem; margin-inline-start: -0.75rem; color: var(--hub-accent); }
.bundle-toggle::before {
  content: ""; inline-size: 0.4375rem; block-size: 0.4375rem; border: solid currentcolor; border-width: 0 0.125rem 0.125rem 0;
  rotate: -45deg; transition: rotate var(--hub-quick);
}
:host(:dir(rtl)) .bundle-toggle::before { rotate: 135deg; }
.bundle-toggle[aria-expanded="true"]::before { rotate: 45deg; }
.bundle-found { font-weight: 400; color: var(--hub-muted); }
.bundle { display: grid; grid-template-columns: minmax(0, 1fr); margin-block-start: 0.25rem; }
.bundle .alert, :host([compact]) .bundle .alert {
  padding: 0.625rem 0 0.625rem 0.75rem; background: none; border: 0; border-inline-start: 0.125rem solid var(--hub-line);
  border-radius: 0; box-shadow: none;
}
:host(:dir(rtl)) .bundle .alert { padding-inline: 0.75rem 0; }
.bundle .alert > .icon { display: none; }
.bundle + .older { color: var(--hub-accent); }
`;

const PAGE = 20;
let lastId = 0;
/** @type {WeakMap<Element, Alert>} */
const members = new WeakMap();

/**
 * @param {Hub} hub
 * @param {Alert} alert
 * @param {Set<number>} open ids of the bundles that are open; a row that joins one stays open
 * @returns {HTMLElement | null} null where the alert stands for itself alone
 */
export function bundleOf(hub, alert, open) {
  const { bundle } = alert;
  if (!bundle) return null;
  const id = `bundle-${++lastId}`;
  const list = make("ol", { class: "bundle", id, part: "bundle", hidden: true });
  const older = make("button", { type: "button", class: "quiet older", hidden: true }, text("older"));
  const problem = make("p", { class: "problem", role: "alert" });
  const toggle = make(
    "button",
    {
      type: "button",
      class: "quiet bundle-toggle",
      part: "bundle-toggle",
      "aria-expanded": "false",
      "aria-controls": id,
    },
    make("span", {}, plural("bundled", bundle.count)),
  );
  list.ariaLabel = toggle.textContent;
  const found = alert.found_under ?? 0;
  if (found) toggle.append(make("span", { class: "bundle-found" }, plural("found_under", found)));
  /** @type {Alert[]} */
  let known = [];
  let next = 0;

  const load = async (/** @type {number} */ before) => {
    problem.textContent = "";
    try {
      const part = await hub.inbox.bundle(alert.id, before, PAGE);
      known = before ? [...known, ...part.items] : part.items;
      next = part.next;
    } catch {
      problem.textContent = text("stale");
    }
    reconcile(
      list,
      known,
      (one) => `member-${one.id}`,
      (one) => member(hub, alert, one),
    );
    older.hidden = !next || list.hidden;
  };
  const show = (/** @type {boolean} */ isOpen) => {
    toggle.ariaExpanded = String(isOpen);
    list.hidden = !isOpen;
    older.hidden = !isOpen || !next;
    if (!isOpen) open.delete(bundle.id);
    else if (open.add(bundle.id) && !known.length) load(0);
  };
  toggle.addEventListener("click", () => show(toggle.ariaExpanded !== "true"));
  older.addEventListener("click", () => load(next));
  // What was searched for may stand in any of them.
  if (open.has(bundle.id) || found) show(true);
  return make("div", {}, toggle, list, older, problem);
}

/**
 * @param {Element} item the row of an alert
 * @param {boolean} isOpen
 * @returns {boolean} whether it was not so before
 */
export function openBundle(item, isOpen) {
  const toggle = /** @type {HTMLElement | null} */ (item.querySelector(".bundle-toggle"));
  if (!toggle || toggle.ariaExpanded === String(isOpen)) return false;
  toggle.click();
  return true;
}

/**
 * Shows in an open bundle what was chosen of one of its alerts.
 *
 * @param {Element} list of rows
 * @param {number} id
 * @param {string} action
 */
export function showChosenInBundle(list, id, action) {
  const item = list.querySelector(`[data-key="member-${id}"]`);
  const alert = item && members.get(item);
  if (alert) updateActions(item, { ...alert, chosen: action });
}

/**
 * @param {Hub} hub
 * @param {Alert} row
 * @param {Alert} alert
 */
function member(hub, row, alert) {
  const item = alertItem(alert, () => hub.inbox.markRead([row.id]), chooser(hub, alert));
  shorten(item);
  item.tabIndex = -1;
  members.set(item, alert);
  return item;
}
