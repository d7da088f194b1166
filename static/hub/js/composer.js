/** A message box: Enter sends, and the text is never cut or lost. */

import { plural } from "./components/dom.js";
import { config } from "./hub/config.js";

/** The `keyCode` of a key that an input method handles. In Safari also that of the Enter that ends a composition. */
const TAKEN_BY_INPUT_METHOD = 229;

/**
 * Whether a key sends the message: Enter, but not the Enter that ends a composition, of Japanese for instance.
 *
 * @param {KeyboardEvent} event
 */
export function sends(event) {
  const composes = event.isComposing || event.keyCode === TAKEN_BY_INPUT_METHOD;
  return event.key === "Enter" && !event.shiftKey && !composes;
}

/**
 * Returns by how many characters a message is too long. The server counts code points, and so does this.
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
   * @param {HTMLElement} error shows why a message is not sent; a live region
   * @param {(message: string) => void} send called with the message, which is not blank and not too long
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
    box.addEventListener("input", () => this.#checkLength());
  }

  /**
   * Shows why a message was not sent; an empty text removes it.
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
    if (message && this.#checkLength()) this.#send(message);
  }

  /** Shows by how many characters the text is too long; leaves the text unchanged. */
  #checkLength() {
    const over = excess(this.#box.value.trim());
    this.say(over ? plural("too_long", over) : "");
    return !over;
  }
}
