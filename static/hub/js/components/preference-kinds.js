/** What a person chooses of one kind of notifications: a box for each way, and a sentence that says what they get. */

import { make, text } from "./dom.js";

/** @import { KindMessage, MethodMessage, StateMessage, WishMessage } from "../hub/protocol.js" */

const INBOX = "inbox";
let lastId = 0;

/**
 * @param {KindMessage} kind without a name it is all of no kind
 * @param {MethodMessage[]} methods
 * @param {(choices: WishMessage[]) => void} choose
 */
export function kindRow(kind, methods, choose) {
  const said = `said-${++lastId}`;
  const about = kind.name ? { kind: kind.name } : { plain: true };
  const boxes = kind.states.map(({ method }) => {
    const box = make("input", { type: "checkbox", value: method, "aria-describedby": said });
    box.addEventListener("change", () => choose([{ method, on: box.checked, ...about }]));
    const label = methods.find(({ name }) => name === method)?.label ?? method;
    return make("label", {}, box, make("span", {}, label), make("span", { class: "muted default" }));
  });
  const back = make("button", { type: "button", class: "quiet back" }, text("back_to_default"));
  back.ariaLabel = `${back.textContent}: ${kind.label}`;
  const row = make(
    "fieldset",
    { class: "row kind", part: "kind" },
    make("legend", { dir: "auto" }, kind.label),
    make("div", { class: "boxes" }, ...boxes, back),
    make("p", { class: "muted sentence", id: said }),
  );
  back.addEventListener("click", () => {
    const open = kind.states.filter(({ fixed }) => !fixed);
    choose(open.map(({ method }) => ({ method, on: null, default: true, ...about })));
    row.querySelector("input")?.focus(); // the button goes
  });
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {KindMessage} kind
 */
export function updateKind(row, { states, sentence }) {
  const isListed = states.some(({ method, on }) => method === INBOX && on);
  /** @type {HTMLElement} */ (row.querySelector(".back")).hidden = !states.some(differs);
  for (const state of states) {
    const { method, on, fixed } = state;
    const box = /** @type {HTMLInputElement | null} */ (row.querySelector(`input[value="${CSS.escape(method)}"]`));
    if (!box) continue;
    box.checked = on;
    box.disabled = fixed || (method !== INBOX && !isListed);
    const usual = /** @type {HTMLElement} */ (box.parentElement?.querySelector(".default"));
    usual.textContent = differs(state) ? text(state.default ? "default_on" : "default_off") : "";
  }
  /** @type {HTMLElement} */ (row.querySelector(".sentence")).textContent = sentence;
}

/** @param {StateMessage} state what is off for a time alone is as it was chosen before */
function differs({ on, until, default: usual }) {
  return on !== usual && !until;
}
