/** Finds out which alerts a person has seen: those that were in view for a second, in a page that is in front. */

/** Milliseconds that an alert is in view before it counts as seen. */
const LONG_ENOUGH = 1000;
/** Milliseconds to wait for others, so that those that are scrolled by go in one call. */
const CALM = 500;
/** How much of an alert has to be in view. */
const SHARE = 0.6;

export class SeenWatch {
  #tell;
  #observer;
  /** When each that is in view came there, by its element. @type {Map<Element, number>} */
  #timers = new Map();
  /** @type {Set<number>} */
  #seen = new Set();
  #timer = 0;

  /** @param {(ids: number[]) => void} tell */
  constructor(tell) {
    this.#tell = tell;
    this.#observer = new IntersectionObserver((entries) => this.#moved(entries), { threshold: SHARE });
  }

  /** @param {HTMLElement} element of an alert, with its id as `data-key` */
  watch(element) {
    this.#observer.observe(element);
  }

  /** @param {HTMLElement} element */
  forget(element) {
    this.#observer.unobserve(element);
    this.#stop(element);
  }

  close() {
    this.#observer.disconnect();
    for (const element of this.#timers.keys()) this.#stop(element);
    clearTimeout(this.#timer);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      this.#stop(target);
      if (isIntersecting) this.#timers.set(target, Number(setTimeout(() => this.#see(target), LONG_ENOUGH)));
    }
  }

  /** @param {Element} element */
  #stop(element) {
    clearTimeout(this.#timers.get(element));
    this.#timers.delete(element);
  }

  /** @param {Element} element */
  #see(element) {
    if (document.visibilityState !== "visible") {
      this.#timers.set(element, Number(setTimeout(() => this.#see(element), LONG_ENOUGH)));
      return;
    }
    this.forget(/** @type {HTMLElement} */ (element));
    this.#seen.add(Number(/** @type {HTMLElement} */ (element).dataset.key));
    clearTimeout(this.#timer);
    this.#timer = Number(setTimeout(() => this.#send(), CALM));
  }

  #send() {
    const ids = [...this.#seen];
    this.#seen.clear();
    if (ids.length) this.#tell(ids);
  }
}
