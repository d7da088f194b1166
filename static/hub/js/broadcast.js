/** The form that sends an alert to everyone. */

import { Composer } from "./composer.js";
import { newKey } from "./hub/keys.js";
import { refusal } from "./refusals.js";

/** @import { CallFailed, Hub } from "./hub.js" */

export class Broadcast {
  #form;
  #hub;
  #box;
  #button;
  #error;
  #composer;

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
    this.#composer = new Composer(form, this.#box, this.#error, (message) => this.#send(message));
    hub.on("state", () => this.#showState());
  }

  /** @param {string} message */
  async #send(message) {
    if (this.#button.disabled) return;
    this.#button.disabled = true;
    this.#box.readOnly = true;
    this.#showState();
    try {
      // `call` retries across reconnects; with the key the server stores the alert once.
      await this.#hub.call("alerts.broadcast", { message, key: newKey() });
      this.#box.value = "";
    } catch (error) {
      const failure = /** @type {CallFailed} */ (error);
      this.#composer.say(refusal(failure, this.#hub, this.#form.dataset.textFailed ?? ""));
    }
    this.#button.disabled = false;
    this.#box.readOnly = false;
  }

  #showState() {
    const waiting = this.#form.dataset.textWaiting ?? "";
    if (this.#button.disabled && this.#hub.state !== "connected") this.#composer.say(waiting);
    else if (this.#error.textContent === waiting) this.#composer.say("");
  }
}
