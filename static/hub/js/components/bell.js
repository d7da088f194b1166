/** `<hub-bell>`: a button with the number of unread alerts that opens their list. */

import { config } from "../hub/config.js";
import { UNREAD_LIMIT } from "../hub/inbox-counts.js";
import { icon, make, text } from "./dom.js";
import { define, faultNote, HubElement } from "./element.js";
import "./inbox.js";
import { unreadText } from "./unread.js";

const STYLES = `
/* The colour of the text around it: the bar of a product may be dark on a light page. */
:host { display: inline-block; color: inherit; }
button.bell { position: relative; padding: 0; color: inherit; border-radius: 50%; }
button.bell:hover, button.bell[aria-expanded="true"] { color: var(--hub-ink); background: var(--hub-sunken); }
.bell .icon { inline-size: 1.375rem; block-size: 1.375rem; }
.badge {
  position: absolute; inset-block-start: 0.0625rem; inset-inline-start: 54%;
  min-inline-size: 1.125rem; padding-inline: 0.25rem; font-size: 0.6875rem; font-weight: 700; line-height: 1.125rem;
  font-variant-numeric: tabular-nums; text-align: center; color: var(--hub-on-accent); background: var(--hub-accent);
  border-radius: 99rem; box-shadow: 0 0 0 2px var(--hub-card);
}
.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; overflow: hidden;
  inline-size: min(26rem, calc(100vi - 1rem)); max-block-size: min(36rem, calc(100dvb - 6rem));
  color: var(--hub-ink); background: var(--hub-card); border: 1px solid var(--hub-line);
  border-radius: var(--hub-radius); box-shadow: var(--hub-shadow-high);
}
.panel:popover-open { display: flex; flex-direction: column; animation: arrive var(--hub-quick); }
.head {
  display: flex; align-items: center; justify-content: space-between; gap: 1rem;
  padding-block: 0.375rem; padding-inline: 1rem 0.25rem; border-block-end: 1px solid var(--hub-line);
}
.head h2 { font-size: 1.0625rem; font-weight: 640; }
.scroll { overflow-y: auto; overscroll-behavior: contain; }
.foot { border-block-start: 1px solid var(--hub-line); text-align: center; }
.foot a {
  display: flex; align-items: center; justify-content: center; min-block-size: var(--hub-touch);
  font-weight: 580; text-decoration: none;
}
.foot a:focus-visible { outline-offset: -0.1875rem; }
:host([data-fault]) .badge { background: var(--hub-error); }
.fault { margin: 0.75rem; }
`;

/** The distance of the list from the edges of the window and from the button, in pixels. */
const EDGE = 8;

/**
 * Attributes: `label` names the button and the list; `href` is the address of the page with all alerts, by default the
 * hub's; an empty one removes the link.
 */
export class HubBell extends HubElement {
  #button = make("button", { type: "button", class: "bell quiet", part: "button", "aria-expanded": "false" });
  #badge = make("span", { class: "badge", part: "badge", "aria-hidden": "true" });
  #panel = make("div", { class: "panel", part: "panel", popover: "auto", role: "dialog" });
  #news = make("span", { class: "visually-hidden", role: "status" });
  #label = "";
  #fault = "";

  constructor() {
    super(STYLES);
    this.#button.addEventListener("click", () => this.#panel.togglePopover());
    this.#panel.addEventListener("toggle", (event) => this.#toggled(/** @type {ToggleEvent} */ (event)));
    this.#panel.addEventListener("keydown", (event) => this.#onKey(event));
  }

