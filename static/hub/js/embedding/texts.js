/** The texts of the widgets in the language of the page, from the hub. The browser caches them. */

import { pause } from "../hub/connection.js";

/** @import { Faults } from "./faults.js" */

/**
 * @typedef {object} Loaded
 * @property {string} language
 * @property {number} messageLimit
 * @property {{[name: string]: string}} texts
 * @property {string[]} transports of this hub, in the order in which a browser tries them
 */

export class Texts {
  #base;
  #faults;

  /**
   * @param {URL} base the address of the hub
   * @param {Faults} faults
   */
  constructor(base, faults) {
    this.#base = base;
    this.#faults = faults;
  }

  /**
   * Loads the texts; tries again while the hub is away.
   *
   * @param {string} language
   * @returns {Promise<Loaded>} in the nearest language that the hub speaks; rejects if the page may not have them
   */
  async load(language) {
    const address = new URL(`widgets/${encodeURIComponent(language)}.json`, this.#base).href;
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await fetch(address, { credentials: "omit" });
        if (answer.ok) return await answer.json();
      } catch (error) {
        if (await this.#faults.isForbidden(address)) throw error;
      }
      this.#faults.away();
      await pause(attempt);
    }
  }
}
