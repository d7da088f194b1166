/** The note that says what was done with alerts, with a button that undoes it. */

import { icon, make, text } from "./dom.js";

/** Milliseconds for which it is shown. */
const DURATION = 10_000;

export const STYLES = `
.undo {
  position: fixed; inset-block-end: 1rem; inset-inline: 1rem; z-index: 26; margin-inline: auto; inline-size: fit-content;
  max-inline-size: 26rem; display: flex; align-items: center; gap: 0.25rem; padding: 0.25rem 0.375rem 0.25rem 1rem;
  color: var(--hub-card); background: var(--hub-ink); border-radius: var(--hub-radius); box-shadow: var(--hub-shadow-high);
}
.undo button { color: inherit; }
.undo button:hover { color: var(--hub-ink); background: var(--hub-card); }
.undo:empty { display: none; }
:host([compact]) .undo { position: sticky; inset-inline: 0.5rem; margin-block: 0.5rem; }
`;

export class UndoBar {
  element = make("div", { class: "undo", part: "undo", role: "status" });
  #timer = 0;
  /** @type {(() => void) | null} */
  #undo = null;

  /**
   * @param {string} sentence
   * @param {() => void} undo
   */
  show(sentence, undo) {
    this.hide();
    this.#undo = undo;
    const button = make("button", { type: "button", class: "quiet" }, text("undo"));
    button.addEventListener("click", () => this.undo());
    const close = make(
      "button",
      { type: "button", class: "quiet round", "aria-label": text("dismiss") },
      icon("close"),
    );
    close.addEventListener("click", () => this.hide());
    this.element.replaceChildren(make("span", {}, sentence), button, close);
    const wait = () => {
      clearTimeout(this.#timer);
      this.#timer = Number(setTimeout(() => this.hide(), DURATION));
    };
    this.element.onpointerenter = () => clearTimeout(this.#timer);
    this.element.onpointerleave = wait;
    wait();
  }

  /** Undoes what it says, if it says something. */
  undo() {
    const undo = this.#undo;
    this.hide();
    undo?.();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#undo = null;
    this.element.replaceChildren();
  }
}
