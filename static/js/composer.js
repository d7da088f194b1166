/** A box in which people write: Enter sends, and nothing that they wrote is cut or lost. */

import { plural } from "./components/dom.js";
import { config } from "./hub/config.js";

/** What Safari says of a key that an input method takes, also of the Enter that has ended its composition just now. */
const TAKEN_BY_INPUT_METHOD = 229;

/**
 * Whether a key sends what was written: Enter, but not the one that ends a composition, of Japanese for instance.
 *
 * @param {KeyboardEvent} event
 */
export function sends(event) {
  const composes = event.isComposing || event.keyCode === TAKEN_BY_INPUT_METHOD;
  return event.key === "Enter" && !event.shiftKey && !composes;
}

/**
 * By how many characters a message is too long. Characters are code points, as the server counts them.
 *
 * @param {string} message
 */
export function excess(message) {
  const limit = config().messageLimit;
  if (message.length <= limit) return 0;
  let characters = 0;
  for (const _ of message) characters += 1;
  return Math.max(0, characters - limit);
}

export class Composer {
  #box;
  #error;
  #send;

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLTextAreaElement} box
   * @param {HTMLElement} error where it is said why something is not sent; a live region
   * @param {(message: string) => void} send called with what was written, never blank and never too long
   */
  constructor(form, box, error, send) {
    this.#box = box;
    this.#error = error;
    this.#send = send;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    box.addEventListener("keydown", (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      this.#submit();
    });
    box.addEventListener("input", () => this.#fits());
  }

  /**
   * Says why something was not sent; an empty text takes that back.
   *
   * @param {string} why
   */
  say(why) {
    if (this.#error.textContent !== why) this.#error.textContent = why;
    if (why) this.#box.setAttribute("aria-invalid", "true");
    else this.#box.removeAttribute("aria-invalid");
  }

  #submit() {
    const message = this.#box.value.trim();
    if (message && this.#fits()) this.#send(message);
  }

  /** Says whether it is too long, and by how much: it stays in the box as it is. */
  #fits() {
    const over = excess(this.#box.value.trim());
    this.say(over ? plural("too_long", over) : "");
    return !over;
  }
}
