/** `<hub-toasts>`: shows each new alert for a few seconds. */

import { CHOSEN, CREATED, RETURNED } from "../hub/alerts.js";
import { alertItem } from "./alert.js";
import { chooser, updateActions } from "./alert-actions.js";
import { icon, make, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { ALERT } from "./styles.js";

/** @import { Alert } from "../hub/alerts.js" */

/** Types of events that an app sends over the channel layer. They are shown and not stored. */
const LAYER_TYPES = [
  "notification",
  "notification.message",
  "notification_message",
  "notify",
  "send.notification",
  "send_notification",
];
const MAX_TOASTS = 4;
/** Milliseconds for which a toast is shown. */
const DURATION = 8_000;

const STYLES = `
${ALERT}
:host {
  position: fixed; inset-block: var(--hub-toasts-block, auto 0); inset-inline: var(--hub-toasts-inline, auto 0);
  z-index: var(--hub-toasts-layer, 25); inline-size: min(100%, 26rem); pointer-events: none;
}
.toasts { padding: 1rem; }
.toasts:not(:has(li)) { padding: 0; }
.list { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.625rem; }
.alert { pointer-events: auto; align-items: start; padding-inline-end: 0.25rem; box-shadow: var(--hub-shadow-high); }
.alert-message { max-block-size: 7.75rem; overflow-y: auto; }
.round { margin-block: -0.5rem; }
.fault { margin: 1rem; pointer-events: auto; box-shadow: var(--hub-shadow-high); }
/* The open list of a bell covers toasts. Screen readers still announce them. */
:host([covered]:not(:focus-within)) { clip-path: inset(100%); }
@media (width < 34rem) { .alert:nth-last-child(n + 3) { display: none; } }
`;

/** Attribute `label`: the accessible name of the region. */
export class HubToasts extends HubElement {
  #list = make("ol", { class: "list" });
  /** @type {WeakMap<Element, Alert>} */
  #shown = new WeakMap();

  constructor() {
    super(STYLES);
  }

  connected() {
    const label = this.getAttribute("label") || text("new_alerts");
    this.root.append(make("div", { class: "toasts", role: "log", "aria-label": label }, this.#list));
    const read = (/** @type {Alert} */ alert) => () => this.hub.inbox.markRead([alert.id]);
    this.stops.push(
      this.hub.on(CREATED, async (alert, channel) => {
        await this.hub.choices.ready();
        const { choices } = this.hub;
        if (this.isConnected && !choices.isHidden(alert) && !choices.isSilent(alert, channel))
          this.#show(alert, read(alert));
      }),
    );
    this.hub.choices.ready();
    this.stops.push(this.hub.on(RETURNED, (alert) => this.#show(alert, read(alert))));
    this.stops.push(this.hub.on(CHOSEN, (event) => this.#showChosen(event)));
    for (const type of LAYER_TYPES) this.stops.push(this.hub.on(type, (event) => this.#showEvent(event)));
  }

  /** Says it where no other widget of the page does. @param {string} sentence */
  showFault(sentence) {
    super.showFault(document.querySelector("hub-bell, hub-inbox, hub-chat") ? "" : sentence);
  }

  /** @param {{id: number, action: string}} event */
  #showChosen({ id, action }) {
    for (const item of this.#list.children) {
      const alert = this.#shown.get(item);
      if (alert?.id === id) updateActions(item, { ...alert, chosen: action });
    }
  }

  /** @param {any} event */
  #showEvent(event) {
    const message = event.message ?? event.text;
    if (typeof message !== "string") return;
    const alert = { title: "", level: "info", url: "", ...event, message, at: new Date().toISOString() };
    this.#show({ ...alert, topic: undefined }, null);
  }

  /**
   * @param {Alert} alert
   * @param {(() => void) | null} onLinkClick
   */
  #show(alert, onLinkClick) {
    const item = alertItem(alert, onLinkClick, onLinkClick && chooser(this.hub, alert));
    item.classList.add("new");
    item.tabIndex = -1;
    this.#shown.set(item, alert);
    const button = make(
      "button",
      { type: "button", class: "quiet round", part: "dismiss", "aria-label": text("dismiss") },
      icon("close"),
    );
    item.append(button);
    this.#list.append(item);
    while (this.#list.children.length > MAX_TOASTS) this.#list.firstElementChild?.remove();

    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => item.remove(), DURATION);
    };
    const hold = () => clearTimeout(timer);
    item.addEventListener("pointerenter", hold);
    item.addEventListener("focusin", hold);
    item.addEventListener("pointerleave", () => !item.contains(this.root.activeElement) && wait());
    item.addEventListener("focusout", wait);
    item.addEventListener("keydown", (event) => event.key === "Escape" && item.remove());
    button.addEventListener("click", () => item.remove());
    wait();
  }
}

define("hub-toasts", HubToasts);