  connected() {
    const { inbox } = this.hub;
    this.#build();
    const place = () => this.#place();
    globalThis.addEventListener("resize", place);
    this.stops.push(
      inbox.on("change", () => this.changed()),
      inbox.on("alert", (alert) => alert.silent || this.#announce()),
      () => globalThis.removeEventListener("resize", place),
      () => cover(false),
    );
    inbox.start();
    this.render();
  }

  #build() {
    this.#label = this.getAttribute("label") || text("alerts") || "Alerts";
    this.#button.replaceChildren(icon("bell"), this.#badge);
    this.#panel.ariaLabel = this.#label;
    this.#panel.replaceChildren();
    this.root.append(this.#button, this.#news, this.#panel);
  }

  /** Marks the button; the sentence is in the panel, and so small a widget keeps its place. @param {string} sentence */
  showFault(sentence) {
    if (sentence === this.#fault && (this.isBuilt || !sentence)) return;
    this.#fault = sentence;
    if (!this.isBuilt) this.#build();
    this.toggleAttribute("data-fault", sentence !== "");
    this.#button.title = sentence;
    this.#news.textContent = sentence;
    this.#panel.querySelector(".fault")?.remove();
    if (this.#panel.firstChild || !this.isBuilt) this.#panel.prepend(...this.#faults());
    this.render();
  }

  /** What the panel says above the list. */
  #faults() {
    return this.#fault ? [faultNote(this.#fault)] : [];
  }

  render() {
    if (this.#fault) {
      this.#badge.hidden = false;
      this.#badge.textContent = "!";
      this.#button.ariaLabel = `${this.#label}: ${this.#fault}`;
      return;
    }
    const { unread } = this.hub.inbox;
    this.#badge.hidden = !unread;
    this.#badge.textContent = unread >= UNREAD_LIMIT ? `${UNREAD_LIMIT - 1}+` : String(unread);
    this.#button.ariaLabel = unread ? `${this.#label}: ${unreadText(unread)}` : this.#label;
  }

  /** Creates the list when it is first opened. */
  #fill() {
    if (this.#panel.firstChild || !this.isBuilt) return;
    const close = make("button", { type: "button", class: "quiet round", "aria-label": text("close") }, icon("close"));
    close.addEventListener("click", () => this.#panel.hidePopover());
    const list = document.createElement("hub-inbox");
    const attributes = {
      compact: "",
      silent: "",
      label: this.#label,
      exportparts: "alert, unread, topic, title, message, link",
    };
    for (const [name, value] of Object.entries(attributes)) list.setAttribute(name, value);
    this.#panel.append(
      ...this.#faults(),
      make("div", { class: "head" }, make("h2", {}, this.#label), close),
      make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": this.#label }, list),
    );
    const href = this.getAttribute("href") ?? config().urls.alerts;
    if (href) this.#panel.append(make("p", { class: "foot" }, make("a", { href }, text("see_all"))));
  }

  /** @param {ToggleEvent} event */
  #toggled(event) {
    const isOpen = event.newState === "open";
    this.#button.ariaExpanded = String(isOpen);
    cover(isOpen);
    if (!isOpen) return;
    this.#fill();
    this.#place();
    this.#panel.querySelector("button")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.#panel.hidePopover();
    this.#button.focus();
  }

  /** Places the list below the button, within the window. */
  #place() {
    if (!this.#panel.matches(":popover-open")) return;
    const button = this.#button.getBoundingClientRect();
    const width = this.#panel.offsetWidth;
    const wanted = getComputedStyle(this).direction === "rtl" ? button.left : button.right - width;
    const left = Math.max(EDGE, Math.min(wanted, document.documentElement.clientWidth - width - EDGE));
    this.#panel.style.left = `${left}px`;
    this.#panel.style.top = `${button.bottom + EDGE}px`;
  }

  /** Announces the number of unread alerts, unless the page has toasts, which announce each alert. */
  #announce() {
    if (!document.querySelector("hub-toasts")) this.#news.textContent = unreadText(this.hub.inbox.unread);
  }
}

/**
 * Hides toasts while the list is open: the list covers them and shows new alerts itself.
 *
 * @param {boolean} isOpen
 */
function cover(isOpen) {
  for (const toasts of document.querySelectorAll("hub-toasts")) toasts.toggleAttribute("covered", isOpen);
}

define("hub-bell", HubBell);
