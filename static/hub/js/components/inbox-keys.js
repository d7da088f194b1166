/** The keys of an inbox, and the list of them. */

import { icon, make, text } from "./dom.js";

export const STYLES = `
.keys {
  margin: auto; padding: 1rem 1.25rem 1.25rem; max-inline-size: min(26rem, calc(100vi - 2rem)); color: inherit;
  background: var(--hub-card); border: 1px solid var(--hub-line); border-radius: var(--hub-radius);
  box-shadow: var(--hub-shadow-high);
}
.keys::backdrop { background: rgb(15 18 40 / 35%); }
.keys header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; }
.keys h2 { font-size: 1.0625rem; }
.keys dl { display: grid; grid-template-columns: auto 1fr; gap: 0.5rem 1rem; margin: 0.5rem 0 0; }
.keys dd { margin: 0; }
.keys kbd {
  display: inline-block; min-inline-size: 1.75rem; padding: 0 0.375rem; font: inherit; font-size: 0.875rem;
  line-height: 1.625rem; text-align: center; background: var(--hub-sunken); border: 1px solid var(--hub-line);
  border-radius: 0.375rem;
}
`;

/** Keys with the names of their texts, in the order of the help. */
const KEYS = [
  ["j", "key_next"],
  ["k", "key_previous"],
  ["r", "key_read"],
  ["e", "key_archive"],
  ["s", "key_snooze"],
  ["m", "key_mute"],
  ["→ ←", "key_open"],
  ["x", "key_select"],
  ["u", "key_undo"],
  ["/", "key_search"],
  ["?", "key_help"],
];

/**
 * Calls `run` with a key that was pressed anywhere in the page, but where somebody types.
 *
 * @param {(key: string) => boolean} run returns whether it is one of its keys
 * @returns {() => void} stops it
 */
export function listenToKeys(run) {
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target instanceof HTMLElement && (target.matches("input, textarea, select") || target.isContentEditable))
      return;
    if (run(event.key)) event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/** @returns {HTMLDialogElement} the list of all keys */
export function keysDialog() {
  const close = make("button", { type: "button", class: "quiet round", "aria-label": text("close") }, icon("close"));
  const list = make("dl");
  for (const [key, name] of KEYS) list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, text(name)));
  const dialog = make(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    make("header", {}, make("h2", { id: "keys-title" }, text("keys")), close),
    list,
  );
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
