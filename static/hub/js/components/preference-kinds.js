/** What a person chooses of one kind of notifications: a box for each way, and a sentence that says what they get. */

import { make } from "./dom.js";

/** @import { KindMessage, MethodMessage, WishMessage } from "../hub/protocol.js" */

const INBOX = "inbox";
let lastId = 0;

/**
 * @param {KindMessage} kind without a name it is all of no kind
 * @param {MethodMessage[]} methods
 * @param {(choice: WishMessage) => void} choose
 */
export function kindRow(kind, methods, choose) {
  const said = `said-${++lastId}`;
  const about = kind.name ? { kind: kind.name } : { plain: true };
  const boxes = kind.states.map(({ method }) => {
    const box = make("input", { type: "checkbox", value: method, "aria-describedby": said });
    box.addEventListener("change", () => choose({ method, on: box.checked, ...about }));
    const label = methods.find(({ name }) => name === method)?.label ?? method;
    return make("label", {}, box, make("span", {}, label));
  });
  return make(
    "fieldset",
    { class: "row kind", part: "kind" },
    make("legend", { dir: "auto" }, kind.label),
    make("div", { class: "boxes" }, ...boxes),
    make("p", { class: "muted sentence", id: said }),
  );
}

/**
 * @param {HTMLElement} row
 * @param {KindMessage} kind
 */
export function updateKind(row, { states, sentence }) {
  const isListed = states.some(({ method, on }) => method === INBOX && on);
  for (const { method, on, fixed } of states) {
    const box = /** @type {HTMLInputElement | null} */ (row.querySelector(`input[value="${CSS.escape(method)}"]`));
    if (!box) continue;
    box.checked = on;
    box.disabled = fixed || (method !== INBOX && !isListed);
  }
  /** @type {HTMLElement} */ (row.querySelector(".sentence")).textContent = sentence;
}
