/** The connection state in the header, and above the page that it is over. */

import { ANOTHER_ACCOUNT } from "./hub/line.js";

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
  #over = document.querySelector("[data-over]");
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
    const { state, code } = this.#hub;
    const news = code === ANOTHER_ACCOUNT ? "account" : state;
    this.#element.dataset.status = state;
    this.#show(this.#element.querySelector("[data-status-text]"), `data-text-${state}`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#say(news), SAY_AFTER);
    if (state === "closed" && this.#over instanceof HTMLElement) {
      this.#over.hidden = false;
      this.#show(this.#over.querySelector("[data-over-text]"), `data-say-${news}`);
    }
  }

  /** @param {string} news */
  #say(news) {
    if (news === this.#said || news === "connecting") return;
    this.#said = news;
    this.#show(this.#element.querySelector("[data-status-news]"), `data-say-${news}`);
  }

  /**
   * @param {Element | null} target
   * @param {string} attribute
   */
  #show(target, attribute) {
    if (target) target.textContent = this.#element.getAttribute(attribute);
  }
}
