/** The box that sends an alert to everyone. */

import { newKey } from "./hub/keys.js";

/** @import { CallFailed, Hub } from "./hub.js" */

export class Broadcast {
  #form;
  #hub;
  #box;
  #button;
  #error;

  /**
   * @param {HTMLFormElement} form
   * @param {Hub} hub
   */
  constructor(form, hub) {
    this.#form = form;
    this.#hub = hub;
    this.#box = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
    this.#button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    this.#error = /** @type {HTMLElement} */ (form.querySelector("[data-error]"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#box.addEventListener("input", () => this.#say(""));
    hub.on("state", () => this.#sayState());
  }

  async #send() {
    const message = this.#box.value.trim();
    if (!message || this.#button.disabled) return;
    this.#button.disabled = true;
    this.#box.readOnly = true;
    this.#say("");
    this.#sayState();
    try {
      // Across reconnects; the key keeps it from being sent twice.
      await this.#hub.call("alerts.broadcast", { message, key: newKey() });
      this.#box.value = "";
    } catch (error) {
      const { code, message: why } = /** @type {CallFailed} */ (error);
      this.#say((code >= 400 && why) || (this.#form.dataset.textFailed ?? ""));
    }
    this.#button.disabled = false;
    this.#box.readOnly = false;
  }

  #sayState() {
    const waiting = this.#form.dataset.textWaiting ?? "";
    if (this.#button.disabled && this.#hub.state !== "connected") this.#say(waiting);
    else if (this.#error.textContent === waiting) this.#say("");
  }

  /** @param {string} text */
  #say(text) {
    this.#error.textContent = text;
    if (text) this.#box.setAttribute("aria-invalid", "true");
    else this.#box.removeAttribute("aria-invalid");
  }
}
