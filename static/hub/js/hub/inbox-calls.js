/** What a page asks the server about a person's alerts. */

import { askUntilAnswered } from "./connection.js";

/** @import { Change, Counts } from "./alerts.js" */
/** @import { Connection } from "./connection.js" */

/** The greatest number of alerts that one call gives another state, or names as changed. */
export const CHANGE_LIMIT = 1_000;

/** All reject with `CallFailed` where the server refuses. */
export class InboxCalls {
  #connection;

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /**
   * Gives alerts another state, some at a time.
   *
   * @param {Change} change
   * @param {number[]} ids
   * @param {string} [until]
   * @returns {AsyncGenerator<{ids: number[], counts: Counts}>}
   */
  async *change(change, ids, until) {
    for (let start = 0; start < ids.length; start += CHANGE_LIMIT) {
      yield await this.inbox("change", { change, ids: ids.slice(start, start + CHANGE_LIMIT), until });
    }
  }

  /**
   * Marks all up to an alert as read, or archives all of them that are read, some at a time.
   *
   * @param {"read" | "archive_read"} change
   * @param {number} upto
   * @returns {AsyncGenerator<{ids: number[], counts: Counts}>}
   */
  async *changeAll(change, upto) {
    let answer;
    do {
      answer = await this.inbox("change_all", { change, upto });
      yield answer;
    } while (answer.more && answer.ids.length);
  }

  /**
   * Calls a method of the inbox.
   *
   * @param {string} method
   * @param {object} data
   * @returns {Promise<any>}
   */
  inbox(method, data) {
    return askUntilAnswered(this.#connection, { ask: "rpc", method: `inbox.${method}`, data });
  }

  /**
   * Calls a method of the list of alerts.
   *
   * @param {string} method
   * @param {object} data
   * @returns {Promise<any>}
   */
  alerts(method, data) {
    return askUntilAnswered(this.#connection, { ask: "rpc", method: `alerts.${method}`, data });
  }
}
