/** Shows the connection state in the header, and a banner when the connection is closed for good. */

import { SESSION_OVER } from "./hub/connection.js";

/** @import { Hub } from "./hub.js" */

/** Milliseconds before a change is announced: screen readers need not hear of shorter losses. */
const ANNOUNCE_DELAY = 1_500;

/**
 * @param {Hub} hub
 * @param {ParentNode} page
 */
export function showStatus(hub, page) {
  const element = page.querySelector("[data-status]");
  if (element instanceof HTMLElement) new Status(element, hub, page);
}

class Status {
  #element;
  #hub;
  #over;
  #reload;
  #logIn;
  /** @type {string} */
  #announced = "connected";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} element
   * @param {Hub} hub
   * @param {ParentNode} page
   */
  constructor(element, hub, page) {
    this.#element = element;
    this.#hub = hub;
    this.#over = page.querySelector("[data-over]");
    this.#reload = page.querySelector("[data-over-reload]");
    this.#logIn = page.querySelector("[data-over-login]");
    hub.on("state", () => this.#update());
    this.#update();
  }

  #update() {
    const { state, code } = this.#hub;
    this.#element.dataset.status = state;
    this.#show(this.#element.querySelector("[data-status-text]"), `data-text-${state}`);
    if (code === SESSION_OVER) this.#showSessionOver();
    else this.#showMessage(state);
  }

  /** The session of this page is over. Asks the server whether the browser has another one by now. */
  async #showSessionOver() {
    const logIn = this.#hub.user.id !== "" && this.#logIn;
    this.#showMessage(logIn instanceof HTMLAnchorElement && !(await isLoggedIn(logIn.href)) ? "ended" : "account");
  }

  /** @param {string} news */
  #showMessage(news) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(news), ANNOUNCE_DELAY);
    if (this.#hub.state !== "closed" || !(this.#over instanceof HTMLElement)) return;
    this.#over.hidden = false;
    this.#show(this.#over.querySelector("[data-over-text]"), `data-say-${news}`);
    this.#reload?.toggleAttribute("hidden", news === "ended");
    this.#logIn?.toggleAttribute("hidden", news !== "ended");
  }

  /** @param {string} news */
  #announce(news) {
    if (news === this.#announced || news === "connecting") return;
    this.#announced = news;
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

/**
 * Whether the browser is logged in: the log-in page redirects people who are.
 *
 * @param {string} address
 */
async function isLoggedIn(address) {
  try {
    return (await fetch(address, { method: "HEAD", redirect: "manual" })).type === "opaqueredirect";
  } catch {
    return false; // the log-in page redirects then, too
  }
}
