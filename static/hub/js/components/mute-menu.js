/** The menu that mutes what an alert is bundled with: the alerts of one conversation, for a time or until the person says so. */

import { inAnHour, tomorrowMorning } from "../hub/preferences.js";
import { showTime } from "../times.js";
import { icon, make, text } from "./dom.js";
import { PopupMenu } from "./popup-menu.js";

/** @import { Hub } from "../hub.js" */
/** @import { Alert } from "../hub/alerts.js" */
/** @import { CallFailed } from "../hub/connection.js" */

export const STYLES = `
.tool.mute[aria-pressed="true"] { color: var(--hub-accent); }
.alert-muted { display: flex; align-items: center; gap: 0.375rem; font-size: 0.875rem; color: var(--hub-muted); }
`;

export class MuteMenu {
  #menu;
  #hub;
  #done;
  #failed;

  /**
   * @param {ParentNode & Node} root where it is put
   * @param {Hub} hub
   * @param {(sentence: string, undo: () => void) => void} done says what was done, and offers to undo it
   * @param {(error: CallFailed) => void} failed
   */
  constructor(root, hub, done, failed) {
    this.#menu = new PopupMenu(root);
    this.#hub = hub;
    this.#done = done;
    this.#failed = failed;
  }

  /**
   * @param {Alert} alert
   * @param {HTMLElement} opener
   */
  open(alert, opener) {
    const muted = this.#hub.choices.mutedUntil(alert);
    const { timeZone } = this.#hub.choices;
    /** @type {[string, () => string | null | undefined][]} */
    const offers = [
      ["mute_hour", inAnHour],
      ["mute_tomorrow", () => tomorrowMorning(timeZone)],
      ["mute_always", () => undefined],
    ];
    if (muted !== null) offers.unshift(["unmute", () => null]);
    const buttons = offers.map(([name, until]) => {
      const button = make("button", { type: "button", class: "quiet" }, make("span", {}, text(name)));
      button.addEventListener("click", () => {
        this.#menu.close();
        opener.focus();
        this.#mute(alert, until(), muted);
      });
      return button;
    });
    this.#menu.open(opener, text("mute_bundle"), [...buttons, make("p", {}, text("mute_bundle_is"))]);
  }

  /**
   * @param {Pick<Alert, "id" | "bundled_as">} alert
   * @param {string | null | undefined} until ISO 8601, without an end undefined, and null to end it
   * @param {string | null} before
   */
  async #mute({ id, bundled_as: bundle }, until, before) {
    // By the alert: of what is not muted the hub keeps no name.
    const about = until === null ? { bundle } : { alert: id };
    const choice = { method: "live", on: until === null ? null : false, ...about };
    try {
      await this.#hub.call("preferences.change", { choices: [until ? { ...choice, until } : choice] });
    } catch (error) {
      this.#failed(/** @type {CallFailed} */ (error));
      return;
    }
    const undo = () => this.#mute({ id, bundled_as: bundle }, before === "" ? undefined : before, until ?? "");
    this.#done(text(until === null ? "unmuted" : "muted"), undo);
  }
}

/**
 * @param {(opener: HTMLElement) => void} open
 * @returns {HTMLButtonElement}
 */
export function muteTool(open) {
  const name = text("mute_bundle");
  const button = make(
    "button",
    {
      type: "button",
      class: "quiet round tool mute",
      title: name,
      "aria-label": name,
      "aria-pressed": "false",
      "aria-haspopup": "dialog",
    },
    icon("mute"),
  );
  button.addEventListener("click", () => open(button));
  return button;
}

/**
 * Shows in a row whether it is muted.
 *
 * @param {HTMLElement} item
 * @param {string | null} muted until when, empty without an end, null where it is not
 */
export function showMuted(item, muted) {
  if ((item.dataset.muted ?? null) === muted) return;
  item.querySelector(".tool.mute")?.setAttribute("aria-pressed", String(muted !== null));
  item.querySelector(".alert-muted")?.remove();
  if (muted === null) {
    delete item.dataset.muted;
    return;
  }
  item.dataset.muted = muted;
  const time = make("time");
  if (muted) showTime(time, muted);
  const said = muted ? make("span", {}, text("muted_until"), " ", time) : text("muted_for_good");
  item.querySelector(".alert-body")?.append(make("p", { class: "alert-muted" }, icon("mute"), said));
}
