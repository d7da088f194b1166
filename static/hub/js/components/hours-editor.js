/** Fields for hours of the week: two times, and the days on which they begin. */

import { language } from "../hub/config.js";
import { icon, make, text } from "./dom.js";

/** @import { HoursMessage } from "../hub/protocol.js" */

const DAYS = [1, 2, 3, 4, 5, 6, 7];
/** A Monday. */
const MONDAY = Date.UTC(2024, 0, 1);
const DAY = 86_400_000;

export const STYLES = `
.hours { display: flex; flex-wrap: wrap; align-items: end; gap: 0.5rem 0.75rem; min-inline-size: 0; padding: 0; margin: 0; border: 0; }
.hours > label { display: grid; gap: 0.25rem; font-size: 0.875rem; color: var(--hub-muted); }
.days { display: flex; flex-wrap: wrap; gap: 0.125rem; }
.days label { position: relative; display: grid; }
.days input { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; margin: 0; opacity: 0; cursor: pointer; }
.days span {
  display: grid; place-items: center; min-inline-size: 2.75rem; min-block-size: var(--hub-touch); padding-inline: 0.375rem;
  font-size: 0.875rem; color: var(--hub-muted); border: 1px solid var(--hub-control-line); border-radius: 0.625rem;
}
.days input:checked + span {
  color: var(--hub-ink); font-weight: 580; background: var(--hub-accent-soft); border-color: var(--hub-accent);
}
.days input:focus-visible + span { outline: 0.1875rem solid var(--hub-accent); outline-offset: 0.125rem; }
.hours-problem { flex-basis: 100%; color: var(--hub-error); font-weight: 560; }
.hours-problem:empty { display: none; }
`;

export class HoursEditor {
  element = make("fieldset", { class: "hours" });
  #begin = make("input", { type: "time", required: true });
  #end = make("input", { type: "time", required: true });
  #days = DAYS.map((day) => make("input", { type: "checkbox", value: day, checked: true }));
  #remove = make("button", { type: "button", class: "quiet round" }, icon("close"));
  #problem = make("p", { class: "hours-problem", role: "alert" });
  #isSet = false;
  /** What was shown or chosen last. */
  #known = "";

  /**
   * @param {string} label for screen readers
   * @param {(hours: HoursMessage | null) => void} choose called with hours that are whole, or with null to remove them
   */
  constructor(label, choose) {
    const days = make("span", { class: "days", role: "group", "aria-label": text("hours_days") });
    const named = (/** @type {"short" | "long"} */ weekday, /** @type {number} */ day) =>
      new Intl.DateTimeFormat(language(), { weekday, timeZone: "UTC" }).format(MONDAY + (day - 1) * DAY);
    for (const [place, box] of this.#days.entries()) {
      box.ariaLabel = named("long", DAYS[place]);
      days.append(make("label", {}, box, make("span", { "aria-hidden": "true" }, named("short", DAYS[place]))));
    }
    this.#remove.ariaLabel = this.#remove.title = text("hours_remove");
    this.element.append(
      make("legend", { class: "visually-hidden" }, label),
      make("label", {}, text("hours_from"), this.#begin),
      make("label", {}, text("hours_to"), this.#end),
      days,
      this.#remove,
      this.#problem,
    );
    this.element.addEventListener("change", () => this.#onChange(choose));
    this.#remove.addEventListener("click", () => {
      this.show(null);
      this.#begin.focus();
      choose(null);
    });
  }

  /** @param {HoursMessage | null} hours those that are stored, told again and again: what somebody changes meanwhile stays */
  show(hours) {
    if (hours) this.#remove.hidden = false;
    if (hours && asText(hours) === this.#known) return;
    const isHalf = !this.#isSet && Boolean(this.#begin.value || this.#end.value);
    if (!hours && isHalf) return; // what somebody is filling in
    this.#isSet = hours !== null;
    this.#known = hours ? asText(hours) : "";
    if (this.#begin.value !== (hours?.begin ?? "")) this.#begin.value = hours?.begin ?? "";
    if (this.#end.value !== (hours?.end ?? "")) this.#end.value = hours?.end ?? "";
    for (const box of this.#days) box.checked = hours?.days.includes(Number(box.value)) ?? true;
    this.#remove.hidden = !hours;
    this.#problem.textContent = "";
  }

  /** @param {(hours: HoursMessage | null) => void} choose */
  #onChange(choose) {
    const begin = this.#begin.value;
    const end = this.#end.value;
    const days = this.#days.filter((box) => box.checked).map((box) => Number(box.value));
    this.#problem.textContent = this.#fault(begin, end, days);
    if (!begin || !end || this.#problem.textContent) return;
    this.#isSet = true;
    this.#known = asText({ begin, end, days });
    choose({ begin, end, days });
  }

  /**
   * @param {string} begin
   * @param {string} end
   * @param {number[]} days
   */
  #fault(begin, end, days) {
    if (!begin || !end) return this.#isSet ? text("hours_both") : "";
    return days.length ? "" : text("hours_no_day");
  }
}

/** @param {HoursMessage} hours */
function asText({ begin, end, days }) {
  return `${begin} ${end} ${days}`;
}
