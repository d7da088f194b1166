/** The connection state in the header, and above the page that it is over. */

import { SESSION_OVER } from "./hub/connection.js";

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
  #reload = document.querySelector("[data-over-reload]");
  #logIn = document.querySelector("[data-over-login]");
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
    this.#element.dataset.status = state;
    this.#show(this.#element.querySelector("[data-status-text]"), `data-text-${state}`);
    if (code === SESSION_OVER) this.#tellWhose();
    else this.#tell(state);
  }

  /** The session of this page is over. Whether the browser has another one by now the server knows. */
  async #tellWhose() {
    const logIn = this.#hub.user.id !== "" && this.#logIn;
    this.#tell(logIn instanceof HTMLAnchorElement && !(await leadsOn(logIn.href)) ? "ended" : "account");
  }

  /** @param {string} news */
  #tell(news) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#say(news), SAY_AFTER);
    if (this.#hub.state !== "closed" || !(this.#over instanceof HTMLElement)) return;
    this.#over.hidden = false;
    this.#show(this.#over.querySelector("[data-over-text]"), `data-say-${news}`);
    this.#reload?.toggleAttribute("hidden", news === "ended");
    this.#logIn?.toggleAttribute("hidden", news !== "ended");
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

/**
 * Whether the log-in page sends this browser on, as it does with who is logged in.
 *
 * @param {string} address
 */
async function leadsOn(address) {
  try {
    return (await fetch(address, { method: "HEAD", redirect: "manual" })).type === "opaqueredirect";
  } catch {
    return false; // the link to that page then leads on as well
  }
}
