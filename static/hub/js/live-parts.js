/** Parts of a page that the server renders, and that are loaded again when a channel says that they have changed. */

import { localiseTimes } from "./times.js";

/** @import { Hub } from "./hub.js" */

/** Milliseconds between two loads at least: what changes every second is not loaded as often. */
const PAUSE = 2000;
/** Milliseconds until a load that nobody answers is given up: no other one begins before. */
const LONGEST = 30_000;

/**
 * Elements with `data-live`, which have an id. The channel and the type of its publications are attributes of `root`:
 * `data-live-channel`, `data-live-type`, and `data-live-id` where only publications of this `id` count.
 */
export class LiveParts {
  #page;
  #id;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #loadedAt = 0;
  #isWanted = false;
  /** What the server has sent of each part, by its id. @type {Map<string, string>} */
  #sent = new Map();

  /**
   * @param {HTMLElement} root
   * @param {Document | ShadowRoot} page
   * @param {Hub} hub
   */
  constructor(root, page, hub) {
    this.#page = page;
    this.#id = root.dataset.liveId;
    const channel = hub.channel(root.dataset.liveChannel ?? "");
    channel.on(root.dataset.liveType ?? "", ({ id }) => (this.#id === undefined || id === this.#id) && this.#want());
    // What has happened while nobody listened is told by nobody.
    channel.on("state", () => this.#want());
    hub.on("state", () => hub.state === "connected" && this.#want());
    document.addEventListener("visibilitychange", () => this.#isWanted && this.#want());
  }

  #want() {
    this.#isWanted = true;
    if (document.hidden || this.#timer) return;
    const pause = Math.max(0, this.#loadedAt + PAUSE - Date.now());
    this.#timer = setTimeout(() => this.#load(), pause);
  }

  async #load() {
    this.#isWanted = false;
    this.#loadedAt = Date.now();
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
      if (answer.ok) this.#show(await answer.text());
    } catch {
      // There is no connection: the next one loads it.
    }
    this.#timer = undefined;
    if (this.#isWanted) this.#want();
  }

  /** @param {string} text */
  #show(text) {
    const parsed = new DOMParser().parseFromString(text, "text/html");
    const inside = /** @type {HTMLTemplateElement | null} */ (parsed.querySelector("hub-page > template"));
    for (const fresh of (inside?.content ?? parsed).querySelectorAll("[data-live]")) {
      const shown = this.#page.getElementById(fresh.id);
      if (!shown || this.#sent.get(fresh.id) === fresh.outerHTML) continue;
      this.#sent.set(fresh.id, fresh.outerHTML);
      const focused = this.#page.activeElement;
      const name = focused && shown.contains(focused) ? nameOf(focused) : "";
      localiseTimes(fresh);
      const scrolled = scrollsOf(shown);
      shown.replaceWith(fresh);
      scrollsOf(fresh).forEach(([element], place) => {
        element.scrollLeft = scrolled[place]?.[1] ?? 0;
      });
      if (name) /** @type {HTMLElement | null} */ (fresh.querySelector(name))?.focus({ preventScroll: true });
    }
  }
}

/** A selector for what has the focus; the same thing has another element afterwards. @param {Element} element */
function nameOf(element) {
  for (const attribute of ["href", "aria-label"]) {
    const value = element.getAttribute(attribute);
    if (value) return `${element.localName}[${attribute}="${CSS.escape(value)}"]`;
  }
  return "";
}

/** @param {Element} part @returns {[Element, number][]} */
function scrollsOf(part) {
  return [...part.querySelectorAll(".schedule-scroll")].map((element) => [element, element.scrollLeft]);
}
