/** The connection state in the header. */

/** @import { Hub } from "./hub.js" */

/** A loss that heals sooner is not worth interrupting a screen reader. */
const SAY_AFTER = 1_500;

/** @param {Hub} hub */
export function showStatus(hub) {
  const element = document.querySelector("[data-status]");
  if (element instanceof HTMLElement) new Status(element, hub);
}

class Status {
  #element;
  #hub;
  /** @type {string} */
  #said = "connected";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} element
   * @param {Hub} hub
   */
  constructor(element, hub) {
    this.#element = element;
    this.#hub = hub;
    hub.on("state", () => this.#update());
    this.#update();
  }

  #update() {
    const { state } = this.#hub;
    this.#element.dataset.status = state;
    this.#show("[data-status-text]", `data-text-${state}`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#say(state), SAY_AFTER);
  }

  /** @param {string} state */
  #say(state) {
    if (state === this.#said || state === "connecting") return;
    this.#said = state;
    this.#show("[data-status-news]", `data-say-${state}`);
  }

  /**
   * @param {string} selector
   * @param {string} attribute
   */
  #show(selector, attribute) {
    const target = this.#element.querySelector(selector);
    if (target) target.textContent = this.#element.getAttribute(attribute);
  }
}
