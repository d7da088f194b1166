/** `<hub-inbox>`: the list of a person's alerts, with the number of unread ones and a button for older ones. */

import { UNREAD_LIMIT } from "../hub/inbox.js";
import { refusal } from "../refusals.js";
import { alertItem } from "./alert.js";
import { icon, make, plural, reconcile, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { ALERT } from "./styles.js";

/** @import { Alert } from "../hub/inbox.js" */
/** @import { CallFailed } from "../hub/connection.js" */

const STYLES = `
${ALERT}
:host { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem; }
.bar { display: flex; align-items: center; justify-content: space-between; gap: 0 1rem; }
.bar:not(:has(> :not([hidden]))) { display: none; }
.count { font-weight: 580; color: var(--hub-muted); }
.count.some { color: var(--hub-ink); }
.list { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.625rem; }
.alert:not(.unread) .alert-end { display: none; }
.alert.unread { background: color-mix(in oklab, var(--hub-accent) 5%, var(--hub-card)); }
.bar button { margin-inline-end: -0.5rem; color: var(--hub-accent); }
.more { justify-self: center; }
.problem:empty { display: none; }
.problem { color: var(--hub-error); font-weight: 560; }
:host([compact]) { gap: 0; }
:host([compact]) .bar { padding-block: 0.25rem; padding-inline: 1rem 0.5rem; border-block-end: 1px solid var(--hub-line); }
:host([compact]) .list { gap: 0; }
:host([compact]) .alert {
  padding-block: 0.75rem; padding-inline: 1rem 0.75rem; border: 0; border-block-end: 1px solid var(--hub-line);
  border-radius: 0; box-shadow: none;
}
:host([compact]) .alert:last-child { border-block-end: 0; }
:host([compact]) .alert-end { margin-inline-end: -0.25rem; }
:host([compact]) .more { inline-size: 100%; border-radius: 0; border: 0; color: var(--hub-accent); background: none; }
:host([compact]) .banner, :host([compact]) .problem { margin: 0.75rem; }
`;

/**
 * Attributes: `label` names the list for screen readers; `compact` is for narrow places; `silent` stops announcements
 * of new alerts, for pages on which another widget makes them.
 */
export class HubInbox extends HubElement {
  #count = make("p", { class: "count", part: "count" });
  #markAll = make("button", { type: "button", class: "quiet", part: "mark-all" });
  #list = make("ol", { class: "list", part: "list" });
  #more = make("button", { type: "button", class: "more", part: "more" });
  #empty = make("div", { class: "empty", part: "empty" });
  #spinner = make("div", { class: "spinner", role: "img" });
  #stale = make("p", { class: "banner", role: "alert", part: "stale" });
  #problem = make("p", { class: "problem", role: "alert", part: "problem" });
  #news = make("p", { class: "visually-hidden", role: "status" });
  /** @type {WeakSet<Alert>} */
  #arrived = new WeakSet();

  constructor() {
    super(STYLES);
    this.#markAll.addEventListener("click", () => this.hub.inbox.markAllRead());
    this.#more.addEventListener("click", () => this.#older());
    this.#list.addEventListener("keydown", (event) => this.#move(event));
  }

  connected() {
    const { inbox } = this.hub;
    this.#markAll.replaceChildren(text("mark_all"));
    this.#more.replaceChildren(text("older"));
    this.#spinner.ariaLabel = text("loading");
    this.#list.ariaLabel = this.getAttribute("label") || text("alerts");
    this.#empty.replaceChildren(
      icon("bell"),
      make("h2", {}, text("no_alerts")),
      make("p", {}, text("no_alerts_yet")),
      make("slot", { name: "empty" }),
    );
    const bar = make("div", { class: "bar", part: "bar" }, this.#count, this.#markAll);
    this.root.append(bar, this.#stale, this.#problem, this.#spinner, this.#list, this.#empty, this.#more, this.#news);
    this.stops.push(
      inbox.on("change", () => this.changed()),
      inbox.on("alert", (alert) => this.#arrive(alert)),
      inbox.on("failed", (error) => this.#showError(error)),
    );
    inbox.start();
    this.render();
  }

  /** Leaves it to the widget that announces. @param {string} sentence */
  showFault(sentence) {
    super.showFault(this.hasAttribute("silent") ? "" : sentence);
  }

  render() {
    const { inbox } = this.hub;
    const loaded = inbox.state === "ready" || inbox.items.length > 0;
    this.#spinner.hidden = loaded || inbox.state === "failed";
    this.#showRefusal();
    this.#empty.hidden = inbox.state !== "ready" || inbox.items.length > 0;
    this.#more.hidden = !inbox.more;
    this.#count.hidden = !inbox.signedIn || !inbox.items.length;
    this.#count.classList.toggle("some", inbox.unread > 0);
    this.#count.textContent = inbox.unread
      ? plural("unread_short", inbox.unread, shownUnread(inbox.unread))
      : text("all_read");
    this.#markAll.hidden = !inbox.signedIn || !inbox.unread;
    reconcile(
      this.#list,
      inbox.items,
      (alert) => String(alert.id),
      (alert) => this.#build(alert),
      (element, alert) => this.#update(element, alert),
    );
    if (!this.#list.querySelector("li[tabindex='0']")) this.#list.querySelector("li")?.setAttribute("tabindex", "0");
  }

  /** @param {Alert} alert */
  #build(alert) {
    const { inbox } = this.hub;
    const read = () => inbox.markRead([alert.id]);
    const item = alertItem(alert, read);
    item.tabIndex = -1;
    item.addEventListener("focusin", () => this.#makeTabStop(item));
    item.classList.toggle("new", this.#arrived.has(alert));
    const button = make(
      "button",
      { type: "button", class: "quiet round", part: "mark", title: text("mark"), "aria-label": text("mark") },
      make("span", { class: "unread-dot" }),
    );
    button.addEventListener("click", () => {
      item.focus();
      read();
    });
    item.append(make("div", { class: "alert-end" }, button));
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {Alert} alert
   */
  #update(item, alert) {
    item.classList.toggle("unread", !alert.read);
    item.setAttribute("part", alert.read ? "alert" : "alert unread");
    item.ariaDescription = alert.read ? "" : text("unread");
  }

  /** @param {HTMLElement} item */
  #makeTabStop(item) {
    for (const other of this.#list.children) /** @type {HTMLElement} */ (other).tabIndex = other === item ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const place = items.findIndex((item) => item.contains(/** @type {Node} */ (event.target)));
    const item = items[place];
    switch (event.key) {
      case "ArrowDown":
        if (place === items.length - 1 && this.hub.inbox.more) this.#older();
        items[place + 1]?.focus();
        break;
      case "ArrowUp":
        items[place - 1]?.focus();
        break;
      case "Home":
        items[0]?.focus();
        break;
      case "End":
        items.at(-1)?.focus();
        break;
      case "Enter":
        if (event.target !== item) return;
        this.hub.inbox.markRead([Number(item.dataset.key)]);
        item.querySelector("a")?.click();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  async #older() {
    this.#more.disabled = true;
    const last = this.#list.lastElementChild;
    const hadFocus = this.root.activeElement === this.#more;
    await this.hub.inbox.older();
    this.#more.disabled = false;
    this.render();
    if (hadFocus && last?.nextElementSibling instanceof HTMLElement) last.nextElementSibling.focus();
  }

  /** @param {Alert} alert */
  #arrive(alert) {
    this.#arrived.add(alert);
    this.#problem.textContent = "";
    if (!this.hasAttribute("silent")) {
      this.#news.textContent = text("new_alert", { text: [alert.title, alert.message].filter(Boolean).join(": ") });
    }
  }

  /** @param {CallFailed} error */
  #showError(error) {
    this.#problem.textContent = refusal(error, this.hub, text("not_marked"));
  }

  /** Shows why the list could not be loaded. */
  #showRefusal() {
    const { state, error } = this.hub.inbox;
    this.#stale.hidden = state !== "failed";
    if (error && !this.#stale.hidden)
      this.#stale.replaceChildren(refusal(error, this.hub, text("stale")), reloadLink());
  }
}

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
function shownUnread(unread) {
  return unread >= UNREAD_LIMIT ? `${UNREAD_LIMIT - 1}+` : undefined;
}

/** @returns {HTMLAnchorElement} */
export function reloadLink() {
  return make("a", { href: "" }, text("reload"));
}

define("hub-inbox", HubInbox);
