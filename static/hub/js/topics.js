/** The topics page: follows and unfollows without a reload, and shows changes that the person makes elsewhere. */

import { refusal } from "./refusals.js";

/** @import { CallFailed, Hub } from "./hub.js" */

export class Topics {
  #list;
  #hub;

  /**
   * @param {HTMLElement} list
   * @param {Hub} hub
   */
  constructor(list, hub) {
    this.#list = list;
    this.#hub = hub;
    list.addEventListener("submit", (event) => this.#submit(event));
    hub.on("notifications.topic_followed", ({ name }) => this.#show(name, true));
    hub.on("notifications.topic_unfollowed", ({ name }) => this.#show(name, false));
    hub.on("reload", () => this.#showAll());
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    // Without a connection the browser submits the form.
    if (this.#hub.state !== "connected") return;
    event.preventDefault();
    const item = /** @type {HTMLElement} */ (event.target).closest("[data-topic]");
    if (item instanceof HTMLElement && !item.hasAttribute("aria-busy")) this.#change(item);
  }

  /** @param {HTMLElement} item */
  async #change(item) {
    const { topic: name = "" } = item.dataset;
    const error = /** @type {HTMLElement} */ (item.querySelector("[data-error]"));
    error.textContent = "";
    item.setAttribute("aria-busy", "true");
    try {
      const followed = item.querySelector("button")?.getAttribute("aria-pressed") === "true";
      const topic = await (followed ? this.#hub.unfollow(name) : this.#hub.follow(name));
      item.removeAttribute("aria-busy");
      this.#show(name, topic.followed);
    } catch (failure) {
      // First: a screen reader may never announce changes in a busy element.
      item.removeAttribute("aria-busy");
      const refused = /** @type {CallFailed} */ (failure);
      error.textContent = refusal(refused, this.#hub, this.#list.dataset.textFailed ?? "");
    }
  }

  /** Loads all topics again after missed changes. */
  async #showAll() {
    try {
      for (const { name, followed } of await this.#hub.topics()) this.#show(name, followed);
    } catch {
      // The list stays as it is; each button still works.
    }
  }

  /**
   * @param {string} name
   * @param {boolean} followed
   */
  #show(name, followed) {
    const form = this.#list.querySelector(`[data-topic="${CSS.escape(name)}"] form`);
    const button = form?.querySelector("button");
    const label = button?.querySelector("[data-label]");
    if (!(form instanceof HTMLFormElement) || !button || !label) return;
    const { dataset } = this.#list;
    label.textContent = (followed ? dataset.textFollowing : dataset.textFollow) ?? "";
    button.setAttribute("aria-pressed", String(followed));
    button.classList.toggle("primary", !followed);
    form.action = (followed ? form.dataset.unfollow : form.dataset.follow) ?? "";
  }
}
