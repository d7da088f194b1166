/** What may be muted for a time, or until the person says so. */

import { language } from "../hub/config.js";
import { inAnHour, tomorrowMorning } from "../hub/preferences.js";
import { make, text } from "./dom.js";

/** @import { WishMessage } from "../hub/protocol.js" */

/**
 * @typedef {object} Mute
 * @property {Omit<WishMessage, "on">} wish
 * @property {string} label
 * @property {string} sentence
 * @property {boolean} isOff
 * @property {string | null} until
 * @property {boolean} [hasEnd] whether it is muted for a time only
 */

/** @type {WeakMap<Element, Mute & {clock: string}>} */
const shown = new WeakMap();

/**
 * @param {Mute} mute
 * @param {(choice: WishMessage) => void} choose
 */
export function muteRow(mute, choose) {
  return make(
    "div",
    { class: "row mute", part: "mute" },
    make("div", {}, make("p", { class: "name", dir: "auto" }, mute.label), make("p", { class: "muted sentence" })),
    muteSelect(mute, choose),
  );
}

/**
 * @param {Mute} mute
 * @param {(choice: WishMessage) => void} choose
 */
export function muteSelect(mute, choose) {
  const select = make("select", { class: "until", "aria-label": text("mute_of", { name: mute.label }) });
  select.addEventListener("change", () => {
    const { wish, clock } = shown.get(select) ?? { ...mute, clock: "" };
    if (select.value === "on") choose({ ...wish, on: null });
    else if (select.value === "always") choose({ ...wish, on: false });
    else choose({ ...wish, on: false, until: select.value === "hour" ? inAnHour() : tomorrowMorning(clock) });
  });
  return select;
}

/**
 * @param {HTMLElement} element with the field in it
 * @param {Mute} mute
 * @param {string} clock the time zone of the person
 */
export function updateMute(element, mute, clock) {
  const select = /** @type {HTMLSelectElement} */ (element.querySelector("select.until"));
  shown.set(select, { ...mute, clock });
  const choices = [
    ["on", text("mute_not")],
    ["hour", text("mute_hour")],
    ["tomorrow", text("mute_tomorrow")],
    ...(mute.hasEnd ? [] : [["always", text("mute_always")]]),
    ...(mute.until ? [["until", text("mute_until", { time: moment(mute.until, clock) })]] : []),
  ];
  const written = JSON.stringify(choices);
  if (select.dataset.choices !== written) {
    select.dataset.choices = written;
    select.replaceChildren(...choices.map(([value, label]) => make("option", { value }, label)));
  }
  select.value = mute.until ? "until" : mute.isOff ? "always" : "on";
  const sentence = element.querySelector(".sentence");
  if (sentence && !element.classList.contains("card")) sentence.textContent = mute.sentence;
}

/**
 * @param {string} iso
 * @param {string} zone
 */
function moment(iso, zone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form = { weekday: "short", hour: "numeric", minute: "2-digit", day: "numeric", month: "short" };
  try {
    return new Intl.DateTimeFormat(language(), { ...form, timeZone: zone }).format(new Date(iso));
  } catch {
    return new Intl.DateTimeFormat(language(), form).format(new Date(iso));
  }
}
