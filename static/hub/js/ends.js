/** Why a connection is closed for good, in a sentence for people. A test compares the codes with those of the hub. */

import { text } from "./components/dom.js";
import { NO_GUESTS, SESSION_OVER, UNAUTHORIZED } from "./hub/connection.js";

/** Names of texts by the code. The client library has the numbers below 100. @type {Map<number, string>} */
const ENDS = new Map([
  [UNAUTHORIZED, "fault_no_token"],
  [2, "not_understood"],
  [3, "not_understood"],
  [1009, "not_understood"],
  [SESSION_OVER, "signed_out"],
  [3501, "not_understood"],
  [3503, "disconnected"],
  [3504, "too_many_pages"],
  [NO_GUESTS, "log_in_first"],
]);

/** Those that mean something else where a token says who somebody is. @type {Map<number, string>} */
const WITH_TOKENS = new Map([
  [SESSION_OVER, "fault_token"],
  [NO_GUESTS, "fault_no_token"],
]);

/**
 * @param {number} code with which the connection was closed
 * @param {{withTokens?: boolean}} [page] whether the people of the page come with tokens
 * @returns {string}
 */
export function whyClosed(code, { withTokens = false } = {}) {
  const name = (withTokens && WITH_TOKENS.get(code)) || ENDS.get(code);
  return text(name ?? "") || text("ended");
}
