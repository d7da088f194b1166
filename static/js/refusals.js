/** What people are told of a question that was refused. */

import { text } from "./components/dom.js";
import { SESSION_OVER } from "./hub/connection.js";

/** @import { Hub } from "./hub.js" */

/** From here on codes are of the hub's methods, which say why in the language of the person. */
const OF_METHODS = 400;

/** Names of texts by the server's error codes, as far as they are about the person who asks. @type {Map<number, string>} */
const ERRORS = new Map([
  [102, "no_such_place"],
  [103, "not_allowed"],
  [104, "not_available"],
  [108, "not_available"],
  [109, "signed_out"],
  [111, "too_fast"],
]);

/** Names of texts by the codes with which the server closes a connection for good. @type {Map<number, string>} */
const CLOSES = new Map([
  [SESSION_OVER, "signed_out"],
  [3504, "too_many_pages"],
]);

/**
 * @param {{code: number, message: string}} error
 * @param {Hub} hub
 * @param {string} otherwise what is said where nothing better is known
 * @returns {string}
 */
export function refusal({ code, message }, hub, otherwise) {
  if (code >= OF_METHODS && message) return message;
  if (code < 100 && hub.state === "closed") {
    const why = CLOSES.get(hub.code);
    return why ? text(why) : text("ended");
  }
  return text(ERRORS.get(code) ?? "") || otherwise;
}
