/** A menu that opens beside a button: closed by Escape, walked through by the arrow keys. */

import { make } from "./dom.js";

/** The distance of a menu from the edges of the window and from its button, in pixels. */
const EDGE = 8;

export const STYLES = `
.popup {
  position: fixed; inset: auto; margin: 0; padding: 0.375rem; inline-size: min(19rem, calc(100vi - 1rem)); color: inherit;
  background: var(--hub-card); border: 1px solid var(--hub-line); border-radius: var(--hub-radius);
  box-shadow: var(--hub-shadow-high);
}
.popup:popover-open { display: grid; animation: arrive var(--hub-quick); }
.popup h2 { padding: 0.5rem 0.75rem 0.25rem; font-size: 0.875rem; line-height: 1.35; color: var(--hub-muted); }
.popup p { padding: 0 0.75rem 0.375rem; font-size: 0.8125rem; color: var(--hub-muted); }
.popup button { justify-content: space-between; gap: 1rem; text-align: start; font-weight: 500; }
.popup button span:last-child:not(:only-child) { color: var(--hub-muted); font-weight: 400; }
`;

export class PopupMenu {
  #menu = make("div", { class: "popup", popover: "auto", role: "dialog" });
  /** @type {HTMLElement | null} */
  #opener = null;

  /** @param {ParentNode & Node} root where it is put */
  constructor(root) {
    this.#menu.addEventListener("keydown", (event) => this.#onKey(event));
    root.append(this.#menu);
  }

  get isOpen() {
    return this.#menu.matches(":popover-open");
  }

  /**
   * @param {HTMLElement} opener the element beside which it opens, and which gets the focus back
   * @param {string} label
   * @param {Node[]} parts with a button at least, the first of which gets the focus
   */
  open(opener, label, parts) {
    this.#opener = opener;
    this.#menu.ariaLabel = label;
    this.#menu.replaceChildren(make("h2", {}, label), ...parts);
    this.#menu.showPopover();
    this.#place(opener);
    this.#menu.querySelector("button")?.focus();
  }

  close() {
    this.#menu.hidePopover();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    event.stopPropagation();
    const buttons = [...this.#menu.querySelectorAll("button")];
    const place = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    if (event.key === "Escape") {
      this.#menu.hidePopover();
      this.#opener?.focus();
    } else if (event.key === "ArrowDown" && place >= 0) buttons[place + 1]?.focus();
    else if (event.key === "ArrowUp" && place >= 0) buttons[place - 1]?.focus();
    else return;
    event.preventDefault();
  }

  /** Places it below or above the opener, within the window. @param {HTMLElement} opener */
  #place(opener) {
    const beside = opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#menu;
    const { clientWidth, clientHeight } = document.documentElement;
    const left = Math.max(EDGE, Math.min(beside.right - width, clientWidth - width - EDGE));
    const below = beside.bottom + EDGE;
    const top = below + height + EDGE > clientHeight ? Math.max(EDGE, beside.top - height - EDGE) : below;
    this.#menu.style.left = `${left}px`;
    this.#menu.style.top = `${top}px`;
  }
}
