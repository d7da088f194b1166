/** The menu that asks until when alerts are snoozed. */

import { language } from "../hub/config.js";
import { icon, make, text } from "./dom.js";
import { PopupMenu } from "./popup-menu.js";

const HOUR = 3_600_000;
const MORNING = 9;
const EVENING = 18;
const MONDAY = 1;

export const STYLES = `
.popup form { display: flex; flex-wrap: wrap; align-items: end; gap: 0.5rem; padding: 0.5rem 0.75rem; }
.popup label { flex: 1 1 11rem; display: grid; gap: 0.25rem; font-size: 0.875rem; color: var(--hub-muted); }
.popup input {
  min-block-size: var(--hub-touch); padding: 0.25rem 0.5rem; font: inherit; color: var(--hub-ink); min-inline-size: 0;
  background: var(--hub-card); border: 1px solid var(--hub-control-line); border-radius: 0.625rem; color-scheme: inherit;
}
`;

/**
 * Returns the moments that are offered, with the names of their texts.
 *
 * @param {Date} now
 * @returns {{name: string, at: Date}[]}
 */
export function offers(now) {
  const at = (/** @type {number} */ days, /** @type {number} */ hour) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const nextWeek = (MONDAY - now.getDay() + 7) % 7 || 7;
  const later = new Date(Math.ceil((now.getTime() + 3 * HOUR) / HOUR) * HOUR);
  return [
    { name: "snooze_later", at: later },
    { name: "snooze_evening", at: at(0, EVENING) },
    { name: "snooze_tomorrow", at: at(1, MORNING) },
    { name: "snooze_week", at: at(nextWeek, MORNING) },
  ].filter(({ name, at: moment }) => name !== "snooze_evening" || moment.getTime() - now.getTime() > HOUR);
}

export class SnoozeMenu {
  #menu;

  /** @param {ParentNode & Node} root where it is put */
  constructor(root) {
    this.#menu = new PopupMenu(root);
  }

  get isOpen() {
    return this.#menu.isOpen;
  }

  /**
   * Asks for a moment.
   *
   * @param {HTMLElement} opener the element beside which it opens, and which gets the focus back
   * @param {(until: string) => void} choose called with ISO 8601, if one was chosen
   */
  open(opener, choose) {
    const done = (/** @type {Date} */ at) => {
      this.#menu.close();
      choose(at.toISOString());
    };
    const day = new Intl.DateTimeFormat(language(), { weekday: "short", hour: "numeric", minute: "2-digit" });
    const buttons = offers(new Date()).map(({ name, at }) => {
      const button = make(
        "button",
        { type: "button", class: "quiet" },
        make("span", {}, text(name)),
        make("span", {}, day.format(at)),
      );
      button.addEventListener("click", () => done(at));
      return button;
    });
    this.#menu.open(opener, text("snooze_until"), [...buttons, this.#form(done)]);
  }

  /** @param {(at: Date) => void} done */
  #form(done) {
    const field = make("input", { type: "datetime-local", required: true, min: localMinute(new Date()) });
    const form = make(
      "form",
      {},
      make("label", {}, text("snooze_other"), field),
      make("button", { type: "submit", "aria-label": text("snooze") }, icon("clock")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const at = new Date(field.value);
      if (!Number.isNaN(at.getTime())) done(at);
    });
    return form;
  }
}

/** @param {Date} moment */
function localMinute(moment) {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
