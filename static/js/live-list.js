/** A list that the server rendered and live frames continue, with every item once. */

import { paintAvatars } from "./avatars.js";
import { localiseTimes } from "./times.js";

/** @import { Frame, ReconnectingSocket } from "./socket.js" */

/** A tab that stays open for weeks must not grow for weeks. */
const LONGEST = 500;
const RELOAD_DELAYS = [0, 1_000, 3_000, 9_000];

/**
 * @typedef {object} Options
 * @property {string} selector of the list, here and in the page that a reload fetches
 * @property {(frame: Frame) => HTMLElement | null} build the item of a frame; `null` if the frame is not for this list
 * @property {"start" | "end"} newest where new items go
 * @property {() => void} [changed] called after items came or went
 */

export class LiveList {
  #options;
  #list;
  /** Frames that wait for a reload to finish. @type {Frame[] | null} */
  #waiting = null;
  #again = false;

  /**
   * @param {ReconnectingSocket} socket
   * @param {Options} options
   */
  constructor(socket, options) {
    this.#options = options;
    this.#list = /** @type {HTMLElement} */ (document.querySelector(options.selector));
    socket.addEventListener("frame", (event) => this.#take(/** @type {CustomEvent<Frame>} */ (event).detail));
  }

  /** @param {Frame} frame */
  #take(frame) {
    if (frame.type === "resumed") {
      if (frame.recovered) return;
      if (this.#waiting) this.#again = true;
      else this.#reload();
    } else if (this.#waiting) {
      this.#waiting.push(frame);
    } else if (this.#add(frame)) {
      this.#options.changed?.();
    }
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} whether it became an item
   */
  #add(frame) {
    const item = this.#options.build(frame);
    if (!item) return false;
    if (item.dataset.id && this.#list.querySelector(`[data-id="${CSS.escape(item.dataset.id)}"]`)) return false;
    const fromStart = this.#options.newest === "start";
    if (fromStart) this.#list.prepend(item);
    else this.#list.append(item);
    while (this.#list.children.length > LONGEST) {
      (fromStart ? this.#list.lastElementChild : this.#list.firstElementChild)?.remove();
    }
    return true;
  }

  /** Part of the history is gone, so the server's list replaces this one; what comes meanwhile is added after it. */
  async #reload() {
    this.#waiting = [];
    let fresh;
    do {
      this.#again = false;
      fresh = await this.#fetchAgain();
    } while (this.#again);
    const stale = document.querySelector("[data-stale]");
    if (fresh) {
      this.#list.replaceChildren(...fresh.children);
      localiseTimes(this.#list);
      paintAvatars(this.#list);
    }
    stale?.toggleAttribute("hidden", fresh !== null);
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const frame of waiting) this.#add(frame);
    this.#options.changed?.();
  }

  /** @returns {Promise<Element | null>} the list of this page as it is now, or `null` if it cannot be had */
  async #fetchAgain() {
    for (const delay of RELOAD_DELAYS) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (!answer.ok) continue;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const list = page.querySelector(this.#options.selector);
        if (list) return document.adoptNode(list);
      } catch {
        // No network at the moment: the next try may have one.
      }
    }
    return null;
  }
}
