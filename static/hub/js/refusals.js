/** The sentences that tell people why the server refused a call. */

import { text } from "./components/dom.js";
import { whyClosed } from "./ends.js";
import { pageState } from "./hub/page-state.js";

/** @import { Hub } from "./hub.js" */

/** Codes from here on come from the hub's methods, with a sentence in the language of the person. */
const METHOD_ERRORS = 400;

/** Names of texts by the server's error codes, for errors that a person can understand. @type {Map<number, string>} */
const ERRORS = new Map([
  [102, "no_such_place"],
  [103, "not_allowed"],
  [104, "not_available"],
  [108, "not_available"],
  [109, "signed_out"],
  [111, "too_fast"],
]);

/**
 * @param {{code: number, message: string}} error
 * @param {Hub} hub
 * @param {string} otherwise the sentence for all other errors
 * @returns {string}
 */
export function refusal({ code, message }, hub, otherwise) {
  if (code >= METHOD_ERRORS && message) return message;
  if (code < 100 && hub.state === "closed") return pageState.fault || whyClosed(hub.code);
  return text(ERRORS.get(code) ?? "") || otherwise;
}
