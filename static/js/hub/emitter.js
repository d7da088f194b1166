/** Listeners by name, for objects that are no part of a page. */

/** @typedef {(...details: any[]) => void} Listener */

export class Emitter {
  /** @type {Map<string, Set<Listener>>} */
  #listeners = new Map();

  /**
   * Calls `listener` for everything that is emitted under `name` from now on.
   *
   * @param {string} name
   * @param {Listener} listener
   * @returns {() => void} ends it
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Calls the listeners of `name`. One that fails is reported as any error of the page and keeps nothing from the
   * others.
   *
   * @param {string} name
   * @param {...any} details
   */
  emit(name, ...details) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...details);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
