/** The buttons of an alert, and what its person has chosen. */

import { refusal } from "../refusals.js";
import { icon, make, text } from "./dom.js";
import { linkTarget } from "./links.js";

/** @import { Hub } from "../hub.js" */
/** @import { CallFailed } from "../hub/connection.js" */
/** @import { Alert, AlertAction } from "../hub/alerts.js" */

/**
 * @callback Choose
 * @param {string} name of the action
 * @returns {Promise<string>} empty when it is chosen; else why it is not, for people
 */

/** The styles of the buttons, in a list or as a toast. */
export const ACTIONS = `
.alert-actions { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; margin-block-start: 0.5rem; }
.alert-actions > :is(button, a) { max-inline-size: 100%; overflow-wrap: anywhere; }
.alert-actions a {
  display: inline-flex; align-items: center; gap: 0.25rem; min-block-size: var(--hub-touch); padding-inline: 0.75rem;
  font-weight: 580;
}
.alert-actions a .icon { inline-size: 1em; block-size: 1em; }
:host(:dir(rtl)) .alert-actions a .icon { scale: -1 1; }
.alert-actions .danger { color: var(--hub-error); border-color: currentcolor; }
.alert-actions p { flex-basis: 100%; margin: 0; }
.alert-actions p:empty { display: none; }
.alert-chosen { font-weight: 580; color: var(--hub-muted); }
.alert-refused { color: var(--hub-error); font-weight: 560; }
`;

/**
 * @param {Hub} hub
 * @param {Alert} alert
 * @returns {Choose | null} null for a guest
 */
export function chooser(hub, alert) {
  if (!hub.inbox.signedIn) return null;
  return async (name) => {
    try {
      await hub.inbox.choose(alert.id, name);
      return "";
    } catch (error) {
      return refusal(/** @type {CallFailed} */ (error), hub, text("not_chosen"));
    }
  };
}

/**
 * @param {Alert} alert
 * @param {string} describedBy the id of the element with what the alert says
 * @param {Choose | null} choose null where its reader cannot choose, such as a guest; links stay
 * @param {(() => void) | null} onLinkClick
 * @returns {HTMLElement | null} null where the alert has no buttons
 */
export function alertActions(alert, describedBy, choose, onLinkClick) {
  const offered = Array.isArray(alert.actions) ? alert.actions : [];
  if (!offered.length) return null;
  const chosen = make("p", { class: "alert-chosen", part: "chosen", role: "status" });
  const refused = make("p", { class: "alert-refused", role: "alert" });
  const group = make("div", { class: "alert-actions", part: "actions" });
  for (const action of offered) {
    const element = action.url ? link(action, onLinkClick) : choose && button(action, group, refused, choose);
    element?.setAttribute("aria-describedby", describedBy);
    if (element) group.append(element);
  }
  group.append(chosen, refused);
  showChosen(group, alert);
  return group;
}

/**
 * Shows in the buttons below `element` what was chosen of `alert`.
 *
 * @param {Element} element
 * @param {Alert} alert
 */
export function updateActions(element, alert) {
  const group = element.querySelector(".alert-actions");
  if (group) showChosen(group, alert);
}

/**
 * @param {Element} group
 * @param {Alert} alert
 */
function showChosen(group, { actions = [], chosen = "" }) {
  if (!chosen) return;
  const label = actions.find((action) => action.name === chosen)?.label ?? chosen;
  const note = group.querySelector(".alert-chosen");
  const said = text("chosen", { label });
  if (!note || note.textContent === said) return;
  const hadFocus = group.querySelector("button:focus") !== null;
  for (const element of group.querySelectorAll("button")) element.remove();
  note.textContent = said;
  if (hadFocus) /** @type {HTMLElement | null} */ (group.closest("li"))?.focus();
}

/**
 * @param {AlertAction} action
 * @param {Element} group
 * @param {Element} refused
 * @param {Choose} choose
 */
function button(action, group, refused, choose) {
  const element = make("button", { type: "button", class: action.style, part: "action", dir: "auto" }, action.label);
  element.addEventListener("click", async () => {
    // Disabled buttons would lose the focus.
    if (group.ariaBusy === "true") return;
    group.ariaBusy = "true";
    refused.textContent = "";
    refused.textContent = await choose(action.name);
    group.ariaBusy = null;
  });
  return element;
}

/**
 * @param {AlertAction} action
 * @param {(() => void) | null} onClick
 */
function link(action, onClick) {
  const href = linkTarget(action.url);
  if (!href) return null;
  const attributes = { class: action.style, part: "action", href, rel: "noopener noreferrer", dir: "auto" };
  const element = make("a", attributes, action.label, icon("arrow"));
  if (onClick) element.addEventListener("click", onClick);
  return element;
}
