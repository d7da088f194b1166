/** Events with names, for objects that are not DOM nodes. */

/** @typedef {(...details: any[]) => void} Listener */

export class Emitter {
  /** @type {Map<string, Set<Listener>>} */
  #listeners = new Map();

  /**
   * Calls `listener` for each event of this name from now on.
   *
   * @param {string} name
   * @param {Listener} listener
   * @returns {() => void} removes the listener
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Calls the listeners of `name`. If one throws, the error is reported as an uncaught error of the page and the others
   * are still called.
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
